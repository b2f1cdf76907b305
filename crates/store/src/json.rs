//! Keys and rows of the vitals as JSON text, for history and for the columns that hold JSON.
//!
//! Promises the value that the model's `to_json` has, which is the definition; a test compares them. It is
//! written here once more because a commit writes three texts per row, and building a tree of maps for
//! each took three quarters of the writer's processor time.

use std::fmt;

use serde::{Serialize, Serializer};
use vitals_model::Date;
use vitals_model::vital::{
    ChurnKey, ChurnRow, Factor, HealthKey, HealthRow, HeatmapKey, HeatmapRow, RevenueKey,
    RevenueRow, VitalRow,
};

/// What has a JSON text.
pub(crate) trait JsonText {
    /// The text.
    fn json_text(&self) -> String;
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("a struct of strings and numbers has a JSON form")
}

/// An integer of 10^-`D` as decimal text with exactly that many decimals.
struct Fixed<const D: usize>(i128);

impl<const D: usize> fmt::Display for Fixed<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = const { 10u128.pow(D as u32) };
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, fraction) = (self.0.unsigned_abs() / one, self.0.unsigned_abs() % one);
        write!(f, "{sign}{whole}.{fraction:0D$}")
    }
}

impl<const D: usize> Serialize for Fixed<D> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[derive(Serialize)]
struct RevenueKeyJson<'a> {
    location_id: Option<&'a str>,
    currency: &'a str,
    grain: &'a str,
    bucket: vitals_model::UtcMicros,
}

impl JsonText for RevenueKey {
    fn json_text(&self) -> String {
        text(&RevenueKeyJson {
            location_id: self.location.as_deref(),
            currency: self.currency.as_str(),
            grain: self.grain.as_str(),
            bucket: self.bucket,
        })
    }
}

#[derive(Serialize)]
struct RevenueJson {
    gross: Fixed<6>,
    discount: Fixed<6>,
    refunds: Fixed<6>,
    net: Fixed<6>,
    tax: Fixed<6>,
    orders: i64,
    units: Fixed<6>,
    refund_count: i64,
    paying_customers: i64,
    new_customers: i64,
    active_customers: i64,
}

impl JsonText for RevenueRow {
    fn json_text(&self) -> String {
        text(&RevenueJson {
            gross: Fixed(self.gross),
            discount: Fixed(self.discount),
            refunds: Fixed(self.refunds),
            net: Fixed(self.net()),
            tax: Fixed(self.tax),
            orders: self.orders,
            units: Fixed(self.units),
            refund_count: self.refund_count,
            paying_customers: self.paying_customers,
            new_customers: self.new_customers,
            active_customers: self.active_customers,
        })
    }
}

#[derive(Serialize)]
struct HeatmapKeyJson<'a> {
    location_id: Option<&'a str>,
    month: Option<Date>,
    trailing_window: Option<String>,
    weekday: u8,
    hour: u8,
}

impl JsonText for HeatmapKey {
    fn json_text(&self) -> String {
        text(&HeatmapKeyJson {
            location_id: self.location.as_deref(),
            month: self.period.month(),
            trailing_window: self.period.window_name(),
            weekday: self.weekday,
            hour: self.hour,
        })
    }
}

#[derive(Serialize)]
struct HeatmapJson {
    visits: i64,
    unique_customers: i64,
    bookings: i64,
    late_cancels: i64,
    no_shows: i64,
    sessions: i64,
    capacity: i64,
}

impl JsonText for HeatmapRow {
    fn json_text(&self) -> String {
        text(&HeatmapJson {
            visits: self.visits,
            unique_customers: self.unique_customers,
            bookings: self.bookings,
            late_cancels: self.late_cancels,
            no_shows: self.no_shows,
            sessions: self.sessions,
            capacity: self.capacity,
        })
    }
}

#[derive(Serialize)]
struct ChurnKeyJson<'a> {
    customer_id: &'a str,
}

