//! Random histories: what the agreement test feeds to the dataflow and to the definitions.
//!
//! Promises that a seed is one history for ever, that each holds what breaks pipelines (duplicates, late
//! and out-of-order versions, ties, deletions and re-creations, references to nothing, changes of zone
//! and policy, instants on the edges of windows and of days with 23 and 25 hours), and that ids are so
//! few that everything meets everything. Does not look like a business: that is the simulator's.

use uuid::Uuid;
use vitals_model::kinds::Kind;
use vitals_model::local_time::Zone;
use vitals_model::rng::Rng;
use vitals_model::{TenantId, UtcMicros};

mod bodies;
mod calendar;
mod json;
mod malformed;
mod story;

use story::Story;

/// A message of the log: its key, its value, and the tenant whose partition it is in.
pub type Message = (Vec<u8>, Vec<u8>, TenantId);

/// What one tick is given.
#[derive(Clone, Debug)]
pub struct TickInput {
    /// The instant the tick calls now; never before the last tick's.
    pub now: UtcMicros,
    /// The messages, in log order; sometimes none.
    pub messages: Vec<Message>,
}

/// A random history, cut into ticks.
#[derive(Clone, Debug)]
pub struct History {
    /// What it was made from.
    pub seed: u64,
    /// The one or two tenants in it.
    pub tenants: Vec<TenantId>,
    /// Its ticks, in order.
    pub ticks: Vec<TickInput>,
}

/// Fewest and most records of a history, duplicates and malformed ones aside.
const RECORDS: (i64, i64) = (60, 300);
/// Fewest and most ticks (both included).
const TICKS: (i64, i64) = (4, 12);

/// The zones histories play in: both halves of the world, changes by an hour, by half an hour and at
/// midnight, offsets of a quarter of an hour, and the ends of the scale.
const ZONES: [&str; 12] = [
    "UTC",
    "Europe/London",
    "America/New_York",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "Asia/Kathmandu",
    "America/St_Johns",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "Pacific/Chatham",
    "America/Santiago",
    "Asia/Beirut",
];

impl History {
    /// The history of a seed.
    #[must_use]
    pub fn random(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let tenant_count = if rng.chance(40) { 2 } else { 1 };
        let zones: Vec<Zone> = (0..2).map(|_| zone(&mut rng)).collect();
        let start = calendar::start(&mut rng, &zones);
        let nows = nows(&mut rng, start, zones[0]);
        let tenants: Vec<TenantId> = (0..tenant_count)
            .map(|_| TenantId(uuid::Builder::from_random_bytes(bytes(&mut rng)).into_uuid()))
            .collect();
        let mut stories: Vec<Story> =
            tenants.iter().map(|tenant| Story::new(*tenant, &zones, start, &mut rng)).collect();
        let record_count = rng.between(RECORDS.0, RECORDS.1 + 1);
        let mut sent: Vec<Message> = Vec::new();
        let mut ticks: Vec<TickInput> =
            nows.iter().map(|now| TickInput { now: *now, messages: Vec::new() }).collect();
        let mut at_tick: Vec<usize> = (0..record_count).map(|_| rng.index(ticks.len())).collect();
        // One tick in some histories only lets time pass.
        if rng.chance(50) {
            let quiet = rng.index(ticks.len());
            at_tick.retain(|tick| *tick != quiet);
        }
        at_tick.sort_unstable();
        for tick in at_tick {
            let now = ticks[tick].now;
            let owner = rng.index(stories.len());
            let message = stories[owner].next(&mut rng, now);
            push(&mut rng, &mut ticks[tick].messages, &mut sent, message);
        }
        Self { seed, tenants, ticks }
    }

    /// Every message, in log order.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        self.ticks.iter().flat_map(|tick| &tick.messages)
    }
}

/// Adds a message, and now and then an old one again or a broken one.
fn push(rng: &mut Rng, tick: &mut Vec<Message>, sent: &mut Vec<Message>, message: Message) {
    let tenant = message.2;
    sent.push(message.clone());
    tick.push(message);
    if rng.chance(8) {
        tick.push(sent[rng.index(sent.len())].clone());
    }
    if rng.chance(3) {
        tick.push(malformed::message(rng, tenant));
    }
}

/// The instants of the ticks: minutes, hours, days or a month apart, sometimes on a local midnight.
fn nows(rng: &mut Rng, start: UtcMicros, zone: Zone) -> Vec<UtcMicros> {
    let count = rng.between(TICKS.0, TICKS.1 + 1);
    let mut now = start;
    let mut nows = Vec::new();
    for _ in 0..count {
        nows.push(now);
        now = match rng.below(10) {
            0 => now,
            1..=4 => UtcMicros(now.0 + rng.between(1, 30 * calendar::MINUTE_US)),
            5 | 6 => UtcMicros(now.0 + rng.between(1, 12) * 60 * calendar::MINUTE_US),
            7 => zone.next_midnight(now),
            8 => UtcMicros(now.0 + rng.between(1, 9) * calendar::DAY_US),
            _ => UtcMicros(now.0 + rng.between(9, 40) * calendar::DAY_US),
        };
    }
    nows
}

fn zone(rng: &mut Rng) -> Zone {
    Zone::named(rng.pick(&ZONES)).unwrap_or(Zone::utc())
}

fn bytes(rng: &mut Rng) -> [u8; 16] {
    rng.next_u128().to_be_bytes()
}

/// A log key as the log would make it.
fn log_key(tenant: Uuid, kind: Kind, source: &str, id: &str) -> Vec<u8> {
    format!("{tenant}/{}/{source}/{id}", kind.as_str()).into_bytes()
}

#[cfg(test)]
mod tests;
