//! The start of an engine: rebuild its state, and compare it with what the store holds.
//!
//! From a checkpoint and what the log has since, when there is one: then the digest of its rows is compared with
//! the committed one and with that of the stored rows, which, where there are many, are read while the engine goes
//! on. Else from the whole log, and row by row.
//! Promises that an engine goes on only from a store that says what the log says (I10). Equal: it goes on.
//! Different although no definition changed: it refuses and prints the difference, unless `--repair` is
//! given, which commits what the log says as one tick. A vital whose definition changed is restated as
//! one tick of that cause. Nothing is repaired silently.

use std::collections::{BTreeMap, BTreeSet};

use vitals_log::SharedLog;
use vitals_model::batch::Cause;
use vitals_model::{CommitBatch, Date, Digest, LogBatch, TenantId, VitalChanges, VitalTables};
use vitals_store::{Position, Snapshot, Store};

use crate::checkpoints::Found;
use crate::clock::{self, Stopwatch};
use crate::differences;
use crate::engine_thread::{EngineThread, HydratingThread, Rebuilt};
use crate::failure::{Failure, OrFail, Outcome};
use crate::pipeline::checkpointing::Checkpointing;
use crate::pipeline::{Pipeline, not_committed};
use crate::replay::Replay;
use crate::status::Status;
use crate::supervisor::Stop;

/// The one shard there is: a process maintains all partitions.
pub(crate) const SHARD: i32 = 0;

/// Up to so large a checkpoint the stored rows are read before the engine goes on: that takes a second or two.
const AUDIT_FIRST_BYTES_MAX: u64 = 64 << 20;

/// What an engine needs to start.
#[derive(Debug)]
pub(crate) struct Start {
    /// The log it reads.
    pub(crate) log: SharedLog,
    /// The store it writes.
    pub(crate) store: Store,
    /// Where it says how far it is.
    pub(crate) status: Status,
    /// Whether to wait for a database that went away.
    pub(crate) patient: bool,
    /// Whether it may bring the store back to what the log says.
    pub(crate) repair: bool,
    /// Where its checkpoints are, and after how many messages one is written.
    pub(crate) checkpoints: Checkpointing,
}

/// Starts an engine and runs it until it is told to stop.
pub(crate) async fn run(start: Start, stop: Stop) -> Outcome {
    let Some(begun) = begin(&start, &stop).await? else { return Ok(()) };
    let audit = async {
        if begun.audit_due && !holds_what_was_committed(&start).await? {
            start.checkpoints.files.forget();
            return Err(not_as_committed());
        }
        std::future::pending().await
    };
    tokio::select! {
        done = begun.pipeline.run() => done,
        failed = audit => failed,
    }
}

/// An engine at work.
struct Begun {
    pipeline: Pipeline,
    /// Whether the stored rows are still to be compared with what was committed.
    audit_due: bool,
}

/// A rebuilt engine, and how many messages of the log it has beyond its checkpoint.
type Standing = (EngineThread, Rebuilt, u64);

async fn begin(start: &Start, stop: &Stop) -> Outcome<Option<Begun>> {
    let Start { log, store, status, repair, checkpoints, .. } = start;
    let took = Stopwatch::start();
    let mut writer = store
        .take_over(SHARD, &log.identity(), log.partitions())
        .await
        .or_fail("the engine cannot take over", "")?;
    let position = writer.position().clone();
    let definitions = vitals_query::definition_hashes();
    let changed = changed_definitions(&position, &definitions);
    if position.tick > 0 && changed.is_empty() && !repair {
        let found = checkpoints.files.newest(&position);
        let audit_due = found.as_ref().is_some_and(|it| it.bytes > AUDIT_FIRST_BYTES_MAX);
        if let Some(found) = found
            && let Some((engine, _, since)) = restore(start, (&position, found), stop).await?
            && (audit_due || holds_what_was_committed(start).await?)
        {
            let (tick, seconds) = (position.tick, took.seconds());
            tracing::info!(tick, since, seconds, "the engine is restored from its checkpoint");
            status.committed(position.tick, position.offsets.clone());
            let pipeline = Pipeline::new(start, (engine, writer), (position.offsets, since), stop);
            return Ok(Some(Begun { pipeline, audit_due }));
        }
    }
    let Snapshot { todays, vitals: stored, .. } =
        store.snapshot(SHARD, None).await.or_fail("the vitals cannot be read", "")?;
    let thread = HydratingThread::start(log.partitions(), position.clock)?;
    let replay = Replay::open(log.as_ref(), &position.offsets).await?;
    let Some((engine, rebuilt, since)) = hydrate(thread, replay, (&position, todays), stop).await?
    else {
        return Ok(None);
    };
    // At the first start there are no rows yet that another definition could have made.
    let changed = if position.tick == 0 { BTreeSet::new() } else { changed };
    let cause = audit(&stored.changes_to(&rebuilt.rows), &changed, *repair)?;
    let (mut tick, mut offsets) = (position.tick, position.offsets.clone());
    if let Some(cause) = cause {
        let batch = restate(&engine, &position, (&stored, rebuilt.rows), cause).await?;
        let committed = writer.commit_restatement(&batch, &definitions).await;
        committed.map_err(|error| not_committed(&error))?;
        tracing::info!(
            tick = batch.tick,
            rows = batch.changes.len(),
            cause = batch.cause.as_str(),
            "restated"
        );
        (tick, offsets) = (batch.tick, batch.upper);
    } else {
        let recorded = writer.record(&definitions, rebuilt.digest).await;
        recorded.map_err(|error| not_committed(&error))?;
    }
    let seconds = took.seconds();
    tracing::info!(tick, since, seconds, "the engine is rebuilt and equals the store");
    status.committed(tick, offsets.clone());
    let pipeline = Pipeline::new(start, (engine, writer), (offsets, since), stop);
    Ok(Some(Begun { pipeline, audit_due: false }))
}

