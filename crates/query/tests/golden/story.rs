//! A story: records put down one after another, and the vitals they come to.

use serde_json::{Value, json};
use tokio::sync::OnceCell;
use vitals_model::vital::{ChurnRow, HealthRow, decimal6, fixed};
use vitals_model::{Date, Kind, TenantId, VitalTables};
use vitals_query::{Definitions, RecordTables, Records};

/// Planned once for all stories of this binary.
static DEFINITIONS: OnceCell<Definitions> = OnceCell::const_new();

pub(crate) struct Story {
    tenant: TenantId,
    records: Records,
    version: i64,
}

impl Story {
    pub(crate) fn new() -> Self {
        let tenant = TenantId(uuid::Uuid::from_u128(0x0189_0000_0000_7000_8000_0000_0000_0001));
        Self { tenant, records: Records::new(tenant), version: 0 }
    }

    /// The record `source:id` now says this.
    pub(crate) fn put(&mut self, kind: &str, id: &str, body: Value) -> &mut Self {
        self.version += 1;
        self.absorb(kind, id, json!({ "version": self.version, "body": body }))
    }

    /// The record `source:id` is gone.
    pub(crate) fn delete(&mut self, kind: &str, id: &str) -> &mut Self {
        self.version += 1;
        self.absorb(kind, id, json!({ "version": self.version, "deleted": true }))
    }

    fn absorb(&mut self, kind: &str, id: &str, mut record: Value) -> &mut Self {
        assert!(Kind::parse(kind).is_some(), "{kind} is no kind");
        let (source, id) = id.split_once(':').unwrap();
        record["tenant"] = json!(self.tenant);
        record["kind"] = json!(kind);
        record["source"] = json!(source);
        record["id"] = json!(id);
        record["received_at"] = json!("2026-01-01T00:00:00Z");
        self.records.absorb(record.to_string().as_bytes()).unwrap();
        self
    }

    pub(crate) fn tables(&self) -> RecordTables {
        self.records.tables()
    }

    /// The vitals as of a day.
    pub(crate) async fn on(&self, today: &str) -> VitalTables {
        let definitions = DEFINITIONS.get_or_init(|| async { Definitions::new().await.unwrap() });
        let today = Date::parse(today).unwrap();
        definitions.await.compute(&self.tables(), self.tenant, today).await.unwrap()
    }
}

/// A decimal without the zeros nobody says.
fn plain(micros: i128) -> String {
    let text = decimal6(micros);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// One line per row of `revenue_trend`, in order.
pub(crate) fn revenue_lines(vitals: &VitalTables) -> Vec<String> {
    let line = |(key, row): (
        &vitals_model::vital::RevenueKey,
        &vitals_model::vital::RevenueRow,
    )| {
        format!(
            "{} {} {} {}: gross {} discount {} refunds {} net {} tax {} orders {} units {} refunded {} paying {} new {} active {}",
            key.location.as_deref().unwrap_or("all"),
            key.currency,
            key.grain.as_str(),
            key.bucket,
            plain(row.gross),
            plain(row.discount),
            plain(row.refunds),
            plain(row.net()),
            plain(row.tax),
            row.orders,
            plain(row.units),
            row.refund_count,
            row.paying_customers,
            row.new_customers,
            row.active_customers,
        )
    };
    vitals.revenue.iter().map(line).collect()
}

/// One line per row of `attendance_heatmap`, in order.
pub(crate) fn heatmap_lines(vitals: &VitalTables) -> Vec<String> {
    let rows = vitals.heatmap.iter().map(|(key, row)| {
        let month = key.period.month().map(|month| month.to_string());
        format!(
            "{} {} day {} hour {}: visits {} unique {} bookings {} late {} no-shows {} sessions {} capacity {}",
            key.location.as_deref().unwrap_or("all"),
            month.or(key.period.window_name()).unwrap(),
            key.weekday,
            key.hour,
            row.visits,
            row.unique_customers,
            row.bookings,
            row.late_cancels,
            row.no_shows,
            row.sessions,
            row.capacity,
        )
    });
    rows.collect()
}

/// A row of `churn_risk` in words: the score and level, then one line per signal.
pub(crate) fn churn_lines(row: &ChurnRow) -> Vec<String> {
    let head = format!(
        "score {} raw {} {} data {}",
        fixed(row.score.into(), 2),
        fixed(row.raw.into(), 2),
        row.level.as_str(),
        fixed(row.data_completeness().into(), 2),
    );
    let signals = row.factors.iter().map(|it| {
        let name = it.signal.as_str();
        match (&it.value, &it.compared_with) {
            (Some(value), Some(other)) if it.present => {
                format!("{name}: {value} / {other}: {}", fixed(it.points.into(), 2))
            }
            (None, None) if !it.present && it.points == 0 => format!("{name}: missing"),
            odd => panic!("{name} is half there: {odd:?}"),
        }
    });
    std::iter::once(head).chain(signals).collect()
}

/// One line per metric that is present: its value, score and weight.
pub(crate) fn metric_lines(row: &HealthRow) -> Vec<String> {
    let present = row.metrics.iter().filter(|it| it.present);
    let line = |it: &vitals_model::vital::MetricRow| {
        format!(
            "{} {}: {} scores {} weighs {}",
            it.category.as_str(),
            it.metric.as_str(),
            it.value.map_or("no number".to_owned(), plain),
            fixed(it.score.unwrap().into(), 2),
            plain(it.weight.into()),
        )
    };
    present.map(line).collect()
}

/// The scores of a row in words.
pub(crate) fn scores(row: &HealthRow) -> String {
    let score = |it: Option<i64>| it.map_or("-".to_owned(), |it| fixed(it.into(), 2));
    let [financial, customer, operational, growth, risk] = row.categories.map(score);
    format!(
        "overall {} = {financial} {customer} {operational} {growth} {risk}, coverage {}",
        score(row.overall),
        plain(row.coverage.into()),
    )
}
