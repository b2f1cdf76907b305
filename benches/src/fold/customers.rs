//! What a customer did, and in how many rows that makes them one customer.
//!
//! Distinct counts without sets: a customer has few events, so whether one is the only one of theirs in a row is
//! found by looking at the others. An event knows its rows, so the question is equality of numbers.

use vitals_model::Date;

use super::NONE;
use super::churn::Seen;
use super::ledger::{Ledger, Rows};

/// A counted order or an attended attendance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) at: i64,
    pub(super) rows: Rows,
    /// Local to the tenant.
    pub(super) day: Date,
    pub(super) location: u32,
    pub(super) order: bool,
    /// Of an attendance, local to its location.
    pub(super) local_day: Date,
    pub(super) month: Date,
    pub(super) hour_of_week: u8,
}

impl Event {
    pub(super) fn order(at: i64, day: Date, location: u32, rows: Rows) -> Self {
        let (local_day, month) = (day, day);
        Self { at, rows, day, location, order: true, local_day, month, hour_of_week: 0 }
    }
}

/// Records of one customer that few businesses have, by number.
#[derive(Debug, Default)]
pub(super) struct Rare {
    pub(super) invoices: Vec<u32>,
    pub(super) messages: Vec<u32>,
    pub(super) programs: Vec<u32>,
    pub(super) wearables: Vec<u32>,
}

/// One customer.
#[derive(Debug, Default)]
pub(super) struct Person {
    pub(super) events: Vec<Event>,
    pub(super) payments: Vec<u32>,
    pub(super) memberships: Vec<u32>,
    pub(super) rare: Option<Box<Rare>>,
    /// Instant and local date of the first counted order.
    pub(super) first_order: Option<(i64, Date)>,
    pub(super) events90: i64,
    pub(super) orders365: i64,
    /// What the customer's row in `churn_risk` was made of, when there is one.
    pub(super) seen: Option<Seen>,
    /// What the windows count the customer as.
    pub(super) member: Membership,
    pub(super) touched: bool,
}

/// What the windows count a customer as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Membership {
    pub(super) in_population: bool,
    pub(super) at_risk: bool,
    pub(super) then: bool,
    pub(super) lost: bool,
}

impl Person {
    /// Forgets what is derived, but not the row that was yielded.
    pub(super) fn forget(&mut self) {
        self.events.clear();
        self.first_order = None;
        (self.events90, self.orders365) = (0, 0);
        self.member = Membership::default();
    }

    /// The rarer records' numbers.
    pub(super) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }
}

/// In which rows and cells of an event the customer's other events are too.
#[derive(Default)]
struct Shared {
    active: [bool; 8],
    paying: [bool; 8],
    cells: [bool; 8],
}

/// Two instants further apart share no month, in whatever zones.
const APART_US: i64 = 34 * 86_400_000_000;
/// The days that the cells of a heatmap's windows hold, as `Ledger::heat_cells` orders them.
const WINDOW_DAYS: [i32; 3] = [28, 84, 364];

impl Ledger {
    /// Adds an event of a customer, or takes it back. `cells` are an attendance's in the heatmap.
    pub(super) fn happen(&mut self, customer: u32, event: Event, cells: [u32; 8], sign: i64) {
        let mut events = std::mem::take(&mut self.person(customer).events);
        let first = self.people[customer as usize].first_order;
        let moves_first = event.order && first.is_none_or(|(at, _)| event.at <= at);
        if moves_first {
            self.mark_new(&events, first, -1);
        }
        if sign < 0 {
            let place = events.iter().position(|it| *it == event);
            events.swap_remove(place.expect("I2: what is taken back was added"));
        }
        let shared = self.shared(&events, &event);
        for (i, row) in event.rows.into_iter().enumerate().filter(|(_, row)| *row != NONE) {
            let row = self.revenue.touch(row);
            row.active_customers += if shared.active[i] { 0 } else { sign };
            row.paying_customers += if event.order && !shared.paying[i] { sign } else { 0 };
        }
        for (i, cell) in cells.into_iter().enumerate() {
            if cell != NONE && !shared.cells[i] {
                self.heat.touch(cell).unique_customers += sign;
            }
        }
        self.count_event(customer, &event, sign);
        if sign > 0 {
            events.push(event);
        }
        if moves_first {
            let orders = events.iter().filter(|it| it.order);
            let first = orders.min_by_key(|it| it.at).map(|it| (it.at, it.day));
            self.people[customer as usize].first_order = first;
            self.mark_new(&events, first, 1);
        }
        self.people[customer as usize].events = events;
    }

    fn shared(&self, others: &[Event], event: &Event) -> Shared {
        let mut shared = Shared::default();
        for other in others {
            if (other.at - event.at).abs() < APART_US {
                for i in 0..8 {
                    let same = other.rows[i] == event.rows[i];
                    shared.active[i] |= same;
                    shared.paying[i] |= same && other.order;
                }
            }
            if event.order || other.order || other.hour_of_week != event.hour_of_week {
                continue;
            }
            let here = other.location == event.location;
            let month = other.month == event.month;
            shared.cells[0] |= month;
            shared.cells[4] |= month && here;
            for (i, days) in WINDOW_DAYS.into_iter().enumerate() {
                let inside = self.windows.holds(other.local_day, days);
                shared.cells[1 + i] |= inside;
                shared.cells[5 + i] |= inside && here;
            }
        }
        shared
    }

    /// Counts the customer as new, or no more, in the rows of the orders at their first instant.
    fn mark_new(&mut self, events: &[Event], first: Option<(i64, Date)>, sign: i64) {
        let Some((at, day)) = first else { return };
        self.windows.first_order(day, sign);
        let firsts = || events.iter().filter(|it| it.order && it.at == at);
        for (place, event) in firsts().enumerate() {
            for i in 0..8 {
                let row = event.rows[i];
                if row != NONE && firsts().take(place).all(|earlier| earlier.rows[i] != row) {
                    self.revenue.touch(row).new_customers += sign;
                }
            }
        }
    }

    fn count_event(&mut self, customer: u32, event: &Event, sign: i64) {
        let person = &mut self.people[customer as usize];
        if self.windows.holds(event.day, 90) {
            let before = person.events90;
            person.events90 += sign;
            self.windows.activity(before, before + sign);
        }
        if event.order && self.windows.holds(event.day, 365) {
            let before = person.orders365;
            person.orders365 += sign;
            self.windows.buyers365 += i64::from(before + sign >= 1) - i64::from(before >= 1);
        }
    }
}
