//! The producer: idempotent, acknowledged by all, and thrown away when an outcome is unknown.
//!
//! Promises that `Ok` means every message is acknowledged by every in-sync replica, in the order given
//! within each partition. Bounded: `KAFKA_PUBLISH_TRIES_MAX` tries that together take the timeout.
//!
//! Does not resolve an unknown outcome: a message whose acknowledgement never came is sent again by a new
//! producer, and may be in the log twice. That is harmless, because records are versioned upserts.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{FutureProducer, FutureRecord, future_producer::DeliveryFuture};
use vitals_model::limits::{KAFKA_PUBLISH_TRIES_MAX, PUBLISH_BYTES_MAX, RECORD_BYTES_MAX};

use super::client::{Cluster, Telemetry, silent};
use crate::{Error, Message, Topic};

type Producer = FutureProducer<Telemetry>;

/// Pause before a message is offered again to a full queue that holds none of ours.
const QUEUE_FULL_PAUSE: Duration = Duration::from_millis(5);

pub(super) struct Publisher {
    cluster: Arc<Cluster>,
    /// The producer in use, and the how-manieth it is.
    current: Mutex<(u64, Producer)>,
}

/// How a try ended.
enum Outcome {
    /// Everything is acknowledged.
    Done,
    /// Something is refused, and would be again.
    Refused(KafkaError),
    /// These are not acknowledged, and may or may not be in the log.
    Unknown(Vec<Message>, KafkaError),
}

impl Publisher {
    pub(super) fn new(cluster: Arc<Cluster>) -> Result<Self, Error> {
        let producer = create(&cluster)?;
        Ok(Self { cluster, current: Mutex::new((0, producer)) })
    }

    /// Publishes messages that have passed the limits.
    pub(super) async fn publish(&self, topic: Topic, messages: Vec<Message>) -> Result<(), Error> {
        let mut left = messages;
        let mut tries = 0;
        loop {
            tries += 1;
            let (generation, producer) = {
                let current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
                (current.0, current.1.clone())
            };
            let outcome = self.send(topic, &producer, left).await;
            retire(producer);
            match outcome {
                Outcome::Done => return Ok(()),
                Outcome::Refused(cause) => {
                    // librdkafka would go on refusing by itself, minutes after a right was granted.
                    self.replace(generation)?;
                    return Err(self.failed(topic, cause));
                }
                Outcome::Unknown(unsure, cause) => {
                    tracing::warn!(%topic, %cause, messages = unsure.len(), tries, "publish again");
                    self.replace(generation)?;
                    if tries == KAFKA_PUBLISH_TRIES_MAX {
                        return Err(self.failed(topic, cause));
                    }
                    left = unsure;
                }
            }
        }
    }

