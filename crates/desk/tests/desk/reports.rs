//! Every report against SQL written by hand, which PostgreSQL answers: a business in Berlin, over both changes of
//! its clocks.

use std::collections::BTreeMap;
use std::sync::Arc;

use vitals_desk::Desk;
use vitals_desk::reports::{self, NotRun, params::Given};
use vitals_query::Format;

use crate::oracle::{self, Oracle};
use crate::tables::{InMemory, NOW};
use crate::world;

const ZONE: &str = "Europe/Berlin";

macro_rules! references {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../../../sql/reports/tests/", $name, ".sql")))),*]
    };
}

const REFERENCES: [(&str, &str); 8] = references![
    "instructor_performance",
    "monthly_revenue",
    "mrr_movements",
    "no_shows",
    "popular_classes",
    "retention_cohorts",
    "rfm_segments",
    "top_customers",
];

const VIEWS: [&str; 2] = [
    include_str!("../../../../sql/semantic/tests/views.sql"),
    include_str!("../../../../sql/reports/tests/views.sql"),
];

async fn desk() -> (Arc<InMemory>, Desk) {
    let records = world::records(ZONE);
    let answers = Arc::new(InMemory::new(&records, &records, world::today()).await);
    (answers.clone(), Desk::new(answers, || NOW))
}

/// What the first line of a reference says the report is told.
fn params(reference: &str) -> Given {
    let line = reference.lines().next().unwrap().strip_prefix("-- params: ").unwrap();
    line.split(' ')
        .map(|it| it.split_once('=').unwrap())
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_report_equals_sql_written_by_hand() {
    let (answers, desk) = desk().await;
    let oracle = Oracle::start().await;
    oracle.load(&answers, &VIEWS).await;
    let expected = oracle.rows(ZONE, &REFERENCES.map(|it| it.1));
    oracle.stop().await;
    assert_eq!(
        reports::all().iter().map(|it| it.name).collect::<Vec<_>>(),
        REFERENCES.map(|it| it.0)
    );
    for ((name, reference), expected) in REFERENCES.into_iter().zip(expected) {
        let ran = desk.report(answers.tenant(), name, &params(reference)).await;
        let ran = ran.unwrap_or_else(|error| panic!("{name}: {error}"));
        let json = serde_json::from_slice(&ran.write(Format::Json).unwrap()).unwrap();
        let found = oracle::value_rows(&json);
        assert!(expected.len() > 2, "{name}: a reference without rows shows nothing");
        assert_eq!(found, expected, "{name}:\n{}", ran.sql);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_runs_as_it_is_and_in_every_form() {
    let (answers, desk) = desk().await;
    for report in reports::all() {
        let ran = desk.report(answers.tenant(), report.name, &Given::new()).await;
        let ran = ran.unwrap_or_else(|error| panic!("{}: {error}", report.name));
        assert!(ran.answer.rows() > 0, "{} shows nothing", report.name);
        let columns: Vec<&str> =
            ran.answer.schema.fields().iter().map(|it| it.name().as_str()).collect();
        let chart: Vec<&str> = report.chart.split(' ').skip(1).collect();
        assert!(chart.iter().all(|it| columns.contains(it)), "{}: {chart:?}", report.name);
        for format in Format::ALL {
            assert!(!ran.write(format).unwrap().is_empty());
        }
        assert_eq!(&ran.write(Format::Xlsx).unwrap()[..2], b"PK");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_report_is_told_is_checked() {
    let (answers, desk) = desk().await;
    let run = async |name: &str, given: &[(&str, &str)]| {
        let given: BTreeMap<String, String> =
            given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        desk.report(answers.tenant(), name, &given).await.map(|it| it.params)
    };
    let shown = run("top_customers", &[("rows", "3")]).await.unwrap();
    assert_eq!(
        shown.into_iter().collect::<Vec<_>>(),
        [("from", "2025-03-19"), ("rows", "3"), ("to", "2026-03-18")]
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
    );
    assert!(matches!(run("nothing", &[]).await, Err(NotRun::NoReport(_))));
    for given in [("rows", "0"), ("rows", "1 OR 1=1"), ("from", "yesterday"), ("tenant", "x")] {
        assert!(matches!(run("top_customers", &[given]).await, Err(NotRun::Param(_))), "{given:?}");
    }
    assert!(matches!(run("mrr_movements", &[("from", "1900-01-01")]).await, Err(NotRun::Param(_))));
    assert!(matches!(run("mrr_movements", &[("from", "2026-04-01")]).await, Err(NotRun::Param(_))));
}
