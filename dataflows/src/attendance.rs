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

use vitals_model::UtcMicros;
use vitals_model::vital::Period;

use crate::facts::{Attendance, Outcome, Plan, Planned, Testimony};
use crate::keyed::{Accumulator, Diff, Multiset, Rows, fold};
use crate::window::{Entry, Windows, windowed};

/// Compares two locations by their `source:id`, no location first.
pub type LocationOrder = Rc<dyn Fn(u32, u32) -> Ordering>;

/// Settles one attendance for each (customer, session) from what its records say.
pub fn settle<'s>(
    testimonies: Rows<'s, (u32, u32, Testimony)>,
    order: LocationOrder,
) -> Rows<'s, Attendance> {
    let keyed = testimonies.map(|(customer, session, it)| ((customer, session), it));
    let settled = fold(keyed, "attendances", move |key, all: &Multiset<Testimony>| {
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
    Attendance(Outcome, u32),
    Booking,
    Session { capacity: u32 },
}

/// A thing counted, by its local weekday and hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Item {
    location: u32,
    weekday: u8,
    hour: u8,
    what: What,
}

#[derive(Clone, Copy, Debug)]
enum Part {
    What(What),
    Unique,
}

impl Accumulator<Part> for CellSums {
    fn add(&mut self, part: Part, diff: Diff) {
        let count = i64::try_from(diff).unwrap_or(0);
        match part {
            Part::What(What::Attendance(Outcome::Attended, _)) => self.visits += count,
            Part::What(What::Attendance(Outcome::NoShow, _)) => self.no_shows += count,
            Part::What(What::Attendance(Outcome::LateCancelled, _)) => self.late_cancels += count,
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
}

/// How often one customer was in one cell.
#[derive(Debug, Default)]
struct Times(Diff);

impl Accumulator<()> for Times {
    fn add(&mut self, (): (), diff: Diff) {
        self.0 += diff;
    }

    fn is_empty(&self) -> bool {
        self.0 == 0
    }
}

/// Builds `attendance_heatmap`.
pub fn build<'s>(
    attendances: Rows<'s, Attendance>,
    planned: Rows<'s, Planned>,
    todays: Rows<'s, (u32, i32)>,
) -> Rows<'s, (Cell, CellSums)> {
    let came = attendances.map(|it| (it.place, it.at, What::Attendance(it.outcome, it.customer)));
    let planned = planned.map(|it| match it.what {
        Plan::Booking => (it.place, it.at, What::Booking),
        Plan::Session { capacity } => (it.place, it.at, What::Session { capacity }),
    });
    let items = came.concat(planned).flat_map(|(place, at, what)| {
        let local = place.zone.local(UtcMicros(at));
        let (weekday, hour) = (local.date.iso_weekday(), local.hour);
        let own = (place.location != 0).then_some(place.location);
        [0].into_iter()
            .chain(own)
            .map(move |location| (place.tenant, local.date, Item { location, weekday, hour, what }))
    });
    let monthly = items.clone().map(|(tenant, date, item)| {
        (cell(tenant, Period::Month(date.month_start()), &item), item.what)
    });
    let rows = items.map(|(tenant, date, item)| Entry::Row(tenant, date.0, item));
    let turns = todays.map(|(tenant, day)| Entry::Today(tenant, day));
    let trailing = windowed(rows.concat(turns), "heatmap windows").flat_map(|moved| {
        let windows = [(Windows::DAYS_28, 4), (Windows::DAYS_84, 12), (Windows::DAYS_364, 52)];
        windows.into_iter().filter(move |(window, _)| moved.windows.has(*window)).map(
            move |(_, weeks)| {
                (cell(moved.tenant, Period::Trailing(weeks), &moved.row), moved.row.what)
            },
        )
    });
    let counted = monthly.concat(trailing);
    let customers = counted.clone().flat_map(|(cell, what)| match what {
        What::Attendance(Outcome::Attended, customer) => Some(((cell, customer), ())),
        What::Attendance(..) | What::Booking | What::Session { .. } => None,
    });
    let unique =
        fold(customers, "unique customers", |key, times: &Times| (times.0 > 0).then_some(*key));
    let unique = unique.map(|(cell, _)| (cell, Part::Unique));
    let parts = counted.map(|(cell, what)| (cell, Part::What(what))).concat(unique);
    fold(parts, "attendance_heatmap", |cell, sums: &CellSums| Some((*cell, *sums)))
}

fn cell(tenant: u32, period: Period, item: &Item) -> Cell {
    Cell { tenant, location: item.location, period, weekday: item.weekday, hour: item.hour }
}
