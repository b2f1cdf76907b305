//! Exact arithmetic: thin edges over `vitals_model::{ratio, score, policy}` and the money kinds.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array};
use arrow::datatypes::Decimal128Type;
use datafusion::common::exec_err;
use datafusion::error::Result;
use vitals_model::kinds::{BillingInterval, Membership, MembershipStatus};
use vitals_model::policy::{Policy, PolicyOverride};
use vitals_model::{Money, Number, UtcMicros, ratio, score};

use super::arguments::Exact;
use super::{Arguments, CARRIED_PRECISION, CARRIED_SCALE};

/// Decimals of a carried number.
const CARRIED: u32 = ratio::CARRIED_DECIMALS;
/// Decimals of money and other numbers of records.
const MICRO: u32 = 6;

fn decimals(values: Decimal128Array, precision: u8, scale: i8) -> Result<ArrayRef> {
    Ok(Arc::new(values.with_precision_and_scale(precision, scale)?))
}

fn carried(values: Decimal128Array) -> Result<ArrayRef> {
    decimals(values, CARRIED_PRECISION, CARRIED_SCALE)
}

fn micros(exact: &Exact, row: usize) -> Option<i64> {
    i64::try_from(exact.at_scale(row, MICRO)?).ok()
}

pub(super) fn line_amount(arguments: &Arguments) -> Result<ArrayRef> {
    let (quantities, prices) = (arguments.exact(0)?, arguments.exact(1)?);
    let amounts = arguments.rows().map(|row| {
        let (quantity, price) = (micros(&quantities, row)?, micros(&prices, row)?);
        Money::line(Number(quantity), Money(price)).map(|it| i128::from(it.0))
    });
    decimals(amounts.collect(), 20, 6)
}

pub(super) fn mrr(arguments: &Arguments) -> Result<ArrayRef> {
    let (prices, quantities) = (arguments.exact(0)?, arguments.exact(1)?);
    let (intervals, counts) = (arguments.texts(2)?, arguments.ints(3)?);
    let amounts = arguments.rows().map(|row| {
        let billing_interval = match intervals.is_valid(row).then(|| intervals.value(row))? {
            "day" => BillingInterval::Day,
            "week" => BillingInterval::Week,
            "year" => BillingInterval::Year,
            _ => BillingInterval::Month,
        };
        let interval_count = counts.is_valid(row).then(|| counts.value(row))?;
        let membership = Membership {
            customer_id: "".into(),
            product_id: None,
            status: MembershipStatus::Active,
            started_at: UtcMicros::default(),
            ends_at: None,
            cancelled_at: None,
            price: Some(Money(micros(&prices, row)?)),
            currency: None,
            billing_interval,
            interval_count: u32::try_from(interval_count).ok()?,
            quantity: Number(micros(&quantities, row)?),
        };
        membership.mrr().map(|it| i128::from(it.0))
    });
    decimals(amounts.collect(), 20, 6)
}

pub(super) fn ratio(arguments: &Arguments) -> Result<ArrayRef> {
    let (parts, wholes) = (arguments.exact(0)?, arguments.exact(1)?);
    let scale = parts.scale.max(wholes.scale);
    let ratios = arguments
        .rows()
        .map(|row| ratio::ratio(parts.at_scale(row, scale)?, wholes.at_scale(row, scale)?));
    carried(ratios.collect())
}

pub(super) fn variation(arguments: &Arguments) -> Result<ArrayRef> {
    let counts = arguments.ints(1)?;
    let lists = arguments.column(0);
    let Some(lists) = lists.as_list_opt::<i32>() else {
        return carried(Decimal128Array::new_null(lists.len()));
    };
    let variations = arguments.rows().map(|row| {
        let count = usize::try_from(counts.is_valid(row).then(|| counts.value(row))?).ok()?;
        let list = lists.is_valid(row).then(|| lists.value(row))?;
        let amounts = list.as_primitive_opt::<Decimal128Type>()?;
        let mut amounts: Vec<i128> = amounts.iter().flatten().collect();
        amounts.resize(count.max(amounts.len()), 0);
        score::variation(&amounts)
    });
    carried(variations.collect())
}

pub(super) fn metric_score(arguments: &Arguments) -> Result<ArrayRef> {
    let values = arguments.exact(0)?;
    let (bad, good) = (arguments.exact(1)?, arguments.exact(2)?);
    let scores = arguments.rows().map(|row| {
        let value = values.at_scale(row, CARRIED)?;
        Some(score::metric_score(value, (micros(&bad, row)?, micros(&good, row)?)))
    });
    carried(scores.collect())
}

pub(super) fn round_score(arguments: &Arguments) -> Result<ArrayRef> {
    let values = arguments.exact(0)?;
    let rounded =
        arguments.rows().map(|row| Some(ratio::hundredths(values.at_scale(row, CARRIED)?)));
    decimals(rounded.collect(), 18, 2)
}

pub(super) fn round_value(arguments: &Arguments) -> Result<ArrayRef> {
    let values = arguments.exact(0)?;
    let rounded =
        arguments.rows().map(|row| Some(ratio::millionths(values.at_scale(row, CARRIED)?)));
    decimals(rounded.collect(), 38, 6)
}

type Entries = Arc<BTreeMap<String, i64>>;

/// Most tenants override nothing.
static DEFAULTS: LazyLock<Entries> = LazyLock::new(|| entries(&Policy::default()));

fn entries(policy: &Policy) -> Entries {
    Arc::new(policy.entries().into_iter().collect())
}

/// The policy in force where overrides are this JSON, by name.
fn policy_of(overrides: Option<&str>) -> Result<Entries> {
    let Some(json) = overrides else { return Ok(Arc::clone(&DEFAULTS)) };
    match serde_json::from_str::<PolicyOverride>(json) {
        Ok(overrides) => Ok(entries(&Policy::with(Some(&overrides)))),
        Err(error) => exec_err!("a policy cannot be read: {error}"),
    }
}

pub(super) fn policy(arguments: &Arguments) -> Result<ArrayRef> {
    let (overrides, names) = (arguments.texts(0)?, arguments.texts(1)?);
    let mut values = Vec::with_capacity(arguments.rows().len());
    // One tenant has one policy: parsed once a batch.
    let mut known: Option<(Option<&str>, Entries)> = None;
    for row in arguments.rows() {
        let json = overrides.is_valid(row).then(|| overrides.value(row));
        let entries = match &mut known {
            Some((of, entries)) if *of == json => entries,
            _ => &mut known.insert((json, policy_of(json)?)).1,
        };
        let name = names.is_valid(row).then(|| names.value(row));
        match name.map(|name| (name, entries.get(name))) {
            None => values.push(None),
            Some((_, Some(value))) => values.push(Some(i128::from(*value))),
            Some((name, None)) => return exec_err!("policy has no '{name}'"),
        }
    }
    decimals(values.into_iter().collect(), 20, 6)
}
