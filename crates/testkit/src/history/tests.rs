//! What the agreement test relies on: histories are valid, repeatable, and hold what they promise.

use std::collections::{BTreeMap, BTreeSet};

use vitals_model::record::RecordView;

use super::*;

const SEEDS: u64 = 60;

#[test]
fn a_seed_is_one_history() {
    for seed in [0, 1, 7, u64::MAX] {
        let (a, b) = (History::random(seed), History::random(seed));
        assert!(a.messages().eq(b.messages()), "seed {seed}");
        assert!(a.ticks.iter().map(|t| t.now).eq(b.ticks.iter().map(|t| t.now)), "seed {seed}");
    }
    let (a, b) = (History::random(1), History::random(2));
    assert!(!a.messages().eq(b.messages()));
}

/// Only what is broken on purpose is refused, and its key says so.
#[test]
fn every_record_parses_and_every_broken_one_does_not() {
    for seed in 0..SEEDS {
        for (key, value, tenant) in History::random(seed).messages() {
            let text = String::from_utf8_lossy(value);
            let broken = String::from_utf8_lossy(key).contains("/broken/");
            match RecordView::parse(value) {
                Ok(record) => {
                    assert!(!broken, "seed {seed}: {text}");
                    assert_eq!(record.tenant, *tenant, "seed {seed}");
                    assert_eq!(record.to_record().log_key(), *key, "seed {seed}");
                }
                Err(reason) => assert!(broken, "seed {seed}: {} {text}", reason.0),
            }
        }
    }
}

#[test]
fn time_never_goes_back_and_sizes_are_as_promised() {
    for seed in 0..SEEDS {
        let history = History::random(seed);
        assert!((4..=12).contains(&history.ticks.len()), "seed {seed}");
        assert!((1..=2).contains(&history.tenants.len()), "seed {seed}");
        assert!(history.ticks.is_sorted_by_key(|tick| tick.now), "seed {seed}");
        assert!(history.messages().count() <= 600, "seed {seed}");
    }
}

/// Over a few dozen seeds everything happens that breaks pipelines.
#[test]
fn all_that_breaks_pipelines_occurs() {
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    let mut kinds = BTreeSet::new();
    for seed in 0..SEEDS {
        let mut newest: BTreeMap<Vec<u8>, (i64, bool, Vec<u8>)> = BTreeMap::new();
        for (key, value, _) in History::random(seed).messages() {
            let Ok(record) = RecordView::parse(value) else {
                *seen.entry("broken").or_default() += 1;
                continue;
            };
            kinds.insert(record.kind);
            let deleted = record.body.is_none();
            let Some((version, was_deleted, body)) = newest.get(key) else {
                newest.insert(key.clone(), (record.version, deleted, value.clone()));
                continue;
            };
            let what = match record.version.cmp(version) {
                std::cmp::Ordering::Less => "out of order",
                std::cmp::Ordering::Equal if body == value => "duplicate",
                std::cmp::Ordering::Equal => "tie",
                std::cmp::Ordering::Greater if deleted => "deletion",
                std::cmp::Ordering::Greater if *was_deleted => "re-creation",
                std::cmp::Ordering::Greater => "update",
            };
            *seen.entry(what).or_default() += 1;
            if record.version >= *version {
                newest.insert(key.clone(), (record.version, deleted, value.clone()));
            }
        }
    }
    assert_eq!(kinds.len(), Kind::ALL.len(), "{kinds:?}");
    for what in ["broken", "duplicate", "tie", "out of order", "deletion", "re-creation", "update"]
    {
        assert!(seen.get(what).is_some_and(|count| *count >= 20), "{what}: {seen:?}");
    }
}
