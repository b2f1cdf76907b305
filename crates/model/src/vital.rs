//! The vitals as rows: what the pipeline maintains, the store keeps and the definitions must equal.
//!
//! Keys name things as SQL does (`source:id`). Promises one order for every kind of row (that of its
//! key's fields) and one JSON form, so that the same input gives the same bytes.

use serde_json::{Value, json};

use crate::decimal::Number;
use crate::kinds::Currency;
use crate::local_time::Grain;
use crate::policy::{Category, HealthMetric};
use crate::tenant::TenantId;
use crate::utc::{Date, UtcMicros};

mod json;

pub use json::{Factors, Metrics};

/// The names of the vitals, as in SQL and in `sql/vitals/NAME.sql`.
pub const VITALS: [&str; 4] = ["revenue_trend", "attendance_heatmap", "churn_risk", "health_score"];

/// A row that was, and a row that is. Both absent never happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change<K, R> {
    /// Which row.
    pub key: K,
    /// What it was; `None` when it is new.
    pub old: Option<R>,
    /// What it is; `None` when it is gone.
    pub new: Option<R>,
}

/// A row's key.
pub trait VitalKey: Clone + Ord + std::fmt::Debug {
    /// Whose the row is.
    fn tenant(&self) -> TenantId;
    /// The key as JSON, without the tenant.
    fn to_json(&self) -> Value;
}

/// A row's values.
pub trait VitalRow: Clone + Eq + std::fmt::Debug {
    /// The values as JSON, named as SQL names them.
    fn to_json(&self) -> Value;
}

/// Key of `revenue_trend`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RevenueKey {
    /// Whose.
    pub tenant: TenantId,
    /// Of which location (`source:id`); `None` is all together.
    pub location: Option<String>,
    /// In which currency.
    pub currency: Currency,
    /// How wide the bucket is.
    pub grain: Grain,
    /// The instant at which the bucket starts.
    pub bucket: UtcMicros,
}

/// Values of `revenue_trend`. Money and units in micros.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "contracts section 4.1 names them")]
pub struct RevenueRow {
    pub gross: i128,
    pub discount: i128,
    pub refunds: i128,
    pub tax: i128,
    pub orders: i64,
    pub units: i128,
    pub refund_count: i64,
    pub paying_customers: i64,
    pub new_customers: i64,
    pub active_customers: i64,
}

impl RevenueRow {
    /// Gross less discounts and refunds, in micros.
    #[must_use]
    pub fn net(&self) -> i128 {
        self.gross - self.discount - self.refunds
    }
}

/// Micros as exact decimal text with six decimals: what `NUMERIC(38,6)` reads and writes.
#[must_use]
pub fn decimal6(micros: i128) -> String {
    fixed(micros, 6)
}

/// An integer of 10^-`decimals` as decimal text with exactly that many decimals.
#[must_use]
pub fn fixed(value: i128, decimals: usize) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", value.unsigned_abs(), width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    if decimals == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// What [`fixed`] wrote, and nothing else: digits, a point, exactly that many decimals.
#[must_use]
pub fn parse_fixed(text: &str, decimals: usize) -> Option<i128> {
    let (whole, fraction) = text.split_once('.')?;
    let number = |digits: &str| !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit());
    let positive = whole.strip_prefix('-').unwrap_or(whole);
    let ours = fraction.len() == decimals && number(fraction) && number(positive);
    ours.then(|| format!("{whole}{fraction}").parse().ok())?
}

impl VitalKey for RevenueKey {
    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn to_json(&self) -> Value {
        json!({
            "location_id": self.location, "currency": self.currency.as_str(),
            "grain": self.grain.as_str(), "bucket": self.bucket.to_string(),
        })
    }
}

impl VitalRow for RevenueRow {
    fn to_json(&self) -> Value {
        json!({
            "gross": decimal6(self.gross), "discount": decimal6(self.discount),
            "refunds": decimal6(self.refunds), "net": decimal6(self.net()),
            "tax": decimal6(self.tax), "orders": self.orders, "units": decimal6(self.units),
            "refund_count": self.refund_count, "paying_customers": self.paying_customers,
            "new_customers": self.new_customers, "active_customers": self.active_customers,
        })
    }
}

