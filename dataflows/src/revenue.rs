//! Revenue: `revenue_trend`, the money and the customers of every local hour, day, week and month.
//!
//! # Shape
//! (tenant, location or 0, currency, grain, bucket) -> sums; one row a key, none where nothing happened.
//! # Time
//! A sale counts at its instant, a refund at its own; buckets are named by the instant they start at.
//! # Units
//! Money and units in micros.
//! # Source
//! `sql/vitals/revenue_trend.sql`; contracts section 4.1.

use vitals_model::UtcMicros;
use vitals_model::kinds::Currency;
use vitals_model::local_time::{Grain, Zone};
use vitals_model::utc::SECOND_US;

use crate::facts::{Attendance, Outcome, Place, Refund, Sale};
use crate::intern::Interned;
use crate::keyed::{Accumulator, Diff, Multiset, Rows, fold};
use crate::packed::{Pack, Small, pack_sums, unpack_sums};
use crate::presence::{Calendar, Deed, Role, Scope, There, Trace, present};
use crate::states::States;

/// Key of a revenue row, interned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "contracts section 4.1 names them")]
pub struct RevenueAt {
    pub tenant: u32,
    pub location: u32,
    pub currency: Currency,
    pub grain: Grain,
    pub bucket: UtcMicros,
}

/// Values of a revenue row. Money and units in micros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "contracts section 4.1 names them")]
pub struct RevenueSums {
    pub gross: i128,
    pub discount: i128,
    pub refunds: i128,
    pub tax: i128,
    pub units: i128,
    pub orders: i64,
    pub refund_count: i64,
    pub paying_customers: i64,
    pub new_customers: i64,
    pub active_customers: i64,
}

/// What one fact adds to a row.
#[derive(Clone, Copy, Debug)]
enum Part {
    Sale { gross: i64, discount: i64, tax: i64, units: i64 },
    Refund { amount: i64 },
    Customer(Role),
}

impl Accumulator<Part> for RevenueSums {
    type Kept = Small;

    fn add(&mut self, part: Part, diff: Diff) {
        let (wide, count) = (i128::try_from(diff).unwrap_or(0), i64::try_from(diff).unwrap_or(0));
        match part {
            Part::Sale { gross, discount, tax, units } => {
                self.gross += i128::from(gross) * wide;
                self.discount += i128::from(discount) * wide;
                self.tax += i128::from(tax) * wide;
                self.units += i128::from(units) * wide;
                self.orders += count;
            }
            Part::Refund { amount } => {
                self.refunds += i128::from(amount) * wide;
                self.refund_count += count;
            }
            Part::Customer(Role::Paying) => self.paying_customers += count,
            Part::Customer(Role::New) => self.new_customers += count,
            Part::Customer(Role::Active) => self.active_customers += count,
        }
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn keep(self) -> Small {
        let Self { gross, discount, refunds, tax, units, orders, refund_count, .. } = self;
        let Self { paying_customers, new_customers, active_customers, .. } = self;
        let counts = [orders, refund_count, paying_customers, new_customers, active_customers];
        let [a, b, c, d, e] = counts.map(i128::from);
        pack_sums(&[gross, discount, refunds, tax, units, a, b, c, d, e])
    }

    fn recall(kept: Small) -> Self {
        let [gross, discount, refunds, tax, units, a, b, c, d, e] = unpack_sums(&kept);
        let counts = [a, b, c, d, e].map(|sum| i64::try_from(sum).expect("was an i64"));
        let [orders, refund_count, paying_customers, new_customers, active_customers] = counts;
        Self {
            gross,
            discount,
            refunds,
            tax,
            units,
            orders,
            refund_count,
            paying_customers,
            new_customers,
            active_customers,
        }
    }
}

/// A row's key in one word: tenant, location and currency by number, the grain, and the bucket in seconds.
type PackedKey = u64;

/// A row's tenant, location and currency.
type Line = (u32, u32, Currency);

/// Buckets begin at whole seconds, the first of them in 1899.
const EPOCH_S: i64 = -2_240_524_800;
const SECONDS_BITS: u32 = 34;

fn pack_key(lines: &Interned<Line>, at: &RevenueAt) -> PackedKey {
    let line = u64::from(lines.number((at.tenant, at.location, at.currency)));
    assert!(line < 1 << 28, "a shard has fewer than 2^28 (tenant, location, currency)");
    let seconds = at.bucket.0.div_euclid(SECOND_US) - EPOCH_S;
    let seconds = u64::try_from(seconds).expect("instants begin in 1900");
    (line << (SECONDS_BITS + 2)) | (seconds << 2) | (at.grain as u64)
}

fn unpack_key(lines: &Interned<Line>, packed: PackedKey) -> RevenueAt {
    let line = u32::try_from(packed >> (SECONDS_BITS + 2)).expect("28 bits");
    let (tenant, location, currency) = lines.key(line);
    let seconds = ((packed >> 2) & ((1 << SECONDS_BITS) - 1)).cast_signed() + EPOCH_S;
    let grain = match packed & 0b11 {
        0 => Grain::Hour,
        1 => Grain::Day,
        2 => Grain::Week,
        _ => Grain::Month,
    };
    RevenueAt { tenant, location, currency, grain, bucket: UtcMicros(seconds * SECOND_US) }
}

/// The rows a place counts in: all together by the tenant's calendar, and its location by its own.
fn scopes(place: Place) -> impl Iterator<Item = (u32, Zone)> {
    let own = (place.location != 0).then_some((place.location, place.zone));
    [(0, place.tenant_zone)].into_iter().chain(own)
}

fn rows_of(place: Place, currency: Currency, at: i64) -> impl Iterator<Item = RevenueAt> {
    scopes(place).flat_map(move |(location, zone)| {
        Grain::ALL.map(|grain| RevenueAt {
            tenant: place.tenant,
            location,
            currency,
            grain,
            bucket: zone.bucket_start(grain, UtcMicros(at), place.week_start),
        })
    })
}

/// What a customer did at a place, under each calendar it is counted by.
fn traces(
    place: Place,
    currency: Currency,
    (customer, deed, at): (u32, Deed, i64),
) -> impl Iterator<Item = Trace> {
    let trace = move |zone, scope| {
        let Place { tenant, location, week_start, .. } = place;
        let calendar = Calendar { tenant, currency, zone, week_start };
        Trace { calendar, customer, location, scope, deed, at }
    };
    let traces = match (place.location, place.zone == place.tenant_zone) {
        (0, _) => [Some(trace(place.tenant_zone, Scope::All)), None],
        (_, true) => [Some(trace(place.tenant_zone, Scope::Both)), None],
        (_, false) => {
            [Some(trace(place.tenant_zone, Scope::All)), Some(trace(place.zone, Scope::Own))]
        }
    };
    traces.into_iter().flatten()
}

/// A customer's first counted order: where and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct First {
    /// When.
    pub at: i64,
    /// Where.
    pub place: Place,
    /// In which currency.
    pub currency: Currency,
}

