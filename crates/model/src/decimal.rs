//! Exact decimals: money and other numbers as integers of a millionth.
//!
//! Promises that text becomes the integer it denotes or is refused, and that no float is involved on the
//! way in or out. `Money` refuses a seventh decimal that is not zero; `Number` rounds it half away from
//! zero (a mean of habits is not money).

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// Parts in one unit.
pub const MICROS: i64 = 1_000_000;
const DECIMALS: i32 = 6;

/// An amount of money in micros (1e-6 of the currency's major unit).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(pub i64);

/// Any other decimal in micros: a quantity, a share, hours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number(pub i64);

/// Why a text is not a decimal we can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecimalError {
    /// Not of the form `[-+]digits[.digits][e[-+]digits]`.
    Malformed,
    /// Has a non-zero digit beyond the sixth decimal.
    TooFine,
    /// Beyond 9,223,372,036,854.775807 either way.
    TooLarge,
}

impl fmt::Display for DecimalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "is not a decimal number",
            Self::TooFine => "has more than six decimals",
            Self::TooLarge => "is too large",
        })
    }
}

impl Money {
    /// Parses decimal text exactly.
    ///
    /// ```
    /// # use vitals_model::{Money, decimal::DecimalError};
    /// assert_eq!(Money::parse("-12.001"), Ok(Money(-12_001_000)));
    /// assert_eq!(Money::parse("0.0000001"), Err(DecimalError::TooFine));
    /// ```
    ///
    /// # Errors
    /// The text is no decimal, is finer than a micro, or does not fit 64 bits.
    pub fn parse(text: &str) -> Result<Self, DecimalError> {
        parse(text, false).map(Self)
    }

    /// `quantity x price`, rounded half away from zero to a micro; `None` if it does not fit.
    ///
    /// The amount of a line is itself money: it is rounded here, once, and every sum is exact after.
    #[must_use]
    pub fn line(quantity: Number, price: Money) -> Option<Self> {
        let product = i128::from(quantity.0) * i128::from(price.0);
        let rounded = crate::ratio::div_half_up(product, i128::from(MICROS));
        i64::try_from(rounded).ok().map(Self)
    }
}

impl Number {
    /// Parses decimal text, rounding past the sixth decimal half away from zero.
    ///
    /// # Errors
    /// The text is no decimal or does not fit 64 bits.
    pub fn parse(text: &str) -> Result<Self, DecimalError> {
        parse(text, true).map(Self)
    }
}

fn parse(text: &str, round: bool) -> Result<i64, DecimalError> {
    let bytes = text.as_bytes();
    let (negative, unsigned) = match bytes.first() {
        Some(b'-') => (true, &bytes[1..]),
        Some(b'+') => (false, &bytes[1..]),
        _ => (false, bytes),
    };
    let (mantissa, exponent) = match unsigned.iter().position(|b| matches!(b, b'e' | b'E')) {
        Some(at) => (&unsigned[..at], parse_exponent(&unsigned[at + 1..])?),
        None => (unsigned, 0),
    };
    let point = mantissa.iter().position(|b| *b == b'.').unwrap_or(mantissa.len());
    let fraction = mantissa.get(point + 1..).unwrap_or(&[]);
    if point == 0 && fraction.is_empty() || (point < mantissa.len() && fraction.is_empty()) {
        return Err(DecimalError::Malformed);
    }
    // The digit at index i is worth 10^(point - 1 - i + exponent); what is below a micro must vanish.
    let mut value: i128 = 0;
    let mut place = i32::try_from(point).map_err(|_| DecimalError::TooLarge)? + exponent + DECIMALS;
    let mut rounds_up = false;
    for digit in mantissa[..point].iter().chain(fraction) {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return Err(DecimalError::Malformed);
        }
        place -= 1;
        if place >= 0 {
            value = value * 10 + i128::from(digit);
            if value > i128::from(i64::MAX) * 10 {
                return Err(DecimalError::TooLarge);
            }
        } else if place == -1 && round {
            rounds_up = digit >= 5;
        } else if digit != 0 && !round {
            return Err(DecimalError::TooFine);
        }
    }
    // A positive exponent reaches past the last digit: the zeros it stands for.
    while place > 0 && value != 0 {
        value *= 10;
        place -= 1;
        if value > i128::from(i64::MAX) {
            return Err(DecimalError::TooLarge);
        }
    }
    value += i128::from(rounds_up);
    let signed = if negative { -value } else { value };
    i64::try_from(signed).map_err(|_| DecimalError::TooLarge)
}

