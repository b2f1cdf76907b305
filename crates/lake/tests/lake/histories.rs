//! Random histories, flushed and merged at random: the lake shows the newest versions, at every step.

use std::time::Duration;

use vitals_lake::MergePolicy;
use vitals_model::rng::Rng;
use vitals_model::{LogMessage, UtcMicros};
use vitals_testkit::history::History;

use crate::keeper::World;
use crate::reading::check;

/// Merges of every sort, and often.
fn policy(rng: &mut Rng) -> MergePolicy {
    MergePolicy {
        fresh_files: 2 + rng.index(3),
        fresh_rows_min: [1, 10, 40, 10_000][rng.index(4)],
        base_rows_per_fresh: 4,
        fresh_rows: 50,
    }
}

#[tokio::test]
async fn the_lake_is_the_newest_versions_however_it_was_flushed_and_merged() {
    for seed in 0..30 {
        let history = History::random(seed);
        let world = World::new(&history);
        let mut rng = Rng::new(seed + 1_000);
        let mut lake = world.open().await;
        for step in 0..24 {
            let what = match rng.below(8) {
                0..=3 => {
                    let batch = world.fetch(&lake.next(), 1 + rng.index(60));
                    lake.absorb(&batch).unwrap();
                    "absorb"
                }
                4 => {
                    lake.flush().await.unwrap();
                    "flush"
                }
                5 | 6 => {
                    lake.merge(&policy(&mut rng)).await.unwrap();
                    "merge"
                }
                _ => {
                    // Killed: what was in memory is gone, and is fetched again.
                    lake = world.open().await;
                    lake.sweep(UtcMicros(i64::MAX), Duration::ZERO).await.unwrap();
                    "restart"
                }
            };
            if step % 4 == 3 {
                let when = format!("after {what}, step {step} of seed {seed}");
                check(&lake.view(), &world.messages, &history.tenants, &when).await;
            }
        }
        lake.absorb(&world.fetch(&lake.next(), usize::MAX)).unwrap();
        let all: &[LogMessage] = &world.messages;
        check(&lake.view(), all, &history.tenants, &format!("in the end, seed {seed}")).await;
        lake.flush().await.unwrap();
        let everything = MergePolicy { fresh_rows_min: 1, fresh_rows: 1, ..MergePolicy::default() };
        while lake.merge(&everything).await.unwrap().is_some() {}
        assert!(lake.manifest().segments.iter().all(|it| it.level == 1), "seed {seed}");
        check(&lake.view(), all, &history.tenants, &format!("all merged, seed {seed}")).await;
    }
}

#[tokio::test]
async fn a_view_shows_what_it_began_with() {
    let history = History::random(4);
    let world = World::new(&history);
    let lake = world.open().await;
    lake.absorb(&world.fetch(&lake.next(), 80)).unwrap();
    lake.flush().await.unwrap();
    lake.absorb(&world.fetch(&lake.next(), 30)).unwrap();
    let before = lake.view();
    lake.absorb(&world.fetch(&lake.next(), usize::MAX)).unwrap();
    lake.flush().await.unwrap();
    let everything = MergePolicy { fresh_rows_min: 1, fresh_rows: 1, ..MergePolicy::default() };
    while lake.merge(&everything).await.unwrap().is_some() {}
    check(&before, &world.messages, &history.tenants, "of an older view").await;
    check(&lake.view(), &world.messages, &history.tenants, "of a new one").await;
}
