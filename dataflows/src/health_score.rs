//! Health: `health_score`, twenty-three metrics of a business and what they come to.
//!
//! # Shape
//! tenant -> row; one row a tenant with an organization record.
//! # Time
//! Everything is as of the tenant's today, by windows that move with it.
//! # Missing
//! A metric is present only when its denominator is positive; a category without any is left out.
//! # Source
//! `sql/vitals/health_score.sql`; contracts section 4.4; the arithmetic is `vitals_model::score`.

use std::collections::BTreeMap;

use vitals_model::policy::{HealthMetric, METRICS, Policy};
use vitals_model::ratio::{ONE, ratio};
use vitals_model::score::{Reading, health_row, variation};
use vitals_model::vital::HealthRow;

use crate::churn::{Customer, Policies};
use crate::facts::{Dated, Holding};
use crate::keyed::{Accumulator, Diff, Multiset, Rows, fold};
use crate::packed::Pack;
use crate::revenue::First;
use crate::states::States;
use crate::window::{Moved, Windows};

/// One sum kept for each tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Measure {
    Organizations,
    Policy,
    Net30,
    NetPrior30,
    Net90,
    Net365,
    Gross30,
    Refunds30,
    Expenses30,
    Expenses90,
    Marketing90,
    Cash,
    CashAccounts,
    Paid30,
    Attempts30,
    MembersThen,
    MembersLost,
    Came,
    CameAgain,
    Buyers365,
    New30,
    NewPrior30,
    New90,
    Tickets,
    Promoters,
    Detractors,
    Attended30,
    NoShows30,
    Capacity30,
    MrrNow,
    MrrThen,
    DealsWon,
    DealsClosed,
    Visitors,
    Conversions,
    NewGoods,
    Population,
    AtRisk,
    Receivable,
    Overdue,
    TopNet,
    PositiveNet,
    Response,
    Responses,
    Volatility,
    Volatilities,
}

const MEASURES: usize = Measure::Volatilities as usize + 1;

/// Metrics that `metric` records may supply, by slot: the health metrics in order, then these two.
const CAC: usize = METRICS;
const COMPLIANCE_STATUS: usize = METRICS + 1;
const SLOTS: usize = METRICS + 2;

/// The slot of a metric type that the health score reads; `None` for any other.
#[must_use]
pub fn supplied(metric_type: &str) -> Option<u8> {
    let names = vitals_model::policy::DEFINITIONS.iter().map(|it| it.name);
    let slot = names.chain(["cac", "compliance_status"]).position(|name| name == metric_type)?;
    u8::try_from(slot).ok()
}

#[derive(Clone, Copy, Debug)]
enum Part {
    Measure(Measure, i128),
    /// A supplied value, carried.
    Supplied(u8, i128),
}

/// What is kept of one tenant.
#[derive(Debug, PartialEq, Eq)]
struct TenantSums {
    measures: [i128; MEASURES],
    supplied: [(i64, i128); SLOTS],
}

impl Default for TenantSums {
    fn default() -> Self {
        Self { measures: [0; MEASURES], supplied: [(0, 0); SLOTS] }
    }
}

impl Accumulator<Part> for TenantSums {
    type Kept = Self;

    fn add(&mut self, part: Part, diff: Diff) {
        let times = i128::try_from(diff).unwrap_or(0);
        match part {
            Part::Measure(measure, amount) => self.measures[measure as usize] += amount * times,
            Part::Supplied(slot, value) => {
                let (count, sum) = &mut self.supplied[usize::from(slot)];
                *count += i64::try_from(diff).unwrap_or(0);
                *sum += value * times;
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.measures.iter().all(|it| *it == 0) && self.supplied.iter().all(|it| *it == (0, 0))
    }

    fn keep(self) -> Self {
        self
    }

    fn recall(kept: Self) -> Self {
        kept
    }
}

impl Pack for TenantSums {
    fn pack(&self, out: &mut Vec<u8>) {
        self.measures.iter().for_each(|it| it.pack(out));
        self.supplied.iter().for_each(|it| it.pack(out));
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        let measures = std::array::from_fn(|_| Pack::unpack(bytes));
        Self { measures, supplied: std::array::from_fn(|_| Pack::unpack(bytes)) }
    }
}

/// Everything the health score is made of.
pub struct Inputs<'s> {
    /// Dated facts as windows take them in and let them go.
    pub moved: Rows<'s, Moved<Dated>>,
    /// Undated facts.
    pub holdings: Rows<'s, (u32, Holding)>,
    /// What each customer comes to.
    pub customers: Rows<'s, Customer>,
    /// Readings of cash: ((tenant, account), (at, amount)).
    pub balances: Rows<'s, ((u32, u32), (i64, i64))>,
    /// Readings of supplied metrics: ((tenant, slot), (at, carried value)).
    pub metrics: Rows<'s, ((u32, u8), (i64, i128))>,
}

impl std::fmt::Debug for Inputs<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Inputs")
    }
}

