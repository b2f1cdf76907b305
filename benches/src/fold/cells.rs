//! Rows that are added to: a table of cells that remembers which were touched in this tick, and what they were.
//!
//! Promises that each changed row is yielded once, with what it was before the tick. A cell whose row does not
//! exist stays, empty: most come back.

use std::hash::Hash;

use rustc_hash::FxHashMap;
use vitals_model::vital::{Change, HeatmapRow, RevenueRow};

/// A row that exists only while something is counted in it.
pub(super) trait Cell: Clone + Default + PartialEq {
    /// Whether anything is.
    fn exists(&self) -> bool;
}

impl Cell for RevenueRow {
    fn exists(&self) -> bool {
        self.orders != 0 || self.refund_count != 0 || self.active_customers != 0
    }
}

impl Cell for HeatmapRow {
    fn exists(&self) -> bool {
        self.visits != 0
            || self.bookings != 0
            || self.late_cancels != 0
            || self.no_shows != 0
            || self.sessions != 0
    }
}

/// Cells live in blocks of this many: a table that grows moves none.
const BLOCK: usize = 1_024;

/// A table of cells.
#[derive(Debug)]
pub(super) struct Cells<K, R> {
    numbers: FxHashMap<K, u32>,
    blocks: Vec<Vec<(K, R, bool)>>,
    touched: Vec<(u32, R)>,
}

impl<K, R> Default for Cells<K, R> {
    fn default() -> Self {
        Self { numbers: FxHashMap::default(), blocks: Vec::new(), touched: Vec::new() }
    }
}

impl<K: Copy + Eq + Hash, R: Cell> Cells<K, R> {
    /// The number of a cell, an empty new one if need be.
    pub(super) fn number(&mut self, key: K) -> u32 {
        let next = u32::try_from(self.numbers.len()).expect("fewer than 2^32 rows of a tenant");
        let number = *self.numbers.entry(key).or_insert(next);
        if number == next {
            if (number as usize).is_multiple_of(BLOCK) {
                self.blocks.push(Vec::with_capacity(BLOCK));
            }
            let block = self.blocks.last_mut().expect("there is a block");
            block.push((key, R::default(), false));
        }
        number
    }

    /// The row of a cell, to be changed.
    pub(super) fn touch(&mut self, number: u32) -> &mut R {
        let (_, row, touched) = &mut self.blocks[number as usize / BLOCK][number as usize % BLOCK];
        if !*touched {
            *touched = true;
            self.touched.push((number, row.clone()));
        }
        row
    }

    /// Empties every cell.
    pub(super) fn clear(&mut self) {
        for number in 0..u32::try_from(self.numbers.len()).expect("fewer than 2^32 rows") {
            *self.touch(number) = R::default();
        }
    }

    /// Ends the tick: yields the rows that changed, under keys that `name` makes.
    pub(super) fn finish<N>(&mut self, into: &mut Vec<Change<N, R>>, name: impl Fn(K) -> N) {
        for (number, old) in self.touched.drain(..) {
            let (key, row, touched) =
                &mut self.blocks[number as usize / BLOCK][number as usize % BLOCK];
            *touched = false;
            if *row != old {
                let old = old.exists().then_some(old);
                let new = row.exists().then(|| row.clone());
                if old.is_some() || new.is_some() {
                    into.push(Change { key: name(*key), old, new });
                }
            }
        }
    }
}
