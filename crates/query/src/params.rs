//! The values of a question's parameters, put where `$1`, `$2`, .. stand.
//!
//! Promises that a value stays a value whatever it holds: it takes the place of one token, as a literal of
//! its type, and numbers keep their digits.

use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use vitals_model::limits::QUERY_TEXT_BYTES_MAX;

use crate::answers::Param;
use crate::error::{QueryError, SqlState};

/// A number as it is written, with or without an exponent; `None` when it is none.
#[must_use]
pub fn number(text: &str) -> Option<Param> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let plain = !digits.is_empty()
        && digits.bytes().all(|it| it.is_ascii_digit() || it == b'.')
        && digits.matches('.').count() <= 1
        && digits != ".";
    if plain {
        return Some(Param::Number(text.strip_prefix('+').unwrap_or(text).to_owned()));
    }
    let value: f64 = text.parse().ok()?;
    value.is_finite().then(|| Param::Number(value.to_string()))
}

fn bad(detail: impl std::fmt::Display) -> QueryError {
    QueryError::new(SqlState::BadValue, detail, "check the parameters")
}

/// A text as a literal.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A value as SQL.
fn literal(param: &Param) -> Result<String, QueryError> {
    let only = |text: &str, signs: &str| {
        text.chars().all(|it| it.is_ascii_alphanumeric() || signs.contains(it))
    };
    Ok(match param {
        Param::Null => "NULL".to_owned(),
        Param::Bool(truth) => truth.to_string(),
        Param::Number(digits) => match number(digits) {
            Some(Param::Number(digits)) if digits.starts_with('-') => format!("({digits})"),
            Some(Param::Number(digits)) => digits,
            _ => return Err(bad("a parameter is no number")),
        },
        Param::Text(text) => quoted(text),
        Param::Date(date) if only(date, "-") => format!("DATE {}", quoted(date)),
        Param::Instant(at) if only(at, "-+:. /_") => format!("TIMESTAMPTZ {}", quoted(at)),
        Param::Date(_) | Param::Instant(_) => return Err(bad("a parameter is no time")),
    })
}

/// A question's text with the values of its parameters.
///
/// # Errors
/// There are fewer values than parameters, or one cannot be read as what it says it is.
pub fn bind(sql: &str, params: &[Param]) -> Result<String, QueryError> {
    if sql.len() > QUERY_TEXT_BYTES_MAX || !sql.contains('$') {
        return Ok(sql.to_owned());
    }
    // What is no SQL is refused by the guard, in its words.
    let Ok(tokens) = Tokenizer::new(&PostgreSqlDialect {}, sql).with_unescape(false).tokenize()
    else {
        return Ok(sql.to_owned());
    };
    let mut text = String::with_capacity(sql.len());
    for token in tokens {
        let index = match &token {
            Token::Placeholder(name) => {
                name.strip_prefix('$').and_then(|it| it.parse::<usize>().ok())
            }
            _ => None,
        };
        match index {
            Some(index) => {
                let param = index.checked_sub(1).and_then(|at| params.get(at));
                let param =
                    param.ok_or_else(|| bad(format_args!("there is no value for ${index}")))?;
                text.push_str(&literal(param)?);
            }
            None => text.push_str(&token.to_string()),
        }
    }
    Ok(text)
}

/// How many parameters a text has: the greatest of their numbers.
#[must_use]
pub fn count(sql: &str) -> usize {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize().unwrap_or_default();
    let index = |token: &Token| match token {
        Token::Placeholder(name) => name.strip_prefix('$')?.parse().ok(),
        _ => None,
    };
    tokens.iter().filter_map(index).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stays_a_value() {
        let text = |it: &str| Param::Text(it.to_owned());
        let params = [text("'; DROP TABLE x; --"), Param::Number("-12.50".into()), Param::Null];
        let bound = bind("SELECT $1, '$2', \"$3\", a-$2, $3::int -- $9\n, 'it''s'", &params);
        let expected =
            "SELECT '''; DROP TABLE x; --', '$2', \"$3\", a-(-12.50), NULL::int -- $9\n, 'it''s'";
        assert_eq!(bound.unwrap(), expected);
        for odd in ["1; SELECT", "NaN", "", "1e999"] {
            assert!(bind("SELECT $1", &[Param::Number(odd.into())]).is_err(), "{odd}");
        }
        assert!(bind("SELECT $1", &[Param::Date("2026-01-01' OR ''='".into())]).is_err());
        assert!(bind("SELECT $2", &params[..1]).is_err());
        assert_eq!((count("SELECT $3, '$9'"), count("SELECT 1")), (3, 0));
    }
}
