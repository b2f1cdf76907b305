//! One question's vitals: its transaction, and the scans that read in it.
//!
//! Promises that all of them see one tick. A question is computed on threads of its own, and the store's
//! connections belong to the process's runtime: reads happen there, and so does the end of the transaction.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard};
use vitals_model::vital_scan::{ScanMoment, VitalPage, VitalScan};
use vitals_query::QueryError;
use vitals_query::stored::{VitalPages, VitalRows};
use vitals_store::{Cursor, Error as StoreError, Scoped};

use crate::catalogue::unreadable;

/// Reads of one transaction.
#[derive(Clone, Debug)]
pub(crate) struct VitalReads(Arc<Reads>);

#[derive(Debug)]
struct Reads {
    /// There until it is dropped.
    scoped: Option<Arc<Mutex<Scoped>>>,
    runtime: Handle,
}

impl Drop for Reads {
    fn drop(&mut self) {
        // The connection goes back to its pool by a task.
        let entered = self.runtime.enter();
        self.scoped.take();
        drop(entered);
    }
}

impl VitalReads {
    /// Reads of this view, from the runtime that opened it.
    pub(crate) fn new(scoped: Scoped) -> Self {
        let scoped = Some(Arc::new(Mutex::new(scoped)));
        Self(Arc::new(Reads { scoped, runtime: Handle::current() }))
    }

    /// Whether rows can be told as of a moment.
    pub(crate) async fn check(&self, at: ScanMoment) -> Result<(), QueryError> {
        self.there(move |mut scoped| async move { scoped.check_moment(at).await }).await
    }

    async fn there<T: Send + 'static, F>(
        &self,
        work: impl FnOnce(OwnedMutexGuard<Scoped>) -> F + Send + 'static,
    ) -> Result<T, QueryError>
    where
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let Some(scoped) = self.0.scoped.clone() else {
            return Err(QueryError::unavailable("the vitals are no longer read"));
        };
        let task = self.0.runtime.spawn(async move { work(scoped.lock_owned().await).await });
        match task.await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error @ StoreError::NoMoment { .. })) => Err(QueryError::no_moment(error)),
            Ok(Err(error)) => Err(unreadable(&error)),
            Err(error) => Err(unreadable(&error)),
        }
    }
}

#[async_trait]
impl VitalRows for VitalReads {
    async fn open(&self, scan: VitalScan) -> Result<Box<dyn VitalPages>, QueryError> {
        let open =
            move |mut scoped: OwnedMutexGuard<Scoped>| async move { scoped.open_scan(&scan).await };
        let cursor = self.there(open).await?;
        Ok(Box::new(Pages { reads: self.clone(), cursor }))
    }
}

struct Pages {
    reads: VitalReads,
    cursor: Cursor,
}

#[async_trait]
impl VitalPages for Pages {
    async fn next(&mut self) -> Result<Option<VitalPage>, QueryError> {
        let cursor = self.cursor.clone();
        let next = move |mut scoped: OwnedMutexGuard<Scoped>| async move {
            scoped.next_page(&cursor).await
        };
        self.reads.there(next).await
    }
}
