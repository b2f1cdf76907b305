//! Where contributions are added and taken back: the revenue and heatmap cells, the people, the windows.
//!
//! Promises that adding something and taking it back under the same settings leaves nothing. The caller takes back
//! before it changes what the contribution was made of.

use rustc_hash::FxHashMap;
use vitals_model::kinds::Currency;
use vitals_model::local_time::{Grain, Zone};
use vitals_model::utc::{Date, UtcMicros};
use vitals_model::vital::{HeatmapRow, Period, RevenueRow};

use super::NONE;
use super::calendar::Calendar;
use super::cells::Cells;
use super::customers::{Event, Person};
use super::facts::{Order, Outcome, Refund, Session};
use super::settings::Settings;
use super::windows::Windows;

/// A location and the zone in force there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) location: u32,
    pub(super) zone: Zone,
}

/// The rows something counts in: hour, day, week and month of all locations, then of its own (or `NONE`).
pub(super) type Rows = [u32; 8];

/// A revenue cell: location, then currency and grain in one word, then the bucket's start.
pub(super) type RevenueCell = (u32, u32, i64);

/// A heatmap cell: location, period (see [`period`]) and hour of the week.
pub(super) type HeatCell = (u32, i32, u8);

/// Everything that is derived for one tenant.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) calendar: Calendar,
    pub(super) revenue: Cells<RevenueCell, RevenueRow>,
    pub(super) heat: Cells<HeatCell, HeatmapRow>,
    pub(super) people: Vec<Person>,
    pub(super) touched_people: Vec<u32>,
    pub(super) windows: Windows,
    /// Net of 90 days of each customer that has any.
    pub(super) net90: FxHashMap<u32, i128>,
    /// Net of 30 days of each product.
    pub(super) product_net30: FxHashMap<u32, i128>,
}

fn revenue_cell(location: u32, currency: Currency, grain: Grain, bucket: i64) -> RevenueCell {
    let [a, b, c] = currency.0;
    (location, u32::from_be_bytes([a, b, c, grain as u8]), bucket)
}

/// What a revenue cell's second word says.
pub(super) fn currency_and_grain(word: u32) -> (Currency, Grain) {
    let [a, b, c, grain] = word.to_be_bytes();
    (Currency([a, b, c]), Grain::ALL[usize::from(grain)])
}

/// The periods of heatmap cells as numbers: a month is its first day, the windows lie below every date.
const WINDOWS: [(i32, i32); 3] = [(i32::MIN, 28), (i32::MIN + 1, 84), (i32::MIN + 2, 364)];

/// What a heatmap cell's period says.
pub(super) fn period(number: i32) -> Period {
    match WINDOWS.iter().position(|(window, _)| *window == number) {
        Some(at) => Period::Trailing(Period::WEEKS[at]),
        None => Period::Month(Date(number)),
    }
}

impl Ledger {
    /// The person of a number.
    pub(super) fn person(&mut self, customer: u32) -> &mut Person {
        let place = customer as usize;
        if place >= self.people.len() {
            self.people.resize_with(place + 1, Person::default);
        }
        let person = &mut self.people[place];
        if !person.touched {
            person.touched = true;
            self.touched_people.push(customer);
        }
        person
    }

    pub(super) fn rows(
        &mut self,
        settings: &Settings,
        place: Place,
        currency: Currency,
        at: i64,
    ) -> Rows {
        let mut rows = [NONE; 8];
        let home = self.calendar.buckets(settings.zone, at);
        for (i, grain) in Grain::ALL.into_iter().enumerate() {
            rows[i] = self.revenue.number(revenue_cell(NONE, currency, grain, home[i]));
        }
        if place.location == NONE {
            return rows;
        }
        let local =
            if place.zone == settings.zone { home } else { self.calendar.buckets(place.zone, at) };
        for (i, grain) in Grain::ALL.into_iter().enumerate() {
            rows[i + 4] =
                self.revenue.number(revenue_cell(place.location, currency, grain, local[i]));
        }
        rows
    }

    /// The heatmap cells of an instant at a place: of all locations, then of its own; each the month and the windows.
    fn heat_cells(&mut self, place: Place, at: i64) -> ([u32; 8], Date, Date, u8) {
        let (local, month) = self.calendar.local(place.zone, at);
        let hour_of_week = (local.date.iso_weekday() - 1) * 24 + local.hour;
        let mut cells = [NONE; 8];
        let locations = [NONE, place.location];
        let halves = if place.location == NONE { 1 } else { 2 };
        for (half, location) in locations.into_iter().enumerate().take(halves) {
            cells[half * 4] = self.heat.number((location, month.0, hour_of_week));
            for (i, (window, days)) in WINDOWS.into_iter().enumerate() {
                if self.windows.holds(local.date, days) {
                    cells[half * 4 + 1 + i] = self.heat.number((location, window, hour_of_week));
                }
            }
        }
        (cells, local.date, month, hour_of_week)
    }

