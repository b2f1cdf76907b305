//! Values in the places of `$1`, `$2`, ..
//!
//! A value takes its place in the parsed statement, as the literal that would say the same: nothing of it
//! is ever read as SQL, numbers stay exact, and dates and times mean what they mean in a text. Promises a
//! clear error for too many values, too few, and one of the wrong kind for its place.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::ops::ControlFlow;

use arrow::datatypes::DataType;
use datafusion::sql::sqlparser::ast::{
    CastKind, DataType as SqlType, ExactNumberInfo, Expr, Statement, TimezoneInfo, UnaryOperator,
    Value, ValueWithSpan, Visit, VisitMut, Visitor, VisitorMut,
};
use vitals_model::Date;
use vitals_model::limits::{QUERY_PARAMS_BYTES_MAX, QUERY_PARAMS_MAX};

use crate::answers::Param;
use crate::error::{QueryError, SqlState};

/// Most digits of a number: what a decimal holds.
const DIGITS_MAX: usize = 38;

/// How many parameters a statement has.
pub(super) fn count(statement: &Statement) -> Result<usize, QueryError> {
    let mut places = Places::default();
    let ControlFlow::Continue(()) = statement.visit(&mut places);
    let numbers = places.names.iter().map(|name| number(name)).collect::<Option<BTreeSet<_>>>();
    let count = numbers.and_then(|numbers| match numbers.last().copied().unwrap_or(0) {
        last if last == numbers.len() && last <= QUERY_PARAMS_MAX => Some(last),
        _ => None,
    });
    count.ok_or_else(|| {
        QueryError::new(
            SqlState::Params,
            format_args!(
                "parameters are $1, $2 and so on without a gap, {QUERY_PARAMS_MAX} at most"
            ),
            "number them so",
        )
    })
}

fn number(name: &str) -> Option<usize> {
    let digits = name.strip_prefix('$')?;
    let number = digits.parse().ok()?;
    (number > 0 && !digits.starts_with(['0', '+'])).then_some(number)
}

#[derive(Default)]
struct Places {
    names: BTreeSet<String>,
}

impl Visitor for Places {
    type Break = Infallible;

    fn pre_visit_value(&mut self, value: &ValueWithSpan) -> ControlFlow<Infallible> {
        if let Value::Placeholder(name) = &value.value {
            self.names.insert(name.clone());
        }
        ControlFlow::Continue(())
    }
}

/// Refuses values that are not as many as the parameters, or too long.
pub(super) fn enough(places: usize, params: &[Param]) -> Result<(), QueryError> {
    if places != params.len() {
        return Err(QueryError::new(
            SqlState::Params,
            format_args!("the query has {places} parameters and was given {} values", params.len()),
            "give one value for each of $1, $2 and so on",
        ));
    }
    let bytes: usize = params.iter().map(|it| text_of(it).map_or(0, str::len)).sum();
    if bytes > QUERY_PARAMS_BYTES_MAX {
        return Err(QueryError::new(
            SqlState::TooComplex,
            format_args!("the parameters have {bytes} bytes of at most {QUERY_PARAMS_BYTES_MAX}"),
            "ask for less at once",
        ));
    }
    Ok(())
}

fn text_of(param: &Param) -> Option<&str> {
    match param {
        Param::Null | Param::Bool(_) => None,
        Param::Number(it) | Param::Text(it) | Param::Date(it) | Param::Instant(it) => Some(it),
    }
}

/// Refuses a value of another kind than its place needs.
pub(super) fn fit(params: &[Param], types: &[Option<DataType>]) -> Result<(), QueryError> {
    for (at, (param, of)) in params.iter().zip(types).enumerate() {
        if let Some(of) = of
            && !fits(param, of)
        {
            return Err(QueryError::new(
                SqlState::Types,
                format_args!("${} is {} where {} is needed", at + 1, kind(param), needed(of)),
                "give a value of that kind, or cast the parameter",
            ));
        }
    }
    Ok(())
}

fn fits(param: &Param, of: &DataType) -> bool {
    let time = matches!(of, DataType::Date32 | DataType::Timestamp(..));
    match param {
        Param::Null => true,
        Param::Bool(_) => *of == DataType::Boolean,
        Param::Number(_) => of.is_numeric(),
        // A text beside a time is read as one, as in a query's own text.
        Param::Text(_) => time || is_text(of) || matches!(of, DataType::Interval(_)),
        Param::Date(_) | Param::Instant(_) => time,
    }
}

fn is_text(of: &DataType) -> bool {
    matches!(of, DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8)
}

fn kind(param: &Param) -> &'static str {
    match param {
        Param::Null => "NULL",
        Param::Bool(_) => "a truth value",
        Param::Number(_) => "a number",
        Param::Text(_) => "a text",
        Param::Date(_) => "a date",
        Param::Instant(_) => "an instant",
    }
}

