//! What all of our Kafka clients share, and the one that asks about the cluster.
//!
//! Promises that every question is answered, or an error, within the configured timeout, and that asking
//! about a topic never creates it.

use std::fmt;
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::{MetadataPartition, MetadataTopic};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::KafkaConfig;
use super::topic_id::topic_id;
use crate::{Error, Topic};

/// How long to wait before asking again for offsets of partitions that are changing their leader.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// Passes on what librdkafka says. Clients report what fails to their callers too, so nothing here is
/// more than a warning.
#[derive(Clone, Copy, Debug)]
pub(super) struct Telemetry;

impl ClientContext for Telemetry {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        match level {
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error
            | RDKafkaLogLevel::Warning => tracing::warn!(facility, "librdkafka: {message}"),
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
                tracing::debug!(facility, "librdkafka: {message}");
            }
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(%error, "librdkafka: {reason}");
    }
}

impl ConsumerContext for Telemetry {}

/// A Kafka cluster and how we use it.
pub(super) struct Cluster {
    pub(super) config: KafkaConfig,
    /// The cluster's own id.
    pub(super) id: String,
    /// Asks, never reads.
    probe: BaseConsumer<Telemetry>,
}

impl Cluster {
    /// Connects. Waits for a broker's answer.
    pub(super) fn connect(config: KafkaConfig) -> Result<Self, Error> {
        let refused = |cause| Error::Connect { brokers: config.brokers.clone(), cause };
        let probe: BaseConsumer<Telemetry> =
            settings(&config).create_with_context(Telemetry).map_err(refused)?;
        let unknown = String::new();
        let mut cluster = Self { config, id: unknown, probe };
        cluster.probe.fetch_metadata(None, cluster.config.timeout).map_err(|cause| {
            let (brokers, timeout) = (cluster.config.brokers.clone(), cluster.config.timeout);
            Error::Unreachable { brokers, timeout, cause }
        })?;
        let id = cluster.probe.client().fetch_cluster_id(cluster.config.timeout);
        cluster.id = id.unwrap_or_else(|| "unknown".to_owned());
        Ok(cluster)
    }

    /// What tells the log on this cluster from every other: the cluster, and the topic of records, by the id
    /// it got when it was created.
    pub(super) fn identity(&self) -> Result<String, Error> {
        let name = self.config.topic_name(Topic::Records);
        let broker = self.leader(&name)?;
        let id = topic_id(self.probe.client(), broker, &name, self.config.timeout)
            .map_err(|cause| self.failed(Topic::Records, cause))?;
        Ok(format!("kafka:{}:{name}:{}", self.id, id.as_deref().unwrap_or("-")))
    }

    /// Settings of every client of this cluster.
    pub(super) fn settings(&self) -> ClientConfig {
        settings(&self.config)
    }

    /// How many partitions a topic has; `None` if there is no such topic.
    pub(super) fn partitions(&self, name: &str) -> Result<Option<usize>, Error> {
        self.topic(name, |topic| Ok(topic.map(|it| it.partitions().len())))
    }

    /// The broker that leads a topic's first partition. An error unless every partition has a leader.
    pub(super) fn leader(&self, name: &str) -> Result<i32, Error> {
        self.topic(name, |topic| {
            let topic = topic.ok_or_else(|| Error::NoTopic { topic: name.to_owned() })?;
            let leaderless = |it: &&MetadataPartition| it.leader() < 0 || it.error().is_some();
            match topic.partitions().iter().find(leaderless) {
                Some(it) => Err(Error::Leaderless { topic: name.to_owned(), partition: it.id() }),
                None => Ok(topic.partitions()[0].leader()),
            }
        })
    }

