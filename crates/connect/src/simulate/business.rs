//! One simulated business: its settings, its customers, and what a day at it is made of.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use vitals_model::decimal::Money;
use vitals_model::kinds::Kind;
use vitals_model::local_time::Zone;
use vitals_model::rng::Rng;
use vitals_model::utc::SECOND_US;
use vitals_model::{Date, UtcMicros};

use super::catalogue::{CLASSES, GOODS, PLANS};
use super::outbox::{Draft, Outbox};
use super::persona::Persona;
use super::tenants::SimulatedTenant;

/// What merely is has this version: whatever is said of it later is newer.
const FIRST_VERSION: i64 = 1;

#[derive(Debug)]
pub(super) struct Business {
    pub(super) tenant: SimulatedTenant,
    pub(super) rng: Rng,
    pub(super) personas: Vec<Persona>,
    /// The first and last day.
    pub(super) span: (Date, Date),
    /// Growth over the whole span, in percent; negative where it declines.
    pub(super) slope: i64,
    /// Of the tenant and its main place, and of its branch.
    pub(super) zones: [Zone; 2],
    /// Places taken, by day and class of the day.
    pub(super) booked: BTreeMap<(Date, usize), i64>,
    /// Cash on hand, in cents of a euro.
    pub(super) cash: i64,
    /// Numbers what has no better name.
    pub(super) serial: u64,
}

/// The id of a customer.
pub(super) fn customer_id(index: usize) -> String {
    format!("c{}", index + 1)
}

/// The id of a place.
pub(super) fn location_id(branch: bool) -> &'static str {
    if branch { "branch" } else { "main" }
}

impl Business {
    pub(super) fn new(
        tenant: SimulatedTenant,
        mut rng: Rng,
        customers: u32,
        span: (Date, Date),
    ) -> Self {
        let slope = rng.pick(&[-45, -20, 5, 25, 60]);
        let people = rng.fork(1);
        let draw = |index| Persona::draw(people.fork(index), span, slope);
        let personas = (0..u64::from(customers)).map(draw).collect();
        let zone = |name| Zone::named(name).unwrap_or_else(Zone::utc);
        let zones = [zone(tenant.time_zone), zone(tenant.trade.branch_zone)];
        let (booked, cash) = (BTreeMap::new(), rng.between(1_000_000, 6_000_000));
        Self { tenant, rng, personas, span, slope, zones, booked, cash, serial: 0 }
    }

    /// An instant of a local day at the main place or the branch.
    pub(super) fn at(&self, branch: bool, date: Date, second: i64) -> UtcMicros {
        self.zones[usize::from(branch)].resolve(date, second)
    }

    /// A random instant of a local day between two hours.
    pub(super) fn between(&mut self, date: Date, from_hour: i64, to_hour: i64) -> UtcMicros {
        let second = self.rng.between(from_hour * 3_600, to_hour * 3_600);
        let micros = self.rng.between(0, SECOND_US / 1_000) * 1_000;
        UtcMicros(self.at(false, date, second).0 + micros)
    }

    /// An amount of money, from cents of a euro.
    pub(super) fn money(&self, cents: i64) -> String {
        Money(cents.saturating_mul(10_000).saturating_mul(self.tenant.trade.scale)).to_string()
    }

    /// How busy a day is, in percent: the week's rhythm and the business's growth.
    pub(super) fn busyness(&self, date: Date, week: &[u64; 7]) -> u64 {
        let rhythm = week[usize::from(date.iso_weekday() - 1)];
        let days = i64::from(self.span.1.0 - self.span.0.0).max(1);
        let into = i64::from(date.0 - self.span.0.0);
        let growth = 100 + self.slope * (into * 2 - days) / (days * 2);
        rhythm * u64::try_from(growth.max(10)).unwrap_or(100) / 100
    }

    /// About `thousandths` / 1000 events, give or take.
    pub(super) fn count(&mut self, thousandths: u64) -> u64 {
        let drawn = thousandths * u64::try_from(self.rng.between(60, 141)).unwrap_or(100) / 100;
        drawn / 1_000 + u64::from(self.rng.below(1_000) < drawn % 1_000)
    }

    /// How many customers there are, as a factor of rates.
    pub(super) fn size(&self) -> u64 {
        u64::try_from(self.personas.len()).unwrap_or(0)
    }

    /// Sends what became of a thing at an instant, which is its version.
    pub(super) fn tell(&self, out: &mut Outbox, at: UtcMicros, what: (Kind, &str), body: Value) {
        let (kind, id) = what;
        let draft = Draft { tenant: self.tenant.id, kind, id, version: at.0, body: Some(body) };
        out.send(at, draft);
    }

