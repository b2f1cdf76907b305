//! Topic compaction: of the messages of one key only the newest need be kept.
//!
//! Promises that the newest message of each key stays, tombstones included, that every message keeps its
//! offset, and that a crash at any moment leaves a log that is right: each removal is right by itself, as
//! the message that supersedes it is on disk already. Bounded memory, for more passes over the keys.
//!
//! Does not run by itself: whoever owns the log decides when.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use vitals_model::limits::COMPACTION_KEYS_MAX;

use super::{Store, entry};
use crate::{Error, Topic};

/// Removals that are written together.
const BATCH_REMOVALS: usize = 4_096;

/// What topic compaction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Messages that stay.
    pub kept: u64,
    /// Messages that were superseded and are gone.
    pub removed: u64,
}

/// Compacts what lies below `below` of each partition, judging by all that lies below `ends`.
pub(super) fn compact(
    store: &Store,
    topic: Topic,
    below: &[i64],
    ends: &[i64],
) -> Result<Compacted, Error> {
    let digest = Digest::default();
    let mut done = Compacted::default();
    for (partition, (below, end)) in (0..).zip(below.iter().zip(ends)) {
        // No partition has more keys than it ever had messages, nor than the topic has now.
        let keys_max = usize::try_from(*end).unwrap_or(usize::MAX);
        let keys_max = keys_max.min(store.topics[topic.index()].approximate_len());
        let passes = keys_max.div_ceil(COMPACTION_KEYS_MAX).max(1);
        for pass in 0..passes {
            let mine = |key: u128| key % passes as u128 == pass as u128;
            let of = Pass { topic, partition, below: *below, end: *end };
            let pass = of.run(store, &digest, mine)?;
            done.kept += pass.kept;
            done.removed += pass.removed;
        }
    }
    Ok(done)
}

struct Pass {
    topic: Topic,
    partition: u16,
    below: i64,
    end: i64,
}

impl Pass {
    /// Compacts the messages whose key is `mine`, newest first.
    fn run(
        &self,
        store: &Store,
        digest: &Digest,
        mine: impl Fn(u128) -> bool,
    ) -> Result<Compacted, Error> {
        let topic = self.topic;
        let failed = |cause| Error::Read { topic, cause };
        let keyspace = &store.topics[topic.index()];
        let mut seen = HashSet::new();
        let mut done = Compacted::default();
        let mut removals = store.db.batch();
        let range = entry::id(self.partition, 0)..entry::id(self.partition, self.end);
        for found in keyspace.range(range).rev() {
            let (id, value) = found.into_inner().map_err(failed)?;
            let damaged = || store.damaged(topic, self.partition);
            let (_, offset) = entry::parse(&id).ok_or_else(damaged)?;
            let (key, _) = entry::split(&value).ok_or_else(damaged)?;
            let key = digest.of(key);
            if !mine(key) {
                continue;
            }
            if seen.insert(key) || offset >= self.below {
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

/// Names a key by 128 bits. Keyed at random, so that nobody can choose ids that collide: two keys taken
/// for one would cost a message.
#[derive(Default)]
struct Digest(RandomState, RandomState);

impl Digest {
    fn of(&self, key: &[u8]) -> u128 {
        u128::from(self.0.hash_one(key)) << 64 | u128::from(self.1.hash_one(key))
    }
}
