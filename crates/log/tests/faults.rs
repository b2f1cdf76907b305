//! Brokers that fail: nothing acknowledged is lost, and what cannot be done is said within the timeout.
//!
//! The brokers are librdkafka's own imitation of a cluster, which fails when told to.

#![allow(clippy::disallowed_methods, reason = "a test has no supervisor: it starts its own tasks")]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use vitals_log::{Error, FetchLimit, KafkaConfig, KafkaLog, Message, SharedLog, Topic};
use vitals_model::Offsets;

const PARTITIONS: u16 = 3;
const BROKERS: i32 = 3;
const TIMEOUT: Duration = Duration::from_secs(4);

type Brokers = MockCluster<'static, DefaultProducerContext>;

fn brokers() -> (Brokers, KafkaConfig) {
    let brokers = MockCluster::new(BROKERS).expect("an imitated cluster");
    // It knows no request to create a topic.
    for topic in Topic::ALL {
        brokers.create_topic(topic.name(), PARTITIONS.into(), BROKERS).expect("a topic");
    }
    let mut config = KafkaConfig::new(brokers.bootstrap_servers(), PARTITIONS);
    config.timeout = TIMEOUT;
    (brokers, config)
}

async fn connect(config: &KafkaConfig) -> SharedLog {
    std::sync::Arc::new(KafkaLog::connect(config.clone()).await.expect("connected"))
}

fn messages(numbers: std::ops::Range<u16>) -> Vec<Message> {
    let message = |it: u16| Message {
        partition: it % PARTITIONS,
        key: it.to_be_bytes().to_vec(),
        value: it.to_be_bytes().to_vec(),
    };
    numbers.map(message).collect()
}

/// Checks that all of these numbers are in the log, whatever else is, and that in each partition the last
/// occurrence of each comes in order: what an upsert would end with.
async fn assert_holds(log: &SharedLog, numbers: std::ops::Range<u16>) {
    let ends = log.ends(Topic::Records).await.expect("the ends");
    let mut at = Offsets::start(PARTITIONS);
    let mut found = Vec::new();
    while !at.covers(&ends) {
        let batch = log.fetch(Topic::Records, &at, FetchLimit::default()).await.expect("a batch");
        at = batch.upper;
        found.extend(batch.messages);
    }
    for partition in 0..PARTITIONS {
        let of = found.iter().filter(|it| it.partition == partition);
        let mut seen = BTreeSet::new();
        let mut last: Vec<u16> = Vec::new();
        for it in of.rev() {
            let number = u16::from_be_bytes(it.value.as_slice().try_into().expect("two bytes"));
            if seen.insert(number) {
                last.push(number);
            }
        }
        last.reverse();
        let sent: Vec<u16> = numbers.clone().filter(|it| it % PARTITIONS == partition).collect();
        assert_eq!(last, sent, "partition {partition}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_that_pass_are_not_noticed() {
    let (brokers, config) = brokers();
    let log = connect(&config).await;
    log.publish(Topic::Records, messages(0..10)).await.expect("published");
    let passing = [
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR__TRANSPORT,
    ];
    for (from, error) in (10..).step_by(10).zip(passing) {
        brokers.request_errors(RDKafkaApiKey::Produce, &[error, error]);
        log.publish(Topic::Records, messages(from..from + 10)).await.expect("published");
    }
    for partition in 0..PARTITIONS {
        let name = Topic::Records.name();
        brokers.partition_leader(name, partition.into(), Some(2)).expect("another leader");
    }
    log.publish(Topic::Records, messages(60..70)).await.expect("published");
    brokers.request_errors(RDKafkaApiKey::Fetch, &passing);
    assert_holds(&log, 0..70).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn brokers_that_come_back_in_time_are_waited_for() {
    let (brokers, mut config) = brokers();
    config.timeout = TIMEOUT * 2;
    let log = connect(&config).await;
    log.publish(Topic::Records, messages(0..30)).await.expect("published");
    brokers.broker_down(-1).expect("down");
    let publish = tokio::spawn({
        let log = log.clone();
        async move { log.publish(Topic::Records, messages(30..60)).await }
    });
    // The first try gives up after half of the timeout; the second finds them back.
    tokio::time::sleep(config.timeout * 5 / 8).await;
    assert!(!publish.is_finished(), "its second try runs");
    brokers.broker_up(-1).expect("up");
    publish.await.expect("no panic").expect("published by the second producer");
    assert_holds(&log, 0..60).await;
    log.check().await.expect("there are brokers again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn brokers_that_stay_away_are_named_within_the_timeout() {
    let (brokers, config) = brokers();
    let log = connect(&config).await;
    log.publish(Topic::Records, messages(0..30)).await.expect("published");
    let ends = log.ends(Topic::Records).await.expect("the ends");
    brokers.broker_down(-1).expect("down");

    let begun = Instant::now();
    let said = |error: Error| {
        assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(&config.brokers) && text.contains("check that it runs"), "{text}");
    };
    let (publish, fetch, check, connect) = tokio::join!(
        log.publish(Topic::Records, messages(30..60)),
        log.fetch(Topic::Records, &ends, FetchLimit::default()),
        log.check(),
        KafkaLog::connect(config.clone()),
    );
    assert!(begun.elapsed() < TIMEOUT * 3 / 2, "{:?}", begun.elapsed());
    said(publish.expect_err("no broker"));
    said(fetch.expect_err("no broker"));
    said(check.expect_err("no broker"));
    said(connect.expect_err("no broker"));

    // The same log goes on when they are back.
    brokers.broker_up(-1).expect("up");
    log.publish(Topic::Records, messages(30..60)).await.expect("published");
    assert_holds(&log, 0..60).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_outcome_is_tried_again_with_a_new_producer() {
    let (brokers, config) = brokers();
    let log = connect(&config).await;
    log.publish(Topic::Records, messages(0..9)).await.expect("published");
    // One try's patience passes before the answers come: the messages are there, and nobody is told.
    brokers.broker_round_trip_time(-1, TIMEOUT).expect("slow");
    let publish = tokio::spawn({
        let log = log.clone();
        async move { log.publish(Topic::Records, messages(9..18)).await }
    });
    tokio::time::sleep(config.timeout * 5 / 8).await;
    assert!(!publish.is_finished(), "its second try runs");
    brokers.broker_round_trip_time(-1, Duration::ZERO).expect("fast");
    publish.await.expect("no panic").expect("published by the second producer");
    assert_holds(&log, 0..18).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_brokers_refuse_is_an_error_at_once() {
    let (brokers, config) = brokers();
    let log = connect(&config).await;
    let refusals = [
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
    ];
    for refusal in refusals {
        brokers.request_errors(RDKafkaApiKey::Produce, &[refusal]);
        let begun = Instant::now();
        let error = log.publish(Topic::Records, messages(0..1)).await.expect_err("refused");
        assert!(
            matches!(error, Error::Publish { .. } | Error::TooLarge { .. }),
            "{refusal:?}: {error:?}"
        );
        assert!(begun.elapsed() < TIMEOUT / 2, "{:?}", begun.elapsed());
        // And the next is not held to it.
        log.publish(Topic::Records, messages(0..9)).await.expect("published");
    }
    assert_holds(&log, 0..9).await;
}
