//! The topics on the cluster: created when they are missing, refused when they are not ours.
//!
//! Promises that after it every topic exists with the configured partitions and a leader for each. Does
//! not change a topic that exists: its partitions are part of the identity of stored state, its other
//! settings are the operator's.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::error::RDKafkaErrorCode;

use super::client::{Cluster, Telemetry};
use crate::blocking::blocking;
use crate::{Error, Topic};

/// How often to look whether a created topic is there, within the timeout.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Sees to it that every topic is there.
pub(super) async fn ensure(cluster: &Arc<Cluster>) -> Result<(), Error> {
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
            if topic.compacted() {
                new.set("cleanup.policy", "compact")
            } else {
                // Nothing goes by itself: the operator says when it may.
                new.set("cleanup.policy", "delete").set("retention.ms", "-1")
            }
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
