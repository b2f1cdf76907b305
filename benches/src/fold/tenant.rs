//! One tenant: its latest facts, what refers to what, and the end of a tick.
//!
//! Every change goes the same way: `weigh(number, -1)`, put the new fact, `weigh(number, 1)`, and the same around it for what
//! refers to it. While `stale` is set nothing is weighed: the end of the tick rebuilds everything.

use rustc_hash::FxHashMap;
use vitals_model::kinds::{Clock, EventTime};
use vitals_model::utc::{Date, UtcMicros};
use vitals_model::vital::Change;
use vitals_model::vital::{ChurnRow, HealthKey, HealthRow, HeatmapKey, RevenueKey};
use vitals_model::{TenantId, VitalChanges};

use super::NONE;
use super::attendance::{AtSession, Attendance};
use super::facts::{
    Balance, Booking, Class, Customer, Deal, Expense, Invoice, Location, Membership, Message,
    Metric, Order, Organization, Payment, Product, Reading, Refund, Session, Ticket, Traffic,
    Visit,
};
use super::health::Scans;
use super::latest::{Latest, Names};
use super::ledger::{Ledger, Place, currency_and_grain, period};
use super::settings::Settings;

/// One tenant.
#[derive(Debug)]
pub(super) struct Tenant {
    pub(super) id: TenantId,
    pub(super) settings: Settings,
    pub(super) ledger: Ledger,
    pub(super) scans: Scans,
    /// What churn rows were before a restatement, of the customers that had one.
    pub(super) restated: FxHashMap<u32, ChurnRow>,
    /// Whether this tick has touched it.
    pub(super) touched: bool,
    /// Whether what is derived must be rebuilt: the settings, a zone or today have changed.
    pub(super) stale: bool,
    /// Whether a kind that is looked through at the end of a tick has changed.
    pub(super) scans_stale: bool,
    health: Option<HealthRow>,
    /// For a data clock: the latest event day, and whether it may since have been taken back.
    latest_event: Date,
    latest_lost: bool,

    pub(super) sources: Names,
    pub(super) organizations: Latest<Organization>,
    pub(super) locations: Latest<Location>,
    pub(super) customers: Latest<Customer>,
    pub(super) staff: Latest<()>,
    pub(super) products: Latest<Product>,
    pub(super) classes: Latest<Class>,
    pub(super) sessions: Latest<Session>,
    pub(super) bookings: Latest<Booking>,
    pub(super) visits: Latest<Visit>,
    pub(super) memberships: Latest<Membership>,
    pub(super) credits: Latest<()>,
    pub(super) orders: Latest<Order>,
    pub(super) payments: Latest<Payment>,
    pub(super) refunds: Latest<Refund>,
    pub(super) invoices: Latest<Invoice>,
    pub(super) expenses: Latest<Expense>,
    pub(super) balances: Latest<Balance>,
    pub(super) messages: Latest<Message>,
    pub(super) deals: Latest<Deal>,
    pub(super) traffic: Latest<Traffic>,
    pub(super) tickets: Latest<Ticket>,
    pub(super) programs: Latest<Reading>,
    pub(super) wearables: Latest<Reading>,
    pub(super) metrics: Latest<Metric>,

    pub(super) refunds_of: FxHashMap<u32, Vec<u32>>,
    pub(super) sessions_of: FxHashMap<u32, Vec<u32>>,
    pub(super) at_session: Vec<AtSession>,
    pub(super) attendances: Vec<Attendance>,
    pub(super) attendance_of: FxHashMap<(u32, u32), u32>,
}

impl Tenant {
    pub(super) fn new(id: TenantId) -> Self {
        Self {
            id,
            settings: Settings::new(None),
            ledger: Ledger::default(),
            scans: Scans::default(),
            restated: FxHashMap::default(),
            touched: false,
            stale: true,
            scans_stale: true,
            health: None,
            latest_event: Date(0),
            latest_lost: true,
            sources: Names::default(),
            organizations: Latest::default(),
            locations: Latest::default(),
            customers: Latest::default(),
            staff: Latest::default(),
            products: Latest::default(),
            classes: Latest::default(),
            sessions: Latest::default(),
            bookings: Latest::default(),
            visits: Latest::default(),
            memberships: Latest::default(),
            credits: Latest::default(),
            orders: Latest::default(),
            payments: Latest::default(),
            refunds: Latest::default(),
            invoices: Latest::default(),
            expenses: Latest::default(),
            balances: Latest::default(),
            messages: Latest::default(),
            deals: Latest::default(),
            traffic: Latest::default(),
            tickets: Latest::default(),
            programs: Latest::default(),
            wearables: Latest::default(),
            metrics: Latest::default(),
            refunds_of: FxHashMap::default(),
            sessions_of: FxHashMap::default(),
            at_session: Vec::new(),
            attendances: Vec::new(),
            attendance_of: FxHashMap::default(),
        }
    }

