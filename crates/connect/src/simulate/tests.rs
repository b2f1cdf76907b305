//! What a simulation promises: the same bytes for the same seed, in order, valid, and lively.

use std::collections::{BTreeMap, BTreeSet};

use vitals_model::kinds::{Body, Kind};
use vitals_model::record::RecordView;

use super::*;

fn config(seed: u64) -> SimulationConfig {
    let ends_at = UtcMicros::parse("2026-03-31T12:00:00Z").expect("an instant");
    SimulationConfig { seed, tenants: 3, customers: 40, days: 120, ends_at }
}

fn bytes(simulation: Simulation) -> Vec<Vec<u8>> {
    simulation.map(|(_, record)| record.to_json()).collect()
}

#[test]
fn a_seed_is_the_same_bytes() {
    let once = bytes(Simulation::new(config(1)));
    assert!(once.len() > 10_000, "{}", once.len());
    assert_eq!(once, bytes(Simulation::new(config(1))));
    assert_ne!(once, bytes(Simulation::new(config(2))));
}

#[test]
fn records_arrive_in_order_and_are_all_accepted() {
    let simulation = Simulation::new(config(3));
    let mut first = BTreeMap::new();
    let mut last = UtcMicros(i64::MIN);
    for (at, record) in simulation {
        assert!(at >= last, "{at} after {last}");
        assert!(at <= config(3).ends_at && record.received_at <= at);
        last = at;
        first.entry(record.tenant).or_insert(record.kind);
        let bytes = record.to_json();
        if let Err(reason) = RecordView::parse(&bytes) {
            panic!("{reason}: {}", String::from_utf8_lossy(&bytes));
        }
    }
    assert!(first.values().all(|kind| *kind == Kind::Organization), "{first:?}");
    let slugs =
        Simulation::new(config(3)).tenants().iter().map(|it| it.slug.clone()).collect::<Vec<_>>();
    assert_eq!(slugs, ["springfield-gym", "cairo-yoga", "lisbon-surf-shop"]);
    assert_eq!(first.len(), 3);
}

#[test]
fn every_kind_but_credits_and_every_trouble_occurs() {
    let mut kinds = BTreeSet::new();
    let mut newest: BTreeMap<Vec<u8>, (i64, Vec<u8>)> = BTreeMap::new();
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    let mut orders = BTreeSet::new();
    for (at, record) in Simulation::new(config(4)) {
        kinds.insert(record.kind);
        let (key, value) = (record.log_key(), record.to_json());
        let mut note = |what| *seen.entry(what).or_default() += 1;
        if at.0 - record.version > 24 * HOUR_US && record.version > 1 {
            note("a day late");
        }
        match newest.get(&key) {
            Some((version, _)) if record.version < *version => note("out of order"),
            Some((version, same)) if record.version == *version && *same == value => {
                note("duplicate");
            }
            Some(_) if record.body.is_none() => note("deletion"),
            Some(_) => note("correction"),
            None => {}
        }
        let view = RecordView::parse(&value).expect("accepted");
        match view.body {
            Some(Body::Order(_)) => {
                orders.insert(record.id.clone());
            }
            Some(Body::Refund(refund)) => {
                let order = refund.order_id.expect("of an order");
                if !orders.contains(order.as_str()) {
                    note("refund before its order");
                }
            }
            _ => {}
        }
        newest.insert(key, (record.version, value));
    }
    let missing: Vec<_> = Kind::ALL.iter().filter(|kind| !kinds.contains(kind)).collect();
    assert_eq!(missing, [&Kind::Credit]);
    for what in ["a day late", "out of order", "duplicate", "deletion", "correction"] {
        assert!(seen.get(what).is_some_and(|count| *count > 5), "{what}: {seen:?}");
    }
}

#[test]
fn weeks_have_a_rhythm() {
    let mut by_weekday = [0u32; 7];
    let gym = Simulation::new(config(5)).tenants()[0].clone();
    let zone = Zone::named(gym.time_zone).expect("a zone");
    for (_, record) in Simulation::new(config(5)).filter(|(_, it)| it.tenant == gym.id) {
        let bytes = record.to_json();
        if let Some(Body::Visit(visit)) = RecordView::parse(&bytes).expect("accepted").body {
            let weekday = zone.date(visit.visited_at).iso_weekday();
            by_weekday[usize::from(weekday - 1)] += 1;
        }
    }
    assert!(by_weekday[1] > by_weekday[6], "Tuesdays are busier than Sundays: {by_weekday:?}");
}

#[test]
fn the_live_stream_is_of_now_and_never_ends() {
    let from = UtcMicros::parse("2026-03-31T12:00:00Z").expect("an instant");
    let (mut a, mut b) = (live(config(6), from), live(config(6), from));
    let mut kinds = BTreeSet::new();
    for second in 0..2_000 {
        let now = UtcMicros(from.0 + second * 1_000_000);
        let record = a.next_at(now).expect("a record");
        assert!(record.received_at <= now);
        kinds.insert(record.kind);
        let bytes = record.to_json();
        assert!(RecordView::parse(&bytes).is_ok(), "{}", String::from_utf8_lossy(&bytes));
        assert_eq!(bytes, b.next_at(now).expect("a record").to_json());
    }
    assert!(kinds.contains(&Kind::Order) && kinds.contains(&Kind::Visit), "{kinds:?}");
    let nobody = SimulationConfig { tenants: 0, ..config(6) };
    assert!(live(nobody, from).next_at(from).is_none());
}

#[test]
fn the_opening_is_taken_at_once_and_is_all_that_was_waiting() {
    let from = UtcMicros::parse("2026-03-31T12:00:00Z").expect("an instant");
    let (mut whole, mut parted) = (live(config(6), from), live(config(6), from));
    let opening: Vec<_> = parted.opening().collect();
    assert!(opening.len() > 3 && opening.iter().any(|it| it.kind == Kind::Organization));
    for record in &opening {
        assert_eq!(record.to_json(), whole.next_at(from).expect("a record").to_json());
    }
    assert_eq!(parted.opening().count(), 0);
    let next = parted.next_at(from).expect("a record");
    assert_eq!(next.to_json(), whole.next_at(from).expect("a record").to_json());
    assert!(next.kind != Kind::Organization, "what follows happens: {:?}", next.kind);
}
