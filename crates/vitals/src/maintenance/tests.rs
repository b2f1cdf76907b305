//! A log that was compacted is rebuilt to the same rows, at every offset that may have been committed.

use vitals_engine::Hydration;
use vitals_log::{EmbeddedLog, Message};
use vitals_model::{Offsets, TenantId, UtcMicros, VitalTables};
use vitals_testkit::history::History;

use super::*;
use crate::replay::Replay;

const PARTITIONS: u16 = 2;

fn partition(tenant: TenantId) -> u16 {
    tenant.partition(PARTITIONS)
}

/// The rows that a start would rebuild from the log up to `until`.
async fn rebuilt(log: &SharedLog, until: &Offsets, clock: UtcMicros) -> VitalTables {
    let mut hydration = Hydration::new(PARTITIONS, clock);
    let mut rows = VitalTables::default();
    let mut replay = Replay::open(log.as_ref(), until).await.expect("a log");
    while let Some(batch) = replay.next().await.expect("a batch") {
        rows.apply(hydration.absorb(batch));
    }
    rows.apply(hydration.finish(1, &std::collections::BTreeMap::new()).1);
    rows
}

/// A log of a random history, which holds late versions, duplicates and what cannot be understood, and the
/// offsets after each of its ticks.
async fn log_of(history: &History, dir: &std::path::Path) -> (SharedLog, Vec<Offsets>) {
    let log: SharedLog = std::sync::Arc::new(EmbeddedLog::open(dir, PARTITIONS).expect("a log"));
    let mut ends = Vec::new();
    for tick in &history.ticks {
        let messages = tick.messages.iter().map(|(key, value, tenant)| Message {
            partition: partition(*tenant),
            key: key.clone(),
            value: value.clone(),
        });
        log.publish(Topic::Records, messages.collect()).await.expect("published");
        ends.push(log.ends(Topic::Records).await.expect("the ends"));
    }
    (log, ends)
}

/// Compacts at each committed position in turn, and rebuilds there and at the end.
async fn removed_from(seed: u64) -> u64 {
    let dir = tempfile::tempdir().expect("a directory");
    let history = History::random(seed);
    let (log, ends) = log_of(&history, dir.path()).await;
    let end = ends.last().expect("a tick").clone();
    let clock = history.ticks.last().expect("a tick").now;
    let at_the_end = rebuilt(&log, &end, clock).await;
    let mut removed = 0;
    for committed in &ends {
        let stored = rebuilt(&log, committed, clock).await;
        let done = log.compact(Topic::Records, committed, version_of).await.expect("compacted");
        removed += done.expect("an embedded log").removed;
        let again = rebuilt(&log, committed, clock).await;
        assert_eq!(again, stored, "seed {seed}: I10 at {committed:?}");
        assert_eq!(rebuilt(&log, &end, clock).await, at_the_end, "seed {seed}: at the end");
    }
    removed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compacted_log_is_rebuilt_to_what_was_committed() {
    let mut removed = 0;
    for seed in 0..12 {
        removed += removed_from(seed).await;
    }
    assert!(removed > 100, "only {removed} messages were removed: this shows nothing");
}

#[test]
fn the_log_is_read_again_only_when_it_has_grown() {
    let never = Compaction::default();
    assert!(!never.is_due(0) && never.is_due(1));
    let last = Compaction { written: 1_000, kept: 600 };
    assert!(!last.is_due(1_300) && last.is_due(1_301));
}
