//! The log on Apache Kafka, for many processes.
//!
//! Promises what [`Log`] promises: an idempotent producer and `acks=all`, so that `Ok` means every in-sync
//! replica has the message; partitions assigned by hand and chosen by us; no consumer group's offset is
//! read or written; an offset Kafka no longer has is an error and never a reset; no record is removed.
//!
//! Does not use Kafka's transactions (records are versioned upserts, which a repeated message does not
//! harm), and changes neither the partitions nor the settings of a topic that exists.
//!
//! librdkafka does its own input and output in its own threads; calls that wait for them run where
//! waiting is allowed.

mod client;
mod consumer;
mod producer;
mod topic_id;
mod topics;

use crate::blocking::blocking;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use vitals_model::limits::{KAFKA_READERS_MAX, PARTITIONS_MAX, PARTITIONS_MIN};
use vitals_model::{LogBatch, Offsets};

use crate::message::{self, FetchLimit, Message};
use crate::{Compacted, Error, Log, Topic, VersionOf};
use client::Cluster;
use consumer::Reader;
use producer::Publisher;

/// Where Kafka is and how our topics lie there.
#[derive(Clone, Debug)]
pub struct KafkaConfig {
    /// Brokers to begin with, `host:port,host:port`.
    pub brokers: String,
    /// Partitions of each topic. Fixed when the topics are created.
    pub partitions: u16,
    /// Put before each topic's name, with a dot between: several logs can share a cluster.
    pub topic_prefix: Option<String>,
    /// Replicas of each partition, for topics that are created.
    pub replication: i16,
    /// How long brokers may take to answer before that is an error.
    pub timeout: Duration,
}

impl KafkaConfig {
    /// One replica, no prefix, ten seconds.
    #[must_use]
    pub fn new(brokers: impl Into<String>, partitions: u16) -> Self {
        let timeout = Duration::from_secs(10);
        Self { brokers: brokers.into(), partitions, topic_prefix: None, replication: 1, timeout }
    }

    /// The name a topic has on this cluster.
    #[must_use]
    pub fn topic_name(&self, topic: Topic) -> String {
        match &self.topic_prefix {
            Some(prefix) => format!("{prefix}.{topic}"),
            None => topic.name().to_owned(),
        }
    }
}

/// A log on a Kafka cluster.
#[derive(Debug)]
pub struct KafkaLog {
    cluster: Arc<Cluster>,
    publisher: Publisher,
    readers: Arc<Readers>,
    identity: String,
}

impl KafkaLog {
    /// Connects, and creates the topics that are missing.
    ///
    /// # Errors
    /// [`Error::Unreachable`] within the timeout if no broker answers, [`Error::Partitions`] if a topic
    /// has another number of partitions, [`Error::CreateTopic`] if one cannot be created.
    pub async fn connect(config: KafkaConfig) -> Result<Self, Error> {
        if !(PARTITIONS_MIN..=PARTITIONS_MAX).contains(&config.partitions) {
            return Err(Error::PartitionCount { wanted: config.partitions });
        }
        let cluster = blocking(|| Cluster::connect(config)).await?;
        let cluster = Arc::new(cluster);
        topics::ensure(&cluster).await?;
        let asked = Arc::clone(&cluster);
        let identity = blocking(move || asked.identity()).await?;
        let publisher = Publisher::new(Arc::clone(&cluster))?;
        Ok(Self { cluster, publisher, readers: Arc::default(), identity })
    }
}

#[async_trait]
impl Log for KafkaLog {
    fn partitions(&self) -> u16 {
        self.cluster.config.partitions
    }

    async fn publish(&self, topic: Topic, messages: Vec<Message>) -> Result<(), Error> {
        message::check(&messages, self.partitions())?;
        self.publisher.publish(topic, messages).await
    }

    async fn fetch(
        &self,
        topic: Topic,
        from: &Offsets,
        limit: FetchLimit,
    ) -> Result<LogBatch, Error> {
        let from = message::positions(from, self.partitions())?;
        let limit = limit.clamped();
        let (cluster, readers) = (Arc::clone(&self.cluster), Arc::clone(&self.readers));
        blocking(move || {
            let mut reader = match readers.take(topic, &from) {
                Some(reader) => reader,
                None => Reader::open(cluster, topic, from)?,
            };
            // A reader that failed is not used again.
            let batch = reader.fetch(limit)?;
            readers.put(reader);
            Ok(batch)
        })
        .await
    }

    async fn starts(&self, topic: Topic) -> Result<Offsets, Error> {
        let cluster = Arc::clone(&self.cluster);
        let starts = blocking(move || cluster.starts(topic)).await?;
        Ok(message::offsets(&starts))
    }

    async fn ends(&self, topic: Topic) -> Result<Offsets, Error> {
        let cluster = Arc::clone(&self.cluster);
        let ends = blocking(move || cluster.ends(topic)).await?;
        Ok(message::offsets(&ends))
    }

    async fn compact(
        &self,
        _topic: Topic,
        _below: &Offsets,
        _version_of: VersionOf,
    ) -> Result<Option<Compacted>, Error> {
        // The brokers' own compaction keeps the latest, which need not be the newest (D12).
        Ok(None)
    }

    async fn check(&self) -> Result<(), Error> {
        let cluster = Arc::clone(&self.cluster);
        blocking(move || cluster.check()).await
    }

    fn identity(&self) -> String {
        self.identity.clone()
    }
}

/// Readers between two fetches, each at its position: whoever reads on finds the one it left, connected
/// and with messages fetched ahead. Nothing is ever sought, so nothing read before a seek can surface
/// after it.
#[derive(Debug, Default)]
struct Readers(Mutex<Vec<Reader>>);

impl Readers {
    fn take(&self, topic: Topic, position: &[i64]) -> Option<Reader> {
        let mut readers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = readers.iter().position(|it| it.topic == topic && it.position == position)?;
        Some(readers.remove(found))
    }

    fn put(&self, reader: Reader) {
        let topic = reader.topic;
        let mut readers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        readers.push(reader);
        let mut same = readers.iter().enumerate().filter(|(_, it)| it.topic == topic);
        let oldest = same.next().map(|(at, _)| at);
        let too_many = same.count() >= KAFKA_READERS_MAX;
        let evicted = oldest.filter(|_| too_many).map(|at| readers.remove(at));
        // Closing a reader takes a moment: not while others wait for the lock.
        drop(readers);
        drop(evicted);
    }
}