/// The stretch of time a heatmap cell covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    /// One calendar month, named by its first day.
    Month(Date),
    /// So many weeks (4, 12 or 52) ending with today.
    Trailing(u8),
}

impl Period {
    /// The trailing windows, in weeks.
    pub const WEEKS: [u8; 3] = [4, 12, 52];

    /// The window's name, `4w`, `12w` or `52w`; `None` for a month.
    #[must_use]
    pub fn window_name(self) -> Option<String> {
        match self {
            Self::Month(_) => None,
            Self::Trailing(weeks) => Some(format!("{weeks}w")),
        }
    }

    /// The month; `None` for a trailing window.
    #[must_use]
    pub fn month(self) -> Option<Date> {
        match self {
            Self::Month(first) => Some(first),
            Self::Trailing(_) => None,
        }
    }
}

/// Key of `attendance_heatmap`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeatmapKey {
    /// Whose.
    pub tenant: TenantId,
    /// Of which location (`source:id`); `None` is all together.
    pub location: Option<String>,
    /// Over which time.
    pub period: Period,
    /// ISO weekday, 1 to 7, local to the location.
    pub weekday: u8,
    /// Hour, 0 to 23, local to the location.
    pub hour: u8,
}

/// Values of `attendance_heatmap`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "contracts section 4.2 names them")]
pub struct HeatmapRow {
    pub visits: i64,
    pub unique_customers: i64,
    pub bookings: i64,
    pub late_cancels: i64,
    pub no_shows: i64,
    pub sessions: i64,
    pub capacity: i64,
}

impl VitalKey for HeatmapKey {
    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn to_json(&self) -> Value {
        json!({
            "location_id": self.location, "month": self.period.month(),
            "trailing_window": self.period.window_name(), "weekday": self.weekday, "hour": self.hour,
        })
    }
}

impl VitalRow for HeatmapRow {
    fn to_json(&self) -> Value {
        json!({
            "visits": self.visits, "unique_customers": self.unique_customers,
            "bookings": self.bookings, "late_cancels": self.late_cancels, "no_shows": self.no_shows,
            "sessions": self.sessions, "capacity": self.capacity,
        })
    }
}

/// How likely a customer is to leave, in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the words say it")]
pub enum Level {
    Low,
    Medium,
    High,
    Critical,
}

impl Level {
    /// All four, mildest first.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The level's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// A sign that a customer may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the words say it")]
pub enum Signal {
    Attendance,
    Payment,
    Response,
    Compliance,
    Sleep,
}

impl Signal {
    /// All five, in order.
    pub const ALL: [Self; 5] =
        [Self::Attendance, Self::Payment, Self::Response, Self::Compliance, Self::Sleep];

    /// The signal's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Attendance => "attendance",
            Self::Payment => "payment",
            Self::Response => "response",
            Self::Compliance => "compliance",
            Self::Sleep => "sleep",
        }
    }
}

/// Key of `churn_risk`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChurnKey {
    /// Whose.
    pub tenant: TenantId,
    /// Which customer (`source:id`).
    pub customer: String,
}

/// What one signal said.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Factor {
    /// Which signal.
    pub signal: Signal,
    /// Whether there is anything to judge by.
    pub present: bool,
    /// What was seen, as text fit to show.
    pub value: Option<String>,
    /// What it was held against, as text fit to show.
    pub compared_with: Option<String>,
    /// Points it adds, in hundredths.
    pub points: i64,
}

/// Values of `churn_risk`. Scores in hundredths.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ChurnRow {
    /// The points together, at most 100.
    pub score: i64,
    /// The points together.
    pub raw: i64,
    /// The score in a word.
    pub level: Level,
    /// Signals present, of five.
    pub signals_present: u8,
    /// What each signal said, in the order of [`Signal::ALL`].
    pub factors: Vec<Factor>,
}

