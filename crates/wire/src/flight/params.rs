//! The parameters of a statement, as an Arrow batch of one row.

use arrow::array::{Array, RecordBatch};
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::sql::server::PeekableFlightDataStream;
use futures::TryStreamExt;
use tonic::Status;
use vitals_model::limits::QUESTION_PARAMS_MAX;
use vitals_query::answers::Param;

use crate::pg::values;

/// Reads the parameters a client sends.
pub(super) async fn read(stream: PeekableFlightDataStream) -> Result<Vec<Param>, Status> {
    let mut batches = FlightRecordBatchStream::new_from_flight_data(stream.map_err(Into::into));
    let mut params = None;
    while let Some(batch) = batches.try_next().await.map_err(|_| unread())? {
        match (batch.num_rows(), &params) {
            (0, _) => {}
            (1, None) => params = Some(of_row(&batch)?),
            _ => return Err(Status::invalid_argument("one row of parameters is bound at a time")),
        }
    }
    Ok(params.unwrap_or_default())
}

fn unread() -> Status {
    Status::invalid_argument("the parameters are no Arrow batch")
}

fn of_row(batch: &RecordBatch) -> Result<Vec<Param>, Status> {
    if batch.num_columns() > QUESTION_PARAMS_MAX {
        let message = format!("a statement has at most {QUESTION_PARAMS_MAX} parameters");
        return Err(Status::invalid_argument(message));
    }
    let param = |column: &std::sync::Arc<dyn Array>| {
        values::param(column.as_ref(), 0).ok_or_else(|| {
            let kind = column.data_type();
            Status::invalid_argument(format!("a parameter of the type {kind} cannot be bound"))
        })
    };
    batch.columns().iter().map(param).collect()
}