    /// The zone in force at a location.
    pub(super) fn place(&self, location: u32) -> Place {
        let own = self.locations.get(location).and_then(|it| it.zone);
        Place { location, zone: own.unwrap_or(self.settings.zone) }
    }

    pub(super) fn source(&mut self, source: &str) -> u16 {
        let number = self.sources.number(source, "");
        u16::try_from(number).expect("a tenant has fewer than 65,536 sources")
    }

    pub(super) fn counts_source(&self, source: u16) -> bool {
        let text = self.sources.text(source.into());
        self.settings.counts_source(text.strip_suffix(':').unwrap_or(text))
    }

    /// Whether a membership had started, and neither been cancelled nor ended, by a day.
    pub(super) fn counted_on(&self, membership: &Membership, day: Date) -> bool {
        let date = |at: i64| self.settings.zone.date(UtcMicros(at));
        let still = |at: Option<i64>| at.is_none_or(|at| date(at) > day);
        date(membership.started_at) <= day
            && still(membership.cancelled_at)
            && still(membership.ends_at)
    }

    /// The organization changed: the one of the smallest id is in force.
    pub(super) fn settle_settings(&mut self) {
        let names = &self.organizations.names;
        let first = self.organizations.live().min_by_key(|(number, _)| names.text(*number));
        self.settings = Settings::new(first.map(|(_, organization)| organization));
        (self.stale, self.latest_lost) = (true, true);
    }

    fn event_day(&self, event: EventTime) -> Date {
        match event {
            EventTime::At(at) => self.settings.zone.date(at),
            EventTime::On(date) => date,
        }
    }

    /// Keeps the data clock: an event time was replaced by another.
    pub(super) fn clock_moved(&mut self, [old, new]: [Option<EventTime>; 2]) {
        if self.settings.clock == Clock::Wall || old == new {
            return;
        }
        let [old, new] = [old, new].map(|event| event.map(|event| self.event_day(event)));
        if let Some(new) = new.filter(|new| *new >= self.latest_event) {
            self.latest_event = new;
        } else if old == Some(self.latest_event) {
            self.latest_lost = true;
        }
    }

    fn today(&mut self, now: UtcMicros) -> Date {
        if self.settings.clock == Clock::Wall {
            return self.settings.zone.date(now);
        }
        if std::mem::take(&mut self.latest_lost) {
            let latest = self.events().map(|event| self.event_day(event)).max();
            self.latest_event = latest.unwrap_or(Date(0));
        }
        self.latest_event
    }

    /// Ends the tick.
    pub(super) fn finish(&mut self, now: UtcMicros, into: &mut VitalChanges) {
        self.touched = false;
        let today = self.today(now);
        if self.stale || today != self.ledger.windows.today {
            self.rebuild(today);
        }
        if std::mem::take(&mut self.scans_stale) {
            self.scans = self.scan();
        }
        self.finish_people(&mut into.churn);
        let tenant = self.id;
        let locations = &self.locations.names;
        let location = |number| (number != NONE).then(|| locations.text(number).to_owned());
        self.ledger.revenue.finish(&mut into.revenue, |(place, word, bucket)| {
            let (currency, grain) = currency_and_grain(word);
            let bucket = UtcMicros(bucket);
            RevenueKey { tenant, location: location(place), currency, grain, bucket }
        });
        self.ledger.heat.finish(&mut into.heatmap, |(place, number, hour_of_week)| HeatmapKey {
            tenant,
            location: location(place),
            period: period(number),
            weekday: hour_of_week / 24 + 1,
            hour: hour_of_week % 24,
        });
        let new = self.health_row();
        if new != self.health {
            let old = std::mem::replace(&mut self.health, new.clone());
            into.health.push(Change { key: HealthKey { tenant }, old, new });
        }
    }
}