/// The first order of each customer as a dated fact of its tenant.
pub fn newcomers<'s>(firsts: Rows<'s, (u32, Vec<First>)>) -> Rows<'s, (u32, i32, Dated)> {
    firsts.flat_map(|(_, firsts)| {
        firsts.first().map(|first| {
            let date = first.place.tenant_zone.date(vitals_model::UtcMicros(first.at));
            (first.place.tenant, date.0, Dated::First)
        })
    })
}

/// Builds `health_score`.
pub fn build<'s>(
    states: &States,
    inputs: Inputs<'s>,
    policies: Policies,
) -> Rows<'s, (u32, HealthRow)> {
    let Inputs { moved, holdings, customers, balances, metrics } = inputs;
    let dated = moved.clone().flat_map(|moved| {
        parts_of(&moved)
            .into_iter()
            .flatten()
            .map(move |(measure, amount)| (moved.tenant, Part::Measure(measure, amount)))
    });
    let held = holdings.flat_map(|(tenant, holding)| {
        let parts = match holding {
            Holding::Organization { policy } => {
                [(Measure::Organizations, 1), (Measure::Policy, i128::from(policy))]
            }
            Holding::Mrr { amount } => [(Measure::MrrNow, amount.into()), (Measure::MrrNow, 0)],
            Holding::Receivable { balance } => {
                [(Measure::Receivable, balance.into()), (Measure::Receivable, 0)]
            }
        };
        parts.into_iter().map(move |(measure, amount)| (tenant, Part::Measure(measure, amount)))
    });
    let cash = fold(states, balances, "balances", |key, readings: &Multiset<(i64, i64)>| {
        readings.iter().next_back().map(|(_, amount)| (*key, *amount))
    });
    let cash = cash.flat_map(|((tenant, _), amount)| {
        [(Measure::Cash, i128::from(amount)), (Measure::CashAccounts, 1)]
            .map(|(measure, amount)| (tenant, Part::Measure(measure, amount)))
    });
    let latest = fold(states, metrics, "metrics", |key, readings: &Multiset<(i64, i128)>| {
        readings.iter().next_back().map(|(_, value)| (*key, *value))
    });
    let latest = latest.map(|((tenant, slot), value)| (tenant, Part::Supplied(slot, value)));
    let people = customers.clone().flat_map(|it| {
        let tenant = it.tenant;
        people(&it).into_iter().flatten().map(move |part| (tenant, Part::Measure(part, 1)))
    });
    let parts = dated.concatenate([
        held,
        cash,
        latest,
        people,
        concentration(states, customers),
        volatility(states, moved.clone()),
        responses(states, moved),
    ]);
    fold(states, parts, "health_score", move |tenant, sums: &TenantSums| {
        health(sums, &policies.borrow()).map(|row| (*tenant, row))
    })
}

