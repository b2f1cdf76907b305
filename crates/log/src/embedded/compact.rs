//! Topic compaction: of the messages of one key only the one that counts need be kept.
//!
//! Promises that a message goes only when a later one of its key, below the same bound, has the same or a
//! newer version: so whoever rebuilds up to that bound, or up to any later place, ends with what they had.
//! Later is not newer: an old version that comes late removes nothing. Every message keeps its offset,
//! tombstones and what has no version stay, and a crash at any moment leaves a log that is right: each
//! removal is right by itself, as the message that supersedes it is on disk already. Bounded memory, for
//! more passes over the keys.
//!
//! Does not run by itself: whoever owns the log decides when, and says what a version is.

use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::hash::BuildHasher;
use std::sync::Arc;

use vitals_model::limits::COMPACTION_KEYS_MAX;

use super::{Store, entry};
use crate::{Compacted, Error, Topic, VersionOf};

/// Removals that are written together.
const BATCH_REMOVALS: usize = 4_096;

/// Whether somebody still waits for the compaction: it stops soon after the other one is dropped.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted(Arc<()>);

impl Wanted {
    fn still(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}

/// Compacts what lies below `below` of each partition, judging by nothing else.
pub(super) fn compact(
    store: &Store,
    topic: Topic,
    below: &[i64],
    (version_of, wanted): (VersionOf, Wanted),
) -> Result<Compacted, Error> {
    let digest = Digest::default();
    let mut done = Compacted::default();
    for (partition, below) in (0..).zip(below) {
        // No partition has more keys than it ever had messages, nor than the topic has now.
        let keys_max = usize::try_from(*below).unwrap_or(usize::MAX);
        let keys_max = keys_max.min(store.topics[topic.index()].approximate_len());
        let passes = keys_max.div_ceil(COMPACTION_KEYS_MAX).max(1);
        for pass in 0..passes {
            let mine = |key: u128| key % passes as u128 == pass as u128;
            let of = Pass { topic, partition, below: *below, version_of, wanted: &wanted };
            let pass = of.run(store, &digest, mine)?;
            done.kept += pass.kept;
            done.removed += pass.removed;
        }
    }
    Ok(done)
}

struct Pass<'a> {
    topic: Topic,
    partition: u16,
    below: i64,
    version_of: VersionOf,
    wanted: &'a Wanted,
}

impl Pass<'_> {
    /// Compacts the messages whose key is `mine`, latest first.
    fn run(
        &self,
        store: &Store,
        digest: &Digest,
        mine: impl Fn(u128) -> bool,
    ) -> Result<Compacted, Error> {
        let topic = self.topic;
        let failed = |cause| Error::Read { topic, cause };
        let keyspace = &store.topics[topic.index()];
        // The newest version of each key among the messages that came later.
        let mut newest = HashMap::new();
        let mut done = Compacted::default();
        let mut removals = store.db.batch();
        let range = entry::id(self.partition, 0)..entry::id(self.partition, self.below);
        for found in keyspace.range(range).rev().take_while(|_| self.wanted.still()) {
            let (id, value) = found.into_inner().map_err(failed)?;
            let message =
                entry::decode(&id, &value).ok_or_else(|| store.damaged(topic, self.partition))?;
            let key = digest.of(&message.key);
            if !mine(key) {
                continue;
            }
            if !superseded(&mut newest, key, (self.version_of)(&message)) {
                done.kept += 1;
                continue;
            }
            done.removed += 1;
            removals.remove(keyspace, id);
            if removals.len() == BATCH_REMOVALS {
                std::mem::replace(&mut removals, store.db.batch()).commit().map_err(failed)?;
            }
        }
        removals.commit().map_err(failed)?;
        Ok(done)
    }
}

/// Whether something that came later supersedes this version of the key; if not, it is the newest so far.
fn superseded(newest: &mut HashMap<u128, i64>, key: u128, version: Option<i64>) -> bool {
    let Some(version) = version else { return false };
    match newest.entry(key) {
        Entry::Occupied(later) if *later.get() >= version => true,
        Entry::Occupied(mut later) => {
            later.insert(version);
            false
        }
        Entry::Vacant(first) => {
            first.insert(version);
            false
        }
    }
}

/// Names a key by 128 bits. Keyed at random, so that nobody can choose ids that collide: two keys taken
/// for one would cost a message.
#[derive(Default)]
struct Digest(RandomState, RandomState);

impl Digest {
    fn of(&self, key: &[u8]) -> u128 {
        u128::from(self.0.hash_one(key)) << 64 | u128::from(self.1.hash_one(key))
    }
}