    /// Deletes a thing.
    pub(super) fn erase(&self, out: &mut Outbox, at: UtcMicros, (kind, id): (Kind, &str)) {
        out.send(at, Draft { tenant: self.tenant.id, kind, id, version: at.0, body: None });
    }

    /// A number no other thing has.
    pub(super) fn number(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// What there is before the first day: settings, places, offers, and the customers of old.
    pub(super) fn open(&mut self, out: &mut Outbox) {
        let opening = Zone::utc().day_start(self.span.0);
        let opening = UtcMicros(opening.0 - super::EARLIEST_ZONE_US);
        for (kind, id, body) in self.foundations() {
            let (tenant, version) = (self.tenant.id, FIRST_VERSION);
            out.send_promptly(opening, Draft { tenant, kind, id: &id, version, body: Some(body) });
        }
        for index in 0..self.personas.len() {
            if self.personas[index].joined < self.span.0 {
                self.welcome(index, opening, out);
            }
        }
        for ahead in 0..super::studio::PLANNED_DAYS {
            self.plan_sessions(Date(self.span.0.0 + ahead), opening, out);
        }
    }

    /// The organization first, then everything that does not change.
    pub(super) fn foundations(&self) -> Vec<(Kind, String, Value)> {
        let tenant = &self.tenant;
        let organization = json!({
            "name": tenant.name, "time_zone": tenant.time_zone, "currency": tenant.currency,
            "plan": "simulated",
        });
        let mut all = vec![(Kind::Organization, tenant.slug.clone(), organization)];
        for (branch, place) in [(false, "Main house"), (true, "Branch")] {
            let zone = self.zones[usize::from(branch)].name();
            let body = json!({ "name": place, "time_zone": zone });
            all.push((Kind::Location, location_id(branch).to_owned(), body));
        }
        for (index, name) in ["Noor Haddad", "Jonas Dahl", "Yuki Ito"].into_iter().enumerate() {
            let body = json!({ "name": name, "role": "coach" });
            all.push((Kind::Staff, format!("t{index}"), body));
        }
        for (index, (title, category, cents)) in GOODS.into_iter().enumerate() {
            // The last few are new: sold for the first time late in the span.
            let age = if index + 3 < GOODS.len() { 400 } else { 40 };
            let first_sold_at = self.at(false, Date(self.span.1.0 - age), 12 * 3_600);
            let body = json!({
                "title": title, "category": category, "product_type": "goods",
                "price": self.money(cents), "cost": self.money(cents * 55 / 100),
                "currency": tenant.currency, "first_sold_at": first_sold_at,
            });
            all.push((Kind::Product, format!("p{index}"), body));
        }
        for (index, (title, cents)) in PLANS.into_iter().enumerate() {
            let body = json!({
                "title": title, "category": "memberships", "product_type": "membership",
                "price": self.money(cents), "currency": tenant.currency,
            });
            all.push((Kind::Product, format!("plan{index}"), body));
        }
        for (index, (name, category, minutes, capacity)) in CLASSES.into_iter().enumerate() {
            let body = json!({
                "name": name, "category": category, "duration_minutes": minutes,
                "capacity": capacity, "instructor_id": format!("t{}", index % 3),
                "price": self.money(1_500), "credits_required": 1,
            });
            all.push((Kind::Class, format!("k{index}"), body));
        }
        all
    }

    /// Everything that happens on one local day.
    pub(super) fn day(&mut self, date: Date, out: &mut Outbox) {
        for index in 0..self.personas.len() {
            let persona = &self.personas[index];
            let (joined, leaves) = (persona.joined, persona.leaves);
            if joined == date {
                let at = self.between(date, 8, 20);
                self.welcome(index, at, out);
            } else if leaves == Some(date) && joined < date {
                self.farewell(index, date, out);
            } else if persona.present(date) {
                self.routine(index, date, out);
            }
        }
        self.studio_day(date, out);
        self.shop_day(date, out);
        self.office_day(date, out);
    }

    /// What one customer does on an ordinary day.
    fn routine(&mut self, index: usize, date: Date, out: &mut Outbox) {
        use super::catalogue::STUDIO_WEEK;
        let day = Date(date.0 + i32::try_from(self.rng.below(3)).unwrap_or(0));
        let share = self.busyness(day, &STUDIO_WEEK) * self.tenant.trade.studio / 100;
        let eager = self.personas[index].eagerness(day) * share / 100;
        if self.rng.below(100_000) < eager {
            self.book(index, (date, day), out);
        }
        self.bill_if_due(index, date, out);
        self.correspond(index, date, out);
        self.measure(index, date, out);
    }
}
