//! A record's facts: what its entry says, its defaults and references filled in.
//!
//! A pure function of the door's state, called with -1 before a change and +1 after it. The dates here are
//! local to the tenant.

use vitals_dataflows::facts::{
    Attendance, Dated, Fact, Holding, Place, Plan, Planned, Refund, Sale, Standing, Testimony,
};
use vitals_dataflows::keyed::Diff;
use vitals_model::kinds::{Currency, DealStatus, MembershipStatus, PaymentStatus};
use vitals_model::policy::Setting;
use vitals_model::score::carried;
use vitals_model::utc::HOUR_US;
use vitals_model::{Date, UtcMicros};

use super::Door;
use super::settings::Settings;
use crate::entry::{Entry, OrderEntry};
use crate::keys::index;

/// What deriving one record's facts needs at hand.
struct Deriving<'d> {
    door: &'d Door,
    settings: &'d Settings,
    tenant: u32,
    sign: Diff,
    facts: &'d mut Vec<(Fact, Diff)>,
}

/// New products are those first sold in the last 90 days; their sales of the last 30 days count.
const NEW_PRODUCT_DAYS: i32 = 90;
const NEW_PRODUCT_SALES_DAYS: i32 = 30;
/// Members then are the members of so many days ago.
const THEN_DAYS: i32 = 30;

impl Door {
    /// Pushes the facts of one key, `sign` times.
    pub(super) fn derive(&self, number: u32, sign: Diff, facts: &mut Vec<(Fact, Diff)>) {
        let key = self.keys.key(number);
        let settings = &self.tenants[index(key.tenant)].settings;
        let mut deriving = Deriving { door: self, settings, tenant: key.tenant, sign, facts };
        let counts_as_money = || {
            let sources = settings.revenue_sources.as_ref();
            sources.is_none_or(|sources| sources.binary_search(&key.source).is_ok())
        };
        let entry = &self.slot(number).entry;
        match entry {
            Entry::Organization => {
                let first = self.tenants[index(key.tenant)].organizations.keys().next();
                if first.is_some_and(|name| Some(name) == self.name(number).as_ref()) {
                    deriving.tenant(Holding::Organization { policy: settings.policy });
                }
            }
            Entry::Order(order) if order.counted && counts_as_money() => deriving.order(order),
            Entry::Refund { .. } if counts_as_money() => deriving.refund(entry),
            _ => {
                deriving.attendance(entry);
                deriving.billing(entry);
                deriving.signals(entry, number);
            }
        }
    }
}

