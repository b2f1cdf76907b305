//! The lake of this process: follows the log into it, flushes, merges and sweeps.
//!
//! Promises that a record the log has is in the lake's views within a second while the log answers, that each
//! act is bounded, and that one which fails is told and tried again, without ending anything. Of several
//! processes that keep one lake, each goes on from what the others did.

use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, gauge, histogram};
use vitals_api::operator::chain;
use vitals_lake::{FileShape, Lake, LakeError, Manifests, MergePolicy, Objects};
use vitals_log::{FetchLimit, SharedLog, Topic};
use vitals_model::lake::{Manifest, ManifestChange};
use vitals_store::{Error as StoreError, Store};

use crate::clock::{self, Stopwatch};
use crate::data_dir::DataDir;
use crate::failure::{OrFail, Outcome};
use crate::patience;
use crate::status::Status;
use crate::supervisor::Stop;
use crate::telemetry::{LAKE_FILES, LAKE_ROWS, LAKE_TAIL, MAINTENANCE, MAINTENANCE_FAILURES};

/// The engine's shard: its log is the lake's.
const SHARD: i32 = 0;
/// Longest wait for a first record.
const FETCH_WAIT: Duration = Duration::from_millis(500);
/// How often it is looked whether a merge is due.
const MERGE_INTERVAL: Duration = Duration::from_secs(5);
/// How often files that nobody names are looked for.
const SWEEP_INTERVAL: Duration = Duration::from_secs(3_600);
/// How long a file that nobody names any more stays for those who still read it. Longer than a query may take.
const SWEEP_GRACE: Duration = Duration::from_secs(3_600);
/// Pause after an act that failed.
const FAILED_PAUSE: Duration = Duration::from_secs(5);

/// Keeps a lake.
#[derive(Debug)]
pub(crate) struct LakeKeeper {
    log: SharedLog,
    status: Status,
    lake: Arc<Lake>,
    /// Longest time a record is in memory only.
    flush_interval: Duration,
}

impl LakeKeeper {
    /// Opens the lake in the data directory.
    pub(crate) async fn open(
        (log, store): (SharedLog, Store),
        dir: &DataDir,
        status: Status,
        flush_interval: Duration,
    ) -> Outcome<Self> {
        let begun = store.begin_lake(SHARD, &log.identity()).await;
        begun.or_fail("the lake cannot be opened", "")?;
        let folder = dir.lake();
        let mend = "check the data directory's permissions and free space";
        let objects = Objects::folder(&folder)
            .or_fail(format_args!("the lake in {} cannot be opened", folder.display()), mend)?;
        let lake = Lake::open(objects, Arc::new(InStore(store)), FileShape::default()).await;
        let lake = Arc::new(lake.or_fail("the lake cannot be opened", "")?);
        Ok(Self { log, status, lake, flush_interval })
    }

    /// Runs until it is time to stop. What is in memory then is fetched again by the next process.
    pub(crate) async fn run(self, stop: Stop) -> Outcome {
        tokio::select! {
            followed = self.follow(&stop) => followed,
            () = self.merge() => Ok(()),
            () = self.sweep() => Ok(()),
            () = stop.stopped() => Ok(()),
        }
    }

    async fn follow(&self, stop: &Stop) -> Outcome {
        let mut flushed = Stopwatch::start();
        loop {
            let is_old = flushed.elapsed() >= self.flush_interval;
            if is_old || self.lake.is_full() {
                self.flush().await;
                flushed = Stopwatch::start();
            }
            // NB: a full tail that could not be flushed holds the log back.
            if self.lake.is_full() {
                continue;
            }
            let next = self.lake.next();
            let limit = FetchLimit { wait: FETCH_WAIT, ..FetchLimit::default() };
            let fetched =
                patience::with_log((&self.status, stop), "the lake cannot read the log", || {
                    self.log.fetch(Topic::Records, &next, limit)
                });
            let Some(batch) = fetched.await? else { return Ok(()) };
            if let Err(error) = self.lake.absorb(&batch) {
                self.failed("follow", &error).await;
            }
            gauge!(LAKE_TAIL)
                .set(f64::from(u32::try_from(self.lake.tail_rows()).unwrap_or(u32::MAX)));
        }
    }

    async fn flush(&self) {
        let took = Stopwatch::start();
        match self.lake.flush().await {
            Ok(None) => return,
            Ok(Some(done)) => {
                counter!(LAKE_ROWS).increment(done.rows);
                tracing::debug!(done.files, done.rows, done.bytes, "the lake was flushed");
            }
            Err(error) => return self.failed("flush", &error).await,
        }
        self.did("flush", took);
    }

    async fn merge(&self) {
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

    async fn sweep(&self) {
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

/// The manifest in the store.
#[derive(Debug)]
struct InStore(Store);

#[async_trait::async_trait]
impl Manifests for InStore {
    async fn read(&self) -> Result<Manifest, LakeError> {
        self.0.lake_manifest(SHARD).await.map_err(outside)
    }

    async fn change(&self, change: ManifestChange) -> Result<Manifest, LakeError> {
        self.0.change_lake(SHARD, &change).await.map_err(outside)
    }
}

fn outside(error: StoreError) -> LakeError {
    match error {
        StoreError::LakeMoved => LakeError::Moved,
        other => LakeError::Manifest(Box::new(other)),
    }
}
