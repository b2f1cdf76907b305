//! The log on this machine's disk, for one process: what Kafka is to many.
//!
//! Promises what [`Log`] promises: a message is on disk (fsync) before its publisher hears so and before
//! any reader sees it, and a killed process loses nothing acknowledged. One process per directory. The
//! number of partitions and the log's identity are recorded when it is created.
//!
//! Does not replicate, and deletes nothing but what [`Log::compact`] finds superseded: every
//! partition starts at offset 0 for ever.
//!
//! # Shape
//! One keyspace per topic: `(partition u16, offset u64)` big-endian -> `(key length u32, key, value)`. The
//! end of a partition is one past its last entry. Nothing later can supersede that entry, so compaction
//! never removes it, and no offset is given twice.

mod compact;
mod entry;
mod writer;

use crate::blocking::blocking;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use tokio::sync::watch;
use uuid::Uuid;
use vitals_model::limits::{PARTITIONS_MAX, PARTITIONS_MIN};
use vitals_model::{LogBatch, Offsets};

use crate::message::{self, FetchLimit, Message};
use crate::{Compacted, Error, Log, Topic, VersionOf};

/// What this program writes. A log of another format is refused.
const FORMAT: &[u8] = b"vitals-log 1";

/// A log in a directory.
#[derive(Debug)]
pub struct EmbeddedLog {
    store: Arc<Store>,
    writer: writer::Writer,
    ends: watch::Receiver<Ends>,
}

/// The end of each partition of each topic, as far as it is durable.
type Ends = [Vec<i64>; Topic::ALL.len()];

struct Store {
    dir: PathBuf,
    db: Database,
    topics: [Keyspace; Topic::ALL.len()],
    partitions: u16,
    id: Uuid,
    /// Per topic, the partition whose turn it is first in the next fetch.
    turns: [AtomicUsize; Topic::ALL.len()],
}

impl EmbeddedLog {
    /// Opens the log in `dir`, or creates it there with `partitions` partitions. Blocks on the disk.
    ///
    /// # Errors
    /// [`Error::InUse`] if another process has it open, [`Error::Partitions`] if it has another number of
    /// partitions, [`Error::Open`] if the disk refuses.
    pub fn open(dir: &Path, partitions: u16) -> Result<Self, Error> {
        if !(PARTITIONS_MIN..=PARTITIONS_MAX).contains(&partitions) {
            return Err(Error::PartitionCount { wanted: partitions });
        }
        let store = Arc::new(Store::open(dir, partitions)?);
        let (writer, ends) = writer::Writer::start(Arc::clone(&store))?;
        Ok(Self { store, writer, ends })
    }
}

#[async_trait]
impl Log for EmbeddedLog {
    fn partitions(&self) -> u16 {
        self.store.partitions
    }

    async fn publish(&self, topic: Topic, messages: Vec<Message>) -> Result<(), Error> {
        let bytes = message::check(&messages, self.store.partitions)?;
        if messages.is_empty() {
            return Ok(());
        }
        self.writer.append(topic, messages, bytes).await
    }

    async fn fetch(
        &self,
        topic: Topic,
        from: &Offsets,
        limit: FetchLimit,
    ) -> Result<LogBatch, Error> {
        let lower = message::positions(from, self.store.partitions)?;
        let limit = limit.clamped();
        let mut ends = self.ends.clone();
        let something = ends.wait_for(|ends| {
            let ends = &ends[topic.index()];
            // Also when some offset is past its end: that is an error, and shall not wait.
            lower.iter().zip(ends).any(|(from, end)| from != end)
        });
        let ends = match tokio::time::timeout(limit.wait, something).await {
            Ok(Ok(ends)) => ends[topic.index()].clone(),
            Ok(Err(_)) => return Err(Error::Stopped),
            Err(_) => {
                let at = message::offsets(&lower);
                return Ok(LogBatch { lower: at.clone(), upper: at, messages: Vec::new() });
            }
        };
        in_range(topic, &lower, &ends)?;
        let store = Arc::clone(&self.store);
        blocking(move || store.read(topic, &lower, &ends, limit)).await
    }

    async fn starts(&self, _topic: Topic) -> Result<Offsets, Error> {
        Ok(Offsets::start(self.store.partitions))
    }

    async fn ends(&self, topic: Topic) -> Result<Offsets, Error> {
        Ok(message::offsets(&self.ends.borrow()[topic.index()]))
    }

    async fn compact(
        &self,
        topic: Topic,
        below: &Offsets,
        version_of: VersionOf,
    ) -> Result<Option<Compacted>, Error> {
        let below = message::positions(below, self.store.partitions)?;
        in_range(topic, &below, &self.ends.borrow()[topic.index()])?;
        let store = Arc::clone(&self.store);
        let wanted = compact::Wanted::default();
        let still = wanted.clone();
        blocking(move || compact::compact(&store, topic, &below, (version_of, still)))
            .await
            .map(Some)
    }

    async fn check(&self) -> Result<(), Error> {
        self.writer.check()
    }

    fn identity(&self) -> String {
        format!("embedded:{}", self.store.id)
    }
}

fn in_range(topic: Topic, from: &[i64], ends: &[i64]) -> Result<(), Error> {
    for ((partition, wanted), latest) in (0..).zip(from).zip(ends) {
        if !(0..=*latest).contains(wanted) {
            let (wanted, latest) = (*wanted, *latest);
            return Err(Error::Truncated { topic, partition, wanted, earliest: 0, latest });
        }
    }
    Ok(())
}

