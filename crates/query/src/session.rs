//! The session: one question of one tenant, guarded, planned and answered.
//!
//! The tables are the catalogue's and nothing else: no file, no URL, no system table, no other tenant.
//! Every question has threads of its own with stacks of their own, so that one that does not yield holds
//! up nobody: at the deadline its caller gets an answer, and its threads are left to end when they can.
//! What ends the process ends it for all; so the service computes in processes that may die
//! (`crates/workers`), one question each.
//!
//! Promises rows as of the catalogue's tick, in the tenant's zone, no more than were asked for; an error
//! that names no value of a row; that nothing was written; and that the work ends when nobody wants its
//! rows any more. The time that a reader takes is not counted.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use datafusion::catalog::TableProvider;
use futures::StreamExt;
use tokio::sync::{mpsc, oneshot};
use vitals_model::UtcMicros;
use vitals_model::limits::QUERY_TIME_MS_MAX;

use crate::answers::{Description, Piece, Question, Rows};
use crate::catalog::Catalog;
use crate::error::QueryError;
use crate::guard;
use crate::zoned::Moment;

mod answer;
mod engine;
mod failure;
mod params;
mod threads;

pub use answer::Answer;
pub use failure::too_slow;
pub use threads::ThreadWatch;

use engine::Asked;
use threads::Threads;

/// How much longer than its deadline a question that does not yield is waited for.
const GRACE: Duration = Duration::from_millis(500);
/// Batches that are computed before somebody takes them.
const PIECES_AHEAD: usize = 2;

/// Answers questions.
#[derive(Clone)]
pub struct Sessions {
    deadline: Duration,
    watch: Option<Arc<dyn ThreadWatch>>,
}

impl Default for Sessions {
    fn default() -> Self {
        Self::with_deadline(Duration::from_millis(QUERY_TIME_MS_MAX))
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

impl Sessions {
    /// Sessions whose questions are stopped after so long.
    #[must_use]
    pub fn with_deadline(deadline: Duration) -> Self {
        Self { deadline, watch: None }
    }

    /// The same, whose questions' threads tell `watch` when they begin and end.
    #[must_use]
    pub fn watched(self, watch: Arc<dyn ThreadWatch>) -> Self {
        Self { watch: Some(watch), ..self }
    }

    /// Answers a question over a catalogue, when the wall clock shows `now`. Whose question it is, the
    /// catalogue says.
    ///
    /// # Errors
    /// The guard refused it, it does not plan, its parameters do not fit, or it failed before its first row.
    pub async fn answer(
        &self,
        catalog: &dyn Catalog,
        question: &Question,
        now: UtcMicros,
    ) -> Result<Rows, QueryError> {
        let threads = Threads::start(self.watch.clone())?;
        let asked = self.asked(&threads, catalog, question, now).await?;
        let about = (catalog.as_of(), asked.moment.zone);
        let (schema, begun) = oneshot::channel();
        let (pieces, receiver) = mpsc::channel(PIECES_AHEAD);
        let (params, size) = (question.params.clone(), question.size.capped());
        let mut clock = Clock { left: self.deadline };
        let work = async move {
            let begun = clock.run(async {
                let mut answering = engine::begin(asked, &params, size).await?;
                // What fails before its first row has not been answered.
                let first = answering.next().await?;
                Ok((answering, first))
            });
            let (mut answering, first) = match Box::pin(begun).await {
                Ok(begun) => begun,
                Err(error) => return schema.send(Err(error)).unwrap_or_default(),
            };
            if schema.send(Ok(Arc::clone(&answering.schema))).is_err() {
                return;
            }
            let mut next = Ok(first);
            loop {
                let ended = !matches!(next, Ok(Some(_)));
                let piece = next.map(|batch| match batch {
                    Some(batch) => Piece::Batch(batch),
                    None => Piece::End { truncated: answering.truncated },
                });
                // An error means that nobody wants the rows any more.
                if pieces.send(piece).await.is_err() || ended {
                    return;
                }
                next = clock.run(answering.next()).await;
            }
        };
        threads.spawn(work)?;
        let patience = self.deadline + GRACE;
        let schema = within(patience, async { begun.await.unwrap_or_else(|_| Err(panicked())) });
        let schema = schema.await?;
        let pieces = futures::stream::unfold(Some((receiver, threads)), move |state| async move {
            let (mut receiver, threads) = state?;
            let next = async { receiver.recv().await.unwrap_or_else(|| Err(panicked())) };
            let next = within(patience, next).await;
            let state = next.is_ok().then_some((receiver, threads));
            Some((next, state))
        });
        Ok(Rows::new(schema, about, pieces.boxed()))
    }

    /// Says what a question would give, without computing it.
    ///
    /// # Errors
    /// The guard refused it, or it does not plan.
    pub async fn describe(
        &self,
        catalog: &dyn Catalog,
        question: &Question,
        now: UtcMicros,
    ) -> Result<Description, QueryError> {
        let threads = Threads::start(self.watch.clone())?;
        let asked = self.asked(&threads, catalog, question, now).await?;
        self.run(&threads, engine::describe(asked)).await
    }

    /// The question once it has passed the guard, with the tables it reads.
    async fn asked(
        &self,
        threads: &Threads,
        catalog: &dyn Catalog,
        question: &Question,
        now: UtcMicros,
    ) -> Result<Asked, QueryError> {
        let (names, text) = (catalog.tables(), question.sql.clone());
        let guarded = async move { guard::pass(&text, &|name| names.iter().any(|it| it == name)) };
        let passed = self.run(threads, guarded).await?;
        let mut tables: Vec<(String, Arc<dyn TableProvider>)> = Vec::new();
        for name in &passed.tables {
            let table = catalog.table(name).await?.ok_or_else(|| guard::no_table(name))?;
            tables.push((name.clone(), table));
        }
        let moment = Moment::new(catalog.zone(), catalog.today(), now);
        Ok(Asked { statement: passed.statement, tables, moment })
    }

    /// Does `work` on a question's threads, until the deadline and a little longer.
    async fn run<T: Send + 'static>(
        &self,
        threads: &Threads,
        work: impl Future<Output = Result<T, QueryError>> + Send + 'static,
    ) -> Result<T, QueryError> {
        let (done, outcome) = oneshot::channel();
        let mut clock = Clock { left: self.deadline };
        threads.spawn(async move {
            // An error means that nobody waits for it any more.
            done.send(clock.run(work).await).unwrap_or_default();
        })?;
        let outcome = async { outcome.await.unwrap_or_else(|_| Err(panicked())) };
        within(self.deadline + GRACE, outcome).await
    }
}

/// The time that a question may still compute.
struct Clock {
    left: Duration,
}

impl Clock {
    async fn run<T>(
        &mut self,
        work: impl Future<Output = Result<T, QueryError>>,
    ) -> Result<T, QueryError> {
        let began = tokio::time::Instant::now();
        let outcome = within(self.left, work).await;
        self.left = self.left.saturating_sub(began.elapsed());
        outcome
    }
}

async fn within<T>(
    time: Duration,
    work: impl Future<Output = Result<T, QueryError>>,
) -> Result<T, QueryError> {
    tokio::time::timeout(time, work).await.unwrap_or_else(|_| Err(too_slow()))
}

fn panicked() -> QueryError {
    failure::bug("the query ended in a panic")
}