fn parse_exponent(digits: &[u8]) -> Result<i32, DecimalError> {
    let text = std::str::from_utf8(digits).map_err(|_| DecimalError::Malformed)?;
    let exponent: i32 = text.parse().map_err(|_| DecimalError::Malformed)?;
    // Past this a number is zero or too large; the bound keeps the arithmetic small.
    if (-400..=400).contains(&exponent) { Ok(exponent) } else { Err(DecimalError::TooLarge) }
}

fn format(micros: i64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let whole = micros.unsigned_abs() / 1_000_000;
    let fraction = micros.unsigned_abs() % 1_000_000;
    let sign = if micros < 0 { "-" } else { "" };
    if fraction == 0 {
        return write!(f, "{sign}{whole}");
    }
    let digits = format!("{fraction:06}");
    write!(f, "{sign}{whole}.{}", digits.trim_end_matches('0'))
}

macro_rules! decimal {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                format(self.0, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                // The number's own text: serde's number types would pass through a float.
                let raw = <&'de RawValue>::deserialize(deserializer)?.get();
                let text: Cow<'de, str> = match raw.as_bytes().first() {
                    Some(b'"') if !raw.contains('\\') => Cow::Borrowed(&raw[1..raw.len() - 1]),
                    Some(b'-' | b'0'..=b'9') => Cow::Borrowed(raw),
                    Some(b'"') => serde_json::from_str(raw).map_err(serde::de::Error::custom)?,
                    _ => return Err(serde::de::Error::custom("expected a decimal number")),
                };
                $name::parse(&text).map_err(|error| {
                    let shown = crate::record::shorten(&text);
                    serde::de::Error::custom(format_args!("'{shown}' {error}"))
                })
            }
        }
    };
}
decimal!(Money);
decimal!(Number);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn accepts_and_refuses() {
        for (text, expected) in [
            ("0.001", Ok(1_000)),
            ("2.55", Ok(2_550_000)),
            ("-0", Ok(0)),
            ("1e3", Ok(1_000_000_000)),
            ("1.5E-6", Err(DecimalError::TooFine)),
            ("15e-7", Err(DecimalError::TooFine)),
            ("10e-7", Ok(1)),
            ("1.0000000", Ok(1_000_000)),
            ("9223372036854.775807", Ok(i64::MAX)),
            ("-9223372036854.775808", Ok(i64::MIN)),
            ("9223372036854.775808", Err(DecimalError::TooLarge)),
            ("1e400", Err(DecimalError::TooLarge)),
            ("0e400", Ok(0)),
            (".5", Ok(500_000)),
            ("", Err(DecimalError::Malformed)),
            ("-", Err(DecimalError::Malformed)),
            (".", Err(DecimalError::Malformed)),
            ("5.", Err(DecimalError::Malformed)),
            ("1,5", Err(DecimalError::Malformed)),
            ("1.2.3", Err(DecimalError::Malformed)),
            ("NaN", Err(DecimalError::Malformed)),
            ("1e", Err(DecimalError::Malformed)),
        ] {
            assert_eq!(Money::parse(text), expected.map(Money), "{text}");
        }
        assert_eq!(Number::parse("0.3333335"), Ok(Number(333_334)));
        assert_eq!(Number::parse("-0.33333349"), Ok(Number(-333_333)));
    }

    #[test]
    fn json_numbers_and_strings_are_the_same_money() {
        for json in ["19.99", "\"19.99\"", "1999e-2", "\"\\u0031\\u0039.99\""] {
            assert_eq!(serde_json::from_str::<Money>(json).ok(), Some(Money(19_990_000)), "{json}");
        }
        assert!(serde_json::from_str::<Money>("true").is_err());
    }

    proptest! {
        #[test]
        fn text_to_micros_to_text(micros: i64) {
            let text = Money(micros).to_string();
            prop_assert_eq!(Money::parse(&text), Ok(Money(micros)));
            prop_assert_eq!(Money::parse(&text).map(|m| m.to_string()), Ok(text));
        }

        #[test]
        fn never_panics(text in "[-+0-9.eE]{0,24}") {
            // Money that parses is a number too, and the same one.
            if let Ok(money) = Money::parse(&text) {
                prop_assert_eq!(Number::parse(&text), Ok(Number(money.0)));
            }
        }

        #[test]
        fn scaling_by_an_exponent_changes_nothing(micros in -1_000_000_000_000i64..1_000_000_000_000) {
            let text = format!("{micros}e-6");
            prop_assert_eq!(Money::parse(&text), Ok(Money(micros)));
        }
    }
}
