//! Believable rows from a seed, and the batches that lead from one state to the next.

use std::collections::BTreeMap;

use uuid::Uuid;
use vitals_model::batch::{Cause, Counts};
use vitals_model::kinds::Currency;
use vitals_model::local_time::Grain;
use vitals_model::policy::DEFINITIONS;
use vitals_model::record::{Quarantined, Reason};
use vitals_model::vital::{
    ChurnKey, ChurnRow, Factor, HealthKey, HealthRow, HeatmapKey, HeatmapRow, Level, MetricRow,
    Period, RevenueKey, RevenueRow, Signal,
};
use vitals_model::{CommitBatch, Date, Digest, TenantId, UtcMicros, VitalChanges, VitalTables};
use vitals_store::Position;

/// SplitMix64 (Steele, Lea, Flood 2014): the whole of a test follows from its seed.
pub(crate) struct Seed(pub(crate) u64);

impl Seed {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn count(&mut self) -> i64 {
        i64::try_from(self.below(1_000)).unwrap()
    }

    fn money(&mut self) -> i128 {
        let wide = i128::from(self.next()) * i128::from(self.next() >> 20);
        let money = match self.below(4) {
            0 => 0,
            1 => i128::from(self.below(100_000_000)),
            2 => wide,
            _ => i128::from(self.below(1_000)) * 1_000_000,
        };
        if self.one_in(3) { -money } else { money }
    }
}

pub(crate) fn tenant(n: u128) -> TenantId {
    TenantId(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + n))
}

/// 2026-03-18T12:34:56Z.
pub(crate) const NOON: UtcMicros = UtcMicros(1_773_837_296_000_000);

fn location(seed: &mut Seed) -> Option<String> {
    [None, Some("csv:north".into()), Some("shopify:été".into())][seed.below(3) as usize].clone()
}

pub(crate) fn revenue_key(seed: &mut Seed, tenant: TenantId) -> RevenueKey {
    RevenueKey {
        tenant,
        location: location(seed),
        currency: Currency([*b"EUR", *b"USD"][seed.below(2) as usize]),
        grain: Grain::ALL[seed.below(4) as usize],
        bucket: UtcMicros(NOON.0 - i64::try_from(seed.below(10)).unwrap() * 3_600_000_000),
    }
}

pub(crate) fn revenue_row(seed: &mut Seed) -> RevenueRow {
    RevenueRow {
        gross: seed.money(),
        discount: seed.money(),
        refunds: seed.money(),
        tax: seed.money(),
        orders: seed.count(),
        units: seed.money(),
        refund_count: seed.count(),
        paying_customers: seed.count(),
        new_customers: seed.count(),
        active_customers: seed.count(),
    }
}

fn heatmap_key(seed: &mut Seed, tenant: TenantId) -> HeatmapKey {
    let month = Period::Month(Date::parse("2026-03-01").unwrap());
    let period = [month, Period::Trailing(4), Period::Trailing(52)][seed.below(3) as usize];
    let weekday = u8::try_from(1 + seed.below(7)).unwrap();
    let hour = u8::try_from(seed.below(3)).unwrap();
    HeatmapKey { tenant, location: location(seed), period, weekday, hour }
}

fn heatmap_row(seed: &mut Seed) -> HeatmapRow {
    HeatmapRow {
        visits: seed.count(),
        unique_customers: seed.count(),
        bookings: seed.count(),
        late_cancels: seed.count(),
        no_shows: seed.count(),
        sessions: seed.count(),
        capacity: seed.count(),
    }
}

pub(crate) fn churn_row(seed: &mut Seed) -> ChurnRow {
    let factors: Vec<Factor> = Signal::ALL
        .into_iter()
        .map(|signal| {
            let present = seed.one_in(2);
            Factor {
                signal,
                present,
                value: present.then(|| format!("{} visits in 30 days \"'\\", seed.below(9))),
                compared_with: present.then(|| "9 in the 30 days before".into()),
                points: if present { 1_500 } else { 0 },
            }
        })
        .collect();
    let raw = factors.iter().map(|it| it.points).sum();
    ChurnRow {
        score: raw,
        raw,
        level: Level::ALL[seed.below(4) as usize],
        signals_present: u8::try_from(factors.iter().filter(|it| it.present).count()).unwrap(),
        factors,
    }
}

pub(crate) fn health_row(seed: &mut Seed) -> HealthRow {
    let metrics = DEFINITIONS
        .iter()
        .map(|it| {
            let present = seed.one_in(2);
            MetricRow {
                category: it.category,
                metric: it.metric,
                present,
                value: (present && !seed.one_in(5)).then(|| seed.money()),
                score: present.then(|| seed.count() * 10),
                weight: if present { seed.count() } else { 0 },
            }
        })
        .collect();
    let mut score = || (!seed.one_in(3)).then(|| seed.count() * 10);
    HealthRow {
        overall: score(),
        categories: [score(), score(), score(), score(), score()],
        coverage: 1_000_000,
        metrics,
    }
}

fn stir<K: Ord + Clone, R>(rows: &mut BTreeMap<K, R>, key: K, row: R, seed: &mut Seed) {
    if seed.one_in(3) {
        rows.remove(&key);
    } else {
        rows.insert(key, row);
    }
}

/// The next state: about `n` rows of each vital set, changed or removed.
pub(crate) fn next_tables(seed: &mut Seed, tables: &VitalTables, n: u64) -> VitalTables {
    let mut next = tables.clone();
    for _ in 0..n {
        let tenant = tenant(u128::from(seed.below(3)));
        let (key, row) = (revenue_key(seed, tenant), revenue_row(seed));
        stir(&mut next.revenue, key, row, seed);
        let (key, row) = (heatmap_key(seed, tenant), heatmap_row(seed));
        stir(&mut next.heatmap, key, row, seed);
        let (customer, row) = (format!("csv:{}", seed.below(20)), churn_row(seed));
        stir(&mut next.churn, ChurnKey { tenant, customer }, row, seed);
        let row = health_row(seed);
        stir(&mut next.health, HealthKey { tenant }, row, seed);
    }
    next
}

/// The batch after `position` with these changes, one message read from the first partition.
pub(crate) fn batch(position: &Position, changes: VitalChanges) -> CommitBatch {
    let mut upper = position.offsets.clone();
    *upper.0.entry(0).or_insert(0) += 1;
    let one = Counts { received: 1, applied: 1, ..Counts::default() };
    CommitBatch {
        tick: position.tick + 1,
        lower: position.offsets.clone(),
        upper,
        clock: NOON,
        todays: vec![(tenant(0), Date::parse("2026-03-18").unwrap())],
        changes,
        quarantined: Vec::new(),
        counts: BTreeMap::from([(Some(tenant(0)), one)]),
        cause: Cause::Live,
        digest: Digest::default(),
    }
}

/// One message that nobody understood.
pub(crate) fn quarantined(tenant: Option<TenantId>, offset: i64) -> Quarantined {
    Quarantined {
        tenant,
        partition: 3,
        offset,
        reason: Reason::new("a record is a JSON object"),
        raw: b"\0not json".to_vec(),
    }
}