/// What a dated fact adds to its tenant.
fn parts_of(moved: &Moved<Dated>) -> [Option<(Measure, i128)>; 6] {
    let mut parts = [None; 6];
    let mut used = 0;
    let mut within = |window, measure, amount: i64| {
        if moved.windows.has(window) && amount != 0 {
            parts[used] = Some((measure, i128::from(amount)));
            used += 1;
        }
    };
    match moved.row {
        Dated::Sale { home: true, gross, net, .. } => {
            within(Windows::DAYS_30, Measure::Net30, net);
            within(Windows::DAYS_30, Measure::Gross30, gross);
            within(Windows::PRIOR_30, Measure::NetPrior30, net);
            within(Windows::DAYS_90, Measure::Net90, net);
            within(Windows::DAYS_365, Measure::Net365, net);
        }
        Dated::Refund { amount, .. } => {
            within(Windows::DAYS_30, Measure::Net30, -amount);
            within(Windows::DAYS_30, Measure::Refunds30, amount);
            within(Windows::PRIOR_30, Measure::NetPrior30, -amount);
            within(Windows::DAYS_90, Measure::Net90, -amount);
            within(Windows::DAYS_365, Measure::Net365, -amount);
        }
        Dated::NewGoods { amount } => within(Windows::PAST, Measure::NewGoods, amount),
        Dated::Attended { .. } => within(Windows::DAYS_30, Measure::Attended30, 1),
        Dated::NoShow => within(Windows::DAYS_30, Measure::NoShows30, 1),
        Dated::Session { capacity } => {
            within(Windows::DAYS_30, Measure::Capacity30, capacity.into());
        }
        Dated::Payment { paid, .. } => {
            within(Windows::DAYS_30, Measure::Attempts30, 1);
            within(Windows::DAYS_30, Measure::Paid30, paid.into());
        }
        Dated::First => {
            within(Windows::DAYS_30, Measure::New30, 1);
            within(Windows::PRIOR_30, Measure::NewPrior30, 1);
            within(Windows::DAYS_90, Measure::New90, 1);
        }
        Dated::Expense { amount, marketing } => {
            within(Windows::DAYS_30, Measure::Expenses30, amount);
            within(Windows::DAYS_90, Measure::Expenses90, amount);
            within(Windows::DAYS_90, Measure::Marketing90, if marketing { amount } else { 0 });
        }
        Dated::Due { balance, .. } => within(Windows::PAST, Measure::Overdue, balance),
        Dated::Ticket { nps: Some(nps), .. } => {
            within(Windows::DAYS_90, Measure::Tickets, 1);
            within(Windows::DAYS_90, Measure::Promoters, (nps >= 9_000_000).into());
            within(Windows::DAYS_90, Measure::Detractors, (nps <= 6_000_000).into());
        }
        Dated::Deal { won } => {
            within(Windows::DAYS_90, Measure::DealsClosed, 1);
            within(Windows::DAYS_90, Measure::DealsWon, won.into());
        }
        Dated::Traffic { sessions, conversions } => {
            within(Windows::DAYS_30, Measure::Visitors, sessions);
            within(Windows::DAYS_30, Measure::Conversions, conversions);
        }
        Dated::MemberThen { mrr, .. } => within(Windows::PAST, Measure::MrrThen, mrr),
        Dated::Sale { home: false, .. }
        | Dated::Ticket { nps: None, .. }
        | Dated::Failing { .. }
        | Dated::LongFailing { .. }
        | Dated::Message { .. }
        | Dated::Program { .. }
        | Dated::Sleep { .. }
        | Dated::LongDue { .. } => {}
    }
    parts
}

/// What one customer adds to the tenant's counts.
fn people(it: &Customer) -> [Option<Measure>; 7] {
    let when = |holds: bool, measure| holds.then_some(measure);
    [
        when(it.signals.is_some(), Measure::Population),
        when(it.at_risk, Measure::AtRisk),
        when(it.member_then, Measure::MembersThen),
        when(it.member_then && !it.member, Measure::MembersLost),
        when(it.returns >= 1, Measure::Came),
        when(it.returns >= 2, Measure::CameAgain),
        when(it.buyer, Measure::Buyers365),
    ]
}

/// Customers' positive nets, filed so that the sum of the greatest is found without a sort.
#[derive(Debug, Default)]
struct Ranking {
    /// By magnitude (about 1.6 % wide), then by amount.
    bands: BTreeMap<u32, Band>,
    customers: i64,
    total: i128,
}

#[derive(Debug, Default)]
struct Band {
    customers: i64,
    total: i128,
    amounts: BTreeMap<i64, Diff>,
}

