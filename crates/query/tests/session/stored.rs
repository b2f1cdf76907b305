//! What a question asks of the store: the columns, rows and number of rows that it needs, and no more.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use vitals_model::local_time::Zone;
use vitals_model::vital_scan::{
    ScanMoment, ScanTable, ScanTest, ScanType, ScanValue, ScanValues, VitalPage, VitalScan,
};
use vitals_model::{Date, TenantId, UtcMicros};
use vitals_query::stored::{self, VitalPages, VitalRows};
use vitals_query::{AsOf, Catalog, QueryError, Question, Sessions, SqlState, TableProvider, as_of};

use crate::studio::{NOW, TENANT};

/// A store that remembers what it was asked, and has one row of everything.
#[derive(Debug, Default)]
struct Recorder(Mutex<Vec<VitalScan>>);

struct OneRow(Option<VitalPage>);

#[async_trait]
impl VitalPages for OneRow {
    async fn next(&mut self) -> Result<Option<VitalPage>, QueryError> {
        Ok(self.0.take())
    }
}

#[async_trait]
impl VitalRows for Recorder {
    async fn open(&self, scan: VitalScan) -> Result<Box<dyn VitalPages>, QueryError> {
        let value = |of| match of {
            ScanType::Text | ScanType::Json => ScanValues::Text(vec![Some("csv:7".into())]),
            ScanType::Int => ScanValues::Int(vec![Some(7)]),
            ScanType::Hundredths(_) | ScanType::Micros(_) => ScanValues::Decimal(vec![Some(700)]),
            ScanType::Instant => ScanValues::Instant(vec![Some(7)]),
            ScanType::Day => ScanValues::Day(vec![Some(7)]),
            ScanType::Truth => ScanValues::Truth(vec![None]),
        };
        let columns = scan.columns.iter().map(|at| value(scan.table.columns()[*at].1));
        let page = VitalPage { rows: 1, columns: columns.collect() };
        // As it is when a worker asks another process.
        let sent = serde_json::to_string(&scan).unwrap();
        assert_eq!(serde_json::from_str::<VitalScan>(&sent).unwrap(), scan);
        self.0.lock().unwrap().push(scan);
        Ok(Box::new(OneRow(Some(page))))
    }
}

struct Stored(Arc<Recorder>);

