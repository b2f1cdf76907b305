//! What is published is fetched: whole, in order, by whoever asks, for as long as it is the newest.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use vitals_log::{FetchLimit, Message, SharedLog, Topic};
use vitals_model::{LogMessage, Offsets};

use crate::subject::{BOUND, PARTITIONS, Subject, message, read_all, read_from, unlimited};

pub(crate) async fn bytes_come_back_as_they_were(subject: &dyn Subject) {
    let log = subject.open().await;
    let values: [&[u8]; 5] = [b"{}", b"", b"\0\xff\xfe\n", "h\u{e9}llo".as_bytes(), &[7; 100_000]];
    let mut sent = Vec::new();
    for (index, value) in (0u16..).zip(values) {
        let key = [b"\0key\xff".as_slice(), value.get(..9).unwrap_or(value)].concat();
        sent.push(Message { partition: index % PARTITIONS, key, value: value.to_vec() });
    }
    log.publish(Topic::Records, sent.clone()).await.expect("published");
    let mut found = read_all(&log, Topic::Records).await;
    found.sort_by_key(|it| (it.offset, it.partition));
    let found: Vec<Message> = found
        .into_iter()
        .map(|it| Message { partition: it.partition, key: it.key, value: it.value })
        .collect();
    assert_eq!(found, sent);
    log.check().await.expect("a log that works says so");
}

pub(crate) async fn topics_are_separate(subject: &dyn Subject) {
    let log = subject.open().await;
    for topic in Topic::ALL {
        log.publish(topic, vec![message(1, "key", topic.name())]).await.expect("published");
    }
    for topic in Topic::ALL {
        let found = read_all(&log, topic).await;
        let (key, value) = (b"key".to_vec(), topic.name().as_bytes().to_vec());
        assert_eq!(found, [LogMessage { partition: 1, offset: 0, key, value }]);
    }
}

pub(crate) async fn publishers_at_once_keep_their_order(subject: &dyn Subject) {
    const PUBLISHERS: usize = 8;
    const PUBLISHES: usize = 40;
    let log = subject.open().await;
    let publisher = |publisher: usize| {
        let log = log.clone();
        async move {
            for publish in 0..PUBLISHES {
                // Two for each partition, so that order within one publish is looked at as well.
                let messages = (0..2 * PARTITIONS).map(|index| {
                    let value = format!("{publish:04}.{index:02}");
                    message(index % PARTITIONS, &publisher.to_string(), &value)
                });
                log.publish(Topic::Records, messages.collect()).await.expect("published");
            }
        }
    };
    let running: Vec<_> = (0..PUBLISHERS).map(|it| tokio::spawn(publisher(it))).collect();
    for it in running {
        it.await.expect("a publisher");
    }

    let mut next = [0; PARTITIONS as usize];
    let mut last: BTreeMap<(u16, Vec<u8>), Vec<u8>> = BTreeMap::new();
    for it in read_all(&log, Topic::Records).await {
        let next = &mut next[usize::from(it.partition)];
        assert_eq!(it.offset, *next, "offsets of partition {} have no gaps", it.partition);
        *next += 1;
        let key = (it.partition, it.key);
        assert!(last.get(&key) < Some(&it.value), "{key:?}: {:?} is out of order", it.value);
        last.insert(key, it.value);
    }
    let each = i64::try_from(2 * PUBLISHERS * PUBLISHES).expect("a small number");
    assert_eq!(next, [each; PARTITIONS as usize]);
}

pub(crate) async fn a_fetch_goes_on_where_the_last_one_ended(subject: &dyn Subject) {
    let log = subject.open().await;
    let sent = numbered(&log, Topic::Changes, 0..500).await;
    let limit = FetchLimit { messages: 37, ..unlimited() };
    let found = read_from(&log, Topic::Changes, Offsets::start(PARTITIONS), limit).await;
    assert_eq!(by_partition(&found), sent, "nothing twice, nothing left out");

    // A partition that is not named is read from its beginning.
    let from = Offsets([(0, 100), (1, 125), (3, 125)].into());
    let found = by_partition(&read_from(&log, Topic::Changes, from, limit).await);
    assert_eq!(found.get(&0).map(Vec::as_slice), sent.get(&0).map(|it| &it[100..]));
    assert_eq!(found.get(&2), sent.get(&2));
    assert_eq!(found.len(), 2);
}

