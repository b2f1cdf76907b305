//! The rows of the vitals in a commit: absolute values, by key, in key order.
//!
//! Promises that after it a key holds what the batch says, whatever it held before: an upsert for what is
//! new, a delete for what is gone. Never an increment (reliability.md, C6.1).
//!
//! The form was chosen by the server's processor time for 20,000 changed rows of `revenue_trend`
//! (PostgreSQL 15, `log_statement_stats`, November 2026, a busy machine of two cores): one upsert from
//! arrays 0.21 s, of which some 0.06 s read the arrays from text, which a writer sends as binary; COPY into
//! a temporary table and an upsert from there 0.16 s, with two round trips and the truncation of a table
//! more; `update .. from` the arrays 0.52 s; the upsert with '' for NULL and a generated column 0.24 s.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;
use vitals_model::VitalChanges;
use vitals_model::vital::{
    Change, ChurnKey, ChurnRow, HealthKey, HealthRow, HeatmapKey, HeatmapRow, RevenueKey,
    RevenueRow,
};

use crate::json::factors_text;
use crate::numeric::{Hundredths, Micros};

/// Most rows one statement carries: a batch of any size keeps each statement far from its timeout, and
/// the server's sort of its arrays in memory.
pub(crate) const ROWS_PER_STATEMENT: usize = 8_192;

/// Writes every changed row.
pub(crate) async fn vitals(
    db: &mut PgConnection,
    changes: &VitalChanges,
) -> Result<(), sqlx::Error> {
    let (new, gone) = split(&changes.revenue);
    for rows in new.chunks(ROWS_PER_STATEMENT) {
        upsert_revenue(db, rows).await?;
    }
    delete_revenue(db, &gone).await?;
    let (new, gone) = split(&changes.heatmap);
    for rows in new.chunks(ROWS_PER_STATEMENT) {
        upsert_heatmap(db, rows).await?;
    }
    delete_heatmap(db, &gone).await?;
    let (new, gone) = split(&changes.churn);
    for rows in new.chunks(ROWS_PER_STATEMENT) {
        upsert_churn(db, rows).await?;
    }
    delete_churn(db, &gone).await?;
    let (new, gone) = split(&changes.health);
    for rows in new.chunks(ROWS_PER_STATEMENT) {
        upsert_health(db, rows).await?;
    }
    delete_health(db, &gone).await
}

/// The rows that are, and the keys of those that are gone.
#[allow(clippy::type_complexity, reason = "two lists, used at once")]
fn split<K, R>(changes: &[Change<K, R>]) -> (Vec<(&K, &R)>, Vec<&K>) {
    let new = changes.iter().filter_map(|it| Some((&it.key, it.new.as_ref()?)));
    let gone = changes.iter().filter(|it| it.new.is_none()).map(|it| &it.key);
    (new.collect(), gone.collect())
}

fn column<T, C>(rows: &[T], value: impl Fn(&T) -> C) -> Vec<C> {
    rows.iter().map(value).collect()
}

fn tenants<K: vitals_model::vital::VitalKey, R>(rows: &[(&K, &R)]) -> Vec<Uuid> {
    column(rows, |(key, _)| key.tenant().0)
}

async fn upsert_revenue(
    db: &mut PgConnection,
    rows: &[(&RevenueKey, &RevenueRow)],
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into revenue_trend (tenant, location_id, currency, grain, bucket, gross, discount, \
             refunds, tax, units, orders, refund_count, paying_customers, new_customers, active_customers) \
         select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], \
             $6::numeric[], $7::numeric[], $8::numeric[], $9::numeric[], $10::numeric[], $11::bigint[], \
             $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[]) \
         on conflict (tenant, location_id, currency, grain, bucket) do update set \
             gross = excluded.gross, discount = excluded.discount, refunds = excluded.refunds, \
             tax = excluded.tax, units = excluded.units, orders = excluded.orders, \
             refund_count = excluded.refund_count, paying_customers = excluded.paying_customers, \
             new_customers = excluded.new_customers, active_customers = excluded.active_customers",
    )
    .bind(tenants(rows))
    .bind(column(rows, |(key, _)| key.location.as_deref()))
    .bind(column(rows, |(key, _)| key.currency.as_str()))
    .bind(column(rows, |(key, _)| key.grain.as_str()))
    .bind(column(rows, |(key, _)| key.bucket.to_chrono()))
    .bind(column(rows, |(_, row)| Micros::from_integer(row.gross)))
    .bind(column(rows, |(_, row)| Micros::from_integer(row.discount)))
    .bind(column(rows, |(_, row)| Micros::from_integer(row.refunds)))
    .bind(column(rows, |(_, row)| Micros::from_integer(row.tax)))
    .bind(column(rows, |(_, row)| Micros::from_integer(row.units)))
    .bind(column(rows, |(_, row)| row.orders))
    .bind(column(rows, |(_, row)| row.refund_count))
    .bind(column(rows, |(_, row)| row.paying_customers))
    .bind(column(rows, |(_, row)| row.new_customers))
    .bind(column(rows, |(_, row)| row.active_customers))
    .execute(db)
    .await
    .map(|_| ())
}

