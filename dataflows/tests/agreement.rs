//! Agreement (I8): at every tick of random histories, the maintained rows of every vital equal what its
//! SQL definition yields from scratch over the records so far.
//!
//! Histories hold refunds, duplicates, lateness, deletions and re-creations, version ties, days on which
//! the clocks change, zone moves and policy overrides (see `vitals_testkit::history`). Vitals compared:
//! `revenue_trend`, `attendance_heatmap`, `churn_risk`, `health_score`.
//!
//! `VITALS_SEEDS` is how many seeds (1,000 when unset); `VITALS_SEED` replays one of them.

#![allow(clippy::print_stdout, reason = "a test says how much it compared")]

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use vitals_engine::{Engine, EngineStart};
use vitals_model::{LogBatch, LogMessage, Offsets, TenantId, UtcMicros, VitalTables};
use vitals_query::{Definitions, Records};
use vitals_testkit::history::{History, TickInput};

const SEEDS: u64 = 1_000;
/// Tests run two at a time on the machines we have; each keeps its own planned definitions.
const THREADS: usize = 2;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a whole number"))
}

#[test]
fn every_vital_equals_its_definition_at_every_tick() {
    let replay = setting("VITALS_SEED");
    let seeds = replay.map_or(0..setting("VITALS_SEEDS").unwrap_or(SEEDS), |seed| seed..seed + 1);
    let next = AtomicU64::new(seeds.start);
    let failure: Mutex<Option<String>> = Mutex::new(None);
    let ticks = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().build();
                let runtime = runtime.expect("a runtime");
                let definitions = runtime.block_on(Definitions::new()).expect("definitions plan");
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= seeds.end || failure.lock().expect("not poisoned").is_some() {
                        return;
                    }
                    match runtime.block_on(agree(seed, &definitions)) {
                        Ok(compared) => ticks.fetch_add(compared, Ordering::SeqCst),
                        Err(why) => {
                            *failure.lock().expect("not poisoned") = Some(why);
                            return;
                        }
                    };
                }
            });
        }
    });
    let failure = failure.into_inner().expect("not poisoned");
    assert!(failure.is_none(), "{}", failure.unwrap_or_default());
    let compared = ticks.into_inner();
    assert!(compared > 0, "nothing was compared");
    println!("I8: {} seeds, {compared} tenant-ticks agree", seeds.end - seeds.start);
}

/// The batch of one tick, all in one partition.
fn batch(tick: &TickInput, lower: i64) -> LogBatch {
    let at = |offset: i64| Offsets(BTreeMap::from([(0, offset)]));
    let messages: Vec<LogMessage> = (lower..)
        .zip(&tick.messages)
        .map(|(offset, (key, value, _))| LogMessage {
            partition: 0,
            offset,
            key: key.clone(),
            value: value.clone(),
        })
        .collect();
    let upper = lower + i64::try_from(messages.len()).expect("small");
    LogBatch { lower: at(lower), upper: at(upper), messages }
}

async fn agree(seed: u64, definitions: &Definitions) -> Result<u64, String> {
    let history = History::random(seed);
    let start = history.ticks.first().map_or(UtcMicros(0), |tick| tick.now);
    let mut engine = Engine::new(EngineStart {
        offsets: Offsets::start(1),
        clock: start,
        ..EngineStart::default()
    });
    let mut tables = VitalTables::default();
    let mut records: BTreeMap<TenantId, Records> =
        history.tenants.iter().map(|tenant| (*tenant, Records::new(*tenant))).collect();
    let mut lower = 0;
    let mut compared = 0;
    for (number, tick) in history.ticks.iter().enumerate() {
        let batch = batch(tick, lower);
        lower = batch.upper.get(0);
        let commit = engine.absorb(batch, tick.now);
        tables.apply(commit.changes);
        for (_, value, _) in &tick.messages {
            for records in records.values_mut() {
                // What cannot be understood was quarantined by the engine too.
                drop(records.absorb(value));
            }
        }
        for (tenant, records) in &records {
            let sources = records.tables();
            let today = sources.today(tick.now);
            let expected = definitions.compute(&sources, *tenant, today).await;
            let expected = expected.map_err(|error| format!("VITALS_SEED={seed}: {error:?}"))?;
            let known =
                tables.revenue.keys().any(|key| key.tenant == *tenant) || !expected.is_empty();
            let maintained = of_tenant(&tables, *tenant);
            if maintained != expected {
                return Err(difference(seed, number, &maintained, &expected));
            }
            compared += u64::from(known);
        }
    }
    Ok(compared)
}

fn of_tenant(tables: &VitalTables, tenant: TenantId) -> VitalTables {
    let mut own = tables.clone();
    own.revenue.retain(|key, _| key.tenant == tenant);
    own.heatmap.retain(|key, _| key.tenant == tenant);
    own.churn.retain(|key, _| key.tenant == tenant);
    own.health.retain(|key, _| key.tenant == tenant);
    own
}

fn difference(seed: u64, tick: usize, maintained: &VitalTables, expected: &VitalTables) -> String {
    let changes = maintained.changes_to(expected);
    let mut lines = vec![format!(
        "VITALS_SEED={seed} tick {tick}: {} rows differ (old: maintained, new: defined)",
        changes.len()
    )];
    lines.extend(changes.revenue.iter().take(3).map(|it| format!("{it:#?}")));
    lines.extend(changes.heatmap.iter().take(3).map(|it| format!("{it:#?}")));
    lines.extend(changes.churn.iter().take(2).map(|it| format!("{it:#?}")));
    for it in &changes.health {
        let metrics = |row: &Option<vitals_model::vital::HealthRow>| {
            row.as_ref().map(|row| row.metrics.clone()).unwrap_or_default()
        };
        let pairs = metrics(&it.old).into_iter().zip(metrics(&it.new));
        lines.extend(pairs.filter(|(old, new)| old != new).map(|pair| format!("{pair:#?}")));
        lines.push(format!(
            "{:?} {:?}",
            it.old.as_ref().map(|row| (row.overall, row.categories)),
            it.new.as_ref().map(|row| (row.overall, row.categories))
        ));
    }
    lines.join("\n")
}
