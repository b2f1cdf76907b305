//! An answer as bytes: a table for people, CSV, JSON, an Arrow stream, a workbook.
//!
//! Promises exact decimals, instants with their offset in the tenant's zone, NULL told from empty text
//! (except in CSV, where both are empty as everywhere), and that no cell is run as a formula by a
//! spreadsheet: one that looks like one gets an apostrophe.

use std::fmt::Write;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::{DataType, Schema};
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::{Map, Value, json};

use crate::error::QueryError;
use crate::session::Answer;

pub mod xlsx;

/// The forms an answer may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the words say it")]
pub enum Format {
    Table,
    Csv,
    Json,
    Arrow,
    Xlsx,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Table, Self::Csv, Self::Json, Self::Arrow, Self::Xlsx];

    /// The form's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Arrow => "arrow",
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
    let written = match format {
        Format::Xlsx => return xlsx::write(answer, "Query", &[]),
        Format::Table => table(answer),
        Format::Csv => csv(answer),
        Format::Json => json(answer),
        Format::Arrow => arrow(answer),
    };
    written.map_err(|_| QueryError::unavailable("the answer cannot be written in this form"))
}

type Written = Result<Vec<u8>, ArrowError>;

/// Every cell as text; `None` is NULL.
fn cells(answer: &Answer) -> Result<Vec<Vec<Option<String>>>, ArrowError> {
    let options = FormatOptions::new().with_timestamp_tz_format(Some("%Y-%m-%d %H:%M:%S%.f%:z"));
    let options = options.with_timestamp_format(Some("%Y-%m-%d %H:%M:%S%.f"));
    let mut rows = Vec::with_capacity(answer.rows());
    for batch in &answer.batches {
        let columns = batch.columns().iter();
        let shown = columns.map(|it| ArrayFormatter::try_new(it.as_ref(), &options));
        let shown = shown.collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            let cell = |(column, shown): (&ArrayRef, &ArrayFormatter<'_>)| match column.is_null(row)
            {
                true => Ok(None),
                false => shown.value(row).try_to_string().map(Some),
            };
            rows.push(batch.columns().iter().zip(&shown).map(cell).collect::<Result<_, _>>()?);
        }
    }
    Ok(rows)
}

fn names(schema: &Schema) -> impl Iterator<Item = &str> {
    schema.fields().iter().map(|field| field.name().as_str())
}

fn table(answer: &Answer) -> Written {
    let mut lines: Vec<Vec<String>> = vec![names(&answer.schema).map(ToOwned::to_owned).collect()];
    let shown = |cell: Option<String>| match cell {
        // A control character in a name must not move the terminal's cursor.
        Some(text) => text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect(),
        None => "NULL".to_owned(),
    };
    lines.extend(cells(answer)?.into_iter().map(|row| row.into_iter().map(shown).collect()));
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

fn csv(answer: &Answer) -> Written {
    let mut text = String::new();
    let line = |text: &mut String, cells: &mut dyn Iterator<Item = String>| {
        text.push_str(&cells.collect::<Vec<_>>().join(","));
        text.push_str("\r\n");
    };
    line(&mut text, &mut names(&answer.schema).map(|name| quoted(name, true)));
    let free: Vec<bool> = answer.schema.fields().iter().map(|it| is_text(it.data_type())).collect();
    for row in cells(answer)? {
        let cells = row.into_iter().zip(&free);
        let cells = cells.map(|(cell, free)| quoted(&cell.unwrap_or_default(), *free));
        line(&mut text, &mut cells.into_iter());
    }
    Ok(text.into_bytes())
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

fn json(answer: &Answer) -> Written {
    Ok(format!("{}\n", value(answer)?).into_bytes())
}

/// An answer as one JSON object: `{as_of, committed_at, complete_to, time_zone, truncated, columns, rows}`;
/// decimals and instants are text.
///
/// # Errors
/// A value of a type that has no text.
pub fn json_value(answer: &Answer) -> Result<Value, QueryError> {
    value(answer).map_err(|_| QueryError::unavailable("the answer cannot be written in this form"))
}

fn value(answer: &Answer) -> Result<Value, ArrowError> {
    let kinds: Vec<&DataType> = answer.schema.fields().iter().map(|it| it.data_type()).collect();
    let value = |(cell, of): (Option<String>, &&DataType)| match (cell, of) {
        (None, _) => Value::Null,
        (Some(cell), DataType::Boolean) => (cell == "true").into(),
        (Some(cell), of) if of.is_integer() || of.is_floating() => {
            serde_json::from_str(&cell).unwrap_or(Value::String(cell))
        }
        (Some(cell), _) => cell.into(),
    };
    let rows =
        cells(answer)?.into_iter().map(|row| row.into_iter().zip(&kinds).map(value).collect());
    let rows: Vec<Value> = rows.map(Value::Array).collect();
    let columns = answer.schema.fields().iter().map(|it| {
        let mut column = Map::new();
        column.insert("name".to_owned(), it.name().as_str().into());
        column.insert("type".to_owned(), sql_type(it.data_type()).into());
        Value::Object(column)
    });
    Ok(json!({
        "as_of": answer.as_of.tick,
        "committed_at": answer.as_of.committed_at.to_string(),
        "complete_to": answer.as_of.complete_to.map(|it| it.to_string()),
        "time_zone": answer.zone.name(),
        "truncated": answer.truncated,
        "columns": columns.collect::<Vec<_>>(),
        "rows": rows,
    }))
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

/// An IPC stream; what the answer is about stands in the schema's metadata.
fn arrow(answer: &Answer) -> Written {
    let metadata = [
        ("vitals.as_of", answer.as_of.tick.to_string()),
        ("vitals.committed_at", answer.as_of.committed_at.to_string()),
        ("vitals.truncated", answer.truncated.to_string()),
    ];
    let metadata = metadata.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let schema = answer.schema.as_ref().clone().with_metadata(metadata);
    let mut writer = StreamWriter::try_new(Vec::new(), &schema)?;
    for batch in &answer.batches {
        writer.write(batch)?;
    }
    writer.into_inner()
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
