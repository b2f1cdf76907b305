//! One reader of one topic: a consumer that goes on from a position, forwards only.
//!
//! Promises the contract of `Log::fetch`. What librdkafka has fetched is sorted into one queue per
//! partition, from which batches are taken in turns, so that a hot partition does not keep the others back.
//! Bounded: `KAFKA_PREFETCH_BYTES_MAX` in librdkafka's queue and the same again in ours.
//!
//! Does not seek: at another position, another reader.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use vitals_model::limits::KAFKA_PREFETCH_BYTES_MAX;
use vitals_model::{LogBatch, LogMessage};

use super::client::{Cluster, Telemetry};
use crate::message::{self, FetchLimit};
use crate::{Error, Topic};

pub(super) struct Reader {
    pub(super) topic: Topic,
    /// The next offset to hand out of each partition.
    pub(super) position: Vec<i64>,
    cluster: Arc<Cluster>,
    consumer: BaseConsumer<Telemetry>,
    /// What has arrived and was not handed out yet, by partition.
    arrived: Vec<VecDeque<LogMessage>>,
    arrived_bytes: usize,
    /// The partition whose turn it is first.
    turn: usize,
    /// The ends when the reader was opened, until they are reached: what is there already is waited for
    /// longer than what may come.
    backlog: Option<Vec<i64>>,
    /// What went wrong last, if nothing has arrived since.
    doubt: Option<KafkaError>,
}

impl Reader {
    /// Opens a reader at a position, which has to lie within what the log holds.
    pub(super) fn open(
        cluster: Arc<Cluster>,
        topic: Topic,
        position: Vec<i64>,
    ) -> Result<Self, Error> {
        let ends = cluster.ends(topic)?;
        in_range(&cluster, topic, &position, &ends)?;
        let name = cluster.config.topic_name(topic);
        let failed = |cause| Error::Fetch { topic, cause };
        let prefetch_kbytes = (KAFKA_PREFETCH_BYTES_MAX / 1024).to_string();
        let consumer: BaseConsumer<Telemetry> = cluster
            .settings()
            // librdkafka assigns partitions within a group only; nobody joins this one.
            .set("group.id", format!("{name}.reader"))
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("fetch.error.backoff.ms", "100")
            .set("queued.max.messages.kbytes", prefetch_kbytes)
            .set("fetch.message.max.bytes", "1048576")
            .create_with_context(Telemetry)
            .map_err(failed)?;
        let mut assignment = TopicPartitionList::with_capacity(position.len());
        for (partition, offset) in (0..).zip(&position) {
            let offset = Offset::Offset(*offset);
            assignment.add_partition_offset(&name, partition, offset).map_err(failed)?;
        }
        consumer.assign(&assignment).map_err(failed)?;
        let arrived = position.iter().map(|_| VecDeque::new()).collect();
        Ok(Self {
            topic,
            position,
            cluster,
            consumer,
            arrived,
            arrived_bytes: 0,
            turn: 0,
            backlog: Some(ends),
            doubt: None,
        })
    }

    /// Hands out the next batch.
    pub(super) fn fetch(&mut self, limit: FetchLimit) -> Result<LogBatch, Error> {
        let reached = |ends: &Vec<i64>| self.position.iter().zip(ends).all(|(at, end)| at >= end);
        if self.backlog.as_ref().is_some_and(reached) {
            self.backlog = None;
        }
        let mut wait = limit.wait;
        if self.backlog.is_some() {
            wait = wait.max(self.cluster.config.timeout);
        }
        self.receive(wait)?;
        if self.arrived_bytes == 0 && self.arrived.iter().all(VecDeque::is_empty) {
            // No more than once: the last offsets may be none of messages.
            self.backlog = None;
            self.reassure()?;
        }
        Ok(self.take(limit))
    }

