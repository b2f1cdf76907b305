//! The start of an engine: rebuild its state from the log, and compare it with what the store holds.
//!
//! Promises that an engine goes on only from a store that says what the log says (I10). Equal: it goes on.
//! Different although no definition changed: it refuses and prints the difference, unless `--repair` is
//! given, which commits what the log says as one tick. A vital whose definition changed is restated as
//! one tick of that cause. Nothing is repaired silently.

use std::collections::{BTreeMap, BTreeSet};

use vitals_log::SharedLog;
use vitals_model::batch::Cause;
use vitals_model::{CommitBatch, Date, LogBatch, TenantId, VitalChanges, VitalTables};
use vitals_store::{Position, Snapshot, Store};

use crate::clock;
use crate::differences;
use crate::engine_thread::{EngineThread, HydratingThread};
use crate::failure::{Failure, OrFail, Outcome};
use crate::pipeline::{Pipeline, not_committed};
use crate::replay::Replay;
use crate::status::Status;
use crate::supervisor::Stop;

/// The one shard there is: a process maintains all partitions.
pub(crate) const SHARD: i32 = 0;

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
}

/// Starts an engine and runs it until it is told to stop.
pub(crate) async fn run(start: Start, stop: Stop) -> Outcome {
    match begin(&start, &stop).await? {
        Some(pipeline) => pipeline.run().await,
        None => Ok(()),
    }
}

async fn begin(start: &Start, stop: &Stop) -> Outcome<Option<Pipeline>> {
    let Start { log, store, status, repair, .. } = start;
    let mut writer = store
        .take_over(SHARD, &log.identity(), log.partitions())
        .await
        .or_fail("the engine cannot take over", "")?;
    let position = writer.position().clone();
    let Snapshot { todays, vitals: stored, .. } =
        store.snapshot(SHARD, None).await.or_fail("the vitals cannot be read", "")?;
    let Some((engine, rebuilt)) = hydrate(log, (&position, todays), stop).await? else {
        return Ok(None);
    };
    let definitions = vitals_query::definition_hashes();
    if position.tick == 0 {
        // The first start: there are no rows yet that another definition could have made.
        let recorded = writer.record_definitions(&definitions).await;
        recorded.map_err(|error| not_committed(&error))?;
    }
    let changed = changed_definitions(writer.position(), &definitions);
    let cause = audit(&stored.changes_to(&rebuilt), &changed, *repair)?;
    let (mut tick, mut offsets) = (position.tick, position.offsets.clone());
    if let Some(cause) = cause {
        let batch = restate(&engine, &position, (&stored, rebuilt), cause).await?;
        let committed = writer.commit_restatement(&batch, &definitions).await;
        committed.map_err(|error| not_committed(&error))?;
        tracing::info!(
            tick = batch.tick,
            rows = batch.changes.len(),
            cause = batch.cause.as_str(),
            "restated"
        );
        (tick, offsets) = (batch.tick, batch.upper);
    }
    tracing::info!(tick, "the engine is rebuilt and equals the store");
    status.committed(tick, offsets.clone());
    Ok(Some(Pipeline::new(start, (engine, writer), offsets, stop)))
}

/// Rebuilds the engine from the log; `None` when it is time to stop.
async fn hydrate(
    log: &SharedLog,
    (position, todays): (&Position, BTreeMap<TenantId, Date>),
    stop: &Stop,
) -> Outcome<Option<(EngineThread, VitalTables)>> {
    let thread = HydratingThread::start(log.partitions(), position.clock)?;
    let mut replay = Replay::open(log.as_ref(), &position.offsets).await?;
    while let Some(batch) = replay.next().await? {
        if stop.stopping() {
            return Ok(None);
        }
        thread.feed(batch).await?;
    }
    thread.finish(position.tick, todays).await.map(Some)
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
