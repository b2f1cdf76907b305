//! Distinct customers of heatmap cells: who came at this weekday and hour, in a month or a trailing window.
//!
//! Keeps each customer's visits once, by local day, hour and location, and finds by looking along them
//! whether a cell gains or loses the customer. A table of (cell, customer) would hold a visit eight times.
//! Promises one +1 when a customer first appears in a cell and one -1 when the last visit has left it.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;
use vitals_model::Date;
use vitals_model::vital::Period;

use crate::attendance::Cell;
use crate::keyed::{Diff, Rows, insert, per_tick};
use crate::packed::{Pack, put_words, take_words};
use crate::states::States;
use crate::window::{Entry, turns};

/// A customer's coming, on the day it is filed under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the words say it")]
pub(crate) struct Coming {
    pub(crate) customer: u32,
    pub(crate) location: u32,
    pub(crate) hour: u8,
}

/// Visits of one customer in one hour at one location, in twelve bytes. They lie by weekday, hour, day and
/// location, so that those of one column of the heatmap lie together.
#[derive(Clone, Copy, Debug)]
struct Slot {
    /// Weekday (3 bits), hour (5 bits) and day (24 bits).
    when: u32,
    location: u32,
    count: i32,
}

/// Days are counted from 1898, before instants begin.
const EPOCH_DAY: i32 = -26_000;
const DAY_BITS: u32 = 24;
const HOUR_BITS: u32 = 5;

impl Slot {
    fn new(day: i32, hour: u8, location: u32) -> Self {
        let since = u32::try_from(day - EPOCH_DAY).expect("instants begin in 1900");
        let weekday = u32::from(Date(day).iso_weekday());
        let column = (weekday << HOUR_BITS) | u32::from(hour);
        Self { when: (column << DAY_BITS) | since, location, count: 0 }
    }

    fn day(&self) -> i32 {
        (self.when & ((1 << DAY_BITS) - 1)).cast_signed() + EPOCH_DAY
    }

    fn hour(&self) -> u8 {
        u8::try_from((self.when >> DAY_BITS) & ((1 << HOUR_BITS) - 1)).expect("five bits")
    }

    /// Weekday and hour.
    fn column(&self) -> u32 {
        self.when >> DAY_BITS
    }

    fn order(&self) -> (u32, u32) {
        (self.when, self.location)
    }
}

/// The slots of one column.
fn column_of(slots: &[Slot], column: u32) -> &[Slot] {
    let start = slots.partition_point(|slot| slot.column() < column);
    let len = slots[start..].partition_point(|slot| slot.column() == column);
    &slots[start..start + len]
}

/// The slots of one day.
fn of_day(slots: &[Slot], day: i32) -> impl Iterator<Item = &Slot> {
    (0..24).flat_map(move |hour| {
        let first = Slot::new(day, hour, 0);
        let start = slots.partition_point(|slot| slot.order() < first.order());
        slots[start..].iter().take_while(move |slot| slot.when == first.when)
    })
}

impl Pack for Slot {
    fn pack(&self, out: &mut Vec<u8>) {
        put_words(out, [self.when, self.location, self.count.cast_unsigned()]);
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        let [when, location, count] = take_words(bytes);
        Self { when, location, count: count.cast_signed() }
    }
}

#[derive(Debug, Default)]
struct Tenant {
    today: Option<i32>,
    /// Who came on a day, at least; some perhaps twice, and some no longer.
    days: BTreeMap<i32, Vec<u32>>,
}

impl Pack for Tenant {
    fn pack(&self, out: &mut Vec<u8>) {
        self.today.pack(out);
        self.days.pack(out);
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        Self { today: Pack::unpack(bytes), days: Pack::unpack(bytes) }
    }
}

/// Cells of one customer, weekday, hour and location, as bits: three windows and the month, of all
/// locations together and of that one.
type Cells = u8;

const WINDOW_DAYS: [(u8, i32); 3] = [(4, 28), (12, 84), (52, 364)];
const MONTH: usize = WINDOW_DAYS.len();
const OF_ALL: Cells = 0b1111;
const OWN: u32 = 4;

/// Yields a cell once for each customer that is in it.
///
/// # Cost
/// An update looks along one customer's visits at its weekday and hour. A midnight does so for the customers of
/// four days.
pub(crate) fn distinct<'s>(states: &States, input: Rows<'s, Entry<Coming>>) -> Rows<'s, Cell> {
    let tenants = states.keep::<FxHashMap<u32, Tenant>>("days of visits");
    let customers = states.keep::<FxHashMap<u32, Vec<Slot>>>("visits");
    per_tick(input, "unique customers", move |updates, changes| {
        let (mut tenants, mut customers) = (tenants.borrow_mut(), customers.borrow_mut());
        for (number, today) in turns(&updates) {
            let tenant = tenants.entry(number).or_default();
            turn(number, tenant, today, &customers, changes);
        }
        for (entry, diff) in updates {
            let Entry::Row(number, day, coming) = entry else { continue };
            let tenant = tenants.entry(number).or_default();
            let slots = customers.entry(coming.customer).or_default();
            let filed = tenant.days.entry(day).or_default();
            note((number, tenant.today), (day, coming), slots, diff, (filed, changes));
            if slots.is_empty() {
                customers.remove(&coming.customer);
            }
        }
    })
}

