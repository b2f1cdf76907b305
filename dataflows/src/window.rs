//! Windows that move with a tenant's today: the last 14, 28, 30, ... days, kept by timers.
//!
//! A dated row is filed under its day. When today moves, only the days that cross a window's edge are
//! touched, and only the windows they enter or leave are told. Promises that the windows a row has been
//! said to be in are exactly those that hold `today - day`, whichever way today moved.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::keyed::{Diff, Rows, per_tick};
use crate::packed::{Pack, PackedRows};
use crate::states::States;

/// A set of windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Windows(u16);

impl Windows {
    /// The last 14 days.
    pub const DAYS_14: Self = Self(1);
    /// The last 28 days.
    pub const DAYS_28: Self = Self(1 << 1);
    /// The last 30 days.
    pub const DAYS_30: Self = Self(1 << 2);
    /// The 30 days before those.
    pub const PRIOR_30: Self = Self(1 << 3);
    /// The last 84 days.
    pub const DAYS_84: Self = Self(1 << 4);
    /// The last 90 days.
    pub const DAYS_90: Self = Self(1 << 5);
    /// The 90 days before those.
    pub const PRIOR_90: Self = Self(1 << 6);
    /// The last 180 days.
    pub const DAYS_180: Self = Self(1 << 7);
    /// The last 364 days.
    pub const DAYS_364: Self = Self(1 << 8);
    /// The last 365 days.
    pub const DAYS_365: Self = Self(1 << 9);
    /// Today and every day before it.
    pub const PAST: Self = Self(1 << 10);

    /// Whether all of `other` are among these.
    #[must_use]
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    fn is_empty(self) -> bool {
        self.0 == 0
    }

    fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The windows that hold a day `age` days before today (negative: after it).
    fn holding(age: i32) -> Self {
        let mut windows = 0;
        for (window, from, to) in EDGES {
            if (from..to).contains(&age) {
                windows |= window.0;
            }
        }
        Self(windows)
    }
}

/// Each window with the ages it holds, half open.
const EDGES: [(Windows, i32, i32); 11] = [
    (Windows::DAYS_14, 0, 14),
    (Windows::DAYS_28, 0, 28),
    (Windows::DAYS_30, 0, 30),
    (Windows::PRIOR_30, 30, 60),
    (Windows::DAYS_84, 0, 84),
    (Windows::DAYS_90, 0, 90),
    (Windows::PRIOR_90, 90, 180),
    (Windows::DAYS_180, 0, 180),
    (Windows::DAYS_364, 0, 364),
    (Windows::DAYS_365, 0, 365),
    (Windows::PAST, 0, i32::MAX),
];

/// The ages at which a row enters or leaves a window.
const AGES: [i32; 10] = [0, 14, 28, 30, 60, 84, 90, 180, 364, 365];

/// What the operator reads.
#[derive(Clone, Copy, Debug)]
pub enum Entry<P> {
    /// A row and its day.
    Row(u32, i32, P),
    /// A tenant's today.
    Today(u32, i32),
}

/// The tenants whose today changes, and to what.
pub(crate) fn turns<P>(updates: &[(Entry<P>, Diff)]) -> Vec<(u32, Option<i32>)> {
    let mut todays: BTreeMap<u32, BTreeMap<i32, Diff>> = BTreeMap::new();
    for (entry, diff) in updates {
        if let Entry::Today(tenant, day) = entry {
            *todays.entry(*tenant).or_default().entry(*day).or_default() += diff;
        }
    }
    todays.retain(|_, days| days.values().any(|diff| *diff != 0));
    let today = |days: BTreeMap<i32, Diff>| {
        days.into_iter().find(|(_, diff)| *diff > 0).map(|(day, _)| day)
    };
    todays.into_iter().map(|(tenant, days)| (tenant, today(days))).collect()
}

/// A row that entered (diff above zero) or left (below) some windows of its tenant.
#[derive(Clone, Copy, Debug)]
pub struct Moved<P> {
    /// Whose.
    pub tenant: u32,
    /// The row's day.
    pub day: i32,
    /// The row.
    pub row: P,
    /// The windows.
    pub windows: Windows,
}

#[derive(Debug, Default)]
struct Calendar {
    today: Option<i32>,
    days: BTreeMap<i32, PackedRows>,
}

impl Pack for Calendar {
    fn pack(&self, out: &mut Vec<u8>) {
        self.today.pack(out);
        self.days.pack(out);
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        Self { today: Pack::unpack(bytes), days: Pack::unpack(bytes) }
    }
}

impl Calendar {
    /// Moves today and tells the rows whose windows change.
    fn turn<P: Pack + Copy + Ord>(
        &mut self,
        tenant: u32,
        to: Option<i32>,
        changes: &mut Vec<(Moved<P>, Diff)>,
    ) {
        let from = std::mem::replace(&mut self.today, to);
        let windows = |today: Option<i32>, day: i32| {
            today.map_or(Windows(0), |today| Windows::holding(today - day))
        };
        let mut tell = |day: i32, filed: &mut PackedRows| {
            let (before, after) = (windows(from, day), windows(to, day));
            let (entered, left) = (after.without(before), before.without(after));
            if before == after {
                return;
            }
            for (row, diff) in filed.consolidate::<P>() {
                let moved = |windows| Moved { tenant, day, row, windows };
                if !entered.is_empty() {
                    changes.push((moved(entered), diff));
                }
                if !left.is_empty() {
                    changes.push((moved(left), -diff));
                }
            }
        };
        match (from, to) {
            (Some(from), Some(to)) if to == from + 1 => {
                for day in AGES.map(|age| to - age) {
                    if let Some(filed) = self.days.get_mut(&day) {
                        tell(day, filed);
                    }
                }
            }
            _ => self.days.iter_mut().for_each(|(day, filed)| tell(*day, filed)),
        }
        self.days.retain(|_, filed| !filed.is_empty());
    }
}

/// Tells which windows rows are in, as rows come and go and todays move.
///
/// # Contract
/// Each tenant has at most one today at the end of a tick. Rows of a tenant without one are in no window.
///
/// # Cost
/// Each row is kept packed under its day. A midnight costs the rows of ten days.
pub fn windowed<'s, P>(
    states: &States,
    input: Rows<'s, Entry<P>>,
    name: &'static str,
) -> Rows<'s, Moved<P>>
where
    P: Pack + Copy + Ord + 'static,
{
    let calendars = states.keep::<FxHashMap<u32, Calendar>>(name);
    per_tick(input, name, move |updates, changes| {
        let mut calendars = calendars.borrow_mut();
        for (tenant, today) in turns(&updates) {
            calendars.entry(tenant).or_default().turn(tenant, today, changes);
        }
        for (entry, diff) in updates {
            let Entry::Row(tenant, day, row) = entry else { continue };
            let calendar = calendars.entry(tenant).or_default();
            let windows = calendar.today.map_or(Windows(0), |today| Windows::holding(today - day));
            if !windows.is_empty() {
                changes.push((Moved { tenant, day, row, windows }, diff));
            }
            calendar.days.entry(day).or_default().add(&row, diff);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_the_edges() {
        for age in -400..400 {
            let changes = Windows::holding(age) != Windows::holding(age - 1);
            assert_eq!(changes, AGES.contains(&age), "age {age}");
        }
    }
}
