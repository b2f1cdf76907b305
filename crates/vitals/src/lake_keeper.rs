//! The lake of this process: follows the log into it, flushes, merges and sweeps.
//!
//! Promises that a record the log has is in the lake's views within a second while the log answers and the
//! tail has room, that each act is bounded, and that one which fails is told and tried again, without ending
//! anything. Following has a thread of its own, and so have flushing and merging, which compute for long and
//! are less urgent than anything else in the process: none of them keeps the others or a tick waiting. Of
//! several processes that keep one lake, each goes on from what the others did.

use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, gauge, histogram};
use tokio::sync::{Notify, watch};
use vitals_api::operator::chain;
use vitals_lake::{Lake, LakeError, MergePolicy};
use vitals_log::{FetchLimit, SharedLog, Topic};

use crate::clock::{self, Stopwatch};
use crate::failure::Outcome;
use crate::patience;
use crate::pipeline::lag;
use crate::status::Status;
use crate::supervisor::{Stop, aside};
use crate::telemetry::{
    LAKE_FILES, LAKE_LAG, LAKE_ROWS, LAKE_STORED, LAKE_TAIL, MAINTENANCE, MAINTENANCE_FAILURES,
};

/// Longest wait for a first record.
const FETCH_WAIT: Duration = Duration::from_millis(500);
/// How often it is measured how far the log is ahead.
const LAG_INTERVAL: Duration = Duration::from_secs(1);
/// How often it is looked whether a merge is due.
const MERGE_INTERVAL: Duration = Duration::from_secs(5);
/// How often files that nobody names are looked for.
const SWEEP_INTERVAL: Duration = Duration::from_secs(3_600);
/// How long a file that nobody names any more stays for those who still read it. Longer than a query may take.
const SWEEP_GRACE: Duration = Duration::from_secs(3_600);
/// Pause after an act that failed.
const FAILED_PAUSE: Duration = Duration::from_secs(5);

/// Keeps a lake.
#[derive(Clone, Debug)]
pub(crate) struct LakeKeeper {
    log: SharedLog,
    status: Status,
    lake: Arc<Lake>,
    /// Longest time a record is in memory only.
    flush_interval: Duration,
    /// Whether everything that was there at the start has been read.
    caught_up: watch::Sender<bool>,
    /// Told when the tail had better be flushed, and when it was.
    due: Arc<Notify>,
    flushed: Arc<Notify>,
}

impl LakeKeeper {
    /// A keeper of `lake`, which nobody else in this process keeps.
    pub(crate) fn new(
        (log, lake): (SharedLog, Arc<Lake>),
        status: Status,
        flush_interval: Duration,
    ) -> Self {
        let (caught_up, due, flushed) = (watch::channel(false).0, Arc::default(), Arc::default());
        Self { log, status, lake, flush_interval, caught_up, due, flushed }
    }

    /// The lake, and whether it shows everything yet that was there when its keeper started.
    pub(crate) fn kept(&self) -> (Arc<Lake>, watch::Receiver<bool>) {
        (Arc::clone(&self.lake), self.caught_up.subscribe())
    }

    /// Runs until it is time to stop. What is in memory then is fetched again by the next process.
    pub(crate) async fn run(self, stop: Stop) -> Outcome {
        let [follower, flusher, merger] = [(); 3].map(|()| (self.clone(), stop.clone()));
        let following = aside("lake", move || async move { follower.0.follow(&follower.1).await });
        let flushing = aside("lake-flush", move || async move {
            make_way();
            until(&flusher.1, flusher.0.flush_on()).await
        });
        let merging = aside("lake-merge", move || async move {
            make_way();
            until(&merger.1, async { tokio::join!(merger.0.merge_on(), merger.0.sweep_on()) }).await
        });
        tokio::try_join!(following, flushing, merging).map(|_| ())
    }