/// Adds a coming to a customer's visits, and tells the cells that gain or lose the customer.
fn note(
    (tenant, today): (u32, Option<i32>),
    (day, coming): (i32, Coming),
    slots: &mut Vec<Slot>,
    diff: Diff,
    (filed, changes): (&mut Vec<u32>, &mut Vec<(Cell, Diff)>),
) {
    let Coming { customer, location, hour } = coming;
    let new = Slot::new(day, hour, location);
    let place = match slots.binary_search_by_key(&new.order(), Slot::order) {
        Ok(place) => place,
        Err(place) => {
            insert(slots, place, new);
            if filed.len() == filed.capacity() {
                filed.sort_unstable();
                filed.dedup();
            }
            let end = filed.len();
            insert(filed, end, customer);
            place
        }
    };
    let before = slots[place].count;
    slots[place].count += i32::try_from(diff).expect("counts stay small");
    let after = slots[place].count;
    let toggled = match (before > 0, after > 0) {
        (false, true) => 1,
        (true, false) => -1,
        _ => 0,
    };
    if toggled != 0 {
        let own = slots[place];
        let column = column_of(slots, own.column());
        let others = column.iter().filter(|slot| slot.order() != own.order());
        let told = cells(&own, &own, today) & !shown(&own, others, today);
        tell(tenant, &own, told, toggled, changes);
    }
    if after == 0 {
        slots.remove(place);
    }
}

/// The cells of `own` in which these slots show the customer.
fn shown<'a>(own: &Slot, slots: impl Iterator<Item = &'a Slot>, today: Option<i32>) -> Cells {
    slots.filter(|slot| slot.count > 0).fold(0, |all, slot| all | cells(own, slot, today))
}

/// The cells of `own`'s month and location, and of their column, that a slot lies in.
fn cells(own: &Slot, slot: &Slot, today: Option<i32>) -> Cells {
    let month = |slot: &Slot| Date(slot.day()).month_start();
    let mut periods = u8::from(month(slot) == month(own)) << MONTH;
    if let Some(today) = today {
        for (bit, (_, days)) in WINDOW_DAYS.iter().enumerate() {
            periods |= u8::from((0..*days).contains(&(today - slot.day()))) << bit;
        }
    }
    if slot.location == own.location { periods | (periods << OWN) } else { periods }
}

fn tell(tenant: u32, own: &Slot, told: Cells, toggled: Diff, changes: &mut Vec<(Cell, Diff)>) {
    let weekday = Date(own.day()).iso_weekday();
    let hour = own.hour();
    let windows = WINDOW_DAYS.iter().map(|(weeks, _)| Period::Trailing(*weeks));
    let periods = windows.chain([Period::Month(Date(own.day()).month_start())]);
    for (bit, period) in periods.enumerate() {
        let cell = |location| Cell { tenant, location, period, weekday, hour };
        if told & (1 << bit) != 0 {
            changes.push((cell(0), toggled));
        }
        // Without a location there is only the row of all together.
        if told & (1 << bit << OWN) != 0 && own.location != 0 {
            changes.push((cell(own.location), toggled));
        }
    }
}

/// Moves a tenant's today, and tells the windows' cells that gain or lose a customer by it.
fn turn(
    number: u32,
    tenant: &mut Tenant,
    to: Option<i32>,
    customers: &FxHashMap<u32, Vec<Slot>>,
    changes: &mut Vec<(Cell, Diff)>,
) {
    let from = std::mem::replace(&mut tenant.today, to);
    let edges: Vec<i32> = match (from, to) {
        (Some(from), Some(to)) if to == from + 1 => {
            std::iter::once(to).chain(WINDOW_DAYS.map(|(_, days)| to - days)).collect()
        }
        _ => tenant.days.keys().copied().collect(),
    };
    let mut crossing: Vec<(u32, i32)> = Vec::new();
    for day in edges {
        let Some(filed) = tenant.days.get_mut(&day) else { continue };
        filed.sort_unstable();
        filed.dedup();
        let came = |customer: &u32| {
            customers.get(customer).is_some_and(|slots| of_day(slots, day).next().is_some())
        };
        filed.retain(came);
        filed.shrink_to_fit();
        crossing.extend(filed.iter().map(|customer| (*customer, day)));
    }
    crossing.sort_unstable();
    for days in crossing.chunk_by(|a, b| a.0 == b.0) {
        let Some(slots) = customers.get(&days[0].0) else { continue };
        let mut crossing: Vec<Slot> =
            days.iter().flat_map(|(_, day)| of_day(slots, *day)).copied().collect();
        let order = |slot: &Slot| (slot.column(), slot.location);
        crossing.sort_unstable_by_key(order);
        crossing.dedup_by_key(|slot| order(slot));
        for column in crossing.chunk_by(|a, b| a.column() == b.column()) {
            let all_of_column = column_of(slots, column[0].column());
            for (i, own) in column.iter().enumerate() {
                let (before, after) =
                    (shown(own, all_of_column.iter(), from), shown(own, all_of_column.iter(), to));
                // All locations together are told of once; months do not move.
                let all = if i == 0 { OF_ALL } else { 0 };
                let windows = !(1 << MONTH | 1 << MONTH << OWN) & (!OF_ALL | all);
                tell(number, own, after & !before & windows, 1, changes);
                tell(number, own, before & !after & windows, -1, changes);
            }
        }
    }
}
