//! A simulated business: believable records of studios and shops, for want of real ones.
//!
//! Promises that a configuration is one sequence of records for ever, byte for byte; that records come in
//! the order of their arrival, each tenant's organization first; and that what troubles real feeds is in
//! it: lateness, duplicates, corrections, refunds (some before their orders), cancellations, deletions.
//! Does not pace itself, and reads no clock: the caller does both.

use vitals_model::local_time::Zone;
use vitals_model::rng::Rng;
use vitals_model::utc::HOUR_US;
use vitals_model::{Date, Record, UtcMicros};

mod business;
mod catalogue;
mod live;
mod office;
mod outbox;
mod persona;
mod shop;
mod studio;
mod tenants;

pub use live::{Live, live};
pub use tenants::SimulatedTenant;

use business::Business;
use outbox::Outbox;

/// Most days before a day's midnight in UTC that the same day begins anywhere: 14 hours.
const EARLIEST_ZONE_US: i64 = 14 * HOUR_US;

/// What to simulate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimulationConfig {
    /// Which of all the possible histories.
    pub seed: u64,
    /// How many businesses.
    pub tenants: u32,
    /// How many customers each has over the whole time.
    pub customers: u32,
    /// How many days it lasts.
    pub days: u32,
    /// When it ends: nothing arrives later.
    pub ends_at: UtcMicros,
}

impl SimulationConfig {
    fn businesses(&self) -> Vec<Business> {
        let last = Zone::utc().date(self.ends_at);
        let days = i32::try_from(self.days.clamp(1, DAYS_MAX)).unwrap_or(1);
        let span = (Date(last.0 - days + 1), last);
        let rng = Rng::new(self.seed);
        (0..self.tenants)
            .map(|index| {
                let tenant = SimulatedTenant::number(self.seed, index);
                Business::new(tenant, rng.fork(u64::from(index)), self.customers, span)
            })
            .collect()
    }
}

/// Longest simulation, in days: thirty years.
const DAYS_MAX: u32 = 10_958;

/// Everything that happened at every business, in the order of its arrival.
///
/// # Cost
/// Holds every customer and the records of about two weeks; each day is made when it is reached.
#[derive(Debug)]
pub struct Simulation {
    tenants: Vec<SimulatedTenant>,
    businesses: Vec<Business>,
    outbox: Outbox,
    next_day: Date,
    last_day: Date,
    ends_at: UtcMicros,
}

impl Simulation {
    /// Prepares a simulation; nothing has happened yet.
    #[must_use]
    pub fn new(config: SimulationConfig) -> Self {
        let mut businesses = config.businesses();
        let tenants = businesses.iter().map(|it| it.tenant.clone()).collect();
        let last_day = Zone::utc().date(config.ends_at);
        let next_day = businesses.first().map_or(last_day, |it| it.span.0);
        let mut outbox = Outbox::new(Rng::new(config.seed).fork(u64::MAX));
        for business in &mut businesses {
            business.open(&mut outbox);
        }
        // Where clocks are ahead, the last day has begun before it begins in UTC.
        let last_day = Date(last_day.0 + 1);
        Self { tenants, businesses, outbox, next_day, last_day, ends_at: config.ends_at }
    }

    /// The businesses, so that they can be created before their records arrive.
    #[must_use]
    pub fn tenants(&self) -> &[SimulatedTenant] {
        &self.tenants
    }
}

impl Iterator for Simulation {
    /// When a record arrives, and the record.
    type Item = (UtcMicros, Record);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            // Days to come begin no earlier than this, and nothing arrives before it happened.
            let midnight = Zone::utc().day_start(self.next_day);
            let settled = if self.next_day > self.last_day {
                UtcMicros(i64::MAX)
            } else {
                UtcMicros(midnight.0 - EARLIEST_ZONE_US)
            };
            if let Some((at, record)) = self.outbox.take_before(settled) {
                return (at <= self.ends_at).then_some((at, record));
            }
            if self.next_day > self.last_day {
                return None;
            }
            for business in &mut self.businesses {
                business.day(self.next_day, &mut self.outbox);
            }
            self.next_day = Date(self.next_day.0 + 1);
        }
    }
}

#[cfg(test)]
mod tests;
