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

use crate::facts::{Attendance, Outcome, Place, Refund, Sale};
use crate::keyed::{Accumulator, Diff, Multiset, Rows, fold};
use crate::presence::{Group, Role, present};

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

fn groups(place: Place, currency: Currency, role: Role) -> impl Iterator<Item = Group> {
    let (tenant, week_start) = (place.tenant, place.week_start);
    scopes(place).map(move |(location, zone)| Group {
        tenant,
        location,
        currency,
        zone,
        week_start,
        role,
    })
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

/// The first counted orders of each customer: all those at the earliest instant.
pub fn first_orders<'s>(sales: Rows<'s, Sale>) -> Rows<'s, (u32, Vec<First>)> {
    let orders = sales.filter(|sale| sale.customer != 0).map(|sale| {
        let first = First { at: sale.at, place: sale.place, currency: sale.currency };
        (sale.customer, first)
    });
    fold(orders, "first orders", |customer, orders: &Multiset<First>| {
        let earliest = orders.iter().next()?.at;
        let firsts = orders.iter().take_while(|first| first.at == earliest).copied().collect();
        Some((*customer, firsts))
    })
}

/// Builds `revenue_trend`.
pub fn build<'s>(
    sales: Rows<'s, Sale>,
    refunds: Rows<'s, Refund>,
    attendances: Rows<'s, Attendance>,
    firsts: Rows<'s, (u32, Vec<First>)>,
) -> Rows<'s, (RevenueAt, RevenueSums)> {
    let sold = sales.clone().flat_map(|sale| {
        let Sale { gross, discount, tax, units, .. } = sale;
        rows_of(sale.place, sale.currency, sale.at)
            .map(move |row| (row, Part::Sale { gross, discount, tax, units }))
    });
    let refunded = refunds.flat_map(|refund| {
        rows_of(refund.place, refund.currency, refund.at)
            .map(move |row| (row, Part::Refund { amount: refund.amount }))
    });
    let bought = sales.filter(|sale| sale.customer != 0).flat_map(|sale| {
        [Role::Paying, Role::Active].into_iter().flat_map(move |role| {
            groups(sale.place, sale.currency, role)
                .map(move |group| (group, sale.customer, sale.at))
        })
    });
    let came = attendances.filter(|it| it.outcome == Outcome::Attended).flat_map(|it| {
        groups(it.place, it.currency, Role::Active).map(move |group| (group, it.customer, it.at))
    });
    let joined = firsts.flat_map(|(customer, firsts)| {
        firsts.into_iter().flat_map(move |first| {
            groups(first.place, first.currency, Role::New)
                .map(move |group| (group, customer, first.at))
        })
    });
    let there = present(bought.concatenate([came, joined]), "present customers");
    let counted = there.map(|(group, grain, bucket)| {
        let Group { tenant, location, currency, role, .. } = group;
        (RevenueAt { tenant, location, currency, grain, bucket }, Part::Customer(role))
    });
    fold(sold.concatenate([refunded, counted]), "revenue_trend", |key, sums: &RevenueSums| {
        Some((*key, *sums))
    })
}
