//! The lake's manifest changes as a whole, and only when what a change builds on is there.

use vitals_model::lake::{LEVEL_BASE, LEVEL_FRESH, Manifest, ManifestChange, Segment};
use vitals_model::{Date, Offsets};
use vitals_store::Error;

use crate::sample::tenant;
use crate::server::{Database, LOG};

const LAKE: uuid::Uuid = uuid::Uuid::from_u128(7);

fn segment(path: &str, level: u8) -> Segment {
    let day = Date::parse("2026-03-18").unwrap();
    Segment {
        path: path.to_owned(),
        table: "visits".into(),
        level,
        rows: 3,
        bytes: 1_000,
        tenants: (tenant(0).min(tenant(1)), tenant(0).max(tenant(1))),
        days: Some((day, day)),
    }
}

fn at(offset: i64) -> Offsets {
    Offsets([(0, offset), (3, 7)].into())
}

fn flush(from: Offsets, to: Offsets, paths: &[&str]) -> ManifestChange {
    let add = paths.iter().map(|path| segment(path, LEVEL_FRESH)).collect();
    ManifestChange { offsets: Some((from, to)), remove: Vec::new(), add }
}

#[tokio::test]
async fn what_was_changed_is_read_back_as_it_was() {
    let store = Database::new().await.store;
    assert_eq!(store.lake_manifest(LAKE).await.unwrap(), Manifest::default());
    store.begin_lake(LAKE, LOG).await.unwrap();
    store.begin_lake(LAKE, LOG).await.unwrap();
    let undated = Segment { days: None, ..segment("c", LEVEL_FRESH) };
    let mut change = flush(Offsets::default(), at(5), &["b", "a"]);
    change.add.push(undated.clone());
    let changed = store.change_lake(LAKE, &change).await.unwrap();
    let [a, b] = ["a", "b"].map(|path| segment(path, LEVEL_FRESH));
    let expected = Manifest { version: 1, offsets: at(5), segments: vec![a, b, undated.clone()] };
    assert_eq!(changed, expected);
    assert_eq!(store.lake_manifest(LAKE).await.unwrap(), expected);

    let merged = segment("d", LEVEL_BASE);
    let remove = vec!["a".into(), "b".into()];
    let change = ManifestChange { offsets: None, remove, add: vec![merged.clone()] };
    let expected = Manifest { version: 2, offsets: at(5), segments: vec![undated, merged] };
    assert_eq!(store.change_lake(LAKE, &change).await.unwrap(), expected);
}

#[tokio::test]
async fn a_change_that_builds_on_what_is_not_there_changes_nothing() {
    let store = Database::new().await.store;
    store.begin_lake(LAKE, LOG).await.unwrap();
    let first = flush(Offsets::default(), at(5), &["a", "b"]);
    let before = store.change_lake(LAKE, &first).await.unwrap();
    let merge = |remove: &[&str]| ManifestChange {
        offsets: None,
        remove: remove.iter().map(|it| (*it).to_owned()).collect(),
        add: vec![segment("z", LEVEL_BASE)],
    };
    let refused =
        [first.clone(), flush(at(4), at(6), &["y"]), merge(&["a", "gone"]), merge(&["gone"])];
    for change in refused {
        let answer = store.change_lake(LAKE, &change).await;
        assert!(matches!(answer, Err(Error::LakeMoved)), "{change:?}: {answer:?}");
    }
    // A name that was used before is refused too.
    assert!(store.change_lake(LAKE, &flush(at(5), at(6), &["a"])).await.is_err());
    assert_eq!(store.lake_manifest(LAKE).await.unwrap(), before);
}

#[tokio::test]
async fn of_many_flushes_at_once_one_comes_through() {
    let store = Database::new().await.store;
    store.begin_lake(LAKE, LOG).await.unwrap();
    let names: Vec<String> = (0..8).map(|it| format!("file-{it}")).collect();
    let all =
        names.iter().map(|name| {
            let store = store.clone();
            async move {
                store.change_lake(LAKE, &flush(Offsets::default(), at(1), &[name])).await.is_ok()
            }
        });
    let won = futures::future::join_all(all).await;
    assert_eq!(won.iter().filter(|it| **it).count(), 1, "{won:?}");
    assert_eq!(store.lake_manifest(LAKE).await.unwrap().segments.len(), 1);
}

#[tokio::test]
async fn the_lake_of_another_log_is_refused() {
    let store = Database::new().await.store;
    store.begin_lake(LAKE, LOG).await.unwrap();
    let refused = store.begin_lake(LAKE, "another-log").await.unwrap_err().to_string();
    assert!(refused.contains("'log-of-the-test', not 'another-log'"), "{refused}");
}

#[tokio::test]
async fn two_lakes_do_not_know_each_other() {
    let store = Database::new().await.store;
    let other = uuid::Uuid::from_u128(8);
    for lake in [LAKE, other] {
        store.begin_lake(lake, LOG).await.unwrap();
    }
    // Names are unique in one lake only: two folders never share a file.
    let flushed = flush(Offsets::default(), at(5), &["a"]);
    store.change_lake(LAKE, &flushed).await.unwrap();
    assert_eq!(store.lake_manifest(other).await.unwrap(), Manifest::default());
    store.change_lake(other, &flushed).await.unwrap();
    let merge = ManifestChange { offsets: None, remove: vec!["a".into()], add: Vec::new() };
    store.change_lake(other, &merge).await.unwrap();
    assert_eq!(store.lake_manifest(LAKE).await.unwrap().segments.len(), 1);
}
