//! What is too much, elsewhere or gone is refused, in a sentence that says what to do.

use vitals_log::{Error, FetchLimit, Message, Topic};
use vitals_model::Offsets;
use vitals_model::limits::{LOG_BATCH_MESSAGES_MAX, PUBLISH_MESSAGES_MAX, RECORD_BYTES_MAX};

use crate::subject::{PARTITIONS, Subject, message, read_all, unlimited};

pub(crate) async fn a_fetch_keeps_its_limits(subject: &dyn Subject) {
    let log = subject.open().await;
    let sent = (0..200).map(|it| message(it % PARTITIONS, "key", &"x".repeat(97)));
    log.publish(Topic::Records, sent.collect()).await.expect("published");
    let start = Offsets::start(PARTITIONS);

    for messages in [1, 7, 64] {
        let limit = FetchLimit { messages, ..unlimited() };
        let batch = log.fetch(Topic::Records, &start, limit).await.expect("a batch");
        assert!((1..=messages).contains(&batch.messages.len()), "{}", batch.messages.len());
        let advanced: i64 = batch.upper.0.values().sum();
        assert_eq!(advanced, i64::try_from(batch.messages.len()).expect("few"));
    }
    let limit = FetchLimit { bytes: 550, ..unlimited() };
    let batch = log.fetch(Topic::Records, &start, limit).await.expect("a batch");
    assert!((1..=5).contains(&batch.messages.len()), "a hundred bytes each");
    for none in [FetchLimit { bytes: 0, ..unlimited() }, FetchLimit { messages: 0, ..unlimited() }]
    {
        let batch = log.fetch(Topic::Records, &start, none).await.expect("a batch");
        assert_eq!(batch.messages.len(), 1, "a first message is never withheld");
    }
    let all = FetchLimit { messages: usize::MAX, bytes: usize::MAX, ..unlimited() };
    let batch = log.fetch(Topic::Records, &start, all).await.expect("a batch");
    assert!(batch.messages.len() <= LOG_BATCH_MESSAGES_MAX);
}

pub(crate) async fn a_hot_partition_does_not_starve_the_others(subject: &dyn Subject) {
    const HOT: usize = 5_000;
    let log = subject.open().await;
    let mut sent = vec![message(2, "hot", "a message like many others"); HOT];
    sent.push(message(3, "cold", "one"));
    sent.push(message(0, "cold", "two"));
    log.publish(Topic::Records, sent).await.expect("published");

    let limit = FetchLimit { messages: 50, ..unlimited() };
    let (mut at, mut cold) = (Offsets::start(PARTITIONS), 0);
    // The hot ones alone take a hundred fetches.
    for fetch in 0.. {
        assert!(fetch < 10, "after {fetch} fetches {cold} of 2 messages have come");
        let batch = log.fetch(Topic::Records, &at, limit).await.expect("a batch");
        cold += batch.messages.iter().filter(|it| it.key == b"cold").count();
        at = batch.upper;
        if cold == 2 {
            break;
        }
    }
    assert!(usize::try_from(at.get(2)).expect("positive") < HOT);
}

pub(crate) async fn another_number_of_partitions_is_refused(subject: &dyn Subject) {
    let log = subject.open().await;
    log.publish(Topic::Records, vec![message(0, "key", "value")]).await.expect("published");
    drop(log);
    let error = subject.open_with(PARTITIONS + 1).await.expect_err("refused");
    assert!(matches!(error, Error::Partitions { found: 4, wanted: 5, .. }), "{error:?}");
    let said = error.to_string();
    assert!(said.contains("has 4 partitions, not 5") && said.contains("ask for 4"), "{said}");
    for none in [0, 2_000] {
        let error = subject.open_with(none).await.expect_err("refused");
        assert!(matches!(error, Error::PartitionCount { .. }), "{error:?}");
    }
    let log = subject.open().await;
    assert_eq!(read_all(&log, Topic::Records).await.len(), 1, "and harms nothing");
}