fn needed(of: &DataType) -> &'static str {
    match of {
        DataType::Boolean => "a truth value",
        DataType::Date32 => "a date",
        DataType::Timestamp(..) => "an instant",
        _ if of.is_numeric() => "a number",
        _ if is_text(of) => "a text",
        _ => "something else",
    }
}

/// Puts values in the places of parameters.
pub(super) fn fill(statement: &mut Statement, params: &[Param]) -> Result<(), QueryError> {
    let literals = params.iter().enumerate().map(|(at, param)| literal(at + 1, param));
    let literals = literals.collect::<Result<Vec<_>, _>>()?;
    put(statement, &literals)
}

/// Puts NULLs of these types in the places of parameters.
pub(super) fn fill_with_nulls(
    statement: &mut Statement,
    types: &[Option<DataType>],
) -> Result<(), QueryError> {
    let null = |of: &Option<DataType>| {
        let null = value(Value::Null);
        match of.as_ref().and_then(sql_type) {
            Some(of) => cast(null, of),
            None => null,
        }
    };
    put(statement, &types.iter().map(null).collect::<Vec<_>>())
}

fn put(statement: &mut Statement, literals: &[Expr]) -> Result<(), QueryError> {
    let ControlFlow::Continue(()) = statement.visit(&mut Put { literals });
    // What is left stands where the grammar has no expression.
    match count(statement) {
        Ok(0) => Ok(()),
        _ => Err(QueryError::new(
            SqlState::NotSupported,
            "a parameter in such a place is not offered",
            "write the value out",
        )),
    }
}

struct Put<'a> {
    literals: &'a [Expr],
}

impl VisitorMut for Put<'_> {
    type Break = Infallible;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Infallible> {
        if let Expr::Value(value) = expr
            && let Value::Placeholder(name) = &value.value
            && let Some(literal) = number(name).and_then(|it| self.literals.get(it - 1))
        {
            *expr = literal.clone();
        }
        ControlFlow::Continue(())
    }
}

fn value(value: Value) -> Expr {
    Expr::Value(value.into())
}

fn cast(expr: Expr, data_type: SqlType) -> Expr {
    let kind = CastKind::Cast;
    Expr::Cast { kind, expr: Box::new(expr), data_type, array: false, format: None }
}

fn literal(place: usize, param: &Param) -> Result<Expr, QueryError> {
    let unread = || {
        QueryError::new(
            SqlState::BadValue,
            format_args!("${place} cannot be read as {}", kind(param)),
            "write numbers as -12.50, dates as 2026-03-18, instants as 2026-03-18T09:30:00Z",
        )
    };
    let text = |text: &str| value(Value::SingleQuotedString(text.to_owned()));
    Ok(match param {
        Param::Null => value(Value::Null),
        Param::Bool(it) => value(Value::Boolean(*it)),
        Param::Number(it) => exact(it).ok_or_else(unread)?,
        Param::Text(it) if it.contains('\0') => return Err(unread()),
        Param::Text(it) => text(it),
        Param::Date(it) => match Date::parse(it) {
            Some(_) => cast(text(it), SqlType::Date),
            None => return Err(unread()),
        },
        Param::Instant(it) if is_instant(it) => {
            cast(text(it), SqlType::Timestamp(None, TimezoneInfo::Tz))
        }
        Param::Instant(_) => return Err(unread()),
    })
}

/// A decimal number as it would stand in a text.
fn exact(text: &str) -> Option<Expr> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
    if !all_digits(whole) || !all_digits(fraction) || digits.len() > DIGITS_MAX {
        return None;
    }
    let number = value(Value::Number(digits.to_owned(), false));
    Some(if negative {
        let expr = Box::new(number);
        Expr::Nested(Box::new(Expr::UnaryOp { op: UnaryOperator::Minus, expr }))
    } else {
        number
    })
}

/// A date and a time, with an offset or without one.
fn is_instant(text: &str) -> bool {
    let local = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"];
    chrono::DateTime::parse_from_rfc3339(text).is_ok()
        || local.iter().any(|form| chrono::NaiveDateTime::parse_from_str(text, form).is_ok())
}

/// What SQL calls a type that a column may have.
fn sql_type(of: &DataType) -> Option<SqlType> {
    Some(match of {
        DataType::Boolean => SqlType::Boolean,
        DataType::Int64 => SqlType::BigInt(None),
        DataType::Int32 => SqlType::Integer(None),
        DataType::Float64 => SqlType::Double(ExactNumberInfo::None),
        DataType::Decimal128(precision, scale) => SqlType::Decimal(
            ExactNumberInfo::PrecisionAndScale(u64::from(*precision), i64::from(*scale)),
        ),
        DataType::Date32 => SqlType::Date,
        DataType::Timestamp(_, Some(_)) => SqlType::Timestamp(None, TimezoneInfo::Tz),
        DataType::Timestamp(_, None) => SqlType::Timestamp(None, TimezoneInfo::None),
        _ if is_text(of) => SqlType::Text,
        _ => return None,
    })
}