#[async_trait]
impl Catalog for Stored {
    fn tables(&self) -> Vec<String> {
        ScanTable::ALL.iter().map(|it| it.as_str().to_owned()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, QueryError> {
        let now = || ScanTable::named(name).map(|it| (it, ScanMoment::Now));
        let Some(wanted) = as_of::read(name, self.zone())?.or_else(now) else { return Ok(None) };
        stored::table(Arc::clone(&self.0) as Arc<dyn VitalRows>, wanted).await.map(Some)
    }

    fn tenant(&self) -> TenantId {
        TENANT
    }

    fn zone(&self) -> Zone {
        Zone::named("Europe/Berlin").unwrap()
    }

    fn today(&self) -> Date {
        Date::parse("2026-11-20").unwrap()
    }

    fn as_of(&self) -> AsOf {
        AsOf::default()
    }
}

/// What is asked of the store for a question.
async fn asked(sql: &str) -> Result<Vec<VitalScan>, QueryError> {
    let recorder = Arc::new(Recorder::default());
    let catalog = Stored(Arc::clone(&recorder));
    let (question, now) = (Question::new(TENANT, sql), UtcMicros::parse(NOW).unwrap());
    Sessions::default().answer(&catalog, &question, now).await?.collect().await?;
    let scans = recorder.0.lock().unwrap().clone();
    Ok(scans)
}

async fn one(sql: &str) -> VitalScan {
    let mut scans = asked(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    assert_eq!(scans.len(), 1, "{sql}: {scans:?}");
    scans.remove(0)
}

fn text(value: &str) -> ScanValue {
    ScanValue::Text(value.to_owned())
}

#[tokio::test]
async fn a_point_read_asks_for_one_row_and_two_columns() {
    let scan = one("SELECT score FROM churn_risk WHERE customer_id = 'csv:7'").await;
    let expected = VitalScan {
        table: ScanTable::ChurnRisk,
        at: ScanMoment::Now,
        columns: vec![1],
        tests: vec![(0, ScanTest::OneOf(vec![text("csv:7")]))],
        limit: scan.limit,
    };
    assert_eq!(scan, expected);
    let scan = one("SELECT customer_id FROM churn_risk WHERE level = 'high' LIMIT 5").await;
    assert_eq!((scan.columns, scan.limit), (vec![0], Some(5)));
}

#[tokio::test]
async fn ranges_lists_and_nulls_go_down_and_other_conditions_stay_here() {
    let sql = "SELECT net FROM revenue_trend WHERE grain = 'day' AND location_id IS NULL \
               AND bucket >= DATE '2026-03-18' AND bucket < DATE '2026-03-19'";
    let scan = one(sql).await;
    // The tenant's midnights.
    let at = |text: &str| ScanValue::Instant(UtcMicros::parse(text).unwrap().0);
    let from = ScanTest::From { bound: at("2026-03-17T23:00:00Z"), inclusive: true };
    let to = ScanTest::To { bound: at("2026-03-18T23:00:00Z"), inclusive: false };
    let grain = ScanTest::OneOf(vec![text("day")]);
    for test in [(2, grain), (0, ScanTest::Null), (3, from), (3, to)] {
        assert!(scan.tests.contains(&test), "{test:?} of {:?}", scan.tests);
    }
    for sql in [
        "SELECT score FROM churn_risk WHERE score > 50",
        "SELECT score FROM churn_risk WHERE upper(level) = 'HIGH'",
        "SELECT score FROM churn_risk WHERE customer_id LIKE 'csv:%'",
        "SELECT score FROM churn_risk WHERE customer_id = level",
        "SELECT score FROM churn_risk WHERE level = 'low' OR customer_id = 'csv:7'",
        "SELECT score FROM churn_risk WHERE level NOT IN ('low', 'high')",
        "SELECT score FROM churn_risk WHERE factors = 'csv:7'",
    ] {
        let scan = one(sql).await;
        assert!(scan.tests.is_empty() && scan.limit.is_none(), "{sql}: {scan:?}");
    }
}

#[tokio::test]
async fn a_moment_goes_down_with_the_scan() {
    let scan = one("SELECT v.score FROM vitals_as_of('churn_risk', 42) v").await;
    assert_eq!((scan.table, scan.at), (ScanTable::ChurnRisk, ScanMoment::Tick(42)));
    let sql =
        "SELECT vitals_as_of.net FROM vitals_as_of('revenue_trend', TIMESTAMP '2026-03-18 12:00')";
    let noon = UtcMicros::parse("2026-03-18T11:00:00Z").unwrap();
    assert_eq!(one(sql).await.at, ScanMoment::Instant(noon.0));
    let both = "SELECT n.score, t.score AS was FROM churn_risk n \
                JOIN vitals_as_of('churn_risk', '2026-03-18T11:00:00Z') t ON t.customer_id = n.customer_id";
    assert_eq!(asked(both).await.unwrap().len(), 2);
    for (sql, state) in [
        ("SELECT * FROM vitals_as_of('churn_risk')", SqlState::BadValue),
        ("SELECT * FROM vitals_as_of('visits', 3)", SqlState::BadValue),
        ("SELECT * FROM vitals_as_of('vital_changes', 3)", SqlState::BadValue),
        ("SELECT * FROM vitals_as_of('churn_risk', -1)", SqlState::BadValue),
        ("SELECT * FROM vitals_as_of('churn_risk', 'noon')", SqlState::BadValue),
        ("SELECT * FROM vitals_as_of('churn_risk', (SELECT 1))", SqlState::BadValue),
        ("SELECT * FROM generate_series(1, 3)", SqlState::NotSupported),
        ("SELECT * FROM public.vitals_as_of('churn_risk', 3)", SqlState::NotSupported),
        ("SELECT * FROM \"visits as of tick 3\"", SqlState::NoTable),
    ] {
        let error = asked(sql).await.expect_err(sql);
        assert_eq!(error.state, state, "{sql}: {error}");
    }
}
