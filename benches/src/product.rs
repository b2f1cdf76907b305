//! The product's own pipeline in small: an embedded log, an engine on its thread, a writer on an embedded PostgreSQL.
//!
//! Does what `crates/vitals/src/pipeline.rs` does, and in the same way: while tick n is committed, tick n + 1 is fetched and absorbed; ticks
//! are at least 20 ms apart. Publishes nothing to quarantine (a workload has nothing to) and serves nobody.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use tokio::sync::{mpsc, oneshot};
use vitals_log::{EmbeddedLog, FetchLimit, Log, Message, SharedLog, Topic};
use vitals_model::{CommitBatch, LogBatch, LogMessage, Offsets, UtcMicros};
use vitals_store::{EmbeddedPostgres, Store, Writer};

use crate::parts::new_engine;
use crate::workload::PARTITIONS;

const FETCH_WAIT: Duration = Duration::from_millis(200);
const TICK_INTERVAL_MIN: Duration = Duration::from_millis(20);

/// A folder that is gone when this is.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// A new folder of this name, under the system's for temporary ones.
    pub(crate) fn new(name: &str) -> Result<Self> {
        let path = std::env::temp_dir().join(format!("vitals-bench-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).with_context(|| format!("make {}", path.display()))?;
        Ok(Self(path))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left lies in a folder for what is left.
        let _kept = std::fs::remove_dir_all(&self.0);
    }
}

/// An engine on a thread of its own.
#[derive(Debug)]
pub(crate) struct EngineThread(mpsc::Sender<(LogBatch, UtcMicros, oneshot::Sender<CommitBatch>)>);

impl EngineThread {
    pub(crate) fn start() -> Self {
        let (orders, mut inbox) = mpsc::channel::<(LogBatch, _, oneshot::Sender<_>)>(1);
        std::thread::spawn(move || {
            let mut engine = new_engine();
            while let Some((batch, now, answer)) = inbox.blocking_recv() {
                // Nobody waits for the answer only when the run has failed.
                let _unheard = answer.send(engine.absorb(batch, now));
            }
        });
        Self(orders)
    }

    async fn absorb(&self, batch: LogBatch, now: UtcMicros) -> Result<CommitBatch> {
        let (answer, answered) = oneshot::channel();
        self.0.send((batch, now, answer)).await.map_err(|_| anyhow!("the engine broke"))?;
        answered.await.context("the engine broke")
    }
}

/// A log, a server and a writer, all new.
#[derive(Debug)]
pub(crate) struct Product {
    pub(crate) log: SharedLog,
    pub(crate) writer: Writer,
    postgres: EmbeddedPostgres,
    store: Store,
    _scratch: Scratch,
}

impl Product {
    pub(crate) async fn start(name: &str) -> Result<Self> {
        let scratch = Scratch::new(name)?;
        let postgres = start_postgres(&scratch.path("postgres")).await?;
        let store = Store::connect(postgres.url()).await.context("connect to the store")?;
        store.migrate().await.context("migrate the store")?;
        let log = EmbeddedLog::open(&scratch.path("log"), PARTITIONS).context("open the log")?;
        let writer = store.take_over(0, &log.identity(), PARTITIONS).await?;
        Ok(Self { log: Arc::new(log), writer, postgres, store, _scratch: scratch })
    }

    pub(crate) async fn stop(self) {
        self.writer.close().await;
        self.store.close().await;
        self.postgres.stop().await;
    }
}

async fn start_postgres(path: &Path) -> Result<EmbeddedPostgres> {
    EmbeddedPostgres::start(path).await.context("start an embedded PostgreSQL")
}

/// Publishes what a workload made.
pub(crate) async fn publish(log: &SharedLog, messages: Vec<LogMessage>) -> Result<()> {
    let messages = messages
        .into_iter()
        .map(|LogMessage { partition, key, value, .. }| Message { partition, key, value })
        .collect();
    log.publish(Topic::Records, messages).await.context("publish")
}

/// A commit: what it reached, and when.
#[derive(Clone, Debug)]
pub(crate) struct Reached {
    pub(crate) upper: Offsets,
    pub(crate) at: Instant,
    pub(crate) rows: usize,
}

/// Runs the pipeline from where the writer is until it has reached what `until` says, if that is known.
pub(crate) async fn run(
    log: &SharedLog,
    (engine, writer): (&EngineThread, &mut Writer),
    now: impl Fn() -> UtcMicros,
    mut until: impl FnMut() -> Option<Offsets>,
) -> Result<Vec<Reached>> {
    let mut reached = Vec::new();
    let mut next = writer.position().offsets.clone();
    let mut absorbed: Option<CommitBatch> = None;
    let mut last_tick = Instant::now();
    loop {
        let done = until().is_some_and(|end| next.covers(&end));
        if done && absorbed.is_none() {
            return Ok(reached);
        }
        let intake = async {
            if done {
                return Ok::<_, anyhow::Error>(None);
            }
            tokio::time::sleep(TICK_INTERVAL_MIN.saturating_sub(last_tick.elapsed())).await;
            let limit = FetchLimit { wait: FETCH_WAIT, ..FetchLimit::default() };
            let batch = log.fetch(Topic::Records, &next, limit).await?;
            last_tick = Instant::now();
            if batch.messages.is_empty() {
                return Ok(None);
            }
            next = batch.upper.clone();
            engine.absorb(batch, now()).await.map(Some)
        };
        let outlet = async {
            let Some(batch) = absorbed.take() else { return Ok::<_, anyhow::Error>(None) };
            writer.commit(&batch).await?;
            let (upper, rows) = (batch.upper, batch.changes.len());
            Ok(Some(Reached { upper, at: Instant::now(), rows }))
        };
        let (taken, committed) = tokio::join!(intake, outlet);
        reached.extend(committed?);
        absorbed = taken?;
    }
}
