//! NUMERIC as an integer of its last decimal, in PostgreSQL's binary form.
//!
//! Promises exactness both ways for what fits 128 bits, without a text or a float in between: a commit
//! sends hundreds of thousands of these. Refuses NaN, infinities and finer decimals than it was asked for.

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueFormat, PgValueRef};
use sqlx::{Decode, Encode, Postgres, Type};

/// Object ids of `numeric` and `numeric[]`, fixed in PostgreSQL's `pg_type.dat`.
const NUMERIC: Oid = Oid(1700);
const NUMERIC_ARRAY: Oid = Oid(1231);
const NEGATIVE: u16 = 0x4000;

/// A number of `D` decimals: the integer it is of 10^-`D`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Numeric<const D: u16>(pub(crate) i128);

/// Money, quantities and shares.
pub(crate) type Micros = Numeric<6>;
/// Scores.
pub(crate) type Hundredths = Numeric<2>;

impl<const D: u16> Numeric<D> {
    /// An integer of the last decimal.
    pub(crate) fn from_integer(value: impl Into<i128>) -> Self {
        Self(value.into())
    }

    /// The value, if it fits 64 bits.
    pub(crate) fn small(self) -> Result<i64, BoxDynError> {
        i64::try_from(self.0).map_err(Into::into)
    }
}

impl<const D: u16> Type<Postgres> for Numeric<D> {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(NUMERIC)
    }

    fn compatible(ty: &PgTypeInfo) -> bool {
        ty.oid() == Some(NUMERIC)
    }
}

impl<const D: u16> PgHasArrayType for Numeric<D> {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(NUMERIC_ARRAY)
    }
}

/// Decimals in the last of the four-digit groups that hold the fraction.
const fn padding(decimals: u16) -> u16 {
    (4 - decimals % 4) % 4
}

impl<const D: u16> Encode<'_, Postgres> for Numeric<D> {
    fn encode_by_ref(&self, buf: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        let fraction_groups = i32::from(D.div_ceil(4));
        let scaled = self
            .0
            .unsigned_abs()
            .checked_mul(10u128.pow(u32::from(padding(D))))
            .ok_or("a number is too large for NUMERIC(38,6)")?;
        // Least significant group first; 39 digits and the padding fit eleven groups.
        let mut groups = [0u16; 11];
        let mut n = 0;
        let mut rest = scaled;
        while rest != 0 {
            groups[n] = u16::try_from(rest % 10_000)?;
            rest /= 10_000;
            n += 1;
        }
        let trailing = groups[..n].iter().take_while(|group| **group == 0).count();
        let digits = &groups[trailing..n];
        let weight = i32::try_from(n)? - fraction_groups - 1;
        let weight = if digits.is_empty() { 0 } else { i16::try_from(weight)? };
        let sign = if self.0 < 0 { NEGATIVE } else { 0 };
        buf.extend_from_slice(&u16::try_from(digits.len())?.to_be_bytes());
        buf.extend_from_slice(&weight.to_be_bytes());
        buf.extend_from_slice(&sign.to_be_bytes());
        buf.extend_from_slice(&D.to_be_bytes());
        for group in digits.iter().rev() {
            buf.extend_from_slice(&group.to_be_bytes());
        }
        Ok(IsNull::No)
    }
}

impl<'r, const D: u16> Decode<'r, Postgres> for Numeric<D> {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        if value.format() == PgValueFormat::Text {
            return Self::parse(value.as_str()?).ok_or_else(|| "not a number of ours".into());
        }
        Self::from_binary(value.as_bytes()?)
    }
}

impl<const D: u16> Numeric<D> {
    fn from_binary(bytes: &[u8]) -> Result<Self, BoxDynError> {
        let words: Vec<u16> =
            bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
        let [n, weight, sign, _, digits @ ..] = words.as_slice() else {
            return Err("a NUMERIC is cut short".into());
        };
        if usize::from(*n) != digits.len() || !matches!(*sign, 0 | NEGATIVE) {
            return Err("a NUMERIC is not a finite number".into());
        }
        // The last group's place, counted in groups right of the point.
        let weight = i32::from(i16::from_be_bytes(weight.to_be_bytes()));
        let mut value: i128 = 0;
        for group in digits {
            let next = value.checked_mul(10_000).and_then(|v| v.checked_add(i128::from(*group)));
            value = next.ok_or("a NUMERIC does not fit 128 bits")?;
        }
        let right = i32::try_from(digits.len())? - 1 - weight;
        let shift = i32::from(D) - 4 * right;
        let power = 10i128.checked_pow(shift.unsigned_abs()).ok_or("a NUMERIC has a wild scale")?;
        if value == 0 {
            return Ok(Self(0));
        }
        if shift >= 0 {
            value = value.checked_mul(power).ok_or("a NUMERIC does not fit 128 bits")?;
        } else if value % power == 0 {
            value /= power;
        } else {
            return Err("a NUMERIC is finer than its column".into());
        }
        Ok(Self(if *sign == NEGATIVE { -value } else { value }))
    }

    /// Reads decimal text with at most `D` decimals, as our own JSON has it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let decimals = usize::from(D);
        if whole.is_empty() || fraction.len() > decimals {
            return None;
        }
        let zeros = std::iter::repeat_n(b'0', decimals - fraction.len());
        let mut value: i128 = 0;
        for digit in whole.bytes().chain(fraction.bytes()).chain(zeros) {
            let digit = digit.is_ascii_digit().then(|| i128::from(digit - b'0'))?;
            value = value.checked_mul(10)?.checked_add(digit)?;
        }
        Some(Self(if negative { -value } else { value }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round<const D: u16>(value: i128) {
        let mut buf = PgArgumentBuffer::default();
        assert!(Numeric::<D>(value).encode_by_ref(&mut buf).is_ok(), "{value} encodes");
        let back = Numeric::<D>::from_binary(&buf).unwrap();
        assert_eq!(back.0, value, "{value} of {D} decimals");
    }

    #[test]
    fn what_goes_out_comes_back() {
        for value in [0, 1, -1, 9_999, 10_000, 123_456_789, -1_000_000, 99_990_000_000] {
            round::<6>(value);
            round::<2>(value);
        }
        round::<6>(10i128.pow(36) - 1);
        round::<6>(-(10i128.pow(36) - 1));
    }

    #[test]
    fn text_is_read_exactly_or_not_at_all() {
        for (text, expected) in [
            ("0.000001", Some(1)),
            ("-1.5", Some(-1_500_000)),
            ("12", Some(12_000_000)),
            ("1.0000001", None),
            ("NaN", None),
            ("", None),
            (".5", None),
        ] {
            assert_eq!(Micros::parse(text).map(|it| it.0), expected, "{text}");
        }
    }
}