/// The band of an amount: its magnitude and the six bits below its highest.
fn band(amount: i64) -> u32 {
    let bits = 64 - amount.leading_zeros();
    let below = if bits > 7 { amount >> (bits - 7) } else { amount };
    (bits << 6) | (u32::try_from(below & 63).unwrap_or(0))
}

impl Accumulator<i64> for Ranking {
    type Kept = Self;

    fn add(&mut self, amount: i64, diff: Diff) {
        let (count, wide) = (i64::try_from(diff).unwrap_or(0), i128::try_from(diff).unwrap_or(0));
        let sum = i128::from(amount) * wide;
        self.customers += count;
        self.total += sum;
        let filed = self.bands.entry(band(amount)).or_default();
        filed.customers += count;
        filed.total += sum;
        let times = filed.amounts.entry(amount).or_default();
        *times += diff;
        if *times == 0 {
            filed.amounts.remove(&amount);
        }
        if filed.amounts.is_empty() {
            self.bands.remove(&band(amount));
        }
    }

    fn is_empty(&self) -> bool {
        self.bands.is_empty()
    }

    fn keep(self) -> Self {
        self
    }

    fn recall(kept: Self) -> Self {
        kept
    }
}

impl Pack for Ranking {
    fn pack(&self, out: &mut Vec<u8>) {
        let amounts = || self.bands.values().flat_map(|filed| &filed.amounts);
        amounts().count().pack(out);
        amounts().for_each(|(amount, times)| (*amount, *times).pack(out));
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        let mut ranking = Self::default();
        for _ in 0..usize::unpack(bytes) {
            let (amount, times) = Pack::unpack(bytes);
            ranking.add(amount, times);
        }
        ranking
    }
}

impl Ranking {
    /// The sum of the greatest tenth (rounded up) of the amounts.
    fn top_tenth(&self) -> i128 {
        let mut left = (self.customers + 9) / 10;
        let mut sum = 0;
        for filed in self.bands.values().rev() {
            if filed.customers <= left {
                sum += filed.total;
                left -= filed.customers;
                continue;
            }
            for (amount, times) in filed.amounts.iter().rev() {
                let taken = left.min(i64::try_from(*times).unwrap_or(0));
                sum += i128::from(*amount) * i128::from(taken);
                left -= taken;
                if left == 0 {
                    return sum;
                }
            }
        }
        sum
    }
}

fn concentration<'s>(states: &States, customers: Rows<'s, Customer>) -> Rows<'s, (u32, Part)> {
    let nets = customers.filter(|it| it.net90 > 0).map(|it| (it.tenant, it.net90));
    let tops = fold(states, nets, "net by customer", |tenant, ranking: &Ranking| {
        Some((*tenant, ranking.top_tenth(), ranking.total))
    });
    tops.flat_map(|(tenant, top, total)| {
        [(Measure::TopNet, top), (Measure::PositiveNet, total)]
            .map(|(measure, amount)| (tenant, Part::Measure(measure, amount)))
    })
}

/// Net of each day of the last 28.
#[derive(Debug, Default)]
struct Days {
    nets: BTreeMap<i32, (i128, Diff)>,
}

impl Accumulator<(i32, i64)> for Days {
    type Kept = Self;

    fn add(&mut self, (day, net): (i32, i64), diff: Diff) {
        let (sum, facts) = self.nets.entry(day).or_default();
        *sum += i128::from(net) * i128::try_from(diff).unwrap_or(0);
        *facts += diff;
        if *facts == 0 && *sum == 0 {
            self.nets.remove(&day);
        }
    }

    fn is_empty(&self) -> bool {
        self.nets.is_empty()
    }

    fn keep(self) -> Self {
        self
    }

    fn recall(kept: Self) -> Self {
        kept
    }
}

impl Pack for Days {
    fn pack(&self, out: &mut Vec<u8>) {
        self.nets.pack(out);
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        Self { nets: Pack::unpack(bytes) }
    }
}

const VOLATILITY_DAYS: usize = 28;