impl Deriving<'_> {
    fn push(&mut self, fact: Fact, times: Diff) {
        self.facts.push((fact, self.sign * times));
    }

    fn dated(&mut self, day: i32, what: Dated, times: Diff) {
        self.push(Fact::Dated { tenant: self.tenant, day, what }, times);
    }

    fn customer(&mut self, customer: u32, standing: Standing) {
        self.push(Fact::Customer { tenant: self.tenant, customer, standing }, 1);
    }

    fn tenant(&mut self, holding: Holding) {
        self.push(Fact::Tenant { tenant: self.tenant, holding }, 1);
    }

    fn day(&self, at: i64) -> i32 {
        self.settings.zone.date(UtcMicros(at)).0
    }

    fn is_home(&self, currency: Option<Currency>) -> bool {
        currency.is_none_or(|currency| currency == self.settings.currency)
    }

    fn setting(&self, setting: Setting) -> i64 {
        let policies = self.door.policies.borrow();
        policies[index(self.settings.policy)].get(setting)
    }

    fn grace_days(&self) -> i32 {
        i32::try_from(self.setting(Setting::ChurnGraceDays) / 1_000_000).unwrap_or(0)
    }

    fn entry(&self, number: u32) -> Entry {
        self.door.slot(number).entry
    }

    fn place(&self, location: u32) -> Place {
        let own = match self.entry(location) {
            Entry::Location { zone } => zone,
            _ => None,
        };
        Place {
            tenant: self.tenant,
            location,
            tenant_zone: self.settings.zone,
            zone: own.unwrap_or(self.settings.zone),
            week_start: self.settings.week_start,
        }
    }

    fn order(&mut self, order: &OrderEntry) {
        let home = self.is_home(Some(order.currency));
        let OrderEntry { customer, currency, at, gross, discount, tax, units, .. } = *order;
        let place = self.place(order.location);
        let sale = Sale { place, customer, currency, home, at, gross, discount, tax, units };
        self.push(Fact::Sale(sale), 1);
        if !home {
            return;
        }
        let sold = self.day(at);
        for (product, amount) in &order.lines {
            let Entry::Product { first_sold: Some(first) } = self.entry(*product) else { continue };
            let first = self.day(first);
            let start = sold.max(first);
            let end = (sold + NEW_PRODUCT_SALES_DAYS).min(first + NEW_PRODUCT_DAYS);
            if start < end {
                self.dated(start, Dated::NewGoods { amount: *amount }, 1);
                self.dated(end, Dated::NewGoods { amount: *amount }, -1);
            }
        }
    }

    fn refund(&mut self, entry: &Entry) {
        let Entry::Refund { order, customer, location, at, amount, currency } = *entry else {
            return;
        };
        let (mut customer, mut location) = (customer, location);
        if let Entry::Order(order) = self.entry(order) {
            customer = if customer == 0 { order.customer } else { customer };
            location = if location == 0 { order.location } else { location };
        }
        let home = self.is_home(Some(currency));
        let place = self.place(location);
        self.push(Fact::Refund(Refund { place, customer, currency, home, at, amount }), 1);
    }

    fn attendance(&mut self, entry: &Entry) {
        let currency = self.settings.currency;
        match *entry {
            Entry::Session { class, at, location, capacity, cancelled } if !cancelled => {
                let default = match self.entry(class) {
                    Entry::Class { capacity } => capacity,
                    _ => None,
                };
                let capacity = capacity.or(default).unwrap_or(0);
                let place = self.place(location);
                self.push(
                    Fact::Planned(Planned { place, at, what: Plan::Session { capacity } }),
                    1,
                );
            }
            Entry::Visit { customer, session, location, at: seen_at, outcome } => {
                let (mut at, mut place) = (seen_at, location);
                if let Entry::Session { at: starts, location, .. } = self.entry(session) {
                    at = starts;
                    place = if place == 0 { location } else { place };
                }
                let place = self.place(place);
                let attendance = Attendance { place, customer, currency, at, outcome };
                if session == 0 {
                    self.push(Fact::Alone(attendance), 1);
                } else {
                    let testimony = Testimony { visit: true, seen_at, attendance };
                    self.push(Fact::Testimony { customer, session, testimony }, 1);
                }
            }
            Entry::Booking { customer, session, outcome, waitlisted, .. } => {
                let Entry::Session { at, location, .. } = self.entry(session) else { return };
                let place = self.place(location);
                if let Some(outcome) = outcome {
                    let attendance = Attendance { place, customer, currency, at, outcome };
                    let testimony = Testimony { visit: false, seen_at: 0, attendance };
                    self.push(Fact::Testimony { customer, session, testimony }, 1);
                }
                if !waitlisted {
                    self.push(Fact::Planned(Planned { place, at, what: Plan::Booking }), 1);
                }
            }
            _ => {}
        }
    }

    fn billing(&mut self, entry: &Entry) {
        match *entry {
            Entry::Membership { .. } => self.membership(entry),
            Entry::Payment { customer, at, status } => {
                if customer != 0 {
                    self.customer(customer, Standing::Billed);
                }
                let paid = match status {
                    PaymentStatus::Succeeded => true,
                    PaymentStatus::Failed => false,
                    PaymentStatus::Pending => return,
                };
                let grace = self.grace_days();
                let what = Dated::Payment { customer, at, paid, grace };
                self.dated(self.day(at), what, 1);
            }
            Entry::Invoice { customer, open, due, balance, currency, .. } => {
                self.customer(customer, Standing::Billed);
                if !open {
                    return;
                }
                let balance = if self.is_home(currency) { balance } else { 0 };
                self.tenant(Holding::Receivable { balance });
                if let Some(due) = due {
                    let due = self.day(due);
                    self.dated(due + 1, Dated::Due { customer, balance }, 1);
                    let late = due + 1 + self.grace_days();
                    self.dated(late, Dated::LongDue { customer }, 1);
                }
            }
            Entry::Expense { at, amount, currency, marketing } if self.is_home(currency) => {
                self.dated(self.day(at), Dated::Expense { amount, marketing }, 1);
            }
            Entry::Balance { account, at, amount, currency } if self.is_home(currency) => {
                self.push(Fact::Balance { tenant: self.tenant, account, at, amount }, 1);
            }
            _ => {}
        }
    }

    fn membership(&mut self, entry: &Entry) {
        let Entry::Membership { customer, status, start, end, mrr, currency } = *entry else {
            return;
        };
        let mrr = if self.is_home(currency) { mrr } else { 0 };
        self.customer(customer, Standing::Billed);
        match status {
            MembershipStatus::Active => {
                self.customer(customer, Standing::Member);
                self.tenant(Holding::Mrr { amount: mrr });
            }
            MembershipStatus::PastDue => self.customer(customer, Standing::PastDue),
            MembershipStatus::Paused | MembershipStatus::Cancelled | MembershipStatus::Expired => {}
        }
        let what = Dated::MemberThen { customer, mrr };
        let began = self.day(start);
        self.dated(began + THEN_DAYS, what, 1);
        if end != i64::MAX {
            self.dated(self.day(end).max(began) + THEN_DAYS, what, -1);
        }
    }

    fn signals(&mut self, entry: &Entry, number: u32) {
        match *entry {
            Entry::Customer { live, .. } => {
                let policy = self.settings.policy;
                self.customer(number, Standing::Record { live, policy });
            }
            Entry::Message { customer, at, outbound: true, reply } => {
                let within =
                    self.setting(Setting::ChurnResponseHours).saturating_mul(HOUR_US / 1_000_000);
                let replied = reply.is_some_and(|took| (0..=within).contains(&took));
                self.dated(self.day(at), Dated::Message { customer, replied }, 1);
            }
            Entry::Deal { closed: Some(closed), status, .. } if status != DealStatus::Open => {
                let won = status == DealStatus::Won;
                self.dated(self.day(closed), Dated::Deal { won }, 1);
            }
            Entry::Traffic { on: Date(day), sessions, conversions } => {
                self.dated(day, Dated::Traffic { sessions, conversions }, 1);
            }
            Entry::Ticket { opened, response, nps } => {
                let response = response.filter(|wait| *wait >= 0);
                if response.is_some() || nps.is_some() {
                    self.dated(self.day(opened), Dated::Ticket { response, nps }, 1);
                }
            }
            Entry::Program { customer, on: Date(day), compliance: Some(compliance) } => {
                self.dated(day, Dated::Program { customer, compliance }, 1);
            }
            Entry::Wearable { customer, on: Date(day), hours: Some(hours) } => {
                self.dated(day, Dated::Sleep { customer, hours }, 1);
            }
            Entry::Metric { slot: Some(slot), percent, at, value } => {
                let value = if percent { carried(value) / 100 } else { carried(value) };
                self.push(Fact::Metric { tenant: self.tenant, slot, at, value }, 1);
            }
            _ => {}
        }
    }
}
