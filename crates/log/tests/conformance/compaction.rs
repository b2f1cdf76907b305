//! Compaction and records (D12): what an owner of the log may remove, and that the broker removes nothing.

use std::time::Instant;

use vitals_log::{Compacted, Topic};
use vitals_model::{LogMessage, Offsets};

use crate::subject::{BOUND, Embedded, Kafka, PARTITIONS, Subject, message, read_all};

/// The version of a message whose value is a number.
fn number(message: &LogMessage) -> Option<i64> {
    std::str::from_utf8(&message.value).ok()?.parse().ok()
}

/// Compacts a partition that holds these keys and values below an offset; the offsets that are left.
async fn left_of(messages: &[(&str, &str)], below: i64) -> (Vec<i64>, Compacted) {
    let embedded = Embedded::new();
    let log = embedded.open().await;
    let sent = messages.iter().map(|(key, value)| message(1, key, value)).collect();
    log.publish(Topic::Records, sent).await.expect("published");
    let below = Offsets([(1, below)].into());
    let done = log.compact(Topic::Records, &below, number).await.expect("compacted");
    let left = read_all(&log, Topic::Records).await.into_iter().map(|it| it.offset).collect();
    (left, done.expect("it is its owner who thins an embedded log"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_version_that_comes_late_does_not_remove_the_newest() {
    let (left, done) = left_of(&[("a", "1"), ("a", "5"), ("b", "1"), ("a", "3")], 4).await;
    assert_eq!(left, [1, 2, 3], "5 is what counts of a, although 3 came after it");
    assert_eq!(done, Compacted { kept: 3, removed: 1 });
    let (left, _) = left_of(&[("a", "5"), ("a", "3"), ("a", "4"), ("a", "5")], 4).await;
    assert_eq!(left, [3], "of one version the last counts, and it is newer than all before it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lies_past_the_bound_removes_nothing_before_it() {
    let messages = [("a", "1"), ("a", "2"), ("b", "1"), ("a", "3"), ("b", "2")];
    assert_eq!(left_of(&messages, 3).await.0, [1, 2, 3, 4], "both are needed at offset 3");
    assert_eq!(left_of(&messages, 4).await.0, [2, 3, 4]);
    assert_eq!(left_of(&messages, 5).await.0, [3, 4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_no_version_stays_and_supersedes_nothing() {
    let (left, _) = left_of(&[("a", "1"), ("a", "?"), ("a", "2"), ("a", "?")], 4).await;
    assert_eq!(left, [1, 2, 3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bound_past_the_end_is_refused() {
    let embedded = Embedded::new();
    let log = embedded.open().await;
    let error = log.compact(Topic::Records, &Offsets([(0, 1)].into()), number).await;
    assert!(matches!(error, Err(vitals_log::Error::Truncated { .. })), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_broker_never_compacts_records() {
    let kafka = Kafka::new().await;
    let log = kafka.open().await;
    // Both topics under a broker in a hurry; only what the topics were created with differs.
    let lag = "min.compaction.lag.ms";
    for topic in [Topic::Records, Topic::Changes] {
        let created_with = kafka.setting(topic, lag).await.expect("a setting");
        kafka.set(topic, &[(lag, &created_with)]).await;
    }
    for version in 0..20 {
        for topic in [Topic::Records, Topic::Changes] {
            let versions = vec![message(0, "key", &version.to_string())];
            log.publish(topic, versions).await.expect("published");
        }
    }
    let begun = Instant::now();
    while read_all(&log, Topic::Changes).await.iter().filter(|it| it.key == b"key").count() > 1 {
        assert!(begun.elapsed() < BOUND, "the broker compacts nothing at all");
        for topic in [Topic::Records, Topic::Changes] {
            log.publish(topic, vec![message(0, "filler", "filler")]).await.expect("published");
        }
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    }
    let records = read_all(&log, Topic::Records).await;
    assert_eq!(records.iter().filter(|it| it.key == b"key").count(), 20);
    kafka.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_from_which_the_broker_removes_records_is_refused() {
    let kafka = Kafka::new().await;
    drop(kafka.open().await);
    kafka.set(Topic::Records, &[("min.compaction.lag.ms", "604800000")]).await;
    let refusal =
        kafka.open_with(PARTITIONS).await.expect_err("a week is not for ever").to_string();
    assert!(refusal.contains("loses records") && refusal.contains("604800000"), "{refusal}");
    assert!(refusal.contains("min.compaction.lag.ms=9223372036854775807"), "{refusal}");
    kafka.set(Topic::Records, &[("cleanup.policy", "delete")]).await;
    let refusal = kafka.open_with(PARTITIONS).await.expect_err("a week, again").to_string();
    assert!(refusal.contains("cleanup.policy=delete with retention.ms="), "{refusal}");
    kafka.set(Topic::Records, &[("min.compaction.lag.ms", "9223372036854775807")]).await;
    drop(kafka.open().await);
    kafka.remove().await;
}