fn volatility<'s>(states: &States, moved: Rows<'s, Moved<Dated>>) -> Rows<'s, (u32, Part)> {
    let daily = moved.flat_map(|moved| {
        let net = match moved.row {
            Dated::Sale { home: true, net, .. } => net,
            Dated::Refund { amount, .. } => -amount,
            _ => return None,
        };
        moved.windows.has(Windows::DAYS_28).then_some((moved.tenant, (moved.day, net)))
    });
    let varying = fold(states, daily, "daily net", |tenant, days: &Days| {
        let mut amounts: Vec<i128> = days.nets.values().map(|(net, _)| *net).collect();
        amounts.resize(VOLATILITY_DAYS, 0);
        variation(&amounts).map(|value| (*tenant, value))
    });
    varying.flat_map(|(tenant, value)| {
        [(Measure::Volatility, value), (Measure::Volatilities, 1)]
            .map(|(measure, amount)| (tenant, Part::Measure(measure, amount)))
    })
}

const RESPONSE_HOUR_US: i128 = 3_600_000_000;

/// Median hours to a first response.
fn responses<'s>(states: &States, moved: Rows<'s, Moved<Dated>>) -> Rows<'s, (u32, Part)> {
    let waits = moved.flat_map(|moved| match moved.row {
        Dated::Ticket { response: Some(wait), .. } if moved.windows.has(Windows::DAYS_30) => {
            Some((moved.tenant, wait))
        }
        _ => None,
    });
    let medians = fold(states, waits, "response times", |tenant, waits: &Multiset<i64>| {
        let count: i32 = waits.counted().map(|(_, times)| times).sum();
        let nth = |n: i32| {
            let mut before = 0;
            let found = waits.counted().find(|(_, times)| {
                before += times;
                before > n
            });
            found.map_or(0, |(wait, _)| i128::from(*wait))
        };
        (count > 0).then(|| (*tenant, nth((count - 1) / 2) + nth(count / 2)))
    });
    medians.flat_map(|(tenant, middle_two)| {
        [(Measure::Response, middle_two), (Measure::Responses, 1)]
            .map(|(measure, amount)| (tenant, Part::Measure(measure, amount)))
    })
}

fn health(sums: &TenantSums, policies: &[Policy]) -> Option<HealthRow> {
    if sums.get(Measure::Organizations) == 0 {
        return None;
    }
    let policy = usize::try_from(sums.get(Measure::Policy)).unwrap_or(0);
    Some(health_row(&sums.readings(), &policies[policy]))
}

impl TenantSums {
    fn get(&self, measure: Measure) -> i128 {
        self.measures[measure as usize]
    }

    /// `part / whole` when the whole is positive.
    fn share(&self, part: Measure, whole: Measure) -> Option<i128> {
        positive_ratio(self.get(part), self.get(whole))
    }

    fn growth(&self, now: Measure, before: Measure) -> Option<i128> {
        Some(self.share(now, before)? - ONE)
    }

    fn supplied(&self, slot: usize) -> Option<i128> {
        let (count, value) = self.supplied[slot];
        (count > 0).then_some(value)
    }

    fn readings(&self) -> [Reading; METRICS] {
        let mut readings = [Reading::Absent; METRICS];
        for definition in &vitals_model::policy::DEFINITIONS {
            let at = definition.metric.index();
            readings[at] = match self.reading(definition.metric) {
                Reading::Absent => Reading::of(self.supplied(at)),
                known @ (Reading::Value(_) | Reading::Best) => known,
            };
        }
        readings
    }