    /// Takes in what librdkafka has, waiting for a first message if there is none at all.
    fn receive(&mut self, wait: Duration) -> Result<(), Error> {
        let begun = Instant::now();
        let mut empty = self.arrived.iter().all(VecDeque::is_empty);
        while self.arrived_bytes < KAFKA_PREFETCH_BYTES_MAX {
            let patience =
                if empty { wait.saturating_sub(begun.elapsed()) } else { Duration::ZERO };
            let polled = self.consumer.poll(patience).map(|it| it.map(|it| owned(&it)));
            match polled {
                Some(Ok((at, message))) => {
                    self.arrived_bytes += message.key.len() + message.value.len();
                    self.arrived[at].push_back(message);
                    self.doubt = None;
                    empty = false;
                }
                Some(Err(error)) => self.judge(error)?,
                None if empty && begun.elapsed() < wait => {}
                None => break,
            }
        }
        Ok(())
    }

    /// Whether one can go on after an error. librdkafka tries again by itself what can be tried again.
    fn judge(&mut self, error: KafkaError) -> Result<(), Error> {
        let code = error.rdkafka_error_code();
        match code {
            Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => {
                // What has arrived is handed out no more: someone has to look at this first.
                let ends = self.cluster.ends(self.topic)?;
                in_range(&self.cluster, self.topic, &self.position, &ends)?;
                Err(Error::Fetch { topic: self.topic, cause: error })
            }
            Some(
                RDKafkaErrorCode::TopicAuthorizationFailed
                | RDKafkaErrorCode::ClusterAuthorizationFailed
                | RDKafkaErrorCode::Authentication
                | RDKafkaErrorCode::Fatal,
            )
            | None => Err(Error::Fetch { topic: self.topic, cause: error }),
            Some(_) if matches!(error, KafkaError::MessageConsumptionFatal(_)) => {
                Err(Error::Fetch { topic: self.topic, cause: error })
            }
            Some(_) => {
                self.doubt = Some(error);
                Ok(())
            }
        }
    }

    /// After nothing but errors, asks whether the brokers are there: an empty batch must not hide it.
    fn reassure(&mut self) -> Result<(), Error> {
        if self.doubt.is_some() {
            self.cluster.leader(&self.cluster.config.topic_name(self.topic))?;
            self.doubt = None;
        }
        Ok(())
    }

    /// Takes a batch of what has arrived, the partitions taking turns.
    fn take(&mut self, limit: FetchLimit) -> LogBatch {
        let lower = message::offsets(&self.position);
        let (mut messages, mut bytes) = (Vec::new(), 0);
        let partitions = self.arrived.len();
        let mut idle = 0;
        while idle < partitions {
            let at = self.turn % partitions;
            let Some(next) = self.arrived[at].front() else {
                self.turn = at + 1;
                idle += 1;
                continue;
            };
            let next_bytes = next.key.len() + next.value.len();
            let full = messages.len() == limit.messages || bytes + next_bytes > limit.bytes;
            if full && !messages.is_empty() {
                break;
            }
            let Some(message) = self.arrived[at].pop_front() else {
                break;
            };
            bytes += next_bytes;
            self.arrived_bytes -= next_bytes;
            self.position[at] = message.offset + 1;
            messages.push(message);
            self.turn = at + 1;
            idle = 0;
        }
        LogBatch { lower, upper: message::offsets(&self.position), messages }
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut it = f.debug_struct("Reader");
        it.field("topic", &self.topic).field("position", &self.position).finish_non_exhaustive()
    }
}

/// A message and its partition's place.
fn owned(message: &rdkafka::message::BorrowedMessage<'_>) -> (usize, LogMessage) {
    let partition = u16::try_from(message.partition()).expect("we assigned a small partition");
    let key = message.key().unwrap_or_default().to_vec();
    // Without a value it is Kafka's own tombstone, which none of us writes: the engine quarantines it.
    let value = message.payload().unwrap_or_default().to_vec();
    (partition.into(), LogMessage { partition, offset: message.offset(), key, value })
}

fn in_range(cluster: &Cluster, topic: Topic, from: &[i64], ends: &[i64]) -> Result<(), Error> {
    let starts = cluster.starts(topic)?;
    for (partition, wanted) in (0..).zip(from) {
        let at = usize::from(partition);
        if !(starts[at]..=ends[at]).contains(wanted) {
            let (wanted, earliest, latest) = (*wanted, starts[at], ends[at]);
            return Err(Error::Truncated { topic, partition, wanted, earliest, latest });
        }
    }
    Ok(())
}
