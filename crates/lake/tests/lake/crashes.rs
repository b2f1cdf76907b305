//! Killed between any two steps: the lake can be read, and goes on to the same rows.

use std::time::Duration;

use vitals_lake::{Lake, LakeError, MergePolicy};
use vitals_model::UtcMicros;
use vitals_testkit::history::History;

use crate::keeper::World;
use crate::reading::check;

const EVERYTHING: MergePolicy =
    MergePolicy { fresh_files: 2, fresh_rows_min: 1, base_rows_per_fresh: 1, fresh_rows: 1 };

/// What a keeper does: two flushes, every merge, a sweep.
async fn work(world: &World, lake: &Lake) -> Result<(), LakeError> {
    for part in [120, usize::MAX] {
        lake.absorb(&world.fetch(&lake.next(), part))?;
        lake.flush().await?;
        while lake.merge(&EVERYTHING).await?.is_some() {}
    }
    lake.sweep(UtcMicros(i64::MAX), Duration::ZERO).await?;
    Ok(())
}

#[tokio::test]
async fn a_crash_between_any_two_steps_leaves_a_readable_lake() {
    let history = History::random(11);
    // Every file, every change of the manifest and every removal is a step.
    let mut steps = 0;
    loop {
        let world = World::new(&history);
        world.fuse.set(steps);
        let outcome = work(&world, &world.open().await).await;
        world.fuse.set(i64::MAX);
        let when = format!("killed after {steps} steps");
        let lake = world.open().await;
        check(&lake.view(), &world.messages, &history.tenants, &when).await;
        work(&world, &lake).await.unwrap();
        assert_eq!(lake.next(), world.fetch(&Default::default(), usize::MAX).upper, "{when}");
        check(&lake.view(), &world.messages, &history.tenants, &format!("{when}, and on")).await;
        // Nothing is left of what was not finished.
        let again = lake.sweep(UtcMicros(i64::MAX), Duration::ZERO).await.unwrap();
        assert_eq!(again.files, 0, "{when}");
        if outcome.is_ok() {
            break;
        }
        steps += 1 + steps / 12;
    }
    assert!(steps > 30, "so few steps: {steps}");
}

#[tokio::test]
async fn an_error_of_unknown_outcome_is_resolved_by_reading() {
    let history = History::random(3);
    let world = World::new(&history);
    let lake = world.followed().await;
    let files = { lake.flush().await.unwrap().unwrap().files };
    let again = World::new(&history);
    let lake = again.followed().await;
    // All files, and the change itself, but not its answer.
    again.fuse.set(i64::try_from(files).unwrap() + 1);
    assert!(matches!(lake.flush().await, Err(LakeError::Manifest(_))));
    again.fuse.set(i64::MAX);
    lake.refresh().await.unwrap();
    assert_eq!((lake.tail_rows(), lake.flush().await.unwrap()), (0, None));
    check(&lake.view(), &again.messages, &history.tenants, "after a lost answer").await;
}

#[tokio::test]
async fn of_two_keepers_one_goes_on_and_no_message_counts_twice() {
    let history = History::random(5);
    let world = World::new(&history);
    let (one, other) = (world.followed().await, world.open().await);
    other.absorb(&world.fetch(&other.next(), 50)).unwrap();
    other.flush().await.unwrap();
    assert!(matches!(one.flush().await, Err(LakeError::Moved)));
    one.refresh().await.unwrap();
    check(&one.view(), &world.messages, &history.tenants, "after the other's flush").await;
    one.flush().await.unwrap();
    check(&one.view(), &world.messages, &history.tenants, "after its own").await;
    // The other learns of it, and of messages that it never fetched.
    other.refresh().await.unwrap();
    check(&other.view(), &world.messages, &history.tenants, "of the other").await;
    let merged = one.merge(&EVERYTHING).await.unwrap();
    assert!(merged.is_some());
    assert!(matches!(other.merge(&EVERYTHING).await, Err(LakeError::Moved)));
}

#[tokio::test]
async fn a_batch_that_leaves_a_gap_is_refused() {
    let history = History::random(6);
    let world = World::new(&history);
    let lake = world.open().await;
    let first = world.fetch(&lake.next(), 10);
    let second = world.fetch(&first.upper, 10);
    assert!(matches!(lake.absorb(&second), Err(LakeError::Gap)));
    lake.absorb(&first).unwrap();
    assert!(matches!(lake.absorb(&first), Err(LakeError::Gap)), "nor twice");
    lake.absorb(&second).unwrap();
}
