//! A worker's tables: their rows come from the service, a batch for each time one is wanted.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;
use futures::stream::{BoxStream, StreamExt};
use tokio::sync::mpsc;
use vitals_query::QueryError;
use vitals_query::elsewhere::{Elsewhere, Scan};

use crate::batches;
use crate::protocol::FromWorker;

/// Frames on their way to the service.
pub(crate) type Outgoing = mpsc::Sender<(FromWorker, Vec<u8>)>;

/// What comes for a scan.
#[derive(Debug)]
pub(crate) enum Delivery {
    Rows(Vec<u8>),
    End,
    Failed(QueryError),
}

/// The scans under way of one question.
#[derive(Debug, Default)]
pub(crate) struct Scans(Mutex<BTreeMap<u32, mpsc::Sender<Delivery>>>);

impl Scans {
    fn open(&self) -> MutexGuard<'_, BTreeMap<u32, mpsc::Sender<Delivery>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands over what came. One delivery is wanted at a time, so there is room; a scan that has been
    /// dropped wants none.
    pub(crate) fn deliver(&self, scan: u32, delivery: Delivery) {
        if let Some(to) = self.open().get(&scan) {
            to.try_send(delivery).unwrap_or_default();
        }
    }
}

/// Is told of each scan that begins, on the thread that reads it. Tests let it misbehave.
pub type ScanHook = Arc<dyn Fn(&str) + Send + Sync>;

/// Asks the service for rows.
pub(crate) struct Asking {
    out: Outgoing,
    scans: Arc<Scans>,
    next: AtomicU32,
    hook: Option<ScanHook>,
}

impl fmt::Debug for Asking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asking").field("scans", &self.scans).finish_non_exhaustive()
    }
}

impl Asking {
    pub(crate) fn new(out: Outgoing, scans: Arc<Scans>, hook: Option<ScanHook>) -> Self {
        Self { out, scans, next: AtomicU32::new(0), hook }
    }
}

/// One scan.
struct Reading {
    id: u32,
    wanted: Option<Scan>,
    out: Outgoing,
    scans: Arc<Scans>,
    deliveries: mpsc::Receiver<Delivery>,
    hook: Option<ScanHook>,
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.scans.open().remove(&self.id);
        // When there is no room the service keeps it open until the question ends.
        self.out.try_send((FromWorker::Close { id: self.id }, Vec::new())).unwrap_or_default();
    }
}

impl Reading {
    async fn next(&mut self) -> Result<Option<RecordBatch>, QueryError> {
        let id = self.id;
        let ask = match self.wanted.take() {
            Some(scan) => {
                if let Some(hook) = &self.hook {
                    hook(&scan.table);
                }
                FromWorker::Scan { id, scan }
            }
            None => FromWorker::More { id },
        };
        let gone = || QueryError::unavailable("the service is gone");
        self.out.send((ask, Vec::new())).await.map_err(|_| gone())?;
        match self.deliveries.recv().await.ok_or_else(gone)? {
            Delivery::Rows(bytes) => {
                let batch = batches::rows_in(bytes);
                batch.map(Some).map_err(|_| QueryError::unavailable("a table cannot be read"))
            }
            Delivery::End => Ok(None),
            Delivery::Failed(error) => Err(error),
        }
    }
}

impl Elsewhere for Asking {
    fn scan(&self, scan: Scan) -> BoxStream<'static, Result<RecordBatch, QueryError>> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (to, deliveries) = mpsc::channel(1);
        self.scans.open().insert(id, to);
        let (out, scans, hook) = (self.out.clone(), Arc::clone(&self.scans), self.hook.clone());
        let reading = Reading { id, wanted: Some(scan), out, scans, deliveries, hook };
        futures::stream::unfold(Some(reading), |reading| async {
            let mut reading = reading?;
            match reading.next().await {
                Ok(batch) => batch.map(|batch| (Ok(batch), Some(reading))),
                Err(error) => Some((Err(error), None)),
            }
        })
        .boxed()
    }
}
