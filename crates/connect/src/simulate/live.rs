//! An endless stream of records as of now: what happens at the simulated businesses this moment.
//!
//! The caller paces it and says what time it is; the same seed and the same instants are the same
//! records. It begins with each business's settings and offers, so that it makes sense without a history.

use std::collections::VecDeque;

use serde_json::json;
use vitals_model::kinds::Kind;
use vitals_model::rng::Rng;
use vitals_model::{Record, UtcMicros};

use super::business::{Business, customer_id, location_id};
use super::outbox::{Draft, Outbox};
use super::{SimulatedTenant, SimulationConfig};

/// An endless stream of records; see [`live`].
#[derive(Debug)]
pub struct Live {
    tenants: Vec<SimulatedTenant>,
    businesses: Vec<Business>,
    rng: Rng,
    ready: VecDeque<Record>,
    outbox: Outbox,
}

/// The stream of the businesses of `config` from an instant on.
#[must_use]
pub fn live(config: SimulationConfig, from: UtcMicros) -> Live {
    let mut businesses = config.businesses();
    let mut ready = VecDeque::new();
    for business in &mut businesses {
        // Numbers of a history and of every live stream after it must not meet.
        business.serial = u64::try_from(from.0 / 1_000).unwrap_or(0);
        for (kind, id, body) in business.foundations() {
            let tenant = business.tenant.id;
            let draft = Draft { tenant, kind, id: &id, version: 1, body: Some(body) };
            ready.push_back(draft.record(from));
        }
    }
    let rng = Rng::new(config.seed).fork(from.0.unsigned_abs());
    let tenants = businesses.iter().map(|it| it.tenant.clone()).collect();
    Live { tenants, businesses, outbox: Outbox::new(rng.fork(1)), rng, ready }
}

impl Live {
    /// The businesses.
    #[must_use]
    pub fn tenants(&self) -> &[SimulatedTenant] {
        &self.tenants
    }

    /// The settings and offers it begins with, of which [`Live::next_at`] then has none: for a caller who
    /// paces what happens, and not this.
    pub fn opening(&mut self) -> impl Iterator<Item = Record> + '_ {
        self.ready.drain(..)
    }

    /// The next record, which arrives at `now`; `None` only of no businesses at all.
    pub fn next_at(&mut self, now: UtcMicros) -> Option<Record> {
        if self.businesses.is_empty() {
            return None;
        }
        if let Some(record) = self.ready.pop_front() {
            return Some(record);
        }
        // What was to come later (a refund, an answer) comes when its time has come.
        let due = UtcMicros(now.0.saturating_add(1));
        while !self.outbox.has_before(due) {
            let index = self.rng.index(self.businesses.len());
            self.businesses[index].moment(now, &mut self.outbox);
            self.outbox.forget_beyond(WAITING_MAX);
        }
        self.outbox.take_before(due).map(|(_, record)| record)
    }
}

/// Most records that wait for their time. A fast stream starts more stories than it lives to end.
const WAITING_MAX: usize = 100_000;

impl Business {
    /// Something that happens right now.
    fn moment(&mut self, now: UtcMicros, out: &mut Outbox) {
        let someone = self.rng.index(self.personas.len());
        if self.personas.is_empty() {
            return self.sell(None, now, out);
        }
        match self.rng.below(100) {
            0..=44 => {
                let known = self.rng.chance(80);
                self.sell(known.then_some(someone), now, out);
            }
            45..=69 => {
                let branch = self.rng.chance(35);
                let body = json!({
                    "customer_id": customer_id(someone), "visited_at": now,
                    "location_id": location_id(branch), "status": "attended",
                });
                let id = format!("v{}", self.number());
                self.tell(out, now, (Kind::Visit, &id), body);
            }
            70..=84 => {
                let id = format!("g{}", self.number());
                self.write_to(someone, now, &id, out);
            }
            85..=94 => self.ticket(now, out),
            _ => self.deal(now, out),
        }
    }
}