pub(crate) async fn readers_at_different_places_do_not_disturb_each_other(subject: &dyn Subject) {
    let log = subject.open().await;
    let sent = numbered(&log, Topic::Records, 0..400).await;
    let limit = FetchLimit { messages: 50, ..unlimited() };
    let start = || Offsets::start(PARTITIONS);
    let (one, two) = tokio::join!(
        read_from(&log, Topic::Records, start(), limit),
        read_from(&log, Topic::Records, start(), FetchLimit { messages: 30, ..limit }),
    );
    assert_eq!(by_partition(&one), sent);
    assert_eq!(by_partition(&two), sent);
    // And again from a place that was read before.
    let again = read_from(&log, Topic::Records, start(), limit).await;
    assert_eq!(by_partition(&again), sent);
}

pub(crate) async fn a_reader_wakes_when_something_is_published(subject: &dyn Subject) {
    let log = subject.open().await;
    let reader = tokio::spawn({
        let log = log.clone();
        async move {
            let limit = FetchLimit { wait: BOUND, ..FetchLimit::default() };
            log.fetch(Topic::Records, &Offsets::start(PARTITIONS), limit).await
        }
    });
    let begun = Instant::now();
    log.publish(Topic::Records, vec![message(2, "key", "value")]).await.expect("published");
    let batch = reader.await.expect("the reader").expect("a batch");
    assert_eq!(batch.messages.len(), 1);
    assert_eq!(batch.upper.get(2), 1);
    assert!(begun.elapsed() < BOUND / 2, "it waited {:?}", begun.elapsed());
}

pub(crate) async fn a_dropped_fetch_loses_nothing(subject: &dyn Subject) {
    let log = subject.open().await;
    let sent = numbered(&log, Topic::Records, 0..50).await;
    let start = Offsets::start(PARTITIONS);
    // Dropped in the middle, whatever the middle is; what it would have had is had by the next.
    for patience_ms in [0, 1, 5, 20, 100] {
        let fetch = log.fetch(Topic::Records, &start, unlimited());
        drop(tokio::time::timeout(Duration::from_millis(patience_ms), fetch).await);
    }
    assert_eq!(by_partition(&read_all(&log, Topic::Records).await), sent);
}

pub(crate) async fn nothing_there_is_an_empty_batch(subject: &dyn Subject) {
    let log = subject.open().await;
    numbered(&log, Topic::Records, 0..8).await;
    let ends = log.ends(Topic::Records).await.expect("the ends");
    let wait = Duration::from_millis(100);
    let limit = FetchLimit { wait, ..FetchLimit::default() };
    let begun = Instant::now();
    let batch = log.fetch(Topic::Records, &ends, limit).await.expect("a batch");
    assert!(begun.elapsed() >= wait, "it waits for a message");
    assert_eq!(batch.lower, ends);
    assert_eq!(batch.upper, ends);
    assert!(batch.messages.is_empty());
    log.publish(Topic::Records, Vec::new()).await.expect("nothing is published at once");
    assert_eq!(log.ends(Topic::Records).await.expect("the ends"), ends);
}

pub(crate) async fn starts_and_ends_frame_the_messages(subject: &dyn Subject) {
    let log = subject.open().await;
    assert_eq!(log.partitions(), PARTITIONS);
    let start = Offsets::start(PARTITIONS);
    assert_eq!(log.starts(Topic::Anomalies).await.expect("the starts"), start);
    assert_eq!(log.ends(Topic::Anomalies).await.expect("the ends"), start);
    let messages = [0, 0, 3].map(|partition| message(partition, "key", "value"));
    log.publish(Topic::Anomalies, messages.to_vec()).await.expect("published");
    assert_eq!(log.starts(Topic::Anomalies).await.expect("the starts"), start);
    let ends = Offsets([(0, 2), (1, 0), (2, 0), (3, 1)].into());
    assert_eq!(log.ends(Topic::Anomalies).await.expect("the ends"), ends);
}

