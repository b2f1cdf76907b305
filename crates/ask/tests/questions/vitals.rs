//! Rows of the vitals as tables of contracts section 6.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use vitals_model::VitalTables;

fn text<T: Into<String>>(values: impl Iterator<Item = Option<T>>) -> ArrayRef {
    Arc::new(values.map(|it| it.map(Into::into)).collect::<StringArray>())
}

fn int(values: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(values.collect::<Int64Array>())
}

fn decimal(values: impl Iterator<Item = Option<i128>>, precision: u8, scale: i8) -> ArrayRef {
    let array = values.collect::<Decimal128Array>();
    Arc::new(array.with_precision_and_scale(precision, scale).unwrap())
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

pub(crate) fn batches(tables: &VitalTables) -> [(&'static str, RecordBatch); 5] {
    [
        ("revenue_trend", revenue(tables)),
        ("attendance_heatmap", heatmap(tables)),
        ("churn_risk", churn(tables)),
        ("health_score", health(tables)),
        ("health_metrics", metrics(tables)),
    ]
}

fn revenue(tables: &VitalTables) -> RecordBatch {
    let (keys, rows) = (|| tables.revenue.keys(), || tables.revenue.values());
    let buckets = keys().map(|it| Some(it.bucket.0)).collect::<TimestampMicrosecondArray>();
    let money = |of: fn(&vitals_model::vital::RevenueRow) -> i128| {
        decimal(rows().map(move |it| Some(of(it))), 38, 6)
    };
    batch(vec![
        ("location_id", text(keys().map(|it| it.location.clone()))),
        ("currency", text(keys().map(|it| Some(it.currency.as_str())))),
        ("grain", text(keys().map(|it| Some(it.grain.as_str())))),
        ("bucket", Arc::new(buckets.with_timezone("UTC"))),
        ("gross", money(|it| it.gross)),
        ("discount", money(|it| it.discount)),
        ("refunds", money(|it| it.refunds)),
        ("net", money(vitals_model::vital::RevenueRow::net)),
        ("units", money(|it| it.units)),
        ("orders", int(rows().map(|it| it.orders))),
        ("refund_count", int(rows().map(|it| it.refund_count))),
        ("new_customers", int(rows().map(|it| it.new_customers))),
    ])
}

fn heatmap(tables: &VitalTables) -> RecordBatch {
    let (keys, rows) = (|| tables.heatmap.keys(), || tables.heatmap.values());
    let months = keys().map(|it| it.period.month().map(|it| it.0)).collect::<Date32Array>();
    batch(vec![
        ("location_id", text(keys().map(|it| it.location.clone()))),
        ("month", Arc::new(months)),
        ("trailing_window", text(keys().map(|it| it.period.window_name()))),
        ("weekday", int(keys().map(|it| it.weekday.into()))),
        ("hour", int(keys().map(|it| it.hour.into()))),
        ("visits", int(rows().map(|it| it.visits))),
        ("bookings", int(rows().map(|it| it.bookings))),
        ("late_cancels", int(rows().map(|it| it.late_cancels))),
        ("no_shows", int(rows().map(|it| it.no_shows))),
        ("sessions", int(rows().map(|it| it.sessions))),
        ("capacity", int(rows().map(|it| it.capacity))),
    ])
}

fn churn(tables: &VitalTables) -> RecordBatch {
    let rows = || tables.churn.values();
    batch(vec![
        ("customer_id", text(tables.churn.keys().map(|it| Some(it.customer.clone())))),
        ("score", decimal(rows().map(|it| Some(it.score.into())), 5, 2)),
        ("level", text(rows().map(|it| Some(it.level.as_str())))),
    ])
}

fn health(tables: &VitalTables) -> RecordBatch {
    let rows = || tables.health.values();
    let category =
        |at: usize| decimal(rows().map(move |it| it.categories[at].map(Into::into)), 5, 2);
    batch(vec![
        ("overall", decimal(rows().map(|it| it.overall.map(Into::into)), 5, 2)),
        ("financial", category(0)),
        ("customer", category(1)),
        ("operational", category(2)),
        ("growth", category(3)),
        ("risk", category(4)),
        ("coverage", decimal(rows().map(|it| Some(it.coverage.into())), 7, 6)),
    ])
}

fn metrics(tables: &VitalTables) -> RecordBatch {
    let rows = || tables.health.values().flat_map(|it| &it.metrics);
    let present = rows().map(|it| Some(it.present)).collect::<BooleanArray>();
    batch(vec![
        ("category", text(rows().map(|it| Some(it.category.as_str())))),
        ("metric", text(rows().map(|it| Some(it.metric.as_str())))),
        ("present", Arc::new(present)),
        ("value", decimal(rows().map(|it| it.value), 38, 6)),
        ("score", decimal(rows().map(|it| it.score.map(Into::into)), 5, 2)),
        ("weight", decimal(rows().map(|it| Some(it.weight.into())), 7, 6)),
    ])
}