impl JsonText for ChurnKey {
    fn json_text(&self) -> String {
        text(&ChurnKeyJson { customer_id: &self.customer })
    }
}

#[derive(Serialize)]
struct FactorJson<'a> {
    signal: &'a str,
    present: bool,
    value: Option<&'a str>,
    compared_with: Option<&'a str>,
    points: Fixed<2>,
}

fn factors(factors: &[Factor]) -> Vec<FactorJson<'_>> {
    factors
        .iter()
        .map(|it| FactorJson {
            signal: it.signal.as_str(),
            present: it.present,
            value: it.value.as_deref(),
            compared_with: it.compared_with.as_deref(),
            points: Fixed(it.points.into()),
        })
        .collect()
}

/// The column `churn_risk.factors`.
pub(crate) fn factors_text(row: &ChurnRow) -> String {
    text(&factors(&row.factors))
}

#[derive(Serialize)]
struct ChurnJson<'a> {
    score: Fixed<2>,
    raw: Fixed<2>,
    level: &'a str,
    data_completeness: Fixed<2>,
    factors: Vec<FactorJson<'a>>,
}

impl JsonText for ChurnRow {
    fn json_text(&self) -> String {
        text(&ChurnJson {
            score: Fixed(self.score.into()),
            raw: Fixed(self.raw.into()),
            level: self.level.as_str(),
            data_completeness: Fixed(self.data_completeness().into()),
            factors: factors(&self.factors),
        })
    }
}

impl JsonText for HealthKey {
    fn json_text(&self) -> String {
        "{}".to_owned()
    }
}

/// One row a tenant: the model's own form is fast enough.
impl JsonText for HealthRow {
    fn json_text(&self) -> String {
        self.to_json().to_string()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use vitals_model::kinds::Currency;
    use vitals_model::local_time::Grain;
    use vitals_model::vital::{Level, Period, Signal, VitalKey};
    use vitals_model::{TenantId, UtcMicros};

    use super::*;

    fn check(text: &impl JsonText, defined: &Value) {
        let text = text.json_text();
        assert_eq!(&serde_json::from_str::<Value>(&text).unwrap(), defined, "{text}");
    }

    #[test]
    fn the_text_is_the_models_value() {
        let tenant = TenantId(uuid::Uuid::nil());
        for location in [None, Some("csv:\"é\\".to_owned())] {
            let (currency, bucket) = (Currency(*b"EUR"), UtcMicros(1_773_837_296_000_001));
            let location_id = location.clone();
            let key = RevenueKey { tenant, location, currency, grain: Grain::Week, bucket };
            check(&key, &key.to_json());
            for period in [Period::Month(Date(20_000)), Period::Trailing(12)] {
                let location = location_id.clone();
                let key = HeatmapKey { tenant, location, period, weekday: 7, hour: 23 };
                check(&key, &key.to_json());
            }
        }
        for gross in [0, 1, -1, 999_999, -1_000_000, 10i128.pow(30)] {
            let row = RevenueRow { gross, discount: 17, orders: -3, ..RevenueRow::default() };
            check(&row, &row.to_json());
        }
        let row = HeatmapRow { visits: 1, capacity: i64::MAX, ..HeatmapRow::default() };
        check(&row, &row.to_json());
        let key = ChurnKey { tenant, customer: "csv:1".into() };
        check(&key, &key.to_json());
        let value = Some("3 visits".to_owned());
        let factor =
            Factor { signal: Signal::Sleep, present: true, value, compared_with: None, points: 5 };
        let row = ChurnRow {
            score: 10_000,
            raw: 12_345,
            level: Level::High,
            signals_present: 3,
            factors: vec![factor],
        };
        check(&row, &row.to_json());
        let factors = serde_json::from_str::<Value>(&factors_text(&row)).unwrap();
        assert_eq!(factors, row.factors_json());
    }
}
