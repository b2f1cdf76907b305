//! What a running engine puts away from time to time: superseded messages of its log, and old history.
//!
//! Promises that ticks go on meanwhile, that nothing a start needs is removed (D12: the log is compacted
//! below the committed offsets only, and by versions), that each round is bounded and ends soon when it is
//! time to stop, and that a round which fails is told and tried again at the next, without ending anything.

use std::time::Duration;

use metrics::{counter, histogram};
use vitals_api::operator::chain;
use vitals_log::{SharedLog, Topic};
use vitals_model::LogMessage;
use vitals_model::record::RecordView;
use vitals_store::Store;

use crate::clock::{self, Stopwatch};
use crate::failure::Outcome;
use crate::status::Status;
use crate::supervisor::Stop;
use crate::telemetry::{COMPACTED, FORGOTTEN, MAINTENANCE, MAINTENANCE_FAILURES};

/// The first round comes this early at the latest: a process that is restarted every hour has one too.
const FIRST_AFTER_MAX: Duration = Duration::from_secs(300);
/// Most pieces of history one round forgets; the store bounds each. What is left waits for the next.
const PIECES_MAX: u32 = 200;
/// Pause between two pieces, so that ticks come between.
const PIECE_PAUSE: Duration = Duration::from_millis(50);

/// The maintenance of one engine's log and store.
#[derive(Debug)]
pub(crate) struct Maintenance {
    /// The log.
    pub(crate) log: SharedLog,
    /// The store.
    pub(crate) store: Store,
    /// How far the engine has committed.
    pub(crate) status: Status,
    /// Time between two rounds.
    pub(crate) interval: Duration,
}

/// What the last compaction left behind it.
#[derive(Clone, Copy, Debug, Default)]
struct Compaction {
    /// Messages that were ever written below its bound.
    written: i64,
    /// Those that stayed.
    kept: i64,
}

impl Compaction {
    /// Whether enough was written since to read all of the log again: half of what was left. So a message is
    /// read by a bounded number of compactions, however long the log grows.
    fn is_due(self, written: i64) -> bool {
        written - self.written > self.kept / 2
    }
}

impl Maintenance {
    /// Runs until it is time to stop.
    pub(crate) async fn run(self, stop: Stop) -> Outcome {
        let rounds = async {
            self.status.hydrated().await;
            let mut last = Compaction::default();
            let mut pause = self.interval.min(FIRST_AFTER_MAX);
            loop {
                tokio::time::sleep(pause).await;
                pause = self.interval;
                self.compact(&mut last).await;
                self.forget().await;
            }
        };
        tokio::select! {
            () = rounds => Ok(()),
            () = stop.stopped() => Ok(()),
        }
    }

    async fn compact(&self, last: &mut Compaction) {
        // What is shown here is committed: nothing that a start rebuilds lies beyond.
        let below = self.status.get().offsets;
        let written: i64 = below.0.values().sum();
        if !last.is_due(written) {
            return;
        }
        let took = Stopwatch::start();
        match self.log.compact(Topic::Records, &below, version_of).await {
            Ok(Some(done)) => {
                histogram!(MAINTENANCE, "task" => "compact").record(took.seconds());
                counter!(COMPACTED).increment(done.removed);
                let kept = i64::try_from(done.kept).unwrap_or(i64::MAX);
                *last = Compaction { written, kept };
                let seconds = took.seconds();
                tracing::info!(removed = done.removed, done.kept, seconds, "the log was compacted");
            }
            Ok(None) => *last = Compaction { written, kept: i64::MAX },
            Err(error) => failed("compact", &error),
        }
    }

    async fn forget(&self) {
        let took = Stopwatch::start();
        let mut rows = 0;
        for _ in 0..PIECES_MAX {
            match self.store.forget_history(clock::now()).await {
                Ok(0) => break,
                Ok(forgotten) => rows += forgotten,
                Err(error) => return failed("forget", &error),
            }
            tokio::time::sleep(PIECE_PAUSE).await;
        }
        histogram!(MAINTENANCE, "task" => "forget").record(took.seconds());
        counter!(FORGOTTEN).increment(rows);
        if rows > 0 {
            tracing::info!(rows, seconds = took.seconds(), "old history was forgotten");
        }
    }
}

fn failed(task: &'static str, error: &dyn std::error::Error) {
    counter!(MAINTENANCE_FAILURES, "task" => task).increment(1);
    tracing::warn!(task, error = chain(error), "maintenance failed, and is tried again later");
}

/// The version of a record under its own key. What the engine quarantines, and what lies under a key that
/// is not its own, has none: nothing may go in its favour.
fn version_of(message: &LogMessage) -> Option<i64> {
    let record = RecordView::parse(&message.value).ok()?;
    (record.log_key() == message.key).then_some(record.version)
}

#[cfg(test)]
mod tests;