    /// Looks at a topic, if there is one of that name; it has partitions then.
    fn topic<T>(
        &self,
        name: &str,
        look: impl FnOnce(Option<&MetadataTopic>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let metadata = self
            .probe
            .fetch_metadata(Some(name), self.config.timeout)
            .map_err(|cause| self.unreachable(cause))?;
        let topic = metadata.topics().iter().find(|it| it.name() == name);
        look(topic.filter(|it| it.error().is_none() && !it.partitions().is_empty()))
    }

    /// Whether records can be read and written.
    pub(super) fn check(&self) -> Result<(), Error> {
        self.leader(&self.config.topic_name(Topic::Records)).map(|_| ())
    }

    /// The least offset of each partition that can be read.
    pub(super) fn starts(&self, topic: Topic) -> Result<Vec<i64>, Error> {
        self.offsets(topic, Offset::Beginning)
    }

    /// The offset each partition's next message gets.
    pub(super) fn ends(&self, topic: Topic) -> Result<Vec<i64>, Error> {
        self.offsets(topic, Offset::End)
    }

    fn offsets(&self, topic: Topic, which: Offset) -> Result<Vec<i64>, Error> {
        let begun = Instant::now();
        loop {
            match self.offsets_once(topic, which) {
                Err(Error::Fetch { cause, .. })
                    if cause.rdkafka_error_code().is_some_and(moving)
                        && begun.elapsed() < self.config.timeout =>
                {
                    std::thread::sleep(ASK_AGAIN);
                }
                answer => return answer,
            }
        }
    }

    fn offsets_once(&self, topic: Topic, which: Offset) -> Result<Vec<i64>, Error> {
        let name = self.config.topic_name(topic);
        let failed = |cause| self.failed(topic, cause);
        // A request for the offsets at a time; beginning and end are times as well.
        let mut asked = TopicPartitionList::with_capacity(self.config.partitions.into());
        for partition in 0..self.config.partitions {
            asked.add_partition_offset(&name, partition.into(), which).map_err(failed)?;
        }
        let answer = self.probe.offsets_for_times(asked, self.config.timeout).map_err(failed)?;
        let mut offsets = vec![0; self.config.partitions.into()];
        for it in answer.elements() {
            it.error().map_err(failed)?;
            let place = usize::try_from(it.partition()).ok().and_then(|at| offsets.get_mut(at));
            if let (Some(place), Offset::Offset(offset)) = (place, it.offset()) {
                *place = offset;
            } else {
                return Err(failed(KafkaError::OffsetFetch(RDKafkaErrorCode::NoOffset)));
            }
        }
        Ok(offsets)
    }

    pub(super) fn unreachable(&self, cause: KafkaError) -> Error {
        let (brokers, timeout) = (self.config.brokers.clone(), self.config.timeout);
        Error::Unreachable { brokers, timeout, cause }
    }

    /// The error for a read that failed.
    pub(super) fn failed(&self, topic: Topic, cause: KafkaError) -> Error {
        if cause.rdkafka_error_code().is_some_and(silent) {
            self.unreachable(cause)
        } else {
            Error::Fetch { topic, cause }
        }
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("config", &self.config).field("id", &self.id).finish()
    }
}

/// Whether an error says that brokers do not answer, rather than what they answer.
pub(super) fn silent(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::AllBrokersDown
            | RDKafkaErrorCode::BrokerTransportFailure
            | RDKafkaErrorCode::MessageTimedOut
            | RDKafkaErrorCode::OperationTimedOut
            | RDKafkaErrorCode::QueueFull
            | RDKafkaErrorCode::Resolve
    )
}

/// Whether an error says that a partition has just been created, or its leader just changed.
fn moving(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::NotLeaderForPartition
            | RDKafkaErrorCode::LeaderNotAvailable
            | RDKafkaErrorCode::UnknownTopicOrPartition
            | RDKafkaErrorCode::UnknownPartition
            | RDKafkaErrorCode::OffsetNotAvailable
            | RDKafkaErrorCode::FencedLeaderEpoch
            | RDKafkaErrorCode::UnknownLeaderEpoch
    )
}

fn settings(config: &KafkaConfig) -> ClientConfig {
    let mut settings = ClientConfig::new();
    settings
        .set("bootstrap.servers", &config.brokers)
        .set("client.id", "vitals")
        .set("allow.auto.create.topics", "false")
        .set("reconnect.backoff.max.ms", "1000")
        .set("socket.keepalive.enable", "true")
        .set("log.connection.close", "false");
    settings
}
