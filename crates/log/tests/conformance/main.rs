//! One suite for both logs: what `Log` promises, held against a directory and against a real Kafka.
//!
//! The broker is the one `VITALS_KAFKA` names, else one that `scripts/kafka.sh` starts for this process
//! and that ends with it. Without either the suite fails: a promise that was not tried is not kept.

#![allow(clippy::disallowed_methods, reason = "a test has no supervisor: it starts its own tasks")]
#![allow(clippy::print_stdout, reason = "a failing test shows its seed")]

mod checks;
mod compaction;
mod kill;
mod limits;
mod subject;

use std::time::Instant;

use subject::{BOUND, Embedded, Kafka, Subject, message, read_from, unlimited};
use vitals_log::Topic;
use vitals_model::Offsets;

/// Makes a test of every check, for either log.
macro_rules! conformance {
    ($($module:ident::$check:ident),* $(,)?) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $check() {
                super::$module::$check(&super::Embedded::new()).await;
            })*
        }

        mod kafka {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $check() {
                let kafka = super::Kafka::new().await;
                super::$module::$check(&kafka).await;
                kafka.remove().await;
            })*
        }
    };
}

conformance!(
    checks::bytes_come_back_as_they_were,
    checks::topics_are_separate,
    checks::publishers_at_once_keep_their_order,
    checks::a_fetch_goes_on_where_the_last_one_ended,
    checks::readers_at_different_places_do_not_disturb_each_other,
    checks::a_reader_wakes_when_something_is_published,
    checks::a_dropped_fetch_loses_nothing,
    checks::nothing_there_is_an_empty_batch,
    checks::starts_and_ends_frame_the_messages,
    checks::reopening_keeps_everything,
    checks::compaction_keeps_the_newest_of_each_key,
    limits::a_fetch_keeps_its_limits,
    limits::a_hot_partition_does_not_starve_the_others,
    limits::another_number_of_partitions_is_refused,
    limits::a_partition_that_is_not_there_is_refused,
    limits::the_largest_record_is_taken_and_a_larger_one_refused,
    limits::the_largest_publish_is_taken_and_a_larger_one_refused,
    limits::an_offset_out_of_range_is_an_error,
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kafka_topic_created_anew_is_another_log() {
    let kafka = Kafka::new().await;
    let identity = kafka.open().await.identity();
    assert_eq!(kafka.open().await.identity(), identity);
    kafka.remove().await;
    let begun = Instant::now();
    // A topic's removal takes Kafka a moment, in which it can be neither used nor created.
    loop {
        if kafka.open_with(subject::PARTITIONS).await.is_ok_and(|it| it.identity() != identity) {
            break;
        }
        assert!(begun.elapsed() < BOUND, "the new topic is still {identity}");
    }
    kafka.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_kafka_forgot_is_an_error_and_not_skipped() {
    let kafka = Kafka::new().await;
    let log = kafka.open().await;
    let sent = (0..10).map(|it| message(1, "key", &it.to_string()));
    log.publish(Topic::Quarantine, sent.collect()).await.expect("published");
    kafka.forget(Topic::Quarantine, 1, 6).await;
    let from = Offsets([(1, 5)].into());
    let error = log.fetch(Topic::Quarantine, &from, unlimited()).await.expect_err("refused");
    let said = error.to_string();
    assert!(said.contains("partition 1 cannot be read from offset 5: it holds 6 to 10"), "{said}");
    let from = log.starts(Topic::Quarantine).await.expect("the starts");
    assert_eq!(from.get(1), 6);
    assert_eq!(read_from(&log, Topic::Quarantine, from, unlimited()).await.len(), 4);
    kafka.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_embedded_log_is_one_process_at_a_time() {
    let embedded = Embedded::new();
    let log = embedded.open().await;
    let error = embedded.open_with(subject::PARTITIONS).await.expect_err("refused");
    assert!(error.to_string().contains("in use by another process"), "{error}");
    let identity = log.identity();
    drop(log);
    assert_eq!(embedded.open().await.identity(), identity);
    assert_ne!(Embedded::new().open().await.identity(), identity);
}
