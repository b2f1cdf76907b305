//! Whether this process can serve: asked by `/readyz`.
//!
//! Promises fresh answers: each question asks the database, the log and the engine again, all at a time. One that
//! does not answer is named, and does not hide what the others say.

use std::time::Duration;

use vitals_api::health::{Check, Readiness};
use vitals_api::operator::chain;
use vitals_log::{SharedLog, Topic};
use vitals_model::limits::LOG_BATCH_MESSAGES_MAX;
use vitals_store::Store;

use crate::pipeline::lag;
use crate::status::Status;

/// Longest wait for one answer: less than whoever asked waits for all of them.
const ANSWER_MAX: Duration = Duration::from_secs(3);

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
        if let Some(detail) = progress.waits_for {
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
        let database = async { check("database", self.store.check().await) };
        let log = async { check("log", self.log.check().await) };
        let engine = async {
            match &self.engine {
                Some(status) => Some(within("engine", self.engine(status)).await),
                None => None,
            }
        };
        let (database, log, engine) =
            tokio::join!(within("database", database), within("log", log), engine);
        [database, log].into_iter().chain(engine).collect()
    }
}

async fn within(name: &'static str, answer: impl Future<Output = Check>) -> Check {
    let silent = || {
        let detail = format!("does not answer within {} s", ANSWER_MAX.as_secs());
        Check { name, ok: false, detail }
    };
    tokio::time::timeout(ANSWER_MAX, answer).await.unwrap_or_else(|_| silent())
}