impl ChurnRow {
    /// Share of the signals that are present, in hundredths.
    #[must_use]
    pub fn data_completeness(&self) -> i64 {
        i64::from(self.signals_present) * 20
    }

    /// The factors as JSON.
    #[must_use]
    pub fn factors_json(&self) -> Value {
        self.factors
            .iter()
            .map(|it| {
                json!({
                    "signal": it.signal.as_str(), "present": it.present, "value": it.value,
                    "compared_with": it.compared_with, "points": fixed(it.points.into(), 2),
                })
            })
            .collect()
    }
}

impl VitalKey for ChurnKey {
    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn to_json(&self) -> Value {
        json!({ "customer_id": self.customer })
    }
}

impl VitalRow for ChurnRow {
    fn to_json(&self) -> Value {
        json!({
            "score": fixed(self.score.into(), 2), "raw": fixed(self.raw.into(), 2),
            "level": self.level.as_str(),
            "data_completeness": fixed(self.data_completeness().into(), 2),
            "factors": self.factors_json(),
        })
    }
}

/// Key of `health_score`: the tenant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HealthKey {
    /// Whose.
    pub tenant: TenantId,
}

/// One metric of a health score.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MetricRow {
    /// Part of which category.
    pub category: Category,
    /// Which metric.
    pub metric: HealthMetric,
    /// Whether there is anything to judge by.
    pub present: bool,
    /// Its value in millionths; also `None` when it is present but has no number (no burn at all).
    pub value: Option<i128>,
    /// Its score in hundredths, 0 to 100 (for risk a high score is bad).
    pub score: Option<i64>,
    /// Its share of the overall score after rescaling, in millionths.
    pub weight: i64,
}

/// Values of `health_score`. Scores in hundredths.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HealthRow {
    /// The whole; `None` when no metric is present.
    pub overall: Option<i64>,
    /// Each category's score in the order of [`Category::ALL`]; `None` when none of its metrics is present.
    pub categories: [Option<i64>; 5],
    /// Weight of the categories that are present, in millionths.
    pub coverage: i64,
    /// Every metric, in the order of the contracts.
    pub metrics: Vec<MetricRow>,
}

impl HealthRow {
    /// The metrics as JSON.
    #[must_use]
    pub fn metrics_json(&self) -> Value {
        self.metrics
            .iter()
            .map(|it| {
                json!({
                    "category": it.category.as_str(), "metric": it.metric.as_str(),
                    "present": it.present, "value": it.value.map(decimal6),
                    "score": it.score.map(|score| fixed(score.into(), 2)),
                    "weight": decimal6(it.weight.into()),
                })
            })
            .collect()
    }
}

impl VitalKey for HealthKey {
    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn to_json(&self) -> Value {
        json!({})
    }
}

impl VitalRow for HealthRow {
    fn to_json(&self) -> Value {
        let score = |value: Option<i64>| value.map(|score| fixed(score.into(), 2));
        json!({
            "overall": score(self.overall), "financial": score(self.categories[0]),
            "customer": score(self.categories[1]), "operational": score(self.categories[2]),
            "growth": score(self.categories[3]), "risk": score(self.categories[4]),
            "coverage": Number(self.coverage), "metrics": self.metrics_json(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_their_zeros_and_are_read_back() {
        assert_eq!(decimal6(1), "0.000001");
        assert_eq!(decimal6(-1_500_000), "-1.500000");
        assert_eq!(fixed(1234, 2), "12.34");
        assert_eq!(fixed(-5, 2), "-0.05");
        for value in [0, 1, -5, 1234, i128::MAX, i128::MIN + 1] {
            assert_eq!(parse_fixed(&fixed(value, 2), 2), Some(value));
        }
        for text in ["1", "1.0", "1.000", ".05", "-.05", "+1.00", "1.-1", "1e1.00", "", "--1.00"] {
            assert_eq!(parse_fixed(text, 2), None, "{text}");
        }
    }
}
