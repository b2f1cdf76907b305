//! DataFusion's errors in our words.
//!
//! What the planner says is about the question and the tenant's own columns, and is passed on. What the
//! executor says may quote a row, and is not: only its kind is.

use arrow::error::ArrowError;
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;

use crate::error::{QueryError, SqlState};

/// Our fault.
pub(super) fn bug(what: &str) -> QueryError {
    QueryError::new(SqlState::Internal, what, "report it with the query")
}

/// The refusal of what does not end in time.
#[must_use]
pub fn too_slow() -> QueryError {
    QueryError::new(
        SqlState::TooSlow,
        "the query took too long and was stopped",
        "ask for less time, fewer columns or fewer rows",
    )
}

/// Why a statement has no plan.
pub(super) fn planning(error: &DataFusionError) -> QueryError {
    let root = error.find_root();
    match root {
        DataFusionError::SchemaError(error, _) => match error.as_ref() {
            SchemaError::FieldNotFound { field, .. } => QueryError::new(
                SqlState::NoColumn,
                format_args!("there is no column '{}'", field.name),
                "docs/sql.md lists the columns",
            ),
            SchemaError::AmbiguousReference { field } => QueryError::new(
                SqlState::Ambiguous,
                format_args!("several tables have a column '{}'", field.name),
                "write table.column",
            ),
            other => QueryError::new(SqlState::Types, other, ""),
        },
        DataFusionError::NotImplemented(text) => {
            QueryError::new(SqlState::NotSupported, format_args!("this is not offered: {text}"), "")
        }
        DataFusionError::SQL(error, _) => {
            QueryError::new(SqlState::Syntax, format_args!("this is no SQL: {error}"), "")
        }
        DataFusionError::Plan(text) if text.contains("table") && text.contains("not found") => {
            QueryError::new(
                SqlState::NoTable,
                "there is no such table",
                "docs/sql.md lists those there are",
            )
        }
        DataFusionError::Plan(text) => QueryError::new(SqlState::Types, text, ""),
        DataFusionError::Internal(_) => bug("the query cannot be planned"),
        // Constants are computed while planning.
        _ => executing(error),
    }
}

/// Why a plan failed on these rows.
pub(super) fn executing(error: &DataFusionError) -> QueryError {
    match error.find_root() {
        _ if is_of_a_pattern(error) => QueryError::new(
            SqlState::BadValue,
            "a regular expression cannot be read, or is too large",
            "check its brackets and repetitions",
        ),
        // A table's own failure has our words already.
        DataFusionError::External(error) => match error.downcast_ref::<QueryError>() {
            Some(error) => error.clone(),
            None => bug("a table cannot be read"),
        },
        DataFusionError::ResourcesExhausted(_) => QueryError::new(
            SqlState::TooLarge,
            "the query needs more memory than one may use",
            "ask for less time, fewer columns or fewer groups",
        ),
        DataFusionError::ArrowError(error, _) => of_arrow(error),
        DataFusionError::Execution(text) if text.contains("out of range") => out_of_range(),
        DataFusionError::Execution(text) if text.contains("more than one row") => QueryError::new(
            SqlState::BadValue,
            "a subquery used as a value gives more than one row",
            "add a LIMIT or an aggregate to it",
        ),
        DataFusionError::Execution(text) if is_overflow(text) => out_of_range(),
        DataFusionError::Execution(_) | DataFusionError::Plan(_) => bad_value(),
        DataFusionError::NotImplemented(text) => {
            QueryError::new(SqlState::NotSupported, format_args!("this is not offered: {text}"), "")
        }
        _ => bug("the query failed"),
    }
}

fn of_arrow(error: &ArrowError) -> QueryError {
    match error {
        ArrowError::DivideByZero => {
            QueryError::new(SqlState::DivisionByZero, "division by zero", "use nullif(x, 0)")
        }
        ArrowError::ArithmeticOverflow(_) => out_of_range(),
        ArrowError::ComputeError(text) | ArrowError::InvalidArgumentError(text)
            if is_overflow(text) =>
        {
            out_of_range()
        }
        ArrowError::NotYetImplemented(_) => {
            QueryError::new(SqlState::NotSupported, "such a cast or comparison is not offered", "")
        }
        ArrowError::MemoryError(_) => {
            executing(&DataFusionError::ResourcesExhausted(String::new()))
        }
        _ => bad_value(),
    }
}

/// Whether the crate of regular expressions refused one. It has no type of error that reaches us.
fn is_of_a_pattern(error: &DataFusionError) -> bool {
    let text = error.to_string().to_ascii_lowercase();
    ["regex parse error", "regular expression", "compiled regex", "compiling regex"]
        .iter()
        .any(|it| text.contains(it))
}

fn is_overflow(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.contains("overflow")
        || text.contains("too large to store")
        || text.contains("out of range")
}

fn out_of_range() -> QueryError {
    QueryError::new(
        SqlState::Overflow,
        "a number or a time is out of range",
        "cast to a wider type",
    )
}

fn bad_value() -> QueryError {
    QueryError::new(
        SqlState::BadValue,
        "a value cannot be read as what it is used as",
        "check the casts and the arguments of functions",
    )
}
