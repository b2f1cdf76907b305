//! The topics on the cluster: created when they are missing, refused when they are not ours.
//!
//! Promises that after it every topic exists with the configured partitions and a leader for each, and that
//! the broker removes no record by itself: it knows offsets and ages, but neither versions nor how far
//! anything is committed (D12). Does not change a topic that exists: its partitions are part of the
//! identity of stored state, its other settings are the operator's, and are refused when they lose records.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{
    AdminClient, AdminOptions, ConfigResource, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::client::{Cluster, Telemetry};
use crate::blocking::blocking;
use crate::{Error, Topic};

/// How often to look whether a created topic is there, within the timeout.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A lag that no message ever reaches: a topic compacted under it is not, until somebody says so.
const NEVER_MS: &str = "9223372036854775807";

/// What a topic is created with, beside partitions and replicas.
fn created_with(topic: Topic) -> &'static [(&'static str, &'static str)] {
    match topic {
        Topic::Records => &[("cleanup.policy", "compact"), ("min.compaction.lag.ms", NEVER_MS)],
        Topic::Changes => &[("cleanup.policy", "compact")],
        // Nothing goes by itself: the operator says when it may.
        Topic::Quarantine | Topic::Anomalies => {
            &[("cleanup.policy", "delete"), ("retention.ms", "-1")]
        }
    }
}

/// Sees to it that every topic is there, and keeps what it has to keep.
pub(super) async fn ensure(cluster: &Arc<Cluster>) -> Result<(), Error> {
    ensure_there(cluster).await?;
    ensure_kept(cluster).await
}

/// Refuses a topic of records from which the broker removes some by itself.
async fn ensure_kept(cluster: &Cluster) -> Result<(), Error> {
    let topic = cluster.config.topic_name(Topic::Records);
    match described(cluster, &topic).await {
        Ok(Some(settings)) => match losing(&settings) {
            Some(found) => Err(Error::Losing { topic, found }),
            None => Ok(()),
        },
        Ok(None) => Ok(()),
        Err(cause) => {
            // Reading settings is a right of its own, which one may well be without.
            tracing::warn!(topic, %cause, "the topic's settings cannot be read: see that it loses nothing");
            Ok(())
        }
    }
}

async fn described(cluster: &Cluster, topic: &str) -> Result<Option<ConfigResource>, KafkaError> {
    let admin: AdminClient<Telemetry> = cluster.settings().create_with_context(Telemetry)?;
    let options = AdminOptions::new().request_timeout(Some(cluster.config.timeout));
    let answers = admin.describe_configs(&[ResourceSpecifier::Topic(topic)], &options).await?;
    answers.into_iter().next().transpose().map_err(KafkaError::AdminOp)
}

/// The settings by which the broker removes messages, if there are such.
fn losing(settings: &ConfigResource) -> Option<String> {
    let value = |name: &str| settings.get(name).and_then(|it| it.value.as_deref());
    let policy = value("cleanup.policy").unwrap_or_default();
    let kept = [
        ("compact", "min.compaction.lag.ms", NEVER_MS),
        ("delete", "retention.ms", "-1"),
        ("delete", "retention.bytes", "-1"),
    ];
    kept.into_iter()
        .filter(|(of, _, _)| policy.contains(of))
        .find(|(_, name, keeping)| value(name).is_some_and(|it| it != *keeping))
        .map(|(of, name, _)| {
            format!("cleanup.policy={of} with {name}={}", value(name).unwrap_or(""))
        })
}

async fn ensure_there(cluster: &Arc<Cluster>) -> Result<(), Error> {
    let mut missing = Vec::new();
    for topic in Topic::ALL {
        if !exists(cluster, topic).await? {
            missing.push(topic);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    create(cluster, &missing).await?;
    for topic in missing {
        let name = cluster.config.topic_name(topic);
        let there = async {
            // The controller answers before every broker has heard of the topic.
            while !exists(cluster, topic).await? || leader(cluster, topic).await.is_err() {
                tokio::time::sleep(LOOK_AGAIN).await;
            }
            Ok(())
        };
        match tokio::time::timeout(cluster.config.timeout, there).await {
            Ok(there) => there?,
            Err(_) => return Err(Error::Leaderless { topic: name, partition: 0 }),
        }
    }
    Ok(())
}

async fn leader(cluster: &Arc<Cluster>, topic: Topic) -> Result<i32, Error> {
    let name = cluster.config.topic_name(topic);
    let cluster = Arc::clone(cluster);
    blocking(move || cluster.leader(&name)).await
}

/// Whether a topic is there; an error if it has other partitions than ours.
async fn exists(cluster: &Arc<Cluster>, topic: Topic) -> Result<bool, Error> {
    let name = cluster.config.topic_name(topic);
    let asked = Arc::clone(cluster);
    let found = blocking({
        let name = name.clone();
        move || asked.partitions(&name)
    })
    .await?;
    let wanted = cluster.config.partitions;
    match found {
        Some(found) if found != usize::from(wanted) => {
            Err(Error::Partitions { log: format!("the topic {name}"), found, wanted })
        }
        found => Ok(found.is_some()),
    }
}

async fn create(cluster: &Cluster, topics: &[Topic]) -> Result<(), Error> {
    let config = &cluster.config;
    let admin: AdminClient<Telemetry> = cluster
        .settings()
        .create_with_context(Telemetry)
        .map_err(|cause| Error::Connect { brokers: config.brokers.clone(), cause })?;
    let names: Vec<String> = topics.iter().map(|topic| config.topic_name(*topic)).collect();
    // With three replicas or more, an acknowledged message survives the loss of any one.
    let in_sync = if config.replication >= 3 { "2" } else { "1" };
    let wanted: Vec<NewTopic<'_>> = topics
        .iter()
        .zip(&names)
        .map(|(topic, name)| {
            let replication = TopicReplication::Fixed(config.replication.into());
            let new = NewTopic::new(name, config.partitions.into(), replication)
                .set("min.insync.replicas", in_sync);
            created_with(*topic).iter().fold(new, |new, (name, value)| new.set(name, value))
        })
        .collect();
    let options = AdminOptions::new()
        .request_timeout(Some(config.timeout))
        .operation_timeout(Some(config.timeout));
    let results = admin.create_topics(&wanted, &options).await;
    let results = results.map_err(|cause| cluster.unreachable(cause))?;
    for result in results {
        match result {
            // Another process was faster: whether it made the same is looked at next.
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, cause)) => {
                let partitions = config.partitions;
                return Err(Error::CreateTopic { topic, partitions, cause });
            }
        }
    }
    Ok(())
}
