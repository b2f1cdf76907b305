//! The log of records: Kafka, and its embedded twin, behind one interface.
//!
//! Promises, for both alike (one suite, `tests/conformance.rs`, holds them to it):
//! 1. *Durable*: `publish` returns `Ok` only when every message is on disk, or acknowledged by every
//!    in-sync replica.
//! 2. *Ordered*: the messages of one `publish` keep their order within a partition, and an offset, once
//!    given, always names the same message or none.
//! 3. *At least once*: what was published is fetched until topic compaction removes it for another message of
//!    its key. Nobody compacts records but their owner, who knows versions and what is committed. After an
//!    unknown outcome a message may be there twice.
//! 4. *Nothing skipped*: a fetch from an offset the log no longer holds, or never had, is an error.
//!
//! Does not parse records, deduplicate them, remember how far anyone has read (the store does, in the
//! transaction of the tick) or order messages across partitions.

mod blocking;
pub mod embedded;
mod error;
pub mod kafka;
mod message;
mod topic;

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
pub use embedded::EmbeddedLog;
pub use error::Error;
pub use kafka::{KafkaConfig, KafkaLog};
pub use message::{Compacted, FetchLimit, Message, VersionOf};
pub use topic::Topic;
use vitals_model::{LogBatch, Offsets};

/// A log, shared by those who write and those who read.
pub type SharedLog = Arc<dyn Log>;

/// The ordered, retained sequence of messages of each topic.
#[async_trait]
pub trait Log: Send + Sync + Debug {
    /// How many partitions every topic has. Fixed when the log is created.
    fn partitions(&self) -> u16;

    /// Appends messages, and returns when they are durable.
    ///
    /// # Contract
    /// 1. On `Ok` every message is durable, and those of one partition are in the order given.
    /// 2. On `Err` any of them may be there, or come to be there: publish them again, records are upserts.
    ///    What breaks a limit is refused before anything is written.
    /// 3. Dropping the future leaves the outcome open, as an error does.
    ///
    /// # Errors
    /// A limit is broken ([`Error::TooLarge`], [`Error::TooMany`], [`Error::NoPartition`]), or the log
    /// cannot write.
    async fn publish(&self, topic: Topic, messages: Vec<Message>) -> Result<(), Error>;

    /// Reads on from `from`, of every partition; one that `from` does not name is read from offset 0.
    ///
    /// Returns as soon as there is something, and waits at most `limit.wait` for that.
    ///
    /// # Contract
    /// 1. `lower` is `from`, completed to all partitions; every message lies between `lower` and `upper`.
    /// 2. Per partition the messages are in order and without omission: what lies between `lower` and
    ///    `upper` and is missing was compacted away.
    /// 3. At most `limit.messages` and `limit.bytes`, except that a first message is never withheld.
    /// 4. Partitions take turns: a long backlog in one does not keep back the messages of another.
    /// 5. An empty batch has `upper == lower`.
    ///
    /// # Errors
    /// [`Error::Truncated`] when `from` is outside what the log holds, or the log cannot be read.
    async fn fetch(
        &self,
        topic: Topic,
        from: &Offsets,
        limit: FetchLimit,
    ) -> Result<LogBatch, Error>;

    /// The least offset of each partition from which one may read.
    ///
    /// # Errors
    /// The log cannot be read.
    async fn starts(&self, topic: Topic) -> Result<Offsets, Error>;

    /// The offset that each partition's next message will get.
    ///
    /// # Errors
    /// The log cannot be read.
    async fn ends(&self, topic: Topic) -> Result<Offsets, Error>;

    /// Removes what is superseded of `topic` below `below`; `None` when this log is not thinned by its owner.
    ///
    /// # Contract
    /// 1. A message goes only when a later one of its key, that lies below `below` too, has the same or a
    ///    newer version. So whoever reads up to `below`, or further, ends with what they had.
    /// 2. Publishing and fetching go on meanwhile. Dropping the future ends the work soon; what was removed
    ///    until then was superseded all the same, and so it is after an error.
    ///
    /// # Errors
    /// [`Error::Truncated`] when `below` is past the end, or the disk refuses.
    async fn compact(
        &self,
        topic: Topic,
        below: &Offsets,
        version_of: VersionOf,
    ) -> Result<Option<Compacted>, Error>;

    /// Whether the log can be read and written now. Answers in bounded time.
    ///
    /// # Errors
    /// Why not.
    async fn check(&self) -> Result<(), Error>;

    /// What tells this log from every other: a store that has read one must not go on with another.
    fn identity(&self) -> String;
}
