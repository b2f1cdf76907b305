//! The session: one question of one tenant, guarded, planned and answered.
//!
//! The tables are the catalogue's and nothing else: no file, no URL, no system table, no other tenant.
//! Every question has a runtime of its own with a stack of its own, so that one that does not yield holds
//! up nobody: at the deadline its caller gets an answer, and its threads are left to end when they can.
//!
//! Promises rows as of the catalogue's tick, in the tenant's zone, at most so many ([`limits`]); an error
//! that names no value of a row; and that nothing was written.
//!
//! [`limits`]: vitals_model::limits

use std::sync::Arc;
use std::time::Duration;

use datafusion::catalog::TableProvider;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use vitals_model::UtcMicros;
use vitals_model::limits::{QUERIES_MAX, QUERY_TIME_MS_MAX};

use crate::catalog::Catalog;
use crate::error::{QueryError, SqlState};
use crate::guard;
use crate::zoned::Moment;

mod answer;
mod engine;
mod failure;

pub use answer::Answer;

/// Stack of a thread that parses, plans and computes.
const STACK_BYTES: usize = 16 * 1024 * 1024;
/// Threads of one question.
const THREADS: usize = 2;
/// How much longer than its deadline a question that does not yield is waited for.
const GRACE: Duration = Duration::from_millis(500);

/// Answers questions.
#[derive(Clone, Debug)]
pub struct Sessions {
    places: Arc<Semaphore>,
    deadline: Duration,
}

impl Default for Sessions {
    fn default() -> Self {
        Self::with_deadline(Duration::from_millis(QUERY_TIME_MS_MAX))
    }
}

/// A question's own threads, given back without waiting for them.
#[derive(Debug)]
struct Threads(Option<Runtime>);

impl Threads {
    fn start() -> Result<Self, QueryError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .max_blocking_threads(THREADS)
            .thread_stack_size(STACK_BYTES)
            .thread_name("query")
            .enable_time()
            .build();
        let runtime = runtime.map_err(|_| QueryError::unavailable("no thread could be started"))?;
        Ok(Self(Some(runtime)))
    }

    /// Does `work` on these threads, until the deadline and a little longer.
    async fn run<T: Send + 'static>(
        &self,
        deadline: Duration,
        work: impl Future<Output = Result<T, QueryError>> + Send + 'static,
    ) -> Result<T, QueryError> {
        let Some(runtime) = &self.0 else { return Err(failure::bug("its threads have ended")) };
        let bounded = async move {
            tokio::time::timeout(deadline, work).await.unwrap_or_else(|_| Err(too_slow()))
        };
        let task = runtime.spawn(bounded);
        let stop = task.abort_handle();
        match tokio::time::timeout(deadline + GRACE, task).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(failure::bug("the query ended in a panic")),
            Err(_) => {
                stop.abort();
                Err(too_slow())
            }
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

fn too_slow() -> QueryError {
    QueryError::new(
        SqlState::TooSlow,
        "the query took too long and was stopped",
        "ask for less time, fewer columns or fewer rows",
    )
}

impl Sessions {
    /// Sessions whose questions are stopped after so long.
    #[must_use]
    pub fn with_deadline(deadline: Duration) -> Self {
        Self { places: Arc::new(Semaphore::new(QUERIES_MAX)), deadline }
    }

    /// Answers a question over a catalogue, when the wall clock shows `now`.
    ///
    /// # Errors
    /// The guard refused it, it does not plan, it failed on these rows, or it met a limit.
    pub async fn answer(
        &self,
        catalog: &dyn Catalog,
        sql: &str,
        now: UtcMicros,
    ) -> Result<Answer, QueryError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            QueryError::new(SqlState::Busy, "too many queries are running", "try again in a moment")
        })?;
        let threads = Threads::start()?;
        let (names, text) = (catalog.tables(), sql.to_owned());
        let guarded = async move { guard::pass(&text, &|name| names.iter().any(|it| it == name)) };
        let passed = threads.run(self.deadline, guarded).await?;
        let mut tables: Vec<(String, Arc<dyn TableProvider>)> = Vec::new();
        for name in &passed.tables {
            let table = catalog.table(name).await?.ok_or_else(|| guard::no_table(name))?;
            tables.push((name.clone(), table));
        }
        let moment = Moment::new(catalog.zone(), catalog.today(), now);
        let as_of = catalog.as_of();
        let work = async move {
            let rows = engine::run(passed.statement, tables, moment).await;
            // The place is given back when the work has ended, not when its caller went away.
            drop::<OwnedSemaphorePermit>(place);
            rows
        };
        let (batches, schema, truncated) = threads.run(self.deadline, work).await?;
        Ok(Answer { schema, batches, truncated, as_of, zone: moment.zone })
    }
}
