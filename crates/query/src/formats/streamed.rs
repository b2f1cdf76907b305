//! An answer written piece by piece, as its rows come.
//!
//! Promises the bytes that the whole answer would have, and what it is about: in JSON as fields (whether it
//! was cut off comes last, when it is known), in an Arrow stream and a Parquet file as metadata.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use serde_json::{Map, Value, json};
use vitals_model::limits::LAKE_ROW_GROUP_ROWS_MAX;
use vitals_model::local_time::Zone;

use super::{Format, cells, is_text, names, quoted, sql_type, unwritable};
use crate::catalog::AsOf;
use crate::error::QueryError;

/// Bytes of an unfinished row group of Parquet; then it is finished.
const ROW_GROUP_BYTES: usize = 8 * 1024 * 1024;

/// What an answer is about.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// Of which moment it is.
    pub as_of: AsOf,
    /// The tenant's zone.
    pub zone: Zone,
    /// Whether it was cut off, when that is known before it is written.
    pub truncated: Option<bool>,
}

/// An answer that is being written.
#[derive(Debug)]
pub struct Streamed {
    schema: SchemaRef,
    form: Form,
}

enum Form {
    Csv,
    Json { is_first: bool },
    Arrow(Box<StreamWriter<Vec<u8>>>),
    Parquet(Box<ArrowWriter<Vec<u8>>>),
}

impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Form(..)")
    }
}

impl Streamed {
    /// Begins an answer of these columns; gives its first bytes.
    ///
    /// # Errors
    /// The form cannot be written piece by piece, or not with these columns.
    pub fn begin(
        format: Format,
        schema: &SchemaRef,
        about: About,
    ) -> Result<(Self, Vec<u8>), QueryError> {
        let (form, bytes) = match format {
            Format::Csv => (Form::Csv, line(&mut names(schema).map(|name| quoted(name, true)))),
            Format::Json => (Form::Json { is_first: true }, json_head(schema, about)),
            Format::Arrow => {
                let described = schema.as_ref().clone().with_metadata(metadata(about).collect());
                let mut writer = StreamWriter::try_new(Vec::new(), &described)
                    .map_err(|error| unwritable(&error))?;
                let bytes = std::mem::take(writer.get_mut());
                (Form::Arrow(Box::new(writer)), bytes)
            }
            Format::Parquet => (Form::Parquet(Box::new(parquet(schema, about)?)), Vec::new()),
            Format::Table | Format::Xlsx => {
                return Err(QueryError::unavailable("this form is not written piece by piece"));
            }
        };
        Ok((Self { schema: Arc::clone(schema), form }, bytes))
    }

    /// Writes rows; gives the bytes that are ready.
    ///
    /// # Errors
    /// A value of a type that the form cannot hold.
    pub fn batch(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, QueryError> {
        let written = match &mut self.form {
            Form::Csv => csv(&self.schema, batch),
            Form::Json { is_first } => json_rows(&self.schema, batch, is_first),
            Form::Arrow(writer) => writer.write(batch).map(|()| std::mem::take(writer.get_mut())),
            Form::Parquet(writer) => {
                return write_parquet(writer, batch).map_err(|error| unwritable(&error));
            }
        };
        written.map_err(|error| unwritable(&error))
    }

    /// Ends the answer; gives its last bytes.
    ///
    /// # Errors
    /// As [`Streamed::batch`].
    pub fn end(self, truncated: bool) -> Result<Vec<u8>, QueryError> {
        match self.form {
            Form::Csv => Ok(Vec::new()),
            Form::Json { is_first } => {
                let close = if is_first { "" } else { "\n" };
                Ok(format!("{close}],\"truncated\":{truncated}}}\n").into_bytes())
            }
            Form::Arrow(mut writer) => {
                writer.finish().map_err(|error| unwritable(&error))?;
                Ok(std::mem::take(writer.get_mut()))
            }
            Form::Parquet(mut writer) => {
                let said = KeyValue::new("vitals.truncated".to_owned(), truncated.to_string());
                writer.append_key_value_metadata(said);
                writer.into_inner().map_err(|error| unwritable(&error))
            }
        }
    }
}

fn metadata(about: About) -> impl Iterator<Item = (String, String)> {
    let all = [
        ("vitals.as_of", Some(about.as_of.tick.to_string())),
        ("vitals.committed_at", Some(about.as_of.committed_at.to_string())),
        ("vitals.complete_to", about.as_of.complete_to.map(|it| it.to_string())),
        ("vitals.truncated", about.truncated.map(|it| it.to_string())),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)))
}

