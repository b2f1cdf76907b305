//! A commit stores exactly what it was given, once, and only what continues the last one.

use std::collections::BTreeMap;

use vitals_model::batch::{Cause, Counts};
use vitals_model::tenant::TenantScope;
use vitals_model::{Date, Digest, VitalChanges, VitalTables};
use vitals_store::Error;

use crate::sample::{NOON, Seed, batch, next_tables, quarantined, tenant};
use crate::server::{Database, LOG, PARTITIONS};

#[tokio::test]
async fn every_kind_of_row_comes_back_as_it_was_committed() {
    for start in 1..=5 {
        println!("VITALS_SEED={start}");
        let mut seed = Seed(start);
        let database = Database::new().await;
        let mut writer = database.writer().await;
        let mut tables = VitalTables::default();
        for _ in 0..8 {
            let next = next_tables(&mut seed, &tables, 40);
            let changes = tables.changes_to(&next);
            let rows = changes.len() as u64;
            let given = batch(writer.position(), changes);
            let committed = writer.commit(&given).await.unwrap();
            assert_eq!((committed.tick, committed.rows), (given.tick, rows));
            tables = next;
            assert_eq!(database.store.vitals(None).await.unwrap(), tables, "seed {start}");
        }
        let only = [tenant(1)];
        let one = database.store.vitals(Some(&only)).await.unwrap();
        assert!(one.revenue.keys().all(|key| key.tenant == tenant(1)) && !one.is_empty());
    }
}

#[tokio::test]
async fn the_same_batch_again_changes_nothing() {
    let database = Database::new().await;
    let mut writer = database.writer().await;
    let tables = next_tables(&mut Seed(7), &VitalTables::default(), 5);
    let given = batch(writer.position(), VitalTables::default().changes_to(&tables));
    let first = writer.commit(&given).await.unwrap();
    assert_eq!(writer.commit(&given).await.unwrap(), first);
    assert_eq!(writer.position().tick, 1);
    let counts = database.store.counts().await.unwrap();
    assert_eq!(counts[&Some(tenant(0))].received, 1);
}

#[tokio::test]
async fn a_batch_that_does_not_continue_the_last_one_is_refused() {
    let database = Database::new().await;
    let mut writer = database.writer().await;
    let good = batch(writer.position(), VitalChanges::default());
    let mut skips = good.clone();
    skips.tick += 1;
    let mut elsewhere = good.clone();
    elsewhere.lower.0.insert(1, 17);
    for bad in [skips, elsewhere] {
        let refused = writer.commit(&bad).await;
        assert!(matches!(refused, Err(Error::NotNext { stored: 0, .. })), "{refused:?}");
    }
    writer.commit(&good).await.unwrap();
}

#[tokio::test]
async fn a_restart_finds_the_position_and_the_definitions() {
    let database = Database::new().await;
    let mut writer = database.writer().await;
    let mut hashes = BTreeMap::from([("revenue_trend".to_owned(), "a".to_owned())]);
    writer.record(&hashes, Digest::default()).await.unwrap();
    assert_eq!(writer.position().digest, Some(Digest::default()));
    let mut given = batch(writer.position(), VitalChanges::default());
    given.digest = Digest::parse("0123456789abcdef0123456789abcdef").unwrap();
    given.cause = Cause::Definition(vec!["revenue_trend".into()]);
    hashes.insert("revenue_trend".into(), "b".into());
    writer.commit_restatement(&given, &hashes).await.unwrap();
    let position = writer.position().clone();
    writer.close().await;

    let again = database.writer().await;
    assert_eq!(again.position().epoch, position.epoch + 1);
    assert_eq!((again.position().tick, &again.position().offsets), (1, &given.upper));
    assert_eq!((again.position().clock, &again.position().definitions), (NOON, &hashes));
    assert_eq!(again.position().digest, Some(given.digest));
    let todays = database.store.todays().await.unwrap();
    assert_eq!(todays, BTreeMap::from([(tenant(0), Date::parse("2026-03-18").unwrap())]));
}

#[tokio::test]
async fn another_log_or_another_number_of_partitions_is_refused_in_plain_words() {
    let database = Database::new().await;
    database.writer().await;
    let other = database.store.take_over(0, "another-log", PARTITIONS).await.unwrap_err();
    assert!(other.to_string().contains("'log-of-the-test', not 'another-log'"), "{other}");
    let more = database.store.take_over(0, LOG, PARTITIONS + 1).await.unwrap_err();
    assert!(more.to_string().contains("4 partitions, and it now has 5"), "{more}");
    // And neither took the shard over.
    assert_eq!(database.writer().await.position().epoch, 2);
}

#[tokio::test]
async fn counts_add_up_and_quarantine_keeps_what_nobody_understood() {
    let database = Database::new().await;
    let mut writer = database.writer().await;
    for offset in 0..3 {
        let mut given = batch(writer.position(), VitalChanges::default());
        let bad = Counts { received: 2, duplicate: 1, quarantined: 1, ..Counts::default() };
        given.counts = BTreeMap::from([(None, bad), (Some(tenant(0)), bad)]);
        given.quarantined =
            vec![quarantined(Some(tenant(0)), offset), quarantined(None, 100 + offset)];
        writer.commit(&given).await.unwrap();
    }
    let counts = database.store.counts().await.unwrap();
    for owner in [None, Some(tenant(0))] {
        let Counts { received, duplicate, quarantined, .. } = counts[&owner];
        assert_eq!((received, duplicate, quarantined), (6, 3, 3), "{owner:?}");
    }
    let scope = TenantScope::of_operator(tenant(0));
    let found = database.store.quarantine(&scope, 2).await.unwrap();
    let offsets: Vec<i64> = found.iter().map(|it| it.offset).collect();
    assert_eq!((offsets, found[0].raw.as_slice()), (vec![2, 1], &b"\0not json"[..]));
    assert_eq!(database.store.quarantine_without_tenant(10).await.unwrap().len(), 3);
    let other = TenantScope::of_operator(tenant(1));
    assert!(database.store.quarantine(&other, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_the_database_refuses_is_reported_and_leaves_nothing() {
    let database = Database::new().await;
    let mut writer = database.writer().await;
    let tables = next_tables(&mut Seed(3), &VitalTables::default(), 3);
    let good = batch(writer.position(), VitalTables::default().changes_to(&tables));
    let mut bad = good.clone();
    bad.changes.churn[0].new.as_mut().unwrap().raw = 1_000_000_000;
    let refused = writer.commit(&bad).await;
    assert!(matches!(refused, Err(Error::Commit { tick: 1, .. })), "{refused:?}");
    assert!(database.store.vitals(None).await.unwrap().is_empty());
    // The writer is still the writer.
    writer.commit(&good).await.unwrap();
    assert_eq!(database.store.vitals(None).await.unwrap(), tables);
}
