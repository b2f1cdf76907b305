//! What crosses the seams: batches from the log, and batches for the store.
//!
//! A `LogBatch` is messages with exactly the offsets they cover. A `CommitBatch` is everything one tick
//! changes, with the offsets it reaches: the store writes all of it in one transaction, or nothing.

use std::collections::BTreeMap;

use crate::digest::Digest;
use crate::record::Quarantined;
use crate::tenant::TenantId;
use crate::utc::{Date, UtcMicros};
use crate::vital::{
    Change, ChurnKey, ChurnRow, HealthKey, HealthRow, HeatmapKey, HeatmapRow, RevenueKey,
    RevenueRow,
};

/// The next offset to read of each partition, by partition number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offsets(pub BTreeMap<u16, i64>);

impl Offsets {
    /// The beginning of `partitions` partitions.
    #[must_use]
    pub fn start(partitions: u16) -> Self {
        Self((0..partitions).map(|partition| (partition, 0)).collect())
    }

    /// The next offset of one partition.
    #[must_use]
    pub fn get(&self, partition: u16) -> i64 {
        self.0.get(&partition).copied().unwrap_or(0)
    }

    /// Whether every partition is at or past where `other` has it.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        other.0.iter().all(|(partition, offset)| self.get(*partition) >= *offset)
    }
}

/// One message of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogMessage {
    /// In which partition.
    pub partition: u16,
    /// At which offset.
    pub offset: i64,
    /// The message's key; a record's key names its tenant, kind, source and id.
    pub key: Vec<u8>,
    /// The message's bytes; a record as JSON.
    pub value: Vec<u8>,
}

/// Messages and exactly the offsets they cover: in order within each partition, at least once.
#[derive(Clone, Debug, Default)]
pub struct LogBatch {
    /// Where the batch begins.
    pub lower: Offsets,
    /// Where the next one begins. Offsets between the two that have no message were compacted away.
    pub upper: Offsets,
    /// The messages.
    pub messages: Vec<LogMessage>,
}

/// What became of a tenant's messages. `received` is always the sum of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the words say it")]
pub struct Counts {
    pub received: u64,
    pub applied: u64,
    pub superseded: u64,
    pub duplicate: u64,
    pub quarantined: u64,
}

impl Counts {
    /// Adds another's counts.
    pub fn add(&mut self, other: &Self) {
        self.received += other.received;
        self.applied += other.applied;
        self.superseded += other.superseded;
        self.duplicate += other.duplicate;
        self.quarantined += other.quarantined;
    }
}

/// The rows that changed, sorted by key, each key at most once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VitalChanges {
    /// Of `revenue_trend`.
    pub revenue: Vec<Change<RevenueKey, RevenueRow>>,
    /// Of `attendance_heatmap`.
    pub heatmap: Vec<Change<HeatmapKey, HeatmapRow>>,
    /// Of `churn_risk`.
    pub churn: Vec<Change<ChurnKey, ChurnRow>>,
    /// Of `health_score`.
    pub health: Vec<Change<HealthKey, HealthRow>>,
}

impl VitalChanges {
    /// How many rows changed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.revenue.len() + self.heatmap.len() + self.churn.len() + self.health.len()
    }

    /// Whether none did.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Why rows changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Records arrived, or a local day began.
    Live,
    /// The definition of these vitals changed, and they were restated.
    Definition(Vec<String>),
    /// An operator had the store brought back to what the log says.
    Repair,
}

impl Cause {
    /// The cause in a word, as `vital_changes.cause` has it.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Definition(_) => "definition",
            Self::Repair => "repair",
        }
    }
}

/// Everything one tick changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitBatch {
    /// The tick: one more than the last committed one.
    pub tick: u64,
    /// The offsets the last commit reached.
    pub lower: Offsets,
    /// The offsets this one reaches.
    pub upper: Offsets,
    /// The instant the engine calls now; never goes back.
    pub clock: UtcMicros,
    /// The tenants whose today changed, with their new one, sorted.
    pub todays: Vec<(TenantId, Date)>,
    /// The changed rows.
    pub changes: VitalChanges,
    /// What could not be understood.
    pub quarantined: Vec<Quarantined>,
    /// What became of each tenant's messages, sorted; `None` gathers those whose owner is unreadable.
    pub counts: BTreeMap<Option<TenantId>, Counts>,
    /// Why.
    pub cause: Cause,
    /// The digest of all rows as they are after this tick.
    pub digest: Digest,
}

/// Every row of every vital: what a rebuilt engine, a store and a definition are compared by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VitalTables {
    /// `revenue_trend`.
    pub revenue: BTreeMap<RevenueKey, RevenueRow>,
    /// `attendance_heatmap`.
    pub heatmap: BTreeMap<HeatmapKey, HeatmapRow>,
    /// `churn_risk`.
    pub churn: BTreeMap<ChurnKey, ChurnRow>,
    /// `health_score`.
    pub health: BTreeMap<HealthKey, HealthRow>,
}

impl VitalTables {
    /// Applies the changes of one tick.
    pub fn apply(&mut self, changes: VitalChanges) {
        apply(&mut self.revenue, changes.revenue);
        apply(&mut self.heatmap, changes.heatmap);
        apply(&mut self.churn, changes.churn);
        apply(&mut self.health, changes.health);
    }

    /// The changes that turn these rows into `target`, sorted by key. Empty when they are equal.
    #[must_use]
    pub fn changes_to(&self, target: &Self) -> VitalChanges {
        VitalChanges {
            revenue: difference(&self.revenue, &target.revenue),
            heatmap: difference(&self.heatmap, &target.heatmap),
            churn: difference(&self.churn, &target.churn),
            health: difference(&self.health, &target.health),
        }
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.revenue.len() + self.heatmap.len() + self.churn.len() + self.health.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn apply<K: Ord, R>(rows: &mut BTreeMap<K, R>, changes: Vec<Change<K, R>>) {
    for change in changes {
        match change.new {
            Some(row) => {
                rows.insert(change.key, row);
            }
            None => {
                rows.remove(&change.key);
            }
        }
    }
}

fn difference<K: Ord + Clone, R: Clone + PartialEq>(
    old: &BTreeMap<K, R>,
    new: &BTreeMap<K, R>,
) -> Vec<Change<K, R>> {
    let keys: std::collections::BTreeSet<&K> = old.keys().chain(new.keys()).collect();
    keys.into_iter()
        .filter(|key| old.get(key) != new.get(key))
        .map(|key| Change {
            key: key.clone(),
            old: old.get(key).cloned(),
            new: new.get(key).cloned(),
        })
        .collect()
}