    /// Puts a new producer in the place of that generation's, unless someone was faster.
    fn replace(&self, generation: u64) -> Result<(), Error> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.0 == generation {
            let new = create(&self.cluster)?;
            let (_, old) = std::mem::replace(&mut *current, (generation + 1, new));
            drop(current);
            retire(old);
        }
        Ok(())
    }

    /// Sends messages and waits for all of their acknowledgements.
    async fn send(&self, topic: Topic, producer: &Producer, messages: Vec<Message>) -> Outcome {
        let name = self.cluster.config.topic_name(topic);
        let begun = Instant::now();
        let mut waiting = VecDeque::new();
        let mut failures = Failures::default();
        for (index, message) in messages.iter().enumerate() {
            loop {
                let record = FutureRecord::to(&name)
                    .partition(message.partition.into())
                    .key(&message.key)
                    .payload(&message.value);
                match producer.send_result(record) {
                    Ok(delivery) => {
                        waiting.push_back((index, delivery));
                        break;
                    }
                    Err((cause, _)) if full(&cause) && begun.elapsed() < self.patience() => {
                        match waiting.pop_front() {
                            Some(first) => settle(first, &messages, &mut failures).await,
                            None => tokio::time::sleep(QUEUE_FULL_PAUSE).await,
                        }
                    }
                    Err((cause, _)) => {
                        failures.add(index, message.partition, cause);
                        break;
                    }
                }
            }
        }
        for delivery in waiting {
            settle(delivery, &messages, &mut failures).await;
        }
        let Some(cause) = failures.cause else {
            return Outcome::Done;
        };
        if cause.rdkafka_error_code().is_some_and(refused) {
            return Outcome::Refused(cause);
        }
        // From the first of each partition that is not acknowledged: what came after it came too soon.
        let unsure = messages
            .into_iter()
            .enumerate()
            .filter(|(index, message)| {
                failures.first.get(&message.partition).is_some_and(|first| index >= first)
            })
            .map(|(_, message)| message)
            .collect();
        Outcome::Unknown(unsure, cause)
    }

    fn patience(&self) -> Duration {
        self.cluster.config.timeout / KAFKA_PUBLISH_TRIES_MAX
    }

    fn failed(&self, topic: Topic, cause: KafkaError) -> Error {
        match cause.rdkafka_error_code() {
            Some(RDKafkaErrorCode::MessageSizeTooLarge) => {
                Error::TooLarge { what: "message", bytes: RECORD_BYTES_MAX, max: RECORD_BYTES_MAX }
            }
            Some(code) if silent(code) => self.cluster.unreachable(cause),
            _ => Error::Publish { topic, cause },
        }
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher").field("cluster", &self.cluster).finish_non_exhaustive()
    }
}

/// What was not acknowledged.
#[derive(Default)]
struct Failures {
    /// By partition, the index of the first such message.
    first: BTreeMap<u16, usize>,
    /// Why; a refusal rather than an unknown outcome, if there is one.
    cause: Option<KafkaError>,
}

impl Failures {
    fn add(&mut self, index: usize, partition: u16, cause: KafkaError) {
        let first = self.first.entry(partition).or_insert(index);
        *first = index.min(*first);
        if self.cause.is_none() || cause.rdkafka_error_code().is_some_and(refused) {
            self.cause = Some(cause);
        }
    }
}

async fn settle(
    (index, delivery): (usize, DeliveryFuture),
    messages: &[Message],
    failures: &mut Failures,
) {
    let cause = match delivery.await {
        Ok(Ok(_)) => return,
        Ok(Err((cause, _))) => cause,
        // The producer went away under us.
        Err(_) => KafkaError::Canceled,
    };
    failures.add(index, messages[index].partition, cause);
}

fn full(cause: &KafkaError) -> bool {
    cause.rdkafka_error_code() == Some(RDKafkaErrorCode::QueueFull)
}

/// Whether the answer would be the same again.
fn refused(code: RDKafkaErrorCode) -> bool {
    matches!(
        code,
        RDKafkaErrorCode::MessageSizeTooLarge
            | RDKafkaErrorCode::InvalidMessageSize
            | RDKafkaErrorCode::InvalidRecord
            | RDKafkaErrorCode::TopicAuthorizationFailed
            | RDKafkaErrorCode::ClusterAuthorizationFailed
            | RDKafkaErrorCode::Authentication
            | RDKafkaErrorCode::PolicyViolation
    )
}

/// Lets go of a producer. The last to do so closes it, which takes a moment.
fn retire(producer: Producer) {
    drop(tokio::task::spawn_blocking(move || drop(producer)));
}

fn create(cluster: &Cluster) -> Result<Producer, Error> {
    let config = &cluster.config;
    let try_ms = (config.timeout / KAFKA_PUBLISH_TRIES_MAX).as_millis().max(1).to_string();
    cluster
        .settings()
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("linger.ms", "5")
        // Built into librdkafka, without a library of ours.
        .set("compression.type", "lz4")
        // The broker's default: the client's own is below our largest record.
        .set("message.max.bytes", "1048588")
        .set("message.timeout.ms", &try_ms)
        .set("request.timeout.ms", &try_ms)
        .set("queue.buffering.max.kbytes", (PUBLISH_BYTES_MAX / 1024).to_string())
        .create_with_context(Telemetry)
        .map_err(|cause| Error::Connect { brokers: config.brokers.clone(), cause })
}