    async fn follow(&self, stop: &Stop) -> Outcome {
        let beginning = self.log.ends(Topic::Records).await.ok();
        let mut measured = Stopwatch::start();
        while !stop.stopping() {
            if self.lake.is_due() {
                self.due.notify_one();
            }
            // NB: a full tail that could not be flushed holds the log back.
            if self.lake.is_full() {
                tokio::select! {
                    () = self.flushed.notified() => {}
                    () = stop.stopped() => {}
                }
                continue;
            }
            let next = self.lake.next();
            if beginning.as_ref().is_none_or(|it| next.covers(it)) {
                self.caught_up.send_replace(true);
            }
            let limit = FetchLimit { wait: FETCH_WAIT, ..FetchLimit::default() };
            let fetched =
                patience::with_log((&self.status, stop), "the lake cannot read the log", || {
                    self.log.fetch(Topic::Records, &next, limit)
                });
            let Some(batch) = fetched.await? else { return Ok(()) };
            if let Err(error) = self.lake.absorb(&batch) {
                self.failed("follow", &error).await;
            }
            if measured.elapsed() >= LAG_INTERVAL {
                measured = Stopwatch::start();
                self.measure().await;
            }
        }
        Ok(())
    }

    async fn measure(&self) {
        // Telemetry: a float of a count of records is exact enough.
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        {
            gauge!(LAKE_TAIL).set(self.lake.tail_rows() as f64);
            let stored: u64 = self.lake.manifest().segments.iter().map(|it| it.rows).sum();
            gauge!(LAKE_STORED).set(stored as f64);
            // The next fetch says what is the matter with a log that does not answer.
            if let Ok(ends) = self.log.ends(Topic::Records).await {
                gauge!(LAKE_LAG).set(lag(&ends, &self.lake.next()) as f64);
            }
        }
    }

    async fn flush_on(&self) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(self.flush_interval) => {}
                () = self.due.notified() => {}
            }
            let took = Stopwatch::start();
            match self.lake.flush().await {
                Ok(None) => {}
                Ok(Some(done)) => {
                    counter!(LAKE_ROWS).increment(done.rows);
                    tracing::debug!(done.files, done.rows, done.bytes, "the lake was flushed");
                    self.did("flush", took);
                }
                Err(error) => self.failed("flush", &error).await,
            }
            self.flushed.notify_one();
        }
    }

    async fn merge_on(&self) {
        let policy = MergePolicy::default();
        loop {
            let took = Stopwatch::start();
            match self.lake.merge(&policy).await {
                Ok(None) => tokio::time::sleep(MERGE_INTERVAL).await,
                Ok(Some(done)) => {
                    self.did("merge", took);
                    tracing::info!(
                        table = done.table,
                        done.level,
                        done.files,
                        done.kept,
                        done.removed,
                        "files of the lake were merged"
                    );
                }
                Err(error) => self.failed("merge", &error).await,
            }
        }
    }

    async fn sweep_on(&self) {
        loop {
            let took = Stopwatch::start();
            match self.lake.sweep(clock::now(), SWEEP_GRACE).await {
                Ok(done) => tracing::debug!(done.files, "files that nobody names were swept"),
                Err(error) => self.failed("sweep", &error).await,
            }
            self.did("sweep", took);
            tokio::time::sleep(SWEEP_INTERVAL).await;
        }
    }

    fn did(&self, task: &'static str, took: Stopwatch) {
        histogram!(MAINTENANCE, "task" => task).record(took.seconds());
        let files = self.lake.manifest().segments.len();
        gauge!(LAKE_FILES).set(f64::from(u32::try_from(files).unwrap_or(u32::MAX)));
    }

    /// Tells of a failure, and goes on from what is there: the outcome may be open, or another was first.
    async fn failed(&self, task: &'static str, error: &LakeError) {
        counter!(MAINTENANCE_FAILURES, "task" => task).increment(1);
        tracing::warn!(
            task,
            error = chain(error),
            "the lake could not be kept, and is tried again"
        );
        if let Err(error) = self.lake.refresh().await {
            tracing::warn!(error = chain(&error), "the lake's manifest cannot be read");
        }
        tokio::time::sleep(FAILED_PAUSE).await;
    }
}

/// Works until it is time to stop.
async fn until<T>(stop: &Stop, work: impl Future<Output = T>) -> Outcome {
    tokio::select! {
        _ = work => {}
        () = stop.stopped() => {}
    }
    Ok(())
}

/// Lets every other thread of the machine go first.
fn make_way() {
    if let Err(error) = rustix::process::nice(10) {
        tracing::debug!(%error, "a thread of the lake keeps its priority");
    }
}
