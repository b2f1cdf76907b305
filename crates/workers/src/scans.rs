//! The scans a worker has under way, from the service's side.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use arrow::array::RecordBatch;
use futures::StreamExt;
use futures::stream::BoxStream;
use vitals_model::limits::WORKER_SCANS_MAX;
use vitals_query::elsewhere::Scan;
use vitals_query::served::Served;
use vitals_query::{QueryError, SqlState};

use crate::batches;
use crate::protocol::ToWorker;

/// The scans of one question.
#[derive(Default)]
pub(crate) struct Scans(BTreeMap<u32, Open>);

impl fmt::Debug for Scans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

struct Open {
    rows: BoxStream<'static, Result<RecordBatch, QueryError>>,
    /// Parts of a batch that was too large for one frame.
    parts: VecDeque<RecordBatch>,
}

impl Open {
    async fn next(&mut self) -> Result<Option<Vec<u8>>, QueryError> {
        while self.parts.is_empty() {
            let Some(batch) = self.rows.next().await.transpose()? else { return Ok(None) };
            self.parts.extend(batches::parts(batch));
        }
        self.parts.pop_front().map(|part| batches::rows_out(&part)).transpose()
    }
}

impl Scans {
    /// Begins a scan, and says what comes first of it.
    pub(crate) async fn begin(
        &mut self,
        tables: &Served,
        id: u32,
        scan: &Scan,
    ) -> (ToWorker, Vec<u8>) {
        let full = self.0.len() == WORKER_SCANS_MAX;
        let begun = async {
            if full {
                return Err(QueryError::new(
                    SqlState::TooComplex,
                    format_args!(
                        "the query reads tables more than {WORKER_SCANS_MAX} times at once"
                    ),
                    "ask for less at once",
                ));
            }
            let rows = tables.scan(scan).await?;
            let unread = |_| QueryError::unavailable("a table cannot be read");
            let rows = rows.map(move |batch| batch.map_err(unread)).boxed();
            Ok(Open { rows, parts: VecDeque::new() })
        };
        match begun.await {
            Ok(open) => {
                self.0.insert(id, open);
                self.more(id).await
            }
            Err(error) => (ToWorker::RowsFailed { scan: id, error }, Vec::new()),
        }
    }

    /// What comes next of a scan.
    pub(crate) async fn more(&mut self, id: u32) -> (ToWorker, Vec<u8>) {
        let next = match self.0.get_mut(&id) {
            Some(open) => open.next().await,
            None => Ok(None),
        };
        let said = match next {
            Ok(Some(rows)) => return (ToWorker::Rows { scan: id }, rows),
            Ok(None) => ToWorker::RowsEnd { scan: id },
            Err(error) => ToWorker::RowsFailed { scan: id, error },
        };
        self.close(id);
        (said, Vec::new())
    }

    pub(crate) fn close(&mut self, id: u32) {
        self.0.remove(&id);
    }
}
