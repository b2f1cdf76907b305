//! A digest of the rows of the vitals: what two sets of rows are compared by without keeping either.
//!
//! Promises that equal sets have equal digests in whatever order their rows came, that a change is added in
//! the time it takes to hash its rows, and that sets which differ by accident differ here (128 bits). Not for
//! those who would forge one: the hash has no secret.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::batch::{VitalChanges, VitalTables};
use crate::vital::Change;

/// The sum of the hashes of all rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest([u64; 2]);

impl Digest {
    /// The digest of these rows.
    #[must_use]
    pub fn of(tables: &VitalTables) -> Self {
        let mut digest = Self::default();
        digest.apply(&VitalTables::default().changes_to(tables));
        digest
    }

    /// Takes changed rows in: what they were goes, what they are comes.
    pub fn apply(&mut self, changes: &VitalChanges) {
        self.apply_all(0, &changes.revenue);
        self.apply_all(1, &changes.heatmap);
        self.apply_all(2, &changes.churn);
        self.apply_all(3, &changes.health);
    }

    fn apply_all<K: Hash, R: Hash>(&mut self, vital: u8, changes: &[Change<K, R>]) {
        for Change { key, old, new } in changes {
            for (lane, sum) in (0_u8..).zip(&mut self.0) {
                let hash = |row: &R| {
                    let mut hasher = DefaultHasher::new();
                    (lane, vital, key, row).hash(&mut hasher);
                    hasher.finish()
                };
                *sum = sum.wrapping_sub(old.as_ref().map_or(0, hash));
                *sum = sum.wrapping_add(new.as_ref().map_or(0, hash));
            }
        }
    }

    /// The digest that was written as this text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (high, low) = text.split_at_checked(16)?;
        let lane = |text| u64::from_str_radix(text, 16).ok();
        (low.len() == 16).then_some(Self([lane(high)?, lane(low)?]))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [high, low] = self.0;
        write!(f, "{high:016x}{low:016x}")
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::tenant::TenantId;
    use crate::vital::{HeatmapKey, HeatmapRow, Period};

    fn tables(visits: &[(u8, i64)]) -> VitalTables {
        let key = |hour| HeatmapKey {
            tenant: TenantId(Uuid::from_u128(7)),
            location: None,
            period: Period::Trailing(4),
            weekday: 1,
            hour,
        };
        let row = |visits| HeatmapRow { visits, ..HeatmapRow::default() };
        let rows = visits.iter().map(|(hour, visits)| (key(*hour), row(*visits)));
        VitalTables { heatmap: rows.collect(), ..VitalTables::default() }
    }

    #[test]
    fn whatever_way_rows_came_their_digest_is_one() {
        let steps = [tables(&[(7, 1)]), tables(&[(7, 2), (9, 5)]), tables(&[(9, 5), (18, 4)])];
        let mut digest = Digest::default();
        let mut before = VitalTables::default();
        for step in steps {
            digest.apply(&before.changes_to(&step));
            assert_eq!(digest, Digest::of(&step));
            before = step;
        }
        digest.apply(&before.changes_to(&VitalTables::default()));
        assert_eq!(digest, Digest::default());
    }

    #[test]
    fn other_rows_have_another_digest() {
        let all = [&[(7, 1)][..], &[(7, 2)], &[(8, 1)], &[(7, 1), (8, 1)], &[]];
        let digests = all.map(|rows| Digest::of(&tables(rows)).to_string());
        let distinct: std::collections::BTreeSet<_> = digests.iter().collect();
        assert_eq!(distinct.len(), all.len());
        // Rows that swapped their values are other rows.
        let swapped = [&[(7, 1), (8, 2)][..], &[(7, 2), (8, 1)]].map(|it| Digest::of(&tables(it)));
        assert_ne!(swapped[0], swapped[1]);
    }

    #[test]
    fn a_digest_comes_back_from_its_text() {
        let digest = Digest::of(&tables(&[(7, 1)]));
        assert_eq!(Digest::parse(&digest.to_string()), Some(digest));
        for wrong in ["", "12", "zz", &"0".repeat(33), &"é".repeat(16)] {
            assert_eq!(Digest::parse(wrong), None, "{wrong}");
        }
    }
}
