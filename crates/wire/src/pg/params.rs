//! The parameters of a question, as a client sends them.
//!
//! Promises that a number arrives with the digits it was sent with, and that what cannot be read as what
//! it claims to be is an error that does not repeat it.

use bytes::Bytes;
use pgwire::api::Type;
use vitals_query::answers::Param;
use vitals_query::params::number;

use super::refusal::Refusal;
use super::values::{from_date, from_instant, from_numeric};

/// Reads one parameter.
pub(super) fn read(kind: &Type, bytes: Option<&Bytes>, binary: bool) -> Result<Param, Refusal> {
    let Some(bytes) = bytes else { return Ok(Param::Null) };
    let read = if binary { from_binary(kind, bytes) } else { from_text(kind, bytes) };
    match read {
        Some(param) => Ok(param),
        None if offered(kind) => {
            let message = format!("a parameter is no {}", kind.name());
            Err(Refusal::new("22P02", message, "check what is bound"))
        }
        None => {
            let what = format!("a parameter of the type {}", kind.name());
            Err(Refusal::not_offered(&what, "bind a number, a text, a truth, a date or an instant"))
        }
    }
}

fn is_text(kind: &Type) -> bool {
    matches!(
        *kind,
        Type::UNKNOWN
            | Type::TEXT
            | Type::VARCHAR
            | Type::BPCHAR
            | Type::NAME
            | Type::CHAR
            | Type::UUID
    )
}

fn is_number(kind: &Type) -> bool {
    matches!(
        *kind,
        Type::INT2
            | Type::INT4
            | Type::INT8
            | Type::OID
            | Type::FLOAT4
            | Type::FLOAT8
            | Type::NUMERIC
    )
}

fn offered(kind: &Type) -> bool {
    let others = [Type::BOOL, Type::DATE, Type::TIMESTAMP, Type::TIMESTAMPTZ];
    is_text(kind) || is_number(kind) || others.contains(kind)
}

fn from_text(kind: &Type, bytes: &[u8]) -> Option<Param> {
    let text = std::str::from_utf8(bytes).ok()?;
    let trimmed = || text.trim().to_owned();
    match *kind {
        _ if is_text(kind) => Some(Param::Text(text.to_owned())),
        _ if is_number(kind) => number(text.trim()),
        Type::BOOL => match text.trim().to_ascii_lowercase().as_str() {
            "t" | "true" | "1" | "on" | "yes" | "y" => Some(Param::Bool(true)),
            "f" | "false" | "0" | "off" | "no" | "n" => Some(Param::Bool(false)),
            _ => None,
        },
        Type::DATE => Some(Param::Date(trimmed())),
        Type::TIMESTAMP | Type::TIMESTAMPTZ => Some(Param::Instant(trimmed())),
        _ => None,
    }
}

fn float(value: f64) -> Option<Param> {
    value.is_finite().then(|| Param::Number(value.to_string()))
}

fn from_binary(kind: &Type, bytes: &[u8]) -> Option<Param> {
    if *kind == Type::UUID {
        return Some(Param::Text(uuid::Uuid::from_slice(bytes).ok()?.to_string()));
    }
    if is_text(kind) {
        return from_text(kind, bytes);
    }
    let int = || -> Option<i64> {
        Some(match bytes.len() {
            2 => i16::from_be_bytes(bytes.try_into().ok()?).into(),
            4 => i32::from_be_bytes(bytes.try_into().ok()?).into(),
            8 => i64::from_be_bytes(bytes.try_into().ok()?),
            _ => return None,
        })
    };
    match *kind {
        Type::BOOL => match bytes {
            [truth @ (0 | 1)] => Some(Param::Bool(*truth == 1)),
            _ => None,
        },
        Type::INT2 | Type::INT4 | Type::INT8 => Some(Param::Number(int()?.to_string())),
        Type::OID => Some(Param::Number(u32::from_be_bytes(bytes.try_into().ok()?).to_string())),
        Type::FLOAT4 => {
            let value = f32::from_be_bytes(bytes.try_into().ok()?);
            value.is_finite().then(|| Param::Number(value.to_string()))
        }
        Type::FLOAT8 => float(f64::from_be_bytes(bytes.try_into().ok()?)),
        Type::NUMERIC => from_numeric(bytes).map(Param::Number),
        Type::DATE => from_date(i32::from_be_bytes(bytes.try_into().ok()?)).map(Param::Date),
        Type::TIMESTAMP => from_instant(int()?, false).map(Param::Instant),
        Type::TIMESTAMPTZ => from_instant(int()?, true).map(Param::Instant),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(kind: &Type, value: &str) -> Result<Param, &'static str> {
        read(kind, Some(&Bytes::from(value.to_owned())), false).map_err(|it| it.code)
    }

    fn binary(kind: &Type, value: &[u8]) -> Result<Param, &'static str> {
        read(kind, Some(&Bytes::from(value.to_vec())), true).map_err(|it| it.code)
    }

    fn number(it: &str) -> Result<Param, &'static str> {
        Ok(Param::Number(it.to_owned()))
    }

    #[test]
    fn numbers_keep_their_digits_in_both_forms() {
        let long = "12345678901234567890123456789012.345678";
        assert_eq!(text(&Type::NUMERIC, long), number(long));
        assert_eq!(text(&Type::INT8, "-9223372036854775808"), number("-9223372036854775808"));
        assert_eq!(text(&Type::FLOAT8, "1e3"), number("1000"));
        assert_eq!(binary(&Type::INT2, &[0xff, 0xfe]), number("-2"));
        assert_eq!(binary(&Type::INT8, &7_i64.to_be_bytes()), number("7"));
        assert_eq!(binary(&Type::FLOAT4, &0.1_f32.to_be_bytes()), number("0.1"));
        assert_eq!(binary(&Type::NUMERIC, &[0, 1, 0, 0, 0x40, 0, 0, 2, 0, 5]), number("-5.00"));
        for odd in ["", "1.2.3", "0x10", "1; DROP", "NaN", "--1"] {
            assert_eq!(text(&Type::NUMERIC, odd), Err("22P02"), "{odd}");
        }
    }

    #[test]
    fn the_other_types_are_read_too() {
        assert_eq!(read(&Type::INT4, None, true), Ok(Param::Null));
        assert_eq!(text(&Type::BOOL, "t"), Ok(Param::Bool(true)));
        assert_eq!(binary(&Type::BOOL, &[2]), Err("22P02"));
        assert_eq!(text(&Type::UNKNOWN, " a'b "), Ok(Param::Text(" a'b ".to_owned())));
        let day = Ok(Param::Date("2026-03-18".to_owned()));
        assert_eq!(binary(&Type::DATE, &(20_530_i32 - 10_957).to_be_bytes()), day);
        let at = super::super::values::EPOCH_US;
        let instant = Ok(Param::Instant("2026-01-09T22:59:59.000000Z".to_owned()));
        let us = 1_767_999_599_000_000_i64 - at;
        assert_eq!(binary(&Type::TIMESTAMPTZ, &us.to_be_bytes()), instant);
        assert_eq!(binary(&Type::TEXT, &[0xff]), Err("22P02"));
        assert_eq!(text(&Type::INT4_ARRAY, "{1}"), Err("0A000"));
    }
}