    fn warm(&mut self, cells: [u32; 8], add: impl Fn(&mut HeatmapRow)) {
        for cell in cells.into_iter().filter(|cell| *cell != NONE) {
            add(self.heat.touch(cell));
        }
    }

    /// A counted order.
    pub(super) fn order(&mut self, settings: &Settings, place: Place, order: &Order, sign: i64) {
        let rows = self.rows(settings, place, order.currency, order.ordered_at);
        let (times, sums) = (i128::from(sign), &order.sums);
        for row in rows.into_iter().filter(|row| *row != NONE) {
            let row = self.revenue.touch(row);
            row.gross += times * i128::from(sums.gross);
            row.discount += times * i128::from(sums.discount);
            row.tax += times * i128::from(sums.tax);
            row.units += times * i128::from(sums.units);
            row.orders += sign;
        }
        let day = settings.zone.date(UtcMicros(order.ordered_at));
        if settings.is_home(Some(order.currency)) {
            let net = times * (i128::from(sums.gross) - i128::from(sums.discount));
            self.net(order.customer, day, net);
            if self.windows.holds(day, 30) {
                self.windows.gross30 += times * i128::from(sums.gross);
                for (product, amount) in &order.lines {
                    *self.product_net30.entry(*product).or_default() += times * i128::from(*amount);
                }
            }
        }
        if order.customer != NONE {
            let event = Event::order(order.ordered_at, day, place.location, rows);
            self.happen(order.customer, event, [NONE; 8], sign);
        }
    }

    /// Home-currency net of a day, and of the customer it came from.
    fn net(&mut self, customer: u32, day: Date, amount: i128) {
        self.windows.net(day, amount);
        if customer != NONE && self.windows.holds(day, 90) {
            *self.net90.entry(customer).or_default() += amount;
        }
    }

    /// A counted refund, its customer and place settled.
    pub(super) fn refund(&mut self, settings: &Settings, place: Place, refund: &Refund, sign: i64) {
        let amount = i128::from(sign) * i128::from(refund.amount);
        for row in self.rows(settings, place, refund.currency, refund.refunded_at) {
            if row != NONE {
                let row = self.revenue.touch(row);
                row.refunds += amount;
                row.refund_count += sign;
            }
        }
        if settings.is_home(Some(refund.currency)) {
            let day = settings.zone.date(UtcMicros(refund.refunded_at));
            self.net(refund.customer, day, -amount);
            if self.windows.holds(day, 30) {
                self.windows.refunds30 += amount;
            }
        }
    }

    /// An attendance that has come out somehow.
    pub(super) fn attendance(
        &mut self,
        settings: &Settings,
        place: Place,
        (customer, at, outcome): (u32, i64, Outcome),
        sign: i64,
    ) {
        let (cells, local_day, month, hour_of_week) = self.heat_cells(place, at);
        let day = settings.zone.date(UtcMicros(at));
        let recent = if self.windows.holds(day, 30) { sign } else { 0 };
        match outcome {
            Outcome::LateCancelled => self.warm(cells, |row| row.late_cancels += sign),
            Outcome::NoShow => {
                self.warm(cells, |row| row.no_shows += sign);
                self.windows.no_shows30 += recent;
            }
            Outcome::Attended => {
                self.warm(cells, |row| row.visits += sign);
                self.windows.attended30 += recent;
                let rows = self.rows(settings, place, settings.currency, at);
                let mut event = Event::order(at, day, place.location, rows);
                event.order = false;
                (event.local_day, event.month, event.hour_of_week) =
                    (local_day, month, hour_of_week);
                self.happen(customer, event, cells, sign);
            }
        }
    }

    /// A booking that is not waitlisted, at its session's place.
    pub(super) fn booking(&mut self, place: Place, starts_at: i64, sign: i64) {
        let (cells, ..) = self.heat_cells(place, starts_at);
        self.warm(cells, |row| row.bookings += sign);
    }

    /// A session that is not cancelled.
    pub(super) fn session(
        &mut self,
        settings: &Settings,
        place: Place,
        (session, capacity): (&Session, u32),
        sign: i64,
    ) {
        let (cells, ..) = self.heat_cells(place, session.starts_at);
        let capacity = sign * i64::from(capacity);
        self.warm(cells, |row| {
            row.sessions += sign;
            row.capacity += capacity;
        });
        if self.windows.holds(settings.zone.date(UtcMicros(session.starts_at)), 30) {
            self.windows.capacity30 += capacity;
        }
    }
}
