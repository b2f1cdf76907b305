//! The loop that moves records from the log through the engine into the store, a tick at a time.
//!
//! Promises that a tick is committed whole or not at all, that ticks are committed in order, and that
//! what was quarantined is published after its commit and not before (I6). Under load ticks grow to the limits
//! of a `LogBatch`, when quiet a record is committed some twenty milliseconds after the log has it. A
//! log or a database that went away is waited for. Does not retry the engine and does not survive being
//! fenced: the process ends, and another goes on.
//!
//! Two things happen at a time and never three: while tick n is committed, tick n+1 is fetched and
//! absorbed. So what arrives during a commit is one batch, and nothing needs to be tuned.

use std::time::Duration;

use metrics::{counter, gauge, histogram};
use vitals_api::operator::chain;
use vitals_log::{FetchLimit, Message, SharedLog, Topic};
use vitals_model::batch::Counts;
use vitals_model::limits::{PUBLISH_BYTES_MAX, QUARANTINE_RAW_BYTES_MAX};
use vitals_model::record::Quarantined;
use vitals_model::{CommitBatch, Offsets};
use vitals_store::{Error as StoreError, Writer};

use crate::clock::{self, Stopwatch};
use crate::engine_thread::EngineThread;
use crate::failure::{Failure, Outcome};
use crate::start::Start;
use crate::status::Status;
use crate::supervisor::Stop;
use crate::telemetry::{COMMIT, LAG, RECEIVED, RECORDS, ROWS, STAGE, TICK};
use crate::{patience, planted};

pub(crate) mod checkpointing;

use checkpointing::Schedule;

/// Longest wait for a first record: so late a local midnight, or a stop, is noticed.
const FETCH_WAIT: Duration = Duration::from_millis(200);
/// Least time between two ticks: records that trickle in share row writes, and nobody sees the delay.
const TICK_INTERVAL_MIN: Duration = Duration::from_millis(20);
/// How often the lag is measured.
const LAG_INTERVAL: Duration = Duration::from_secs(1);
/// Pause before a commit is tried again after the database was lost.
const LOST_PAUSE: Duration = Duration::from_secs(2);

/// Most quarantined messages published at a time.
const QUARANTINED_PER_PUBLISH: usize = 100;
const _: () = assert!(QUARANTINED_PER_PUBLISH * QUARANTINE_RAW_BYTES_MAX * 6 < PUBLISH_BYTES_MAX);

/// Everything between the log and the store.
#[derive(Debug)]
pub(crate) struct Pipeline {
    intake: Intake,
    outlet: Outlet,
}

/// Fetches and absorbs.
#[derive(Debug)]
struct Intake {
    log: SharedLog,
    engine: EngineThread,
    next: Offsets,
    last_tick: Stopwatch,
    last_lag: Stopwatch,
    schedule: Schedule,
    status: Status,
    stop: Stop,
}

/// Commits, then publishes what was quarantined.
#[derive(Debug)]
struct Outlet {
    log: SharedLog,
    writer: Writer,
    status: Status,
    /// Whether to wait for a database that went away. One of our own does not come back by itself.
    patient: bool,
    stop: Stop,
}

impl Pipeline {
    /// A pipeline whose engine stands at what the writer committed last, `offsets`, with `since` messages that
    /// are in no checkpoint.
    pub(crate) fn new(
        start: &Start,
        (engine, writer): (EngineThread, Writer),
        (offsets, since): (Offsets, u64),
        stop: &Stop,
    ) -> Self {
        let intake = Intake {
            log: SharedLog::clone(&start.log),
            engine,
            next: offsets,
            last_tick: Stopwatch::start(),
            last_lag: Stopwatch::start(),
            schedule: Schedule::new(start.checkpoints.clone(), since),
            status: start.status.clone(),
            stop: stop.clone(),
        };
        let outlet = Outlet {
            log: SharedLog::clone(&start.log),
            writer,
            status: start.status.clone(),
            patient: start.patient,
            stop: stop.clone(),
        };
        Self { intake, outlet }
    }

    /// Runs until it is told to stop; what was absorbed by then is committed first.
    pub(crate) async fn run(mut self) -> Outcome {
        let mut absorbed: Option<CommitBatch> = None;
        while absorbed.is_some() || !self.intake.stop.stopping() {
            let (next, committed) =
                tokio::join!(self.intake.next(), self.outlet.commit(absorbed.take()));
            committed?;
            absorbed = next?;
        }
        self.outlet.writer.close().await;
        self.intake.schedule.stop(&self.intake.engine).await
    }
}

