//! The tenant's clock and calendar, where PostgreSQL has no say or another one.

use vitals_model::UtcMicros;

use crate::studio::{NOW, Studio, ask, lines};

async fn one(zone: &str, sql: &str) -> String {
    let catalog = Studio::new(zone).catalog();
    let answer = ask(&catalog, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    lines(&answer).join("\n")
}

#[tokio::test]
async fn now_is_the_sessions_and_today_the_tenants() {
    assert_eq!(one("Europe/Berlin", "SELECT now()").await, "2026-11-10 12:00:00+01");
    assert_eq!(
        one("Pacific/Auckland", "SELECT CURRENT_DATE, today()").await,
        "2026-11-11|2026-11-11"
    );
    assert_eq!(one("Pacific/Honolulu", "SELECT CURRENT_DATE - 1").await, "2026-11-09");
    let sql = "SELECT CURRENT_TIMESTAMP - INTERVAL '1 day' < CURRENT_DATE";
    assert_eq!(one("Asia/Kathmandu", sql).await, "t");
}

#[tokio::test]
async fn a_tenant_that_lives_by_its_data_is_at_the_end_of_its_day() {
    let studio = Studio::new("Europe/Berlin");
    let catalog = vitals_query::TenantTables::new(
        crate::studio::TENANT,
        &studio.tables(),
        vitals_query::VitalBatches::of(&vitals_model::VitalTables::default()),
        (crate::studio::date("2026-05-01"), vitals_query::AsOf::default()),
    );
    let answer = ask(&catalog, "SELECT CURRENT_DATE, now()").await.unwrap();
    assert_eq!(lines(&answer), ["2026-05-01|2026-05-01 23:59:59.999999+02"]);
}

#[tokio::test]
async fn the_repeated_hour_is_the_earlier_and_the_skipped_one_lies_after() {
    let sql = "SELECT TIMESTAMPTZ '2026-10-25 02:30:00', TIMESTAMPTZ '2026-03-29 02:30:00'";
    assert_eq!(one("Europe/Berlin", sql).await, "2026-10-25 02:30:00+02|2026-03-29 03:30:00+02");
}

#[tokio::test]
async fn a_day_begins_where_the_vitals_say_it_does() {
    // Havana's clocks go back from 01:00 to 00:00: the day has two midnights, and begins at the first.
    let sql = "SELECT date_trunc('day', TIMESTAMPTZ '2026-11-01 12:00:00') = '2026-11-01 04:00:00Z', \
               '2026-11-01 04:00:00Z'::timestamptz >= DATE '2026-11-01', \
               '2026-11-01 03:59:59Z'::timestamptz < DATE '2026-11-01'";
    assert_eq!(one("America/Havana", sql).await, "t|t|t");
}

#[tokio::test]
async fn instants_come_out_in_the_tenants_zone() {
    let catalog = Studio::new("Europe/Berlin").catalog();
    let answer = ask(&catalog, "SELECT visited_at, now() AS n FROM visits LIMIT 1").await.unwrap();
    for field in answer.schema.fields() {
        assert_eq!(field.data_type().to_string(), r#"Timestamp(µs, "Europe/Berlin")"#);
    }
    assert_eq!(answer.as_of.tick, 7);
    assert!(UtcMicros::parse(NOW).is_some());
}