fn line(cells: &mut dyn Iterator<Item = String>) -> Vec<u8> {
    let mut text = cells.collect::<Vec<_>>().join(",");
    text.push_str("\r\n");
    text.into_bytes()
}

fn csv(schema: &Schema, batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
    let free: Vec<bool> = schema.fields().iter().map(|it| is_text(it.data_type())).collect();
    let mut bytes = Vec::new();
    for row in cells(batch)? {
        let cells = row.into_iter().zip(&free);
        let cells = cells.map(|(cell, free)| quoted(&cell.unwrap_or_default(), *free));
        bytes.extend(line(&mut cells.into_iter()));
    }
    Ok(bytes)
}

/// `{as_of, committed_at, complete_to, time_zone, columns, rows: [`
fn json_head(schema: &Schema, about: About) -> Vec<u8> {
    let columns = schema.fields().iter().map(|it| {
        let mut column = Map::new();
        column.insert("name".to_owned(), it.name().as_str().into());
        column.insert("type".to_owned(), sql_type(it.data_type()).into());
        Value::Object(column)
    });
    let head = json!({
        "as_of": about.as_of.tick,
        "committed_at": about.as_of.committed_at.to_string(),
        "complete_to": about.as_of.complete_to.map(|it| it.to_string()),
        "time_zone": about.zone.name(),
        "columns": columns.collect::<Vec<_>>(),
    });
    let mut text = head.to_string();
    text.pop();
    text.push_str(",\"rows\":[");
    text.into_bytes()
}

/// Decimals and instants are text.
fn json_rows(
    schema: &Schema,
    batch: &RecordBatch,
    is_first: &mut bool,
) -> Result<Vec<u8>, ArrowError> {
    let kinds: Vec<&DataType> = schema.fields().iter().map(|it| it.data_type()).collect();
    let value = |(cell, of): (Option<String>, &&DataType)| match (cell, of) {
        (None, _) => Value::Null,
        (Some(cell), DataType::Boolean) => (cell == "true").into(),
        (Some(cell), of) if of.is_integer() || of.is_floating() => {
            serde_json::from_str(&cell).unwrap_or(Value::String(cell))
        }
        (Some(cell), _) => cell.into(),
    };
    let mut text = String::new();
    for row in cells(batch)? {
        text.push_str(if std::mem::take(is_first) { "\n" } else { ",\n" });
        let row: Vec<Value> = row.into_iter().zip(&kinds).map(value).collect();
        text.push_str(&Value::Array(row).to_string());
    }
    Ok(text.into_bytes())
}

fn parquet(schema: &SchemaRef, about: About) -> Result<ArrowWriter<Vec<u8>>, QueryError> {
    let about = About { truncated: None, ..about };
    let metadata = metadata(about).map(|(name, value)| KeyValue::new(name, value));
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(LAKE_ROW_GROUP_ROWS_MAX))
        .set_key_value_metadata(Some(metadata.collect()))
        .build();
    let writer = ArrowWriter::try_new(Vec::new(), Arc::clone(schema), Some(properties));
    writer.map_err(|error| unwritable(&error))
}

fn write_parquet(
    writer: &mut ArrowWriter<Vec<u8>>,
    batch: &RecordBatch,
) -> Result<Vec<u8>, parquet::errors::ParquetError> {
    writer.write(batch)?;
    if writer.in_progress_size() > ROW_GROUP_BYTES {
        writer.flush()?;
    }
    Ok(std::mem::take(writer.inner_mut()))
}