impl Intake {
    /// The next tick's changes; `None` when there is nothing to do, or it is time to stop.
    async fn next(&mut self) -> Outcome<Option<CommitBatch>> {
        if self.stop.stopping() {
            return Ok(None);
        }
        tokio::time::sleep(TICK_INTERVAL_MIN.saturating_sub(self.last_tick.elapsed())).await;
        self.schedule.keep(&self.engine).await?;
        let stage = Stopwatch::start();
        let limit = FetchLimit { wait: FETCH_WAIT, ..FetchLimit::default() };
        let fetch = || self.log.fetch(Topic::Records, &self.next, limit);
        let waits = (&self.status, &self.stop);
        let Some(batch) = patience::with_log(waits, "the log cannot be read", fetch).await? else {
            return Ok(None);
        };
        self.last_tick = Stopwatch::start();
        let upper = batch.upper.clone();
        self.schedule.absorbed(batch.messages.len());
        if !batch.messages.is_empty() {
            histogram!(STAGE, "stage" => "fetch").record(stage.seconds());
        }
        let stage = Stopwatch::start();
        let absorbed = self.engine.absorb(batch, clock::now()).await?;
        if absorbed.is_some() {
            histogram!(STAGE, "stage" => "absorb").record(stage.seconds());
        }
        self.next = upper;
        self.measure_lag().await;
        Ok(absorbed)
    }

    async fn measure_lag(&mut self) {
        if self.last_lag.elapsed() < LAG_INTERVAL {
            return;
        }
        self.last_lag = Stopwatch::start();
        // The next fetch says what is the matter with a log that does not answer.
        let Ok(ends) = self.log.ends(Topic::Records).await else { return };
        // Telemetry: a float of a count of records is exact enough.
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        gauge!(LAG).set(lag(&ends, &self.next) as f64);
    }
}

/// Why a commit failed; being fenced ends the process in its own way.
pub(crate) fn not_committed(error: &StoreError) -> Failure {
    match error {
        StoreError::Fenced { .. } => Failure::fenced(error),
        _ => Failure::new(format_args!("a tick cannot be committed: {}", chain(error)), ""),
    }
}

/// How many messages lie between two positions.
pub(crate) fn lag(ends: &Offsets, reached: &Offsets) -> i64 {
    ends.0.iter().map(|(partition, end)| (end - reached.get(*partition)).max(0)).sum()
}

impl Outlet {
    async fn commit(&mut self, batch: Option<CommitBatch>) -> Outcome {
        let Some(batch) = batch else { return Ok(()) };
        let stage = Stopwatch::start();
        loop {
            match planted::commit(&mut self.writer, &batch).await {
                Ok(_) => break,
                // Safe to retry because: a commit is compare-and-append, and says so if it is there.
                Err(error @ StoreError::Lost { .. }) if self.patient && !self.stop.stopping() => {
                    tracing::warn!(tick = batch.tick, %error, "the database was lost, trying again");
                    tokio::time::sleep(LOST_PAUSE).await;
                }
                Err(error) => return Err(not_committed(&error)),
            }
        }
        histogram!(STAGE, "stage" => "commit").record(stage.seconds());
        histogram!(COMMIT).record(stage.seconds());
        record(&batch);
        self.status.committed(batch.tick, batch.upper.clone());
        self.publish_quarantined(&batch.quarantined).await
    }

    /// The store has them already: the topic is for those who watch the log. After a kill between the
    /// commit and this, the topic misses what the store holds.
    async fn publish_quarantined(&self, quarantined: &[Quarantined]) -> Outcome {
        let partitions = self.log.partitions();
        // As text, bytes that are none grow up to sixfold: published together they might be too many.
        for some in quarantined.chunks(QUARANTINED_PER_PUBLISH) {
            let messages: Vec<_> = some.iter().map(|it| message_of(it, partitions)).collect();
            let publish = || self.log.publish(Topic::Quarantine, messages.clone());
            let what = "quarantined messages cannot be published";
            patience::with_log((&self.status, &self.stop), what, publish).await?;
        }
        Ok(())
    }
}

/// A quarantined message as one of the topic of quarantine: by whom, why, and the bytes.
fn message_of(it: &Quarantined, partitions: u16) -> Message {
    let value = serde_json::json!({
        "tenant": it.tenant,
        "partition": it.partition,
        "offset": it.offset,
        "reason": it.reason.0,
        "raw": String::from_utf8_lossy(&it.raw),
    });
    Message {
        partition: it.tenant.map_or(0, |tenant| tenant.partition(partitions)),
        key: format!("{}/{}", it.partition, it.offset).into_bytes(),
        value: value.to_string().into_bytes(),
    }
}

fn record(batch: &CommitBatch) {
    let mut sum = Counts::default();
    for counts in batch.counts.values() {
        sum.add(counts);
    }
    counter!(RECEIVED).increment(sum.received);
    for (outcome, count) in [
        ("applied", sum.applied),
        ("superseded", sum.superseded),
        ("duplicate", sum.duplicate),
        ("quarantined", sum.quarantined),
    ] {
        counter!(RECORDS, "outcome" => outcome).increment(count);
    }
    counter!(ROWS).increment(u64::try_from(batch.changes.len()).unwrap_or(u64::MAX));
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    gauge!(TICK).set(batch.tick as f64);
    tracing::debug!(
        tick = batch.tick,
        records = sum.received,
        rows = batch.changes.len(),
        "committed"
    );
}
