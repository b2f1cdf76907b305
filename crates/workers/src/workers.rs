//! Answers, by workers.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::oneshot;
use vitals_model::limits::WORKERS_WAIT_MS_MAX;
use vitals_query::answers::{Answers, Description, Question, Rows};
use vitals_query::{QueryError, SqlState};

use crate::child::is_of_the_system;
use crate::crashes;
use crate::pool::{Catalogs, Event, Job, Options, Pool};
use crate::talk::Reply;

/// Answers questions in processes of their own.
#[derive(Clone)]
pub struct Workers(Arc<Pool>);

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Workers")
    }
}

impl Workers {
    /// Workers over these catalogues. They answer while [`Workers::run`] does.
    ///
    /// # Errors
    /// The thread that starts them cannot be started.
    pub fn new(options: Options, catalogs: Arc<dyn Catalogs>) -> io::Result<Self> {
        Pool::open(options, catalogs).map(|pool| Self(Arc::new(pool)))
    }

    /// Runs the workers until `stop` ends. When it returns, none of them is left.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        self.0.run(stop).await;
    }

    async fn ask(&self, question: Question, describe: bool) -> Result<Reply, QueryError> {
        let pool = &self.0;
        pool.crashes.check(&crashes::text(&question), Instant::now())?;
        // Before it takes anybody's place. Statements about the system have a guard of their own.
        if !is_of_the_system(&question) {
            pool.guard(&question.sql, None).await?;
        }
        let (taken, free) = oneshot::channel();
        let (reply, answer) = oneshot::channel();
        let tenant = question.tenant;
        let ticket = pool.queue.push(tenant, Job { question, describe, taken, reply });
        let ticket = ticket.ok_or_else(busy)?;
        pool.tell(Event::Waiting(pool.queue.waiting()));
        let free = tokio::time::timeout(Duration::from_millis(WORKERS_WAIT_MS_MAX), free).await;
        drop(ticket);
        pool.tell(Event::Waiting(pool.queue.waiting()));
        if free.is_err() {
            return Err(busy());
        }
        let ended = || QueryError::unavailable("the workers have been stopped");
        answer.await.unwrap_or_else(|_| Err(ended()))
    }
}

fn busy() -> QueryError {
    QueryError::new(SqlState::Busy, "too many queries are running", "try again in a moment")
}

#[async_trait]
impl Answers for Workers {
    async fn answer(&self, question: Question) -> Result<Rows, QueryError> {
        match self.ask(question, false).await? {
            Reply::Rows(rows) => Ok(rows),
            Reply::Description(_) => Err(QueryError::unavailable("the answer has no rows")),
        }
    }

    async fn describe(&self, question: Question) -> Result<Description, QueryError> {
        match self.ask(question, true).await? {
            Reply::Description(description) => Ok(description),
            Reply::Rows(_) => Err(QueryError::unavailable("the answer is no description")),
        }
    }
}