pub(crate) async fn reopening_keeps_everything(subject: &dyn Subject) {
    let mut log = subject.open().await;
    let identity = log.identity();
    let mut sent = numbered(&log, Topic::Records, 0..300).await;
    for round in 1..4 {
        let before = log.ends(Topic::Records).await.expect("the ends");
        drop(log);
        log = subject.open().await;
        assert_eq!(log.identity(), identity, "it is the same log");
        assert_eq!(log.ends(Topic::Records).await.expect("the ends"), before);
        let more = numbered(&log, Topic::Records, 300 * round..300 * (round + 1)).await;
        for (partition, values) in more {
            sent.entry(partition).or_default().extend(values);
        }
        assert_eq!(by_partition(&read_all(&log, Topic::Records).await), sent);
    }
}

pub(crate) async fn compaction_keeps_the_newest_of_each_key(subject: &dyn Subject) {
    const KEYS: usize = 5;
    let log = subject.open().await;
    // Every key many times; the last word on each is its newest, be it that the thing was deleted.
    for version in 0..20 {
        let messages = (0..KEYS).map(|key| {
            let deleted = version == 19 && key == 0;
            let value = if deleted { r#"{"deleted":true}"#.into() } else { format!("v{version}") };
            message(0, &format!("key {key}"), &value)
        });
        log.publish(Topic::Changes, messages.collect()).await.expect("published");
    }
    let before = read_all(&log, Topic::Changes).await;
    let newest = &before[before.len() - KEYS..];

    let begun = Instant::now();
    let after = loop {
        subject.compact(&log, Topic::Changes).await;
        let mut after = read_all(&log, Topic::Changes).await;
        after.retain(|it| it.key != b"filler");
        if after.len() == KEYS {
            break after;
        }
        assert!(begun.elapsed() < BOUND, "{} messages of {KEYS} keys are left", after.len());
    };
    assert_eq!(after, newest, "each key's newest message, at the offset it always had");

    // Compacted away is not truncated: one can read on from any offset that was ever given.
    for from in [0, 1, 50] {
        let from = Offsets([(0, from)].into());
        let found = read_from(&log, Topic::Changes, from, unlimited()).await;
        assert!(found.iter().filter(|it| it.key != b"filler").eq(newest));
    }
    let ends = log.ends(Topic::Changes).await.expect("the ends");
    log.publish(Topic::Changes, vec![message(0, "key 0", "v20")]).await.expect("published");
    let batch = log.fetch(Topic::Changes, &ends, unlimited()).await.expect("a batch");
    assert_eq!(batch.messages[0].offset, ends.get(0), "no offset is given twice");
}

/// Publishes numbers, in turn to every partition; the values of each partition in order.
async fn numbered(
    log: &SharedLog,
    topic: Topic,
    numbers: std::ops::Range<u16>,
) -> BTreeMap<u16, Vec<Vec<u8>>> {
    let messages =
        numbers.map(|it| message(it % PARTITIONS, &it.to_string(), &format!("value {it}")));
    let messages: Vec<Message> = messages.collect();
    let mut sent: BTreeMap<u16, Vec<Vec<u8>>> = BTreeMap::new();
    for it in &messages {
        sent.entry(it.partition).or_default().push(it.value.clone());
    }
    log.publish(topic, messages).await.expect("published");
    sent
}

fn by_partition(messages: &[LogMessage]) -> BTreeMap<u16, Vec<Vec<u8>>> {
    let mut found: BTreeMap<u16, Vec<Vec<u8>>> = BTreeMap::new();
    for it in messages {
        found.entry(it.partition).or_default().push(it.value.clone());
    }
    found
}