    fn reading(&self, metric: HealthMetric) -> Reading {
        use HealthMetric as H;
        use Measure as M;
        let value = match metric {
            H::CashRunway => return self.runway(),
            H::RevenueGrowth => self.growth(M::Net30, M::NetPrior30),
            H::ProfitMargin => {
                positive_ratio(self.get(M::Net30) - self.get(M::Expenses30), self.get(M::Net30))
            }
            H::PaymentSuccess => self.share(M::Paid30, M::Attempts30),
            H::RefundRate => self.share(M::Refunds30, M::Gross30),
            H::ChurnRate => self.share(M::MembersLost, M::MembersThen),
            H::RepeatRate => self.share(M::CameAgain, M::Came),
            H::LtvCac => self.ltv_cac(),
            H::Nps => {
                let balance = self.get(M::Promoters) - self.get(M::Detractors);
                positive_ratio(100 * balance, self.get(M::Tickets))
            }
            H::FillRate => self.share(M::Attended30, M::Capacity30),
            H::NoShowRate => {
                let expected = self.get(M::Attended30) + self.get(M::NoShows30);
                positive_ratio(self.get(M::NoShows30), expected)
            }
            H::FirstResponse => (self.get(M::Responses) > 0)
                .then(|| ratio(self.get(M::Response), 2 * RESPONSE_HOUR_US))
                .flatten(),
            H::Uptime => None,
            H::NewCustomers => self.growth(M::New30, M::NewPrior30),
            H::MrrGrowth => self.growth(M::MrrNow, M::MrrThen),
            H::LeadConversion => self.share(M::DealsWon, M::DealsClosed),
            H::OrderConversion => self.share(M::Conversions, M::Visitors),
            H::ProductDevelopment => self.share(M::NewGoods, M::Net30),
            H::Concentration => self.share(M::TopNet, M::PositiveNet),
            H::MembersAtRisk => self.share(M::AtRisk, M::Population),
            H::OverdueReceivables => self.share(M::Overdue, M::Receivable),
            H::Volatility => (self.get(M::Volatilities) > 0).then(|| self.get(M::Volatility)),
            H::Compliance => self.supplied(COMPLIANCE_STATUS).map(|status| 100 * ONE - status),
        };
        Reading::of(value)
    }

    /// Months the cash lasts at the burn of 90 days; the best there is without any.
    fn runway(&self) -> Reading {
        if self.get(Measure::CashAccounts) == 0 {
            return Reading::Absent;
        }
        let burn = self.get(Measure::Expenses90) - self.get(Measure::Net90);
        if burn <= 0 {
            return Reading::Best;
        }
        Reading::of(ratio(3 * self.get(Measure::Cash), burn))
    }

    /// Lifetime value over the cost of a customer, both carried in the currency's major unit.
    fn ltv_cac(&self) -> Option<i128> {
        const MICROS: i128 = 1_000_000;
        let (net, buyers) = (self.get(Measure::Net365), self.get(Measure::Buyers365));
        let ltv = positive_ratio(net, buyers * MICROS)?;
        let (marketing, new) = (self.get(Measure::Marketing90), self.get(Measure::New90));
        let own = (marketing > 0 && new > 0).then(|| ratio(marketing, new * MICROS)).flatten();
        let cac = own.or_else(|| self.supplied(CAC).filter(|cac| *cac > 0))?;
        ratio(ltv, cac)
    }
}

fn positive_ratio(part: i128, whole: i128) -> Option<i128> {
    (whole > 0).then(|| ratio(part, whole)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use vitals_model::rng::Rng;

    #[test]
    fn bands_keep_the_order_of_amounts() {
        let mut rng = Rng::new(11);
        for _ in 0..10_000 {
            let shift = rng.below(62);
            let (a, b) = (1 + rng.below(1 << shift.max(1)), 1 + rng.below(1 << shift.max(1)));
            let (a, b) = (i64::try_from(a).expect("small"), i64::try_from(b).expect("small"));
            assert!(a > b || band(a) <= band(b), "{a} {b}");
        }
    }

    #[test]
    fn the_top_tenth_is_that_of_a_sort() {
        let mut rng = Rng::new(12);
        for round in 0..200 {
            let mut ranking = Ranking::default();
            let mut amounts: Vec<i64> = Vec::new();
            for _ in 0..=rng.below(60) {
                let amount = i64::try_from(1 + rng.below(1_000_000)).expect("small");
                ranking.add(amount, 1);
                amounts.push(amount);
            }
            amounts.sort_unstable_by(|a, b| b.cmp(a));
            let expected: i64 = amounts.iter().take(amounts.len().div_ceil(10)).sum();
            assert_eq!(ranking.top_tenth(), i128::from(expected), "round {round}");
        }
    }
}
