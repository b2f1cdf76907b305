//! One tenant's side of a history: which thing is told of next, under which version, and whether it is
//! still there.

use std::collections::BTreeMap;

use vitals_model::kinds::{Currency, Kind};
use vitals_model::local_time::Zone;
use vitals_model::rng::Rng;
use vitals_model::{TenantId, UtcMicros};

use super::bodies::Pen;
use super::calendar::Calendar;
use super::{Message, log_key};

/// How many different things of a kind there are, and how often one is told of. Few things: so that
/// references meet, versions race and statuses flip.
fn pool(kind: Kind) -> (u64, u64) {
    match kind {
        Kind::Organization => (1, 2),
        Kind::Location => (3, 3),
        Kind::Customer => (5, 7),
        Kind::Staff => (2, 1),
        Kind::Product => (4, 4),
        Kind::Class => (3, 3),
        Kind::Session => (8, 8),
        Kind::Booking => (12, 9),
        Kind::Visit => (14, 12),
        Kind::Membership => (6, 7),
        Kind::Credit => (3, 1),
        Kind::Order => (14, 14),
        Kind::Payment => (10, 8),
        Kind::Refund => (8, 7),
        Kind::Invoice => (8, 7),
        Kind::Expense => (6, 5),
        Kind::Balance => (4, 4),
        Kind::Message => (14, 8),
        Kind::Deal => (6, 4),
        Kind::Traffic => (8, 4),
        Kind::Ticket => (8, 5),
        Kind::Program => (10, 6),
        Kind::Wearable => (8, 4),
        Kind::Metric => (8, 5),
    }
}

/// What stays the same through a tenant's history.
#[derive(Debug)]
pub(super) struct Cast {
    pub(super) sources: Vec<&'static str>,
    pub(super) home: Currency,
    pub(super) zones: Vec<Zone>,
    pub(super) data_clock: bool,
    pub(super) calendar: Calendar,
}

/// A tenant's history as it is told.
#[derive(Debug)]
pub(super) struct Story {
    tenant: TenantId,
    cast: Cast,
    weights: Vec<(Kind, u64)>,
    told: i64,
    /// The version each thing was last told of under.
    versions: BTreeMap<Vec<u8>, i64>,
}

const SOURCES: [&str; 4] = ["mindbody", "shopify", "csv", "native"];
const CURRENCIES: [[u8; 3]; 4] = [*b"EUR", *b"GBP", *b"USD", *b"EGP"];

impl Story {
    pub(super) fn new(tenant: TenantId, zones: &[Zone], start: UtcMicros, rng: &mut Rng) -> Self {
        let first = rng.index(SOURCES.len());
        let mut sources = vec![SOURCES[first]];
        if rng.chance(60) {
            sources.push(SOURCES[(first + 1) % SOURCES.len()]);
        }
        let cast = Cast {
            sources,
            home: Currency(rng.pick(&CURRENCIES)),
            zones: zones.to_vec(),
            data_clock: rng.chance(30),
            calendar: Calendar::new(zones, start),
        };
        // Each history leans its own way: some are all classes, some all money.
        let weights =
            Kind::ALL.iter().map(|kind| (*kind, pool(*kind).1 * rng.pick(&[0, 1, 1, 2, 4])));
        Self { tenant, cast, weights: weights.collect(), told: 0, versions: BTreeMap::new() }
    }

    /// Tells of one more thing.
    pub(super) fn next(&mut self, rng: &mut Rng, now: UtcMicros) -> Message {
        // Nearly always the settings come first; otherwise defaults are in force until they come.
        let kind =
            if self.told == 0 && rng.chance(85) { Kind::Organization } else { self.kind(rng) };
        self.told += 1;
        // A second set of settings, of another source, is rare; the smallest `source:id` is in force.
        let main_source = kind == Kind::Organization && rng.chance(80);
        let source = if main_source { self.cast.sources[0] } else { rng.pick(&self.cast.sources) };
        let id = identify(kind, rng.below(pool(kind).0));
        let key = log_key(self.tenant.0, kind, source, &id);
        let version = self.version(rng, self.versions.get(&key).copied());
        self.versions.insert(key.clone(), version);
        let deleted = rng.chance(if kind == Kind::Organization { 3 } else { 7 });
        let rest = if deleted {
            "\"deleted\":true".to_owned()
        } else {
            let mut pen = Pen { rng, cast: &self.cast, now };
            format!("\"body\":{}", pen.body(kind))
        };
        let value = format!(
            r#"{{"tenant":"{}","kind":"{}","source":"{source}","id":"{id}","version":{version},"received_at":"{now}",{rest}}}"#,
            self.tenant,
            kind.as_str(),
        );
        (key, value.into_bytes(), self.tenant)
    }

    fn kind(&self, rng: &mut Rng) -> Kind {
        let total = self.weights.iter().map(|(_, weight)| weight).sum();
        let mut drawn = rng.below(total);
        for (kind, weight) in &self.weights {
            if drawn < *weight {
                return *kind;
            }
            drawn -= weight;
        }
        Kind::Order
    }

    /// Mostly rising; sometimes late, sometimes the last one again, rarely the last there can be.
    fn version(&self, rng: &mut Rng, last: Option<i64>) -> i64 {
        match rng.below(200) {
            0 => i64::MAX,
            1 => i64::MIN,
            2..=49 => self.told - rng.between(0, 40),
            50..=79 => last.unwrap_or(self.told),
            _ => self.told,
        }
    }
}

/// The id of thing number `index` of a kind: `c3` is a customer everywhere it is named.
pub(super) fn identify(kind: Kind, index: u64) -> String {
    format!("{}{index}", &kind.as_str()[..2])
}

/// The id of some thing of a kind, now and then of one that is never told of.
pub(super) fn reference(rng: &mut Rng, kind: Kind) -> String {
    if rng.chance(6) { identify(kind, 99) } else { identify(kind, rng.below(pool(kind).0)) }
}
