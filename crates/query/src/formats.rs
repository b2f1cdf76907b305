//! An answer as bytes: a table for people, CSV, JSON, an Arrow stream, a Parquet file, a workbook.
//!
//! Promises exact decimals, instants with their offset in the tenant's zone, NULL told from empty text
//! (except in CSV, where both are empty as everywhere), and that no cell is run as a formula by a
//! spreadsheet: one that looks like one gets an apostrophe. All but the table can be written piece by
//! piece ([`Streamed`]), in memory for one batch (of Parquet: for one row group).

use std::fmt::Write;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Schema};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use crate::error::QueryError;
use crate::session::Answer;

mod streamed;
pub mod xlsx;

pub use streamed::{About, Streamed};

/// The forms an answer may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the words say it")]
pub enum Format {
    Table,
    Csv,
    Json,
    Arrow,
    Parquet,
    Xlsx,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Table, Self::Csv, Self::Json, Self::Arrow, Self::Parquet, Self::Xlsx];

    /// The form's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Arrow => "arrow",
            Self::Parquet => "parquet",
            Self::Xlsx => "xlsx",
        }
    }

    /// The form's media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Table => "text/plain; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Json => "application/json",
            Self::Arrow => "application/vnd.apache.arrow.stream",
            Self::Parquet => "application/vnd.apache.parquet",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }

    /// The form of this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == text)
    }
}

/// Writes an answer.
///
/// # Errors
/// A value of a type that the form cannot hold.
pub fn write(answer: &Answer, format: Format) -> Result<Vec<u8>, QueryError> {
    if format == Format::Table {
        return table(answer).map_err(|error| unwritable(&error));
    }
    if format == Format::Xlsx {
        return xlsx::write(answer, "Query", &[]);
    }
    let about = About { as_of: answer.as_of, zone: answer.zone, truncated: Some(answer.truncated) };
    let (mut streamed, mut bytes) = Streamed::begin(format, &answer.schema, about)?;
    for batch in &answer.batches {
        bytes.extend(streamed.batch(batch)?);
    }
    bytes.extend(streamed.end(answer.truncated)?);
    Ok(bytes)
}

fn unwritable(_: &dyn std::error::Error) -> QueryError {
    QueryError::unavailable("the answer cannot be written in this form")
}

/// Every cell as text; `None` is NULL.
fn cells(batch: &RecordBatch) -> Result<Vec<Vec<Option<String>>>, ArrowError> {
    let options = FormatOptions::new().with_timestamp_tz_format(Some("%Y-%m-%d %H:%M:%S%.f%:z"));
    let options = options.with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.f"));
    let mut rows = Vec::with_capacity(batch.num_rows());
    let columns = batch.columns().iter();
    let shown = columns.map(|it| ArrayFormatter::try_new(it.as_ref(), &options));
    let shown = shown.collect::<Result<Vec<_>, _>>()?;
    for row in 0..batch.num_rows() {
        let cell = |(column, shown): (&ArrayRef, &ArrayFormatter<'_>)| match column.is_null(row) {
            true => Ok(None),
            false => shown.value(row).try_to_string().map(Some),
        };
        rows.push(batch.columns().iter().zip(&shown).map(cell).collect::<Result<_, _>>()?);
    }
    Ok(rows)
}

fn names(schema: &Schema) -> impl Iterator<Item = &str> {
    schema.fields().iter().map(|field| field.name().as_str())
}

fn table(answer: &Answer) -> Result<Vec<u8>, ArrowError> {
    let mut lines: Vec<Vec<String>> = vec![names(&answer.schema).map(ToOwned::to_owned).collect()];
    let shown = |cell: Option<String>| match cell {
        // A control character in a name must not move the terminal's cursor.
        Some(text) => text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect(),
        None => "NULL".to_owned(),
    };
    for batch in &answer.batches {
        lines.extend(cells(batch)?.into_iter().map(|row| row.into_iter().map(shown).collect()));
    }
    Ok(aligned(&lines).into_bytes())
}

/// Lines of cells, all with as many, as columns of one width each.
#[must_use]
pub fn aligned(lines: &[Vec<String>]) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let width =
        |column: usize| lines.iter().map(|it| it[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for line in lines {
        let padded = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        text.push_str(padded.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn is_text(of: &DataType) -> bool {
    matches!(of, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::List(_))
}

/// A cell of CSV; `free` text might be a formula.
fn quoted(cell: &str, free: bool) -> String {
    let formula = free && cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let cell = if formula { format!("'{cell}") } else { cell.to_owned() };
    let plain = !cell.contains([',', '"', '\n', '\r']);
    if plain { cell } else { format!("\"{}\"", cell.replace('"', "\"\"")) }
}

/// An answer as one JSON object: `{as_of, committed_at, complete_to, time_zone, truncated, columns, rows}`;
/// decimals and instants are text.
///
/// # Errors
/// A value of a type that has no text.
pub fn json_value(answer: &Answer) -> Result<serde_json::Value, QueryError> {
    let text = write(answer, Format::Json)?;
    serde_json::from_slice(&text).map_err(|error| unwritable(&error))
}

/// A type as SQL calls it.
pub(crate) fn sql_type(of: &DataType) -> String {
    match of {
        DataType::Decimal128(digits, decimals) => format!("numeric({digits},{decimals})"),
        DataType::Timestamp(_, Some(_)) => "timestamptz".to_owned(),
        DataType::Timestamp(_, None) => "timestamp".to_owned(),
        DataType::Date32 => "date".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        DataType::List(_) => "text[]".to_owned(),
        of if of.is_integer() => "bigint".to_owned(),
        of if of.is_floating() => "double precision".to_owned(),
        of if is_text(of) => "text".to_owned(),
        other => {
            let mut name = String::new();
            write!(name, "{other}").ok();
            name.to_lowercase()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_never_a_formula_and_always_one_cell() {
        assert_eq!(quoted("=1+1", true), "'=1+1");
        assert_eq!(quoted("-5.00", false), "-5.00");
        assert_eq!(quoted("a,\"b\"\n", true), "\"a,\"\"b\"\"\n\"");
    }
}
