//! The logs under test, and how each is opened again, compacted and removed.

use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::{Offset, TopicPartitionList};
use uuid::Uuid;
use vitals_log::{
    EmbeddedLog, Error, FetchLimit, KafkaConfig, KafkaLog, Message, SharedLog, Topic,
};
use vitals_model::{LogMessage, Offsets};

/// Partitions of a log under test.
pub(crate) const PARTITIONS: u16 = 4;
/// Longer than anything takes that is not broken.
pub(crate) const BOUND: Duration = Duration::from_secs(60);

/// A log that can be opened again, as after a restart.
#[async_trait]
pub(crate) trait Subject: Sync {
    async fn open_with(&self, partitions: u16) -> Result<SharedLog, Error>;

    /// Does what leads to a topic's compaction. Kafka's comes in its own time: call again until it did.
    async fn compact(&self, log: &SharedLog, topic: Topic);

    async fn open(&self) -> SharedLog {
        self.open_with(PARTITIONS).await.expect("the log opens")
    }
}

pub(crate) struct Embedded {
    dir: tempfile::TempDir,
}

impl Embedded {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        Self { dir }
    }
}

#[async_trait]
impl Subject for Embedded {
    async fn open_with(&self, partitions: u16) -> Result<SharedLog, Error> {
        Ok(Arc::new(EmbeddedLog::open(self.dir.path(), partitions)?))
    }

    async fn compact(&self, log: &SharedLog, topic: Topic) {
        let below = log.ends(topic).await.expect("the ends");
        // Whatever comes later is newer, as Kafka has it.
        let done = log.compact(topic, &below, |_| Some(0)).await.expect("the topic is compacted");
        assert!(done.is_some(), "it is its owner who thins an embedded log");
    }
}

pub(crate) struct Kafka {
    config: KafkaConfig,
}

impl Kafka {
    pub(crate) async fn new() -> Self {
        let brokers = tokio::task::spawn_blocking(broker).await.expect("a broker");
        let mut config = KafkaConfig::new(brokers, PARTITIONS);
        config.topic_prefix = Some(format!("test-{}", Uuid::new_v4()));
        config.timeout = Duration::from_secs(30);
        Self { config }
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        let mut settings = ClientConfig::new();
        settings.set("bootstrap.servers", &self.config.brokers);
        settings.create().expect("a client")
    }

    /// Has the broker forget the beginning of a partition, as retention does.
    pub(crate) async fn forget(&self, topic: Topic, partition: i32, before: i64) {
        let mut offsets = TopicPartitionList::new();
        let name = self.config.topic_name(topic);
        let before = Offset::Offset(before);
        offsets.add_partition_offset(&name, partition, before).expect("an offset");
        let options = AdminOptions::new();
        self.admin().delete_records(&offsets, &options).await.expect("the records are deleted");
    }

    /// Has the broker compact a topic as soon as `more` lets it. What is set here is all of its settings.
    pub(crate) async fn set(&self, topic: Topic, more: &[(&str, &str)]) {
        let name = self.config.topic_name(topic);
        // Kafka leaves the newest segment alone, and begins another with the first message after its time.
        let config = AlterConfig::new(ResourceSpecifier::Topic(&name))
            .set("cleanup.policy", "compact")
            .set("segment.ms", "1")
            .set("min.cleanable.dirty.ratio", "0.0");
        let config = more.iter().fold(config, |config, (name, value)| config.set(name, value));
        let altered = self.admin().alter_configs([&config], &AdminOptions::new()).await;
        for it in altered.expect("the settings are altered") {
            it.expect("the topic's settings are altered");
        }
    }

    /// A setting of a topic.
    pub(crate) async fn setting(&self, topic: Topic, setting: &str) -> Option<String> {
        let name = self.config.topic_name(topic);
        let asked = [ResourceSpecifier::Topic(&name)];
        let answers = self.admin().describe_configs(&asked, &AdminOptions::new()).await;
        let answer = answers.expect("an answer").pop().expect("a topic").expect("its settings");
        answer.get(setting).and_then(|it| it.value.clone())
    }

    /// Removes what the test created: the broker may be somebody's.
    pub(crate) async fn remove(&self) {
        let names = Topic::ALL.map(|topic| self.config.topic_name(topic));
        let names = names.each_ref().map(String::as_str);
        let removed = self.admin().delete_topics(&names, &AdminOptions::new()).await;
        removed.expect("the topics are removed");
    }
}

#[async_trait]
impl Subject for Kafka {
    async fn open_with(&self, partitions: u16) -> Result<SharedLog, Error> {
        let config = KafkaConfig { partitions, ..self.config.clone() };
        Ok(Arc::new(KafkaLog::connect(config).await?))
    }

    async fn compact(&self, log: &SharedLog, topic: Topic) {
        self.set(topic, &[("min.compaction.lag.ms", "0"), ("max.compaction.lag.ms", "1")]).await;
        let filler = message(0, "filler", "filler");
        log.publish(topic, vec![filler]).await.expect("published");
        // Between two looks at what only the broker's own clock brings about.
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// The address of a broker. Panics, and thereby fails the test, if there is none to be had.
fn broker() -> String {
    static BROKER: OnceLock<String> = OnceLock::new();
    let start = || {
        if let Ok(brokers) = std::env::var("VITALS_KAFKA") {
            return brokers;
        }
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/kafka.sh");
        let me = std::process::id();
        let output = Command::new(script)
            .arg("start")
            .env("VITALS_KAFKA_DIR", std::env::temp_dir().join(format!("vitals-kafka-{me}")))
            .env("VITALS_KAFKA_FOLLOW", me.to_string())
            .output()
            .expect("scripts/kafka.sh runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "no broker: set VITALS_KAFKA or mend this: {said}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    BROKER.get_or_init(start).clone()
}

pub(crate) fn message(partition: u16, key: &str, value: &str) -> Message {
    Message { partition, key: key.into(), value: value.into() }
}

/// A limit that nothing in these tests reaches.
pub(crate) fn unlimited() -> FetchLimit {
    FetchLimit { wait: Duration::from_secs(10), ..FetchLimit::default() }
}

/// Everything a topic holds.
pub(crate) async fn read_all(log: &SharedLog, topic: Topic) -> Vec<LogMessage> {
    read_from(log, topic, Offsets::start(log.partitions()), unlimited()).await
}

/// Everything a topic holds from an offset on, checking that each fetch goes on where the last one ended.
pub(crate) async fn read_from(
    log: &SharedLog,
    topic: Topic,
    from: Offsets,
    limit: FetchLimit,
) -> Vec<LogMessage> {
    let ends = log.ends(topic).await.expect("the ends");
    let all = (0..log.partitions()).map(|partition| (partition, from.get(partition)));
    let (mut at, mut messages) = (Offsets(all.collect()), Vec::new());
    while !at.covers(&ends) {
        let batch = log.fetch(topic, &at, limit).await.expect("a batch");
        assert_eq!(batch.lower, at, "a batch begins where it was asked to");
        assert!(batch.upper.covers(&at) && batch.upper != at, "a fetch short of the end advances");
        at = batch.upper;
        messages.extend(batch.messages);
    }
    messages
}
