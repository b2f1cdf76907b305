//! Attendance: who came to what, and `attendance_heatmap`, when they come.
//!
//! # Shape
//! (tenant, location or 0, month or trailing window, weekday, hour) -> counts; one row a key.
//! # Time
//! Weekday, hour, month and the days of windows are local to the location of what is counted.
//! # Missing
//! A booking that has not turned out either way makes no attendance; a cell where nothing is counted is
//! no row.
//! # Source
//! `sql/vitals/attendance_heatmap.sql`; contracts sections 2 and 4.2.

use std::cmp::Ordering;
use std::rc::Rc;

use vitals_model::vital::Period;
use vitals_model::{Date, UtcMicros};

use crate::facts::{Attendance, Outcome, Plan, Planned, Testimony};
use crate::intern::Interned;
use crate::keyed::{Accumulator, Diff, Multiset, Rows, fold};
use crate::packed::{Pack, Small, pack_sums, put, take_as, unpack_sums};
use crate::states::States;
use crate::visitors::{Coming, distinct};
use crate::window::{Entry, Windows, windowed};

/// Compares two locations by their `source:id`, no location first.
pub type LocationOrder = Rc<dyn Fn(u32, u32) -> Ordering>;

/// Settles one attendance for each (customer, session) from what its records say.
pub fn settle<'s>(
    states: &States,
    testimonies: Rows<'s, (u32, u32, Testimony)>,
    order: LocationOrder,
) -> Rows<'s, Attendance> {
    let keyed = testimonies.map(|(customer, session, it)| ((customer, session), it));
    let settled = fold(states, keyed, "attendances", move |key, all: &Multiset<Testimony>| {
        Some((*key, decide(all, &order)?))
    });
    settled.map(|(_, attendance)| attendance)
}

/// Visits stand above bookings; then the best outcome, then the earliest, then the first location.
fn decide(all: &Multiset<Testimony>, order: &LocationOrder) -> Option<Attendance> {
    let visits = all.iter().any(|it| it.visit);
    let candidates = all.iter().filter(|it| it.visit == visits);
    let deciding = candidates.min_by(|a, b| {
        let (left, right) = (&a.attendance, &b.attendance);
        left.outcome
            .cmp(&right.outcome)
            .then(a.seen_at.cmp(&b.seen_at))
            .then_with(|| order(left.place.location, right.place.location))
    });
    deciding.map(|it| it.attendance)
}

/// Key of a heatmap cell, interned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "contracts section 4.2 names them")]
pub struct Cell {
    pub tenant: u32,
    pub location: u32,
    pub period: Period,
    pub weekday: u8,
    pub hour: u8,
}

/// Values of a heatmap cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "contracts section 4.2 names them")]
pub struct CellSums {
    pub visits: i64,
    pub unique_customers: i64,
    pub bookings: i64,
    pub late_cancels: i64,
    pub no_shows: i64,
    pub sessions: i64,
    pub capacity: i64,
}

/// What is counted in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum What {
    Attendance(Outcome),
    Booking,
    Session { capacity: u32 },
}

/// A thing counted, by its local hour on the day it is filed under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Item {
    location: u32,
    hour: u8,
    what: What,
}

impl Pack for Item {
    fn pack(&self, out: &mut Vec<u8>) {
        let (what, capacity) = match self.what {
            What::Attendance(outcome) => (outcome as u8, None),
            What::Booking => (3, None),
            What::Session { capacity } => (4, Some(capacity)),
        };
        out.push((self.hour << 3) | what);
        put(out, self.location.into());
        capacity.iter().for_each(|capacity| put(out, (*capacity).into()));
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        let (first, rest) = bytes.split_first().expect("what was packed is whole");
        *bytes = rest;
        let location = take_as(bytes);
        let what = match first & 0b111 {
            0 => What::Attendance(Outcome::Attended),
            1 => What::Attendance(Outcome::NoShow),
            2 => What::Attendance(Outcome::LateCancelled),
            3 => What::Booking,
            _ => What::Session { capacity: take_as(bytes) },
        };
        Self { location, hour: first >> 3, what }
    }
}

#[derive(Clone, Copy, Debug)]
enum Part {
    What(What),
    Unique,
}

impl Accumulator<Part> for CellSums {
    type Kept = Small;

