//! What can go wrong with a log, named for what we were trying to do.
//!
//! A message that cannot be understood is none of this: it is data, and the engine's to quarantine.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use vitals_model::limits::{
    PARTITIONS_MAX, PARTITIONS_MIN, PUBLISH_BYTES_MAX, PUBLISH_MESSAGES_MAX,
};

use crate::Topic;

/// Why the log could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A message or key breaks a limit. Nothing was written; the same again is refused again.
    #[error("a {what} of {bytes} bytes is too large: the log takes at most {max}")]
    TooLarge {
        /// `message` or `key`.
        what: &'static str,
        /// How large it is.
        bytes: usize,
        /// How large it may be.
        max: usize,
    },
    /// One publish holds too much. Nothing was written; publish in several calls.
    #[error(
        "{messages} messages of {bytes} bytes together are too many for one publish: it takes at most \
         {PUBLISH_MESSAGES_MAX} messages and {PUBLISH_BYTES_MAX} bytes"
    )]
    TooMany {
        /// How many there are.
        messages: usize,
        /// Their bytes together.
        bytes: usize,
    },
    /// A partition was named that the log does not have.
    #[error("there is no partition {partition}: the log has {partitions}, numbered from 0")]
    NoPartition {
        /// The one named.
        partition: u16,
        /// How many there are.
        partitions: u16,
    },
    /// A log was asked for with a number of partitions no log can have.
    #[error("a log has {PARTITIONS_MIN} to {PARTITIONS_MAX} partitions, not {wanted}")]
    PartitionCount {
        /// The number asked for.
        wanted: u16,
    },
    /// The log exists with another number of partitions.
    #[error(
        "{log} has {found} partitions, not {wanted}; the number is fixed when a log is created: ask for \
         {found}, or begin a new log"
    )]
    Partitions {
        /// Which log or topic.
        log: String,
        /// How many it has.
        found: usize,
        /// How many were asked for.
        wanted: u16,
    },
    /// The offset to read from is outside what the log holds: its beginning was removed, it was created
    /// anew, or it lost its end. Never skipped over: someone has to decide what the gap means.
    #[error(
        "{topic} partition {partition} cannot be read from offset {wanted}: it holds {earliest} to \
         {latest}; the log lost messages or is another one, so import them again from their sources"
    )]
    Truncated {
        /// Of which topic.
        topic: Topic,
        /// Of which partition.
        partition: u16,
        /// The offset asked for.
        wanted: i64,
        /// The least offset that can be read.
        earliest: i64,
        /// The offset the next message gets.
        latest: i64,
    },
    /// Another process has the embedded log open.
    #[error(
        "the log in {} is in use by another process; stop that process or choose another directory",
        dir.display()
    )]
    InUse {
        /// Where.
        dir: PathBuf,
    },
    /// The embedded log cannot be opened.
    #[error("the log in {} cannot be opened", dir.display())]
    Open {
        /// Where.
        dir: PathBuf,
        /// Why.
        #[source]
        cause: fjall::Error,
    },
    /// The embedded log was written by a program of another kind or version.
    #[error("the log in {} is not one this program can read", dir.display())]
    Format {
        /// Where.
        dir: PathBuf,
    },
    /// The embedded log could not write. It refuses all further writes: what is on disk is unknown until
    /// it is opened again.
    #[error("cannot write to the log; check the disk, then restart")]
    Append {
        /// Why.
        #[source]
        cause: Arc<fjall::Error>,
    },
    /// The embedded log no longer writes, since an earlier write failed or it is being closed.
    #[error("the log has stopped writing after an earlier failure; check the disk, then restart")]
    Stopped,
    /// The embedded log could not read.
    #[error("cannot read {topic}")]
    Read {
        /// Which topic.
        topic: Topic,
        /// Why.
        #[source]
        cause: fjall::Error,
    },
    /// A stored message of the embedded log does not have the form we write.
    #[error(
        "{topic} partition {partition} of the log in {} holds a damaged message; restore the log from a \
         backup",
        dir.display()
    )]
    Damaged {
        /// Of which topic.
        topic: Topic,
        /// Of which partition.
        partition: u16,
        /// Where the log is.
        dir: PathBuf,
    },
    /// No broker answers. Harmless to try again.
    #[error(
        "Kafka at {brokers} does not answer within {timeout:?}; check that it runs and that the address \
         is right"
    )]
    Unreachable {
        /// The brokers as configured.
        brokers: String,
        /// How long we waited.
        timeout: Duration,
        /// What the client said last.
        #[source]
        cause: KafkaError,
    },
    /// Kafka refused a setting of ours.
    #[error("the Kafka client for {brokers} cannot be set up")]
    Connect {
        /// The brokers as configured.
        brokers: String,
        /// Why.
        #[source]
        cause: KafkaError,
    },
    /// A topic could not be created.
    #[error(
        "cannot create the topic {topic}; create it with {partitions} partitions, or grant the right"
    )]
    CreateTopic {
        /// The topic's full name.
        topic: String,
        /// With how many partitions.
        partitions: u16,
        /// Why.
        #[source]
        cause: RDKafkaErrorCode,
    },
    /// The broker is set to remove records by itself: it would remove some that are still needed.
    #[error(
        "the topic {topic} loses records ({found}), and the vitals are rebuilt from all of them; set \
         cleanup.policy=compact and min.compaction.lag.ms=9223372036854775807 for it"
    )]
    Losing {
        /// The topic's full name.
        topic: String,
        /// The settings by which it does.
        found: String,
    },
    /// A topic that was there is gone.
    #[error("the topic {topic} does not exist; restart to create it, if it may be empty")]
    NoTopic {
        /// The topic's full name.
        topic: String,
    },
    /// A partition has no leader: it can be neither read nor written.
    #[error("the topic {topic} is not available: partition {partition} has no leader")]
    Leaderless {
        /// The topic's full name.
        topic: String,
        /// Which partition.
        partition: i32,
    },
    /// Kafka refused messages, or did so until we gave up.
    #[error("cannot publish to {topic}")]
    Publish {
        /// Which topic.
        topic: Topic,
        /// Why.
        #[source]
        cause: KafkaError,
    },
    /// Kafka refused to be read.
    #[error("cannot fetch from {topic}")]
    Fetch {
        /// Which topic.
        topic: Topic,
        /// Why.
        #[source]
        cause: KafkaError,
    },
}

impl Error {
    /// Whether the same may succeed later, without anybody's doing: brokers were away or in disorder.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Leaderless { .. }
                | Self::Fetch { .. }
                | Self::Publish { .. }
        )
    }
}
