//! The vitals as tables of a session.
//!
//! Promises the names, columns and units of contracts sections 4 and 6 for the rows it is handed, without
//! the tenant's column: the session is the tenant.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use vitals_model::UtcMicros;
use vitals_model::VitalTables;
use vitals_model::vital::{
    ChurnKey, ChurnRow, Factor, HealthRow, HeatmapKey, HeatmapRow, MetricRow, RevenueKey,
    RevenueRow,
};

use crate::tables::columns::Columns;

/// The name of the table of history.
pub const VITAL_CHANGES: &str = "vital_changes";

/// Digits of sums of money: room for every row of a tenant, and for sums of them.
const SUM_DIGITS: u8 = 28;
/// Digits of a score.
const SCORE_DIGITS: u8 = 5;

/// The tables of one tenant's vitals.
#[derive(Clone, Debug)]
pub struct VitalBatches(BTreeMap<&'static str, RecordBatch>);

/// One change of one row of a vital, its parts as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "contracts section 4.5 names them")]
pub struct VitalChange {
    pub tick: u64,
    pub committed_at: UtcMicros,
    pub vital: String,
    pub key: String,
    pub old: Option<String>,
    pub new: Option<String>,
    pub cause: String,
}

impl VitalBatches {
    /// The tables of a tenant's current rows.
    #[must_use]
    pub fn of(vitals: &VitalTables) -> Self {
        let revenue: Vec<_> = vitals.revenue.iter().collect();
        let heatmap: Vec<_> = vitals.heatmap.iter().collect();
        let churn: Vec<_> = vitals.churn.iter().collect();
        let factors: Vec<_> =
            churn.iter().flat_map(|(key, row)| row.factors.iter().map(|it| (*key, it))).collect();
        let health: Vec<_> = vitals.health.values().collect();
        let metrics: Vec<_> = health.iter().flat_map(|row| &row.metrics).collect();
        Self(BTreeMap::from([
            ("revenue_trend", self::revenue(&revenue)),
            ("attendance_heatmap", self::heatmap(&heatmap)),
            ("churn_risk", self::churn(&churn)),
            ("churn_factors", self::factors(&factors)),
            ("health_score", self::health(&health)),
            ("health_metrics", self::metrics(&metrics)),
        ]))
    }

    /// With the table of history.
    #[must_use]
    pub fn with_changes(mut self, changes: &[VitalChange]) -> Self {
        self.0.insert(VITAL_CHANGES, vital_changes(changes));
        self
    }

    pub(crate) fn into_tables(self) -> BTreeMap<&'static str, RecordBatch> {
        self.0
    }
}

fn revenue(rows: &[(&RevenueKey, &RevenueRow)]) -> RecordBatch {
    let mut columns = Columns::new(rows);
    columns.text("location_id", |(key, _)| key.location.as_deref());
    columns.text("currency", |(key, _)| Some(key.currency.as_str()));
    columns.text("grain", |(key, _)| Some(key.grain.as_str()));
    columns.instant("bucket", |(key, _)| Some(key.bucket));
    columns.decimal("gross", (SUM_DIGITS, 6), |(_, row)| Some(row.gross));
    columns.decimal("discount", (SUM_DIGITS, 6), |(_, row)| Some(row.discount));
    columns.decimal("refunds", (SUM_DIGITS, 6), |(_, row)| Some(row.refunds));
    columns.decimal("net", (SUM_DIGITS, 6), |(_, row)| Some(row.net()));
    columns.decimal("tax", (SUM_DIGITS, 6), |(_, row)| Some(row.tax));
    columns.int("orders", |(_, row)| Some(row.orders));
    columns.decimal("units", (SUM_DIGITS, 6), |(_, row)| Some(row.units));
    columns.int("refund_count", |(_, row)| Some(row.refund_count));
    columns.int("paying_customers", |(_, row)| Some(row.paying_customers));
    columns.int("new_customers", |(_, row)| Some(row.new_customers));
    columns.int("active_customers", |(_, row)| Some(row.active_customers));
    columns.finish()
}