    fn add(&mut self, part: Part, diff: Diff) {
        let count = i64::try_from(diff).unwrap_or(0);
        match part {
            Part::What(What::Attendance(Outcome::Attended)) => self.visits += count,
            Part::What(What::Attendance(Outcome::NoShow)) => self.no_shows += count,
            Part::What(What::Attendance(Outcome::LateCancelled)) => self.late_cancels += count,
            Part::What(What::Booking) => self.bookings += count,
            Part::What(What::Session { capacity }) => {
                self.sessions += count;
                self.capacity += i64::from(capacity) * count;
            }
            Part::Unique => self.unique_customers += count,
        }
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn keep(self) -> Small {
        let Self { visits, unique_customers, bookings, .. } = self;
        let Self { late_cancels, no_shows, sessions, capacity, .. } = self;
        let sums = [visits, unique_customers, bookings, late_cancels, no_shows, sessions, capacity];
        pack_sums(&sums.map(i128::from))
    }

    fn recall(kept: Small) -> Self {
        let sums = unpack_sums(&kept).map(|sum| i64::try_from(sum).expect("was an i64"));
        let [visits, unique_customers, bookings, late_cancels, no_shows, sessions, capacity] = sums;
        Self { visits, unique_customers, bookings, late_cancels, no_shows, sessions, capacity }
    }
}

/// A cell in one word: its tenant and location by number, its period, weekday and hour.
type PackedCell = u64;

/// A cell's tenant and location.
type Spot = (u32, u32);

/// Days are counted from 1899, before instants begin; the numbers below are for trailing windows.
const EPOCH_DAY: i32 = -26_000;

fn pack_cell(spots: &Interned<Spot>, cell: &Cell) -> PackedCell {
    let period = match cell.period {
        Period::Trailing(weeks) => u64::from(weeks),
        Period::Month(first) => u64::try_from(first.0 - EPOCH_DAY).expect("instants begin in 1900"),
    };
    let spot = u64::from(spots.number((cell.tenant, cell.location)));
    (spot << 28) | (period << 8) | (u64::from(cell.weekday) << 5) | u64::from(cell.hour)
}

fn unpack_cell(spots: &Interned<Spot>, packed: PackedCell) -> Cell {
    let bits = |shift: u32, bits: u32| (packed >> shift) & ((1 << bits) - 1);
    let small = |value: u64| u8::try_from(value).expect("few bits");
    let (tenant, location) = spots.key(u32::try_from(packed >> 28).expect("was a u32"));
    let period = match bits(8, 20) {
        weeks @ 0..=52 => Period::Trailing(small(weeks)),
        day => Period::Month(Date(i32::try_from(day).expect("20 bits") + EPOCH_DAY)),
    };
    Cell { tenant, location, period, weekday: small(bits(5, 3)), hour: small(bits(0, 5)) }
}

/// Builds `attendance_heatmap`.
pub fn build<'s>(
    states: &States,
    attendances: Rows<'s, Attendance>,
    planned: Rows<'s, Planned>,
    todays: Rows<'s, (u32, i32)>,
) -> Rows<'s, (Cell, CellSums)> {
    let spots = Interned::<Spot>::keep(states, "spots");
    let comings = attendances.clone().flat_map(|it| {
        let local = it.place.zone.local(UtcMicros(it.at));
        let coming =
            Coming { customer: it.customer, location: it.place.location, hour: local.hour };
        let attended = it.outcome == Outcome::Attended;
        attended.then_some(Entry::Row(it.place.tenant, local.date.0, coming))
    });
    let unique = distinct(states, comings.concat(turns(todays.clone()))).map({
        let spots = spots.clone();
        move |cell| (pack_cell(&spots, &cell), Part::Unique)
    });

    let came = attendances.map(|it| (it.place, it.at, What::Attendance(it.outcome)));
    let planned = planned.map(|it| match it.what {
        Plan::Booking => (it.place, it.at, What::Booking),
        Plan::Session { capacity } => (it.place, it.at, What::Session { capacity }),
    });
    let items = came.concat(planned).map(|(place, at, what)| {
        let local = place.zone.local(UtcMicros(at));
        (place.tenant, local.date, Item { location: place.location, hour: local.hour, what })
    });
    let monthly = items
        .clone()
        .map(|(tenant, date, item)| (tenant, date, Period::Month(date.month_start()), item));
    let rows = items.map(|(tenant, date, item)| Entry::Row(tenant, date.0, item));
    let trailing =
        windowed(states, rows.concat(turns(todays)), "heatmap windows").flat_map(|moved| {
            let windows = [(Windows::DAYS_28, 4), (Windows::DAYS_84, 12), (Windows::DAYS_364, 52)];
            windows.into_iter().filter(move |(window, _)| moved.windows.has(*window)).map(
                move |(_, weeks)| {
                    (moved.tenant, Date(moved.day), Period::Trailing(weeks), moved.row)
                },
            )
        });
    let packing = spots.clone();
    let counted = monthly.concat(trailing).flat_map(move |(tenant, date, period, item)| {
        let (weekday, hour) = (date.iso_weekday(), item.hour);
        let cell = |location| Cell { tenant, location, period, weekday, hour };
        let part = Part::What(item.what);
        let own = (item.location != 0).then(|| (pack_cell(&packing, &cell(item.location)), part));
        [(pack_cell(&packing, &cell(0)), part)].into_iter().chain(own)
    });
    fold(states, counted.concat(unique), "attendance_heatmap", move |cell, sums: &CellSums| {
        Some((unpack_cell(&spots, *cell), *sums))
    })
}

fn turns<'s, P: Clone + 'static>(todays: Rows<'s, (u32, i32)>) -> Rows<'s, Entry<P>> {
    todays.map(|(tenant, day)| Entry::Today(tenant, day))
}
