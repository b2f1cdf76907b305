//! The end of the log, in memory: what is not in a file yet.
//!
//! Promises the newest version of every record among the messages it was given, and that it begins at or
//! before the manifest's offsets, so that nothing lies between. Readers keep the tail they began with.

use std::collections::BTreeMap;
use std::sync::Arc;

use vitals_model::{Kind, LogBatch, Offsets, TenantId};

use crate::error::LakeError;
use crate::row::Row;

/// The newest rows of one kind of one tenant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Group {
    /// Another one at each change, of all groups of one lake: what is derived from a group is kept under it.
    pub(crate) generation: u64,
    /// By source and id.
    pub(crate) rows: BTreeMap<(Box<str>, Box<str>), Row>,
}

/// The newest rows of the messages between the manifest's offsets and `upper`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tail {
    pub(crate) upper: Offsets,
    groups: BTreeMap<(TenantId, Kind), Arc<Group>>,
    pub(crate) rows: usize,
    pub(crate) bytes: usize,
    generation: u64,
}

/// The records of a batch and the offsets it covers: what is left of it once it is parsed.
#[derive(Debug)]
pub(crate) struct Parsed {
    lower: Offsets,
    upper: Offsets,
    rows: Vec<Row>,
}

impl Parsed {
    pub(crate) fn of(batch: &LogBatch) -> Self {
        let rows = batch.messages.iter().filter_map(Row::of).collect();
        Self { lower: batch.lower.clone(), upper: batch.upper.clone(), rows }
    }
}

impl Tail {
    /// Nothing yet, of a log that is read from `upper` on.
    pub(crate) fn from(upper: Offsets) -> Self {
        Self { upper, ..Self::default() }
    }

    /// Groups as another process had them.
    pub(crate) fn of_groups(groups: impl IntoIterator<Item = ((TenantId, Kind), Group)>) -> Self {
        let groups = groups.into_iter().map(|(key, group)| (key, Arc::new(group))).collect();
        Self { groups, ..Self::default() }
    }

    /// Takes in the next batch of the log.
    pub(crate) fn absorb(&mut self, batch: Parsed) -> Result<(), LakeError> {
        let follows = |partition: &u16| self.upper.get(*partition) == batch.lower.get(*partition);
        if !batch.upper.0.keys().all(follows) {
            return Err(LakeError::Gap);
        }
        self.generation += 1;
        for row in batch.rows {
            self.put(row);
        }
        self.upper.0.extend(batch.upper.0);
        Ok(())
    }

    fn put(&mut self, row: Row) {
        let group = Arc::make_mut(self.groups.entry((row.tenant, row.kind)).or_default());
        group.generation = self.generation;
        let key = (row.source.clone(), row.id.clone());
        let bytes = row.bytes();
        match group.rows.get_mut(&key) {
            Some(known) if known.rank >= row.rank => return,
            Some(known) => {
                self.bytes -= known.bytes();
                *known = row;
            }
            None => {
                self.rows += 1;
                group.rows.insert(key, row);
            }
        }
        self.bytes += bytes;
    }

    /// Forgets what lies below `offsets`, and goes on from there where it had not come so far.
    pub(crate) fn trim(&mut self, offsets: &Offsets) {
        self.generation += 1;
        for group in self.groups.values_mut() {
            if group.rows.values().any(|row| row.is_below(offsets)) {
                let group = Arc::make_mut(group);
                group.rows.retain(|_, row| !row.is_below(offsets));
                group.generation = self.generation;
            }
        }
        self.groups.retain(|_, group| !group.rows.is_empty());
        self.rows = self.groups.values().map(|group| group.rows.len()).sum();
        self.bytes = self.all().map(Row::bytes).sum();
        for (partition, next) in &offsets.0 {
            let upper = self.upper.0.entry(*partition).or_default();
            *upper = (*upper).max(*next);
        }
    }

    /// The rows of one kind of one tenant, and their generation.
    pub(crate) fn group(&self, tenant: TenantId, kind: Kind) -> Option<&Group> {
        self.groups.get(&(tenant, kind)).map(AsRef::as_ref)
    }

    /// The rows of one kind of one tenant.
    pub(crate) fn of(&self, tenant: TenantId, kind: Kind) -> impl Iterator<Item = &Row> {
        self.group(tenant, kind).into_iter().flat_map(|group| group.rows.values())
    }

    /// The rows of one kind, of every tenant.
    pub(crate) fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Row> {
        let groups = self.groups.iter().filter(move |((_, it), _)| *it == kind);
        groups.flat_map(|(_, group)| group.rows.values())
    }

    fn all(&self) -> impl Iterator<Item = &Row> {
        self.groups.values().flat_map(|group| group.rows.values())
    }
}
