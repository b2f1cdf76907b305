//! What ends a worker ends nobody else's question.

use std::time::{Duration, Instant};

use vitals_query::SqlState;
use vitals_query::answers::{Answers, Question};

use crate::canaries::OTHER;
use crate::studio::{TENANT, lines};
use crate::world::{FAULTS, World, count};

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_ends_its_worker_gets_an_error_and_harms_nobody() {
    let world = World::new(4, Duration::from_secs(4));
    for fault in FAULTS {
        let began = Instant::now();
        let question = format!("SELECT * FROM {fault}");
        let crashing = world.ask(TENANT, &question);
        let other = async {
            let mut answered = 0;
            // As long as the crash takes, and a little longer.
            while answered < 20 {
                let answer = world.ask(OTHER, "SELECT count(*) FROM visits").await;
                assert_eq!(lines(&answer.unwrap()), ["1"], "during {fault}");
                answered += 1;
            }
        };
        let (crashed, ()) = tokio::join!(crashing, other);
        let error = crashed.unwrap_err();
        let right = if fault == "spin" { SqlState::TooSlow } else { SqlState::Crashed };
        assert_eq!(error.state, right, "{fault}: {error}");
        assert!(began.elapsed() < Duration::from_secs(20), "{fault}: {:?}", began.elapsed());
        let next = world.ask(TENANT, "SELECT count(*) FROM visits").await;
        assert_eq!(lines(&next.unwrap()), ["400"], "after {fault}");
    }
    world.until(|counts| (count(&counts.crashed), count(&counts.killed)) == (4, 1)).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_ended_two_workers_is_not_tried_a_third_time() {
    let world = World::patient(2);
    let bad = "SELECT * FROM leave";
    for _ in 0..2 {
        assert_eq!(world.ask(TENANT, bad).await.unwrap_err().state, SqlState::Crashed);
    }
    assert_eq!(world.ask(TENANT, bad).await.unwrap_err().state, SqlState::Quarantined);
    world.until(|counts| count(&counts.crashed) == 2).await;
    let others = world.ask(OTHER, bad).await.unwrap_err();
    assert_eq!(others.state, SqlState::Crashed, "another tenant is told nothing of it");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_does_not_hear_that_its_caller_left_is_replaced() {
    let world = World::new(1, Duration::from_secs(60));
    let question = world.workers.answer(Question::new(TENANT, "SELECT * FROM spin"));
    assert!(tokio::time::timeout(Duration::from_millis(300), question).await.is_err());
    assert_eq!(lines(&world.ask(TENANT, "SELECT 1").await.unwrap()), ["1"]);
    world.until(|counts| count(&counts.killed) == 1).await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_finds_no_place_is_told_so_soon() {
    let world = World::new(2, Duration::from_secs(60));
    let long = world.workers.answer(Question::new(TENANT, "SELECT * FROM spin"));
    let second = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let began = Instant::now();
        let error = world.ask(TENANT, "SELECT 1").await.unwrap_err();
        assert_eq!(error.state, SqlState::Busy);
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        let other = world.ask(OTHER, "SELECT 1").await.unwrap();
        assert_eq!(lines(&other), ["1"], "half of the places are other tenants'");
    };
    tokio::select! {
        ended = long => panic!("{ended:?}"),
        () = second => {}
    }
    world.stop().await;
}
