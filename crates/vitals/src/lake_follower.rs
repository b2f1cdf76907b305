//! A lake that this process does not keep: read where its manifest stands, with the end of the log in memory.
//!
//! Promises a view of everything the log had when it was asked for. Of what the files lack, at most
//! `LAKE_BEHIND_ROWS_MAX` records are read into memory; beyond, a process that holds the data directory
//! flushes them, as a keeper would, and any other says that it cannot.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use vitals_lake::{Lake, MergePolicy, View};
use vitals_log::{FetchLimit, SharedLog, Topic};
use vitals_model::limits::LAKE_BEHIND_ROWS_MAX;
use vitals_store::Store;

use crate::data_dir::DataDir;
use crate::failure::{Failure, OrFail, Outcome};
use crate::lake;
use crate::pipeline::lag;
use crate::replay::{EMPTY_FETCHES_MAX, show};

/// Longest wait for a record that is there.
const FETCH_WAIT: Duration = Duration::from_secs(1);

/// Reads a lake that somebody else keeps, or nobody.
#[derive(Debug)]
pub(crate) struct LakeFollower {
    log: SharedLog,
    store: Store,
    dir: DataDir,
    /// Whether this process holds the data directory, and may do a keeper's work.
    holds: bool,
    lake: Mutex<Option<Arc<Lake>>>,
}

impl LakeFollower {
    /// A follower of the lake in a data directory. `holds` says that nobody else uses the directory.
    pub(crate) fn new((log, store): (SharedLog, Store), dir: &DataDir, holds: bool) -> Self {
        Self { log, store, dir: dir.clone(), holds, lake: Mutex::default() }
    }

    /// Everything the log has now.
    pub(crate) async fn view(&self) -> Outcome<View> {
        let mut opened = self.lake.lock().await;
        let lake = match opened.as_ref() {
            Some(lake) => {
                // Its keeper may have gone on meanwhile.
                lake.refresh().await.or_fail("the lake cannot be read", "")?;
                Arc::clone(lake)
            }
            None => Arc::clone(opened.insert(self.open().await?)),
        };
        self.catch_up(&lake).await?;
        Ok(lake.view())
    }

    async fn open(&self) -> Outcome<Arc<Lake>> {
        if self.holds {
            lake::keep(&self.log, &self.store, &self.dir).await
        } else {
            lake::read(&self.log, &self.store, &self.dir).await
        }
    }

    async fn catch_up(&self, lake: &Lake) -> Outcome {
        let ends = self.log.ends(Topic::Records).await.or_fail("the log cannot be read", "")?;
        let mut empty = 0;
        let mut flushed = false;
        while !lake.next().covers(&ends) {
            if lake.is_due() && self.holds {
                lake.flush().await.or_fail("the lake cannot be flushed", "")?;
                flushed = true;
            } else if lake.is_full() {
                return Err(self.far_behind(lag(&ends, &lake.manifest().offsets)));
            }
            let limit = FetchLimit { wait: FETCH_WAIT, ..FetchLimit::default() };
            let batch = self.log.fetch(Topic::Records, &lake.next(), limit).await;
            let batch = batch.or_fail("the log cannot be read", "")?;
            empty = if batch.upper == batch.lower { empty + 1 } else { 0 };
            if empty == EMPTY_FETCHES_MAX {
                let stopped = format!("the log stopped at {}", show(&batch.upper));
                return Err(Failure::new(stopped, "check that the log's brokers are up"));
            }
            // Parsing a batch takes as long as it takes: others of this thread are served elsewhere.
            tokio::task::block_in_place(|| lake.absorb(&batch)).or_fail("the log has a gap", "")?;
        }
        if flushed {
            let policy = MergePolicy::default();
            while lake.merge(&policy).await.or_fail("the lake cannot be merged", "")?.is_some() {}
        }
        Ok(())
    }

    fn far_behind(&self, behind: i64) -> Failure {
        Failure::new(
            format_args!(
                "the lake in {} is {behind} records behind the log, and at most \
                 {LAKE_BEHIND_ROWS_MAX} can be read from there",
                self.dir.lake().display()
            ),
            "ask the 'vitals up' that has the role query, or name its --data-dir",
        )
    }
}