pub(crate) async fn a_partition_that_is_not_there_is_refused(subject: &dyn Subject) {
    let log = subject.open().await;
    let sent = vec![message(0, "key", "value"), message(PARTITIONS, "key", "value")];
    let error = log.publish(Topic::Records, sent).await.expect_err("refused");
    assert!(matches!(error, Error::NoPartition { partition: 4, partitions: 4 }), "{error:?}");
    let from = Offsets([(PARTITIONS, 0)].into());
    let error = log.fetch(Topic::Records, &from, unlimited()).await.expect_err("refused");
    assert!(matches!(error, Error::NoPartition { partition: 4, partitions: 4 }), "{error:?}");
    assert_eq!(log.ends(Topic::Records).await.expect("ends"), Offsets::start(PARTITIONS));
}

pub(crate) async fn the_largest_record_is_taken_and_a_larger_one_refused(subject: &dyn Subject) {
    let log = subject.open().await;
    // Noise, which no compression makes smaller.
    let mut state = 1_u64;
    let noise = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    });
    let value: Vec<u8> = noise.take(RECORD_BYTES_MAX).collect();
    let large = Message { partition: 1, key: vec![b'k'; 400], value };
    log.publish(Topic::Records, vec![large.clone()]).await.expect("published");
    let found = read_all(&log, Topic::Records).await;
    assert!(found.len() == 1 && found[0].value == large.value && found[0].key == large.key);

    let mut larger = large;
    larger.value.push(0);
    let sent = vec![message(0, "key", "value"), larger];
    let error = log.publish(Topic::Records, sent).await.expect_err("refused");
    let (_bytes, _max) = match error {
        Error::TooLarge { bytes: 1_000_001, max: 1_000_000, .. } => (1_000_001, 1_000_000),
        error => panic!("{error:?}"),
    };
    let found = read_all(&log, Topic::Records).await;
    assert_eq!(found.len(), 1, "nothing of a refused publish is written");
}

pub(crate) async fn the_largest_publish_is_taken_and_a_larger_one_refused(subject: &dyn Subject) {
    let log = subject.open().await;
    let one = |it: usize| {
        let partition = u16::try_from(it % usize::from(PARTITIONS)).expect("small");
        message(partition, &it.to_string(), &"some forty bytes of a record, more or less".repeat(5))
    };
    let most: Vec<Message> = (0..PUBLISH_MESSAGES_MAX).map(one).collect();
    log.publish(Topic::Records, most.clone()).await.expect("published");
    let mut more = most;
    more.push(one(PUBLISH_MESSAGES_MAX));
    let error = log.publish(Topic::Records, more).await.expect_err("refused");
    assert!(matches!(error, Error::TooMany { messages: 20_001, .. }), "{error:?}");
    assert_eq!(read_all(&log, Topic::Records).await.len(), PUBLISH_MESSAGES_MAX);
}

pub(crate) async fn an_offset_out_of_range_is_an_error(subject: &dyn Subject) {
    let log = subject.open().await;
    log.publish(Topic::Records, vec![message(1, "key", "value")]).await.expect("published");
    for wanted in [2, 1_000, -1] {
        let from = Offsets([(1, wanted)].into());
        let error = log.fetch(Topic::Records, &from, unlimited()).await.expect_err("refused");
        let Error::Truncated { topic, partition, wanted: asked, earliest, latest } = error else {
            panic!("{error:?}");
        };
        assert_eq!((topic, partition, asked), (Topic::Records, 1, wanted));
        assert_eq!((earliest, latest), (0, 1));
    }
    let from = Offsets([(1, 1)].into());
    let limit = FetchLimit { wait: std::time::Duration::ZERO, ..unlimited() };
    let batch = log.fetch(Topic::Records, &from, limit).await.expect("the end is within range");
    assert!(batch.messages.is_empty());
}