/// NULL equals nothing, and `is not distinct from` uses no index: rows with and without a location are
/// deleted by a statement each.
async fn delete_revenue(db: &mut PgConnection, gone: &[&RevenueKey]) -> Result<(), sqlx::Error> {
    let (named, all): (Vec<&RevenueKey>, Vec<&RevenueKey>) =
        gone.iter().partition(|key| key.location.is_some());
    let statements = [
        (
            all,
            "delete from revenue_trend r \
             using unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[]) \
                 d (tenant, location_id, currency, grain, bucket) \
             where r.tenant = d.tenant and r.location_id is null \
                 and r.currency = d.currency and r.grain = d.grain and r.bucket = d.bucket",
        ),
        (
            named,
            "delete from revenue_trend r \
             using unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[]) \
                 d (tenant, location_id, currency, grain, bucket) \
             where r.tenant = d.tenant and r.location_id = d.location_id \
                 and r.currency = d.currency and r.grain = d.grain and r.bucket = d.bucket",
        ),
    ];
    for (gone, statement) in statements {
        for keys in gone.chunks(ROWS_PER_STATEMENT) {
            sqlx::query(statement)
                .bind(column(keys, |key| key.tenant.0))
                .bind(column(keys, |key| key.location.as_deref()))
                .bind(column(keys, |key| key.currency.as_str()))
                .bind(column(keys, |key| key.grain.as_str()))
                .bind(column::<_, DateTime<Utc>>(keys, |key| key.bucket.to_chrono()))
                .execute(&mut *db)
                .await?;
        }
    }
    Ok(())
}

async fn upsert_heatmap(
    db: &mut PgConnection,
    rows: &[(&HeatmapKey, &HeatmapRow)],
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into attendance_heatmap (tenant, location_id, month, trailing_window, weekday, hour, \
             visits, unique_customers, bookings, late_cancels, no_shows, sessions, capacity) \
         select * from unnest($1::uuid[], $2::text[], $3::date[], $4::text[], $5::smallint[], \
             $6::smallint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], \
             $12::bigint[], $13::bigint[]) \
         on conflict (tenant, location_id, trailing_window, month, weekday, hour) do update set \
             visits = excluded.visits, unique_customers = excluded.unique_customers, \
             bookings = excluded.bookings, late_cancels = excluded.late_cancels, \
             no_shows = excluded.no_shows, sessions = excluded.sessions, capacity = excluded.capacity",
    )
    .bind(tenants(rows))
    .bind(column(rows, |(key, _)| key.location.as_deref()))
    .bind(column(rows, |(key, _)| key.period.month().map(|it| it.to_chrono())))
    .bind(column(rows, |(key, _)| key.period.window_name()))
    .bind(column(rows, |(key, _)| i16::from(key.weekday)))
    .bind(column(rows, |(key, _)| i16::from(key.hour)))
    .bind(column(rows, |(_, row)| row.visits))
    .bind(column(rows, |(_, row)| row.unique_customers))
    .bind(column(rows, |(_, row)| row.bookings))
    .bind(column(rows, |(_, row)| row.late_cancels))
    .bind(column(rows, |(_, row)| row.no_shows))
    .bind(column(rows, |(_, row)| row.sessions))
    .bind(column(rows, |(_, row)| row.capacity))
    .execute(db)
    .await
    .map(|_| ())
}

macro_rules! delete_heatmap {
    ($location:literal, $period:literal) => {
        concat!(
            "delete from attendance_heatmap r \
             using unnest($1::uuid[], $2::text[], $3::date[], $4::text[], $5::smallint[], $6::smallint[]) \
                 d (tenant, location_id, month, trailing_window, weekday, hour) \
             where r.tenant = d.tenant and ", $location, " and ", $period,
            " and r.weekday = d.weekday and r.hour = d.hour"
        )
    };
}

