//! When the pipeline has the engine write a checkpoint.
//!
//! Promises at most one under way, and bytes in proportion to what came: one is due after so many messages, and
//! after more when the state is large. The engine stands still while its state is packed (a gigabyte takes a
//! second or two); making the file durable holds nobody up. One that fails is told and tried again later.

use std::io;
use std::time::Duration;

use metrics::{counter, histogram};
use tokio::task::JoinHandle;

use crate::backend::Backend;
use crate::checkpoints::{Checkpoints, Written};
use crate::clock::Stopwatch;
use crate::config::Settings;
use crate::data_dir::DataDir;
use crate::engine_thread::EngineThread;
use crate::failure::Outcome;
use crate::telemetry::{MAINTENANCE, MAINTENANCE_FAILURES};

/// Bytes of state that one message pays for: a checkpoint of a gigabyte is due after a million messages.
const BYTES_PER_MESSAGE: u64 = 1_000;
/// Least time between two.
const INTERVAL_MIN: Duration = Duration::from_secs(30);
/// The share of the messages that makes one worth while when the process stops.
const STOP_SHARE: u64 = 10;

/// Where checkpoints go, and after how many messages; 0 is never.
#[derive(Clone, Debug)]
pub(crate) struct Checkpointing {
    pub(crate) files: Checkpoints,
    pub(crate) messages: u64,
}

impl Checkpointing {
    /// As the settings have it.
    pub(crate) fn of(settings: &Settings, dir: &DataDir, backend: &Backend) -> Self {
        let files = Checkpoints::new(dir.checkpoints(), backend.log.identity());
        Self { files, messages: settings.checkpoint_messages }
    }
}

/// What has come since the last one.
#[derive(Debug)]
pub(super) struct Schedule {
    to: Checkpointing,
    /// Messages since the last.
    since: u64,
    /// Bytes of the last.
    bytes: u64,
    last: Option<Stopwatch>,
    settling: Option<JoinHandle<io::Result<u64>>>,
}

impl Schedule {
    /// A schedule of an engine that has taken in `since` messages beyond its checkpoint.
    pub(super) fn new(to: Checkpointing, since: u64) -> Self {
        Self { to, since, bytes: 0, last: None, settling: None }
    }

    /// Counts what the engine has absorbed.
    pub(super) fn absorbed(&mut self, messages: usize) {
        self.since += messages as u64;
    }

    /// Writes one if it is due.
    pub(super) async fn keep(&mut self, engine: &EngineThread) -> Outcome {
        if self.settling.as_ref().is_some_and(JoinHandle::is_finished) {
            self.settle().await;
        }
        let enough = self.since >= self.to.messages.max(self.bytes / BYTES_PER_MESSAGE);
        let rested = self.last.is_none_or(|it| it.elapsed() >= INTERVAL_MIN);
        if self.to.messages == 0 || !enough || !rested || self.settling.is_some() {
            return Ok(());
        }
        self.write(engine).await
    }

    /// Writes the last one, if enough has come since the one before, and waits until it is durable.
    pub(super) async fn stop(&mut self, engine: &EngineThread) -> Outcome {
        self.settle().await;
        if self.to.messages > 0 && self.since >= self.to.messages.div_ceil(STOP_SHARE) {
            self.write(engine).await?;
            self.settle().await;
        }
        Ok(())
    }

    async fn write(&mut self, engine: &EngineThread) -> Outcome {
        let took = Stopwatch::start();
        self.last = Some(took);
        match engine.save(self.to.files.clone()).await? {
            Ok(written) => {
                histogram!(MAINTENANCE, "task" => "checkpoint").record(took.seconds());
                (self.since, self.bytes) = (0, written.bytes);
                self.settling = Some(tokio::task::spawn_blocking(|| Written::settle(written)));
            }
            Err(error) => failed(&error),
        }
        Ok(())
    }

    async fn settle(&mut self) {
        let Some(settling) = self.settling.take() else { return };
        match settling.await {
            Ok(Ok(bytes)) => tracing::debug!(bytes, "a checkpoint of the engine was written"),
            Ok(Err(error)) => failed(&error),
            Err(error) => failed(&io::Error::other(error)),
        }
    }
}

fn failed(error: &io::Error) {
    counter!(MAINTENANCE_FAILURES, "task" => "checkpoint").increment(1);
    tracing::warn!(%error, "a checkpoint of the engine cannot be written");
}