impl Pack for First {
    fn pack(&self, out: &mut Vec<u8>) {
        (self.at, self.place, self.currency).pack(out);
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        let (at, place, currency) = Pack::unpack(bytes);
        Self { at, place, currency }
    }
}

/// The first counted orders of each customer: all those at the earliest instant.
pub fn first_orders<'s>(states: &States, sales: Rows<'s, Sale>) -> Rows<'s, (u32, Vec<First>)> {
    let orders = sales.filter(|sale| sale.customer != 0).map(|sale| {
        let first = First { at: sale.at, place: sale.place, currency: sale.currency };
        (sale.customer, first)
    });
    fold(states, orders, "first orders", |customer, orders: &Multiset<First>| {
        let earliest = orders.iter().next()?.at;
        let firsts = orders.iter().take_while(|first| first.at == earliest).copied().collect();
        Some((*customer, firsts))
    })
}

/// Builds `revenue_trend`.
pub fn build<'s>(
    states: &States,
    sales: Rows<'s, Sale>,
    refunds: Rows<'s, Refund>,
    attendances: Rows<'s, Attendance>,
    firsts: Rows<'s, (u32, Vec<First>)>,
) -> Rows<'s, (RevenueAt, RevenueSums)> {
    let lines = Interned::<Line>::keep(states, "lines");
    let packing = || {
        let lines = lines.clone();
        move |at: &RevenueAt| pack_key(&lines, at)
    };
    let pack = packing();
    let sold = sales.clone().flat_map(move |sale| {
        let Sale { gross, discount, tax, units, .. } = sale;
        let part = Part::Sale { gross, discount, tax, units };
        rows_of(sale.place, sale.currency, sale.at)
            .map(|row| (pack(&row), part))
            .collect::<Vec<_>>()
    });
    let pack = packing();
    let refunded = refunds.flat_map(move |refund| {
        let part = Part::Refund { amount: refund.amount };
        let rows = rows_of(refund.place, refund.currency, refund.at);
        rows.map(|row| (pack(&row), part)).collect::<Vec<_>>()
    });
    let bought = sales
        .filter(|sale| sale.customer != 0)
        .flat_map(|sale| traces(sale.place, sale.currency, (sale.customer, Deed::Bought, sale.at)));
    let came = attendances
        .filter(|it| it.outcome == Outcome::Attended)
        .flat_map(|it| traces(it.place, it.currency, (it.customer, Deed::Came, it.at)));
    let joined = firsts.flat_map(|(customer, firsts)| {
        firsts.into_iter().flat_map(move |first| {
            traces(first.place, first.currency, (customer, Deed::BoughtFirst, first.at))
        })
    });
    let there = present(states, bought.concatenate([came, joined]));
    let pack = packing();
    let counted = there.map(move |it| {
        let There { tenant, location, currency, grain, bucket, role } = it;
        let at = RevenueAt { tenant, location, currency, grain, bucket };
        (pack(&at), Part::Customer(role))
    });
    let parts = sold.concatenate([refunded, counted]);
    fold(states, parts, "revenue_trend", move |key, sums: &RevenueSums| {
        Some((unpack_key(&lines, *key), *sums))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back() {
        let lines = Interned::<Line>::keep(&States::default(), "lines");
        for seconds in [-2_209_000_000, 0, 1_764_000_000, 7_258_118_399_i64] {
            for grain in Grain::ALL {
                let at = RevenueAt {
                    tenant: 7,
                    location: u32::MAX,
                    currency: Currency(*b"CHF"),
                    grain,
                    bucket: UtcMicros(seconds * SECOND_US),
                };
                let _another = lines.number((1, 1, Currency::NONE));
                assert_eq!(unpack_key(&lines, pack_key(&lines, &at)), at);
            }
        }
    }
}