/// A statement for each shape of key, for the reason [`delete_revenue`] gives.
async fn delete_heatmap(db: &mut PgConnection, gone: &[&HeatmapKey]) -> Result<(), sqlx::Error> {
    let statements = [
        delete_heatmap!("r.location_id is null", "r.trailing_window is null and r.month = d.month"),
        delete_heatmap!(
            "r.location_id is null",
            "r.trailing_window = d.trailing_window and r.month is null"
        ),
        delete_heatmap!(
            "r.location_id = d.location_id",
            "r.trailing_window is null and r.month = d.month"
        ),
        delete_heatmap!(
            "r.location_id = d.location_id",
            "r.trailing_window = d.trailing_window and r.month is null"
        ),
    ];
    for (shape, statement) in statements.into_iter().enumerate() {
        let shape_of = |key: &HeatmapKey| {
            usize::from(key.location.is_some()) * 2 + usize::from(key.period.month().is_none())
        };
        let keys: Vec<&HeatmapKey> =
            gone.iter().copied().filter(|key| shape_of(key) == shape).collect();
        for keys in keys.chunks(ROWS_PER_STATEMENT) {
            let months: Vec<Option<NaiveDate>> =
                column(keys, |key| key.period.month().map(|it| it.to_chrono()));
            sqlx::query(statement)
                .bind(column(keys, |key| key.tenant.0))
                .bind(column(keys, |key| key.location.as_deref()))
                .bind(months)
                .bind(column(keys, |key| key.period.window_name()))
                .bind(column(keys, |key| i16::from(key.weekday)))
                .bind(column(keys, |key| i16::from(key.hour)))
                .execute(&mut *db)
                .await?;
        }
    }
    Ok(())
}

async fn upsert_churn(
    db: &mut PgConnection,
    rows: &[(&ChurnKey, &ChurnRow)],
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into churn_risk (tenant, customer_id, score, raw, level, data_completeness, factors) \
         select d.tenant, d.customer, d.score, d.raw, d.level, d.completeness, d.factors::jsonb \
         from unnest($1::uuid[], $2::text[], $3::numeric[], $4::numeric[], $5::text[], $6::numeric[], \
             $7::text[]) d (tenant, customer, score, raw, level, completeness, factors) \
         on conflict (tenant, customer_id) do update set \
             score = excluded.score, raw = excluded.raw, level = excluded.level, \
             data_completeness = excluded.data_completeness, factors = excluded.factors",
    )
    .bind(tenants(rows))
    .bind(column(rows, |(key, _)| key.customer.as_str()))
    .bind(column(rows, |(_, row)| Hundredths::from_integer(row.score)))
    .bind(column(rows, |(_, row)| Hundredths::from_integer(row.raw)))
    .bind(column(rows, |(_, row)| row.level.as_str()))
    .bind(column(rows, |(_, row)| Hundredths::from_integer(row.data_completeness())))
    .bind(column(rows, |(_, row)| factors_text(row)))
    .execute(db)
    .await
    .map(|_| ())
}

async fn delete_churn(db: &mut PgConnection, gone: &[&ChurnKey]) -> Result<(), sqlx::Error> {
    for keys in gone.chunks(ROWS_PER_STATEMENT) {
        sqlx::query(
            "delete from churn_risk r using unnest($1::uuid[], $2::text[]) d (tenant, customer_id) \
             where r.tenant = d.tenant and r.customer_id = d.customer_id",
        )
        .bind(column(keys, |key| key.tenant.0))
        .bind(column(keys, |key| key.customer.as_str()))
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}

async fn upsert_health(
    db: &mut PgConnection,
    rows: &[(&HealthKey, &HealthRow)],
) -> Result<(), sqlx::Error> {
    let category =
        |at: usize| column(rows, move |(_, row)| row.categories[at].map(Hundredths::from_integer));
    sqlx::query(
        "insert into health_score (tenant, overall, financial, customer, operational, growth, risk, \
             coverage, metrics) \
         select * from unnest($1::uuid[], $2::numeric[], $3::numeric[], $4::numeric[], $5::numeric[], \
             $6::numeric[], $7::numeric[], $8::numeric[], $9::jsonb[]) \
         on conflict (tenant) do update set \
             overall = excluded.overall, financial = excluded.financial, customer = excluded.customer, \
             operational = excluded.operational, growth = excluded.growth, risk = excluded.risk, \
             coverage = excluded.coverage, metrics = excluded.metrics",
    )
    .bind(tenants(rows))
    .bind(column(rows, |(_, row)| row.overall.map(Hundredths::from_integer)))
    .bind(category(0))
    .bind(category(1))
    .bind(category(2))
    .bind(category(3))
    .bind(category(4))
    .bind(column(rows, |(_, row)| Micros::from_integer(row.coverage)))
    .bind(column::<_, Json<Value>>(rows, |(_, row)| Json(row.metrics_json())))
    .execute(db)
    .await
    .map(|_| ())
}

async fn delete_health(db: &mut PgConnection, gone: &[&HealthKey]) -> Result<(), sqlx::Error> {
    if gone.is_empty() {
        return Ok(());
    }
    sqlx::query("delete from health_score where tenant = any($1)")
        .bind(column(gone, |key| key.tenant.0))
        .execute(db)
        .await
        .map(|_| ())
}