/// Restores the engine; `None` when the checkpoint is no good, or it is time to stop.
async fn restore(
    start: &Start,
    (position, found): (&Position, Found),
    stop: &Stop,
) -> Outcome<Option<Standing>> {
    let Start { log, store, checkpoints, .. } = start;
    let lower = found.offsets.clone();
    let thread = match HydratingThread::restore(found, position.clock).await? {
        Ok(thread) => thread,
        Err(error) => {
            tracing::warn!(%error, "the engine is rebuilt from the log");
            checkpoints.files.forget();
            return Ok(None);
        }
    };
    let todays = store.todays().await.or_fail("the vitals cannot be read", "")?;
    let replay = Replay::after(log.as_ref(), lower, &position.offsets).await?;
    let standing = hydrate(thread, replay, (position, todays), stop).await?;
    if let Some((_, rebuilt, _)) = &standing
        && Some(rebuilt.digest) != position.digest
    {
        let (found, committed) = (rebuilt.digest, position.digest);
        tracing::warn!(
            %found,
            committed = committed.map(tracing::field::display),
            "the checkpoint does not come to what was committed: the engine is rebuilt from the log"
        );
        checkpoints.files.forget();
        return Ok(None);
    }
    Ok(standing)
}

/// Feeds the engine what it lacks; `None` when it is time to stop.
async fn hydrate(
    thread: HydratingThread,
    mut replay: Replay<'_>,
    (position, todays): (&Position, BTreeMap<TenantId, Date>),
    stop: &Stop,
) -> Outcome<Option<Standing>> {
    let mut since = 0;
    while let Some(batch) = replay.next().await? {
        if stop.stopping() {
            return Ok(None);
        }
        since += batch.messages.len() as u64;
        thread.feed(batch).await?;
    }
    let (engine, rebuilt) = thread.finish(position.tick, todays).await?;
    Ok(Some((engine, rebuilt, since)))
}

/// Whether the digest of every stored row is the committed one.
async fn holds_what_was_committed(start: &Start) -> Outcome<bool> {
    let took = Stopwatch::start();
    let read = start.store.snapshot(SHARD, None).await;
    let Snapshot { position, vitals, .. } = read.or_fail("the vitals cannot be read", "")?;
    let stored = tokio::task::block_in_place(|| Digest::of(&vitals));
    let equal = position.digest == Some(stored);
    tracing::info!(
        tick = position.tick,
        equal,
        seconds = took.seconds(),
        "the stored rows were audited"
    );
    Ok(equal)
}

fn not_as_committed() -> Failure {
    Failure::new(
        "I10: the rows of the vitals are not those that were committed",
        "start again: the engine is then rebuilt from the log, and says which rows differ",
    )
}

/// The vitals whose definition is another than the one the store's rows were made by.
fn changed_definitions(
    position: &Position,
    definitions: &BTreeMap<String, String>,
) -> BTreeSet<String> {
    definitions
        .iter()
        .filter(|(vital, hash)| position.definitions.get(*vital) != Some(hash))
        .map(|(vital, _)| vital.clone())
        .collect()
}

/// Whether, and why, rows must be restated before the engine may go on.
fn audit(
    differences: &VitalChanges,
    changed: &BTreeSet<String>,
    repair: bool,
) -> Outcome<Option<Cause>> {
    let by_vital = differences::count(differences);
    let unexplained: Vec<String> = by_vital
        .iter()
        .filter(|(vital, count)| **count > 0 && !changed.contains(**vital))
        .map(|(vital, count)| format!("{count} of {vital}"))
        .collect();
    if unexplained.is_empty() {
        let cause = Cause::Definition(changed.iter().cloned().collect());
        return Ok((!changed.is_empty()).then_some(cause));
    }
    for line in differences::show(differences, differences::SHOWN_MAX) {
        tracing::error!("{line}");
    }
    if repair {
        return Ok(Some(Cause::Repair));
    }
    Err(Failure::new(
        format_args!(
            "I10: the store differs from the log in {} rows, although no definition changed",
            unexplained.join(", ")
        ),
        "the lines above show the first of them; 'vitals up --repair' makes the store say what the log \
         says, as one tick of cause 'repair'",
    ))
}

/// The tick that makes the store say what the log says.
///
/// The engine gives the tick itself, from an empty batch: so its clock and its midnights are in it, and
/// the next tick follows on.
async fn restate(
    engine: &EngineThread,
    position: &Position,
    (stored, mut target): (&VitalTables, VitalTables),
    cause: Cause,
) -> Outcome<CommitBatch> {
    let at = &position.offsets;
    let empty = LogBatch { lower: at.clone(), upper: at.clone(), messages: Vec::new() };
    let mut batch = engine.absorb_anyway(empty, clock::now()).await?;
    target.apply(std::mem::take(&mut batch.changes));
    batch.changes = stored.changes_to(&target);
    batch.cause = cause;
    Ok(batch)
}
