//! The fold against itself and against the engine: tick by tick it has the rows that it finds when it is given
//! everything at once, and the engine, made of other parts, changes the same rows.

use vitals_engine::{Engine, EngineStart};
use vitals_model::vital::Change;
use vitals_model::{LogBatch, LogMessage, Offsets, UtcMicros, VitalChanges, VitalTables};
use vitals_testkit::history::History;

use super::Fold;

fn message(offset: usize, (key, value, tenant): &vitals_testkit::history::Message) -> LogMessage {
    let offset = i64::try_from(offset).expect("a short history");
    LogMessage { partition: tenant.partition(4), offset, key: key.clone(), value: value.clone() }
}

fn at_once(messages: &[LogMessage], now: UtcMicros) -> VitalTables {
    let mut tables = VitalTables::default();
    tables.apply(Fold::default().absorb(messages, now));
    tables
}

/// Every change says what the row was.
fn check_old(tables: &VitalTables, changes: &VitalChanges, context: &str) {
    for it in &changes.revenue {
        assert_eq!(tables.revenue.get(&it.key), it.old.as_ref(), "{context}");
    }
    for it in &changes.heatmap {
        assert_eq!(tables.heatmap.get(&it.key), it.old.as_ref(), "{context}");
    }
    for it in &changes.churn {
        assert_eq!(tables.churn.get(&it.key), it.old.as_ref(), "{context}");
    }
    for it in &changes.health {
        assert_eq!(tables.health.get(&it.key), it.old.as_ref(), "{context}");
    }
}

#[test]
fn every_tick_has_the_rows_of_everything_so_far_at_once() {
    for seed in 0..150 {
        let history = History::random(seed);
        let (mut fold, mut tables, mut messages) =
            (Fold::default(), VitalTables::default(), Vec::new());
        for (tick, input) in history.ticks.iter().enumerate() {
            let from = messages.len();
            messages.extend(input.messages.iter().enumerate().map(|(i, it)| message(from + i, it)));
            let changes = fold.absorb(&messages[from..], input.now);
            let context = format!("VITALS_SEED={seed} tick {tick}");
            check_old(&tables, &changes, &context);
            tables.apply(changes);
            let differs = tables.changes_to(&at_once(&messages, input.now));
            assert!(differs.is_empty(), "{context}: {differs:#?}");
        }
        assert!(!tables.is_empty(), "VITALS_SEED={seed}: a history without a row tests nothing");
    }
}

/// Equal, or the first rows that are not.
fn check_equal<K, R>(context: &str, fold: &[Change<K, R>], engine: &[Change<K, R>])
where
    Change<K, R>: PartialEq + std::fmt::Debug,
{
    let differs = fold.iter().zip(engine).find(|(fold, engine)| fold != engine);
    assert!(differs.is_none(), "{context}, fold and engine: {differs:#?}");
    let further = fold.get(engine.len()..).or(engine.get(fold.len()..)).unwrap_or_default();
    assert!(further.is_empty(), "{context}, only one of them: {:#?}", further.first());
}

#[test]
fn the_engine_changes_the_same_rows() {
    for seed in 0..150 {
        let history = History::random(seed);
        let mut offsets = Offsets::start(4);
        let start = EngineStart { offsets: offsets.clone(), ..EngineStart::default() };
        let (mut engine, mut fold) = (Engine::new(start), Fold::default());
        for (tick, input) in history.ticks.iter().enumerate() {
            let lower = offsets.clone();
            let messages: Vec<_> = input.messages.iter().map(|it| message(0, it)).collect();
            for message in &messages {
                *offsets.0.entry(message.partition).or_default() += 1;
            }
            let changes = fold.absorb(&messages, input.now);
            let batch = LogBatch { lower, upper: offsets.clone(), messages };
            let expected = engine.absorb(batch, input.now).changes;
            let context = format!("VITALS_SEED={seed} tick {tick}");
            check_equal(&context, &changes.revenue, &expected.revenue);
            check_equal(&context, &changes.heatmap, &expected.heatmap);
            check_equal(&context, &changes.churn, &expected.churn);
            check_equal(&context, &changes.health, &expected.health);
        }
    }
}
