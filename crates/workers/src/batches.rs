//! Rows as bytes: each batch is an Arrow IPC stream of its own, schema and end included.
//!
//! That costs a kilobyte a frame, and leaves no state between two frames that one side could have wrong.

use arrow::array::{ArrayRef, RecordBatch};
use arrow::buffer::Buffer;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::writer::StreamWriter;
use vitals_model::limits::{WORKER_BATCH_BYTES_MAX, WORKER_FRAME_BYTES_MAX};
use vitals_query::{QueryError, SqlState};

fn written(schema: &Schema, batch: Option<&RecordBatch>) -> Result<Vec<u8>, ArrowError> {
    let mut writer = StreamWriter::try_new(Vec::new(), schema)?;
    if let Some(batch) = batch {
        writer.write(batch)?;
    }
    writer.finish()?;
    writer.into_inner()
}

/// The schema and the batches of a stream of at most one.
fn read(bytes: Vec<u8>) -> Result<(SchemaRef, Option<RecordBatch>), ArrowError> {
    // Of types it does not know, the decoder panics; the bytes may be a broken worker's.
    let read = std::panic::catch_unwind(|| decode(bytes));
    read.unwrap_or_else(|_| Err(ArrowError::IpcError("no stream of rows".to_owned())))
}

fn decode(bytes: Vec<u8>) -> Result<(SchemaRef, Option<RecordBatch>), ArrowError> {
    let (mut decoder, mut batch) = (StreamDecoder::new(), None);
    let mut bytes = Buffer::from_vec(bytes);
    while !bytes.is_empty() {
        let next = decoder.decode(&mut bytes)?;
        if next.is_some() && batch.is_some() {
            return Err(ArrowError::IpcError("two batches".to_owned()));
        }
        batch = batch.or(next);
    }
    decoder.finish()?;
    let schema = decoder.schema();
    Ok((schema.ok_or_else(|| ArrowError::IpcError("no schema".to_owned()))?, batch))
}

/// A schema as bytes.
pub(crate) fn schema_out(schema: &Schema) -> Result<Vec<u8>, QueryError> {
    written(schema, None).map_err(|_| unwritten())
}

/// A schema from bytes.
pub(crate) fn schema_in(bytes: Vec<u8>) -> Result<SchemaRef, ArrowError> {
    read(bytes).map(|(schema, _)| schema)
}

/// Rows as bytes that fit a frame.
pub(crate) fn rows_out(batch: &RecordBatch) -> Result<Vec<u8>, QueryError> {
    let bytes = written(&batch.schema(), Some(batch)).map_err(|_| unwritten())?;
    if bytes.len() > WORKER_FRAME_BYTES_MAX {
        return Err(QueryError::new(
            SqlState::TooLarge,
            "a single row has more bytes than a query can move",
            "ask for fewer columns, or shorten the texts",
        ));
    }
    Ok(bytes)
}

/// Rows from bytes.
pub(crate) fn rows_in(bytes: Vec<u8>) -> Result<RecordBatch, ArrowError> {
    read(bytes)?.1.ok_or_else(|| ArrowError::IpcError("no rows".to_owned()))
}

fn unwritten() -> QueryError {
    QueryError::unavailable("rows cannot be sent")
}

/// Bytes that a batch's rows take.
pub(crate) fn bytes(batch: &RecordBatch) -> usize {
    let of = |column: &ArrayRef| {
        column.to_data().get_slice_memory_size().unwrap_or_else(|_| column.get_array_memory_size())
    };
    batch.columns().iter().map(of).sum()
}

/// A batch in parts that each fit a frame, in order.
pub(crate) fn parts(batch: RecordBatch) -> Vec<RecordBatch> {
    let (mut parts, mut left) = (Vec::new(), vec![batch]);
    while let Some(batch) = left.pop() {
        let rows = batch.num_rows();
        if rows > 1 && bytes(&batch) > WORKER_BATCH_BYTES_MAX {
            let half = rows / 2;
            left.push(batch.slice(half, rows - half));
            left.push(batch.slice(0, half));
        } else {
            parts.push(batch);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, RecordBatchOptions, StringArray};
    use arrow::datatypes::{DataType, Field};

    use super::*;

    fn batch(rows: i64) -> RecordBatch {
        let schema = Schema::new(vec![
            Field::new("n", DataType::Int64, true),
            Field::new("text", DataType::Utf8, true),
        ]);
        let n = Int64Array::from_iter(0..rows);
        let text = StringArray::from_iter((0..rows).map(|n| (n % 3 > 0).then(|| "x".repeat(99))));
        RecordBatch::try_new(Arc::new(schema), vec![Arc::new(n), Arc::new(text)]).unwrap()
    }

    #[test]
    fn rows_come_as_they_were_in_frames_of_bounded_size() {
        let all = batch(50_000);
        assert_eq!(schema_in(schema_out(&all.schema()).unwrap()).unwrap(), all.schema());
        let parts = parts(all.clone());
        assert!(parts.len() > 3, "{}", parts.len());
        let came = parts.iter().map(|part| {
            let bytes = rows_out(part).unwrap();
            assert!(bytes.len() < 2 * WORKER_BATCH_BYTES_MAX, "{}", bytes.len());
            rows_in(bytes).unwrap()
        });
        let came: Vec<_> = came.collect();
        assert_eq!(arrow::compute::concat_batches(&all.schema(), &came).unwrap(), all);
    }

    #[test]
    fn rows_without_columns_keep_their_number() {
        let rows = RecordBatchOptions::new().with_row_count(Some(7));
        let schema = Arc::new(Schema::empty());
        let batch = RecordBatch::try_new_with_options(schema, vec![], &rows).unwrap();
        assert_eq!(rows_in(rows_out(&batch).unwrap()).unwrap().num_rows(), 7);
    }

    #[test]
    fn bytes_that_are_no_rows_are_an_error_and_no_panic() {
        let good = rows_out(&batch(9)).unwrap();
        for bad in [&b"GET / HTTP/1.1\r\n\r\n"[..], &good[..good.len() / 2], &good[8..], b""] {
            assert!(rows_in(bad.to_vec()).is_err());
        }
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x55;
            // Whether it is an error depends on the byte; that it ends does not.
            drop(rows_in(bad));
        }
    }
}