fn heatmap(rows: &[(&HeatmapKey, &HeatmapRow)]) -> RecordBatch {
    let mut columns = Columns::new(rows);
    columns.text("location_id", |(key, _)| key.location.as_deref());
    columns.day("month", |(key, _)| key.period.month());
    columns.text("trailing_window", |(key, _)| key.period.window_name());
    columns.int("weekday", |(key, _)| Some(key.weekday.into()));
    columns.int("hour", |(key, _)| Some(key.hour.into()));
    columns.int("visits", |(_, row)| Some(row.visits));
    columns.int("unique_customers", |(_, row)| Some(row.unique_customers));
    columns.int("bookings", |(_, row)| Some(row.bookings));
    columns.int("late_cancels", |(_, row)| Some(row.late_cancels));
    columns.int("no_shows", |(_, row)| Some(row.no_shows));
    columns.int("sessions", |(_, row)| Some(row.sessions));
    columns.int("capacity", |(_, row)| Some(row.capacity));
    columns.finish()
}

fn churn(rows: &[(&ChurnKey, &ChurnRow)]) -> RecordBatch {
    let mut columns = Columns::new(rows);
    columns.text("customer_id", |(key, _)| Some(&key.customer));
    columns.decimal("score", (SCORE_DIGITS, 2), |(_, row)| Some(row.score.into()));
    columns.decimal("raw", (SCORE_DIGITS, 2), |(_, row)| Some(row.raw.into()));
    columns.text("level", |(_, row)| Some(row.level.as_str()));
    let completeness = |row: &ChurnRow| Some(row.data_completeness().into());
    columns.decimal("data_completeness", (SCORE_DIGITS, 2), |(_, row)| completeness(row));
    columns.text("factors", |(_, row)| Some(row.factors_json().to_string()));
    columns.finish()
}

fn factors(rows: &[(&ChurnKey, &Factor)]) -> RecordBatch {
    let mut columns = Columns::new(rows);
    columns.text("customer_id", |(key, _)| Some(&key.customer));
    columns.text("signal", |(_, it)| Some(it.signal.as_str()));
    columns.truth("present", |(_, it)| Some(it.present));
    columns.text("value", |(_, it)| it.value.as_deref());
    columns.text("compared_with", |(_, it)| it.compared_with.as_deref());
    columns.decimal("points", (SCORE_DIGITS, 2), |(_, it)| Some(it.points.into()));
    columns.finish()
}

fn health(rows: &[&HealthRow]) -> RecordBatch {
    let mut columns = Columns::new(rows);
    let score = |value: Option<i64>| value.map(i128::from);
    columns.decimal("overall", (SCORE_DIGITS, 2), |row| score(row.overall));
    for (at, name) in ["financial", "customer", "operational", "growth", "risk"].iter().enumerate()
    {
        columns.decimal(name, (SCORE_DIGITS, 2), |row| score(row.categories[at]));
    }
    columns.decimal("coverage", (7, 6), |row| Some(row.coverage.into()));
    columns.text("metrics", |row| Some(row.metrics_json().to_string()));
    columns.finish()
}

fn metrics(rows: &[&MetricRow]) -> RecordBatch {
    let mut columns = Columns::new(rows);
    columns.text("category", |it| Some(it.category.as_str()));
    columns.text("metric", |it| Some(it.metric.as_str()));
    columns.truth("present", |it| Some(it.present));
    columns.decimal("value", (38, 6), |it| it.value);
    columns.decimal("score", (SCORE_DIGITS, 2), |it| it.score.map(i128::from));
    columns.decimal("weight", (7, 6), |it| Some(it.weight.into()));
    columns.finish()
}

fn vital_changes(rows: &[VitalChange]) -> RecordBatch {
    let mut columns = Columns::new(rows);
    columns.int("tick", |it| i64::try_from(it.tick).ok());
    columns.instant("committed_at", |it| Some(it.committed_at));
    columns.text("vital", |it| Some(&it.vital));
    columns.text("key", |it| Some(&it.key));
    columns.text("old", |it| it.old.as_deref());
    columns.text("new", |it| it.new.as_deref());
    columns.text("cause", |it| Some(&it.cause));
    columns.finish()
}

#[cfg(test)]
mod tests {
    use vitals_model::vital_scan::ScanTable;

    use super::*;

    #[test]
    fn stored_tables_have_the_same_columns() {
        let batches = VitalBatches::of(&VitalTables::default()).with_changes(&[]).into_tables();
        assert_eq!(batches.len(), ScanTable::ALL.len());
        for of in ScanTable::ALL {
            assert_eq!(crate::stored::schema(*of), batches[of.as_str()].schema(), "{of:?}");
        }
    }
}