impl Store {
    fn open(dir: &Path, partitions: u16) -> Result<Self, Error> {
        let failed = |cause| match cause {
            fjall::Error::Locked => Error::InUse { dir: dir.to_owned() },
            cause => Error::Open { dir: dir.to_owned(), cause },
        };
        let db = Database::builder(dir).open().map_err(failed)?;
        let keyspace =
            |name: &str| db.keyspace(name, KeyspaceCreateOptions::default).map_err(failed);
        let about = keyspace("about")?;
        let mut topics = Vec::with_capacity(Topic::ALL.len());
        for topic in Topic::ALL {
            topics.push(keyspace(topic.name())?);
        }
        let topics = topics.try_into().ok().expect("there is one keyspace for each topic");

        // The three are written in one batch: a log has all of them, or was never used.
        let id = match about.get("format").map_err(failed)? {
            None => {
                let id = Uuid::new_v4();
                let mut batch = db.batch().durability(Some(PersistMode::SyncAll));
                batch.insert(&about, "format", FORMAT);
                batch.insert(&about, "partitions", partitions.to_be_bytes());
                batch.insert(&about, "id", *id.as_bytes());
                batch.commit().map_err(failed)?;
                id
            }
            Some(format) => {
                let stranger = || Error::Format { dir: dir.to_owned() };
                if *format != *FORMAT {
                    return Err(stranger());
                }
                let found = about.get("partitions").map_err(failed)?;
                let found = found.and_then(|it| <[u8; 2]>::try_from(&*it).ok());
                let found = found.map(u16::from_be_bytes).ok_or_else(stranger)?;
                if found != partitions {
                    let log = format!("the log in {}", dir.display());
                    return Err(Error::Partitions { log, found: found.into(), wanted: partitions });
                }
                let id = about.get("id").map_err(failed)?;
                id.and_then(|it| Uuid::from_slice(&it).ok()).ok_or_else(stranger)?
            }
        };
        let turns = Default::default();
        Ok(Self { dir: dir.to_owned(), db, topics, partitions, id, turns })
    }

    /// The ends as the disk has them: one past the last entry of each partition.
    fn ends(&self) -> Result<Ends, Error> {
        let mut ends = Ends::default();
        for topic in Topic::ALL {
            for partition in 0..self.partitions {
                let last =
                    self.topics[topic.index()].range(entry::partition(partition)).next_back();
                let end = match last {
                    None => 0,
                    Some(last) => {
                        let id = last.key().map_err(|cause| Error::Read { topic, cause })?;
                        let (_, offset) =
                            entry::parse(&id).ok_or_else(|| self.damaged(topic, partition))?;
                        offset + 1
                    }
                };
                ends[topic.index()].push(end);
            }
        }
        Ok(ends)
    }

    /// Reads on from `from`, the partitions taking turns.
    fn read(
        &self,
        topic: Topic,
        from: &[i64],
        ends: &[i64],
        limit: FetchLimit,
    ) -> Result<LogBatch, Error> {
        let keyspace = &self.topics[topic.index()];
        let mut upper = from.to_vec();
        let mut pending: Vec<_> = (0..self.partitions)
            .filter(|it| from[usize::from(*it)] < ends[usize::from(*it)])
            .map(|it| {
                let (from, end) = (from[usize::from(it)], ends[usize::from(it)]);
                (it, keyspace.range(entry::id(it, from)..entry::id(it, end)))
            })
            .collect();
        // Whoever was last before is not first again, however small the limit.
        let first = self.turns[topic.index()].fetch_add(1, Ordering::Relaxed);
        if !pending.is_empty() {
            let first = first % pending.len();
            pending.rotate_left(first);
        }
        // Long enough a turn to stay in one block of the disk, short enough for all to have one.
        let turn = (limit.messages / pending.len().max(1)).clamp(1, 64);

        let (mut messages, mut bytes) = (Vec::new(), 0);
        'full: while !pending.is_empty() {
            let mut at = 0;
            while let Some((partition, entries)) = pending.get_mut(at) {
                let next = usize::from(*partition);
                let mut left = turn;
                let exhausted = loop {
                    if left == 0 {
                        break false;
                    }
                    left -= 1;
                    let Some(found) = entries.next() else {
                        break true;
                    };
                    let (id, value) =
                        found.into_inner().map_err(|cause| Error::Read { topic, cause })?;
                    let message = entry::decode(&id, &value)
                        .ok_or_else(|| self.damaged(topic, *partition))?;
                    bytes += message.key.len() + message.value.len();
                    let full = messages.len() == limit.messages || bytes > limit.bytes;
                    if full && !messages.is_empty() {
                        break 'full;
                    }
                    upper[next] = message.offset + 1;
                    messages.push(message);
                };
                if exhausted {
                    upper[next] = ends[next];
                    pending.remove(at);
                } else {
                    at += 1;
                }
            }
        }
        let (lower, upper) = (message::offsets(from), message::offsets(&upper));
        Ok(LogBatch { lower, upper, messages })
    }

    fn damaged(&self, topic: Topic, partition: u16) -> Error {
        Error::Damaged { topic, partition, dir: self.dir.clone() }
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("dir", &self.dir)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
