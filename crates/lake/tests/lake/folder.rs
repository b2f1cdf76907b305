//! A lake in a folder of this machine: what is there after a restart, and what a sweep leaves.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use vitals_lake::{FileShape, Lake, MergePolicy, Objects};
use vitals_model::UtcMicros;
use vitals_testkit::history::History;

use crate::keeper::World;
use crate::reading::check;

fn files(folder: &Path) -> usize {
    let tables = std::fs::read_dir(folder).unwrap();
    tables.map(|it| std::fs::read_dir(it.unwrap().path()).unwrap().count()).sum()
}

#[tokio::test]
async fn a_folder_holds_the_lake_over_a_restart_and_is_swept_of_drafts() {
    let history = History::random(8);
    let world = World::new(&history);
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("lake");
    let open = async || {
        let objects = Objects::folder(&folder).unwrap();
        Lake::open(objects, Arc::clone(&world.kept) as _, FileShape::default()).await.unwrap()
    };
    let lake = open().await;
    lake.absorb(&world.fetch(&lake.next(), usize::MAX)).unwrap();
    let flushed = lake.flush().await.unwrap().unwrap();
    drop(lake);
    let lake = open().await;
    check(&lake.view(), &world.messages, &history.tenants, "after a restart").await;

    // What a killed process leaves: a draft that was never renamed, a file that was never named.
    std::fs::create_dir_all(folder.join("visits")).unwrap();
    std::fs::write(folder.join("visits/killed-000000.parquet#1"), "half").unwrap();
    std::fs::write(folder.join("visits/unnamed-000000.parquet"), "whole").unwrap();
    let young = lake.sweep(UtcMicros(0), Duration::ZERO).await.unwrap();
    assert_eq!((young.files, files(&folder)), (0, flushed.files + 2), "within the grace");
    let swept = lake.sweep(UtcMicros(i64::MAX), Duration::ZERO).await.unwrap();
    assert_eq!((swept.files, files(&folder)), (2, flushed.files));
    check(&lake.view(), &world.messages, &history.tenants, "after a sweep").await;
}

#[tokio::test]
async fn a_file_that_lost_its_name_stays_for_those_who_still_read_it() {
    let history = History::random(8);
    let world = World::new(&history);
    let temporary = tempfile::tempdir().unwrap();
    let objects = Objects::folder(temporary.path()).unwrap();
    let lake = Lake::open(objects, Arc::clone(&world.kept) as _, FileShape::default());
    let lake = lake.await.unwrap();
    for _ in 0..2 {
        lake.absorb(&world.fetch(&lake.next(), 60)).unwrap();
        lake.flush().await.unwrap();
    }
    // Long after they were written.
    let hour = Duration::from_secs(3_600);
    let after = |hours: i64| UtcMicros(4_000_000_000_000_000 + hours * 3_600_000_000);
    lake.sweep(after(0), hour).await.unwrap();
    let before = lake.view();
    let everything = MergePolicy { fresh_rows_min: 1, fresh_rows: 1, ..MergePolicy::default() };
    while lake.merge(&everything).await.unwrap().is_some() {}
    assert_eq!(lake.sweep(after(1), hour).await.unwrap().files, 0);
    check(&before, &world.messages, &history.tenants, "of an older view").await;
    assert!(lake.sweep(after(2), hour).await.unwrap().files > 0);
    check(&lake.view(), &world.messages, &history.tenants, "of a new one").await;
}

#[tokio::test]
async fn a_folder_is_one_lake_for_as_long_as_it_is_there() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = || Objects::folder(temporary.path()).unwrap();
    assert_eq!(folder().identity().await.unwrap(), None);
    let [one, other] = [1, 2].map(uuid::Uuid::from_u128);
    assert_eq!(folder().begin(one).await.unwrap(), one);
    assert_eq!(folder().begin(other).await.unwrap(), one);
    assert_eq!(folder().identity().await.unwrap(), Some(one));
    std::fs::write(temporary.path().join("lake.id"), "something else").unwrap();
    assert!(folder().identity().await.is_err());
}
