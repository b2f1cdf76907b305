//! Whether this process can serve: asked by `/readyz`.
//!
//! Promises fresh answers: each question asks the database, the log and the engine again.

use vitals_api::health::{Check, Readiness};
use vitals_api::operator::chain;
use vitals_log::{SharedLog, Topic};
use vitals_model::limits::LOG_BATCH_MESSAGES_MAX;
use vitals_store::Store;

use crate::pipeline::lag;
use crate::status::Status;

/// What a process needs.
#[derive(Debug)]
pub(crate) struct Ready {
    /// The log.
    pub(crate) log: SharedLog,
    /// The store.
    pub(crate) store: Store,
    /// The engine of this process; `None` when it has none.
    pub(crate) engine: Option<Status>,
}

fn check<E: std::error::Error>(name: &'static str, result: Result<(), E>) -> Check {
    match result {
        Ok(()) => Check { name, ok: true, detail: "answers".to_owned() },
        Err(error) => Check { name, ok: false, detail: chain(&error) },
    }
}

impl Ready {
    /// Caught up means: no more is waiting than one tick takes.
    async fn engine(&self, status: &Status) -> Check {
        let name = "engine";
        let progress = status.get();
        if !progress.hydrated {
            let detail = "is being rebuilt from the log".to_owned();
            return Check { name, ok: false, detail };
        }
        match self.log.ends(Topic::Records).await {
            Ok(ends) => {
                let behind = lag(&ends, &progress.offsets);
                let most = i64::try_from(LOG_BATCH_MESSAGES_MAX).unwrap_or(i64::MAX);
                let detail = format!("at tick {}, {behind} records behind", progress.tick);
                Check { name, ok: behind <= most, detail }
            }
            Err(error) => Check { name, ok: false, detail: chain(&error) },
        }
    }
}

#[async_trait::async_trait]
impl Readiness for Ready {
    async fn checks(&self) -> Vec<Check> {
        let (database, log) = tokio::join!(self.store.check(), self.log.check());
        let mut checks = vec![check("database", database), check("log", log)];
        if let Some(status) = &self.engine {
            checks.push(self.engine(status).await);
        }
        checks
    }
}
