//! Stored rows of the vitals, read back as exactly the rows that were committed.
//!
//! The same queries serve the audit, which reads every tenant as the engine, and a tenant's reader: what
//! they see is decided by the role and by the list of tenants, never by the text of the query.

use chrono::{DateTime, NaiveDate, Utc};
use futures::TryStreamExt;
use sqlx::error::BoxDynError;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{PgConnection, Row};
use uuid::Uuid;
use vitals_model::kinds::Currency;
use vitals_model::local_time::Grain;
use vitals_model::policy::Category;
use vitals_model::vital::{
    ChurnKey, ChurnRow, Factors, HealthKey, HealthRow, HeatmapKey, HeatmapRow, Level, Metrics,
    Period, RevenueKey, RevenueRow,
};
use vitals_model::{Date, TenantId, UtcMicros, VitalTables};

use crate::error::Error;
use crate::numeric::{Hundredths, Micros};
use crate::store::Store;

/// The tenants to read; `None` is all the role may see.
pub(crate) type Which<'a> = Option<&'a [Uuid]>;

impl Store {
    /// Every stored row of these tenants (`None`: of all), as of one tick: what an audit compares.
    ///
    /// # Errors
    /// The database failed, or holds a row that is none of ours.
    pub async fn vitals(&self, tenants: Option<&[TenantId]>) -> Result<VitalTables, Error> {
        let ids: Option<Vec<Uuid>> = tenants.map(|it| it.iter().map(|tenant| tenant.0).collect());
        let mut tx = self
            .pool
            .begin_with("begin isolation level repeatable read read only")
            .await
            .map_err(crate::error::failed("begin to read the vitals"))?;
        all(&mut tx, ids.as_deref()).await
    }
}

/// Every row of every vital.
pub(crate) async fn all(db: &mut PgConnection, which: Which<'_>) -> Result<VitalTables, Error> {
    Ok(VitalTables {
        revenue: revenue(db, which).await?,
        heatmap: heatmap(db, which).await?,
        churn: churn(db, which).await?,
        health: health(db, which).await?,
    })
}

/// Rows of one vital, by key.
type Rows<K, R> = std::collections::BTreeMap<K, R>;

async fn read<K: Ord, R>(
    db: &mut PgConnection,
    query: &'static str,
    which: Which<'_>,
    decode: impl Fn(&PgRow) -> Result<(K, R), sqlx::Error>,
) -> Result<Rows<K, R>, Error> {
    let mut rows = sqlx::query(query).bind(which).fetch(db);
    let mut found = Rows::new();
    while let Some(row) = rows.try_next().await.map_err(crate::error::failed("read a vital"))? {
        let (key, row) = decode(&row).map_err(crate::error::failed("read a row of a vital"))?;
        found.insert(key, row);
    }
    Ok(found)
}

/// A value that is none of ours, as the error of its column.
fn corrupt(what: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(Box::new(Error::Corrupt { what }))
}

fn wrong(error: BoxDynError) -> sqlx::Error {
    sqlx::Error::Decode(error)
}

fn micros(row: &PgRow, column: &str) -> Result<i128, sqlx::Error> {
    row.try_get::<Micros, _>(column).map(|it| it.0)
}

fn tenant(row: &PgRow) -> Result<TenantId, sqlx::Error> {
    row.try_get("tenant").map(TenantId)
}

pub(crate) async fn revenue(
    db: &mut PgConnection,
    which: Which<'_>,
) -> Result<Rows<RevenueKey, RevenueRow>, Error> {
    let query = "select * from revenue_trend where $1::uuid[] is null or tenant = any($1)";
    read(db, query, which, |row| {
        let currency: &str = row.try_get("currency")?;
        let grain: &str = row.try_get("grain")?;
        let bucket: DateTime<Utc> = row.try_get("bucket")?;
        let key = RevenueKey {
            tenant: tenant(row)?,
            location: row.try_get("location_id")?,
            currency: Currency::parse(currency).ok_or_else(|| corrupt("currency"))?,
            grain: Grain::parse(grain).ok_or_else(|| corrupt("grain"))?,
            bucket: UtcMicros(bucket.timestamp_micros()),
        };
        let row = RevenueRow {
            gross: micros(row, "gross")?,
            discount: micros(row, "discount")?,
            refunds: micros(row, "refunds")?,
            tax: micros(row, "tax")?,
            units: micros(row, "units")?,
            orders: row.try_get("orders")?,
            refund_count: row.try_get("refund_count")?,
            paying_customers: row.try_get("paying_customers")?,
            new_customers: row.try_get("new_customers")?,
            active_customers: row.try_get("active_customers")?,
        };
        Ok((key, row))
    })
    .await
}

pub(crate) async fn heatmap(
    db: &mut PgConnection,
    which: Which<'_>,
) -> Result<Rows<HeatmapKey, HeatmapRow>, Error> {
    let query = "select * from attendance_heatmap where $1::uuid[] is null or tenant = any($1)";
    read(db, query, which, |row| {
        let month: Option<NaiveDate> = row.try_get("month")?;
        let window: Option<&str> = row.try_get("trailing_window")?;
        let period = match (month, window) {
            (Some(first), None) => Period::Month(Date::from_chrono(first)),
            (None, Some(name)) => {
                let weeks = name.strip_suffix('w').and_then(|it| it.parse().ok());
                Period::Trailing(weeks.ok_or_else(|| corrupt("trailing window"))?)
            }
            _ => return Err(corrupt("period of a heatmap cell")),
        };
        let small = |column: &str| {
            u8::try_from(row.try_get::<i16, _>(column)?).map_err(|error| wrong(error.into()))
        };
        let key = HeatmapKey {
            tenant: tenant(row)?,
            location: row.try_get("location_id")?,
            period,
            weekday: small("weekday")?,
            hour: small("hour")?,
        };
        let row = HeatmapRow {
            visits: row.try_get("visits")?,
            unique_customers: row.try_get("unique_customers")?,
            bookings: row.try_get("bookings")?,
            late_cancels: row.try_get("late_cancels")?,
            no_shows: row.try_get("no_shows")?,
            sessions: row.try_get("sessions")?,
            capacity: row.try_get("capacity")?,
        };
        Ok((key, row))
    })
    .await
}

pub(crate) async fn churn(
    db: &mut PgConnection,
    which: Which<'_>,
) -> Result<Rows<ChurnKey, ChurnRow>, Error> {
    let query = "select * from churn_risk where $1::uuid[] is null or tenant = any($1)";
    read(db, query, which, |row| {
        let level: &str = row.try_get("level")?;
        let Json(Factors(factors)) = row.try_get("factors")?;
        let present = factors.iter().filter(|factor| factor.present).count();
        let key = ChurnKey { tenant: tenant(row)?, customer: row.try_get("customer_id")? };
        let score = |column: &str| row.try_get::<Hundredths, _>(column)?.small().map_err(wrong);
        let read = ChurnRow {
            score: score("score")?,
            raw: score("raw")?,
            level: Level::ALL
                .into_iter()
                .find(|it| it.as_str() == level)
                .ok_or_else(|| corrupt("level"))?,
            signals_present: u8::try_from(present).map_err(|error| wrong(error.into()))?,
            factors,
        };
        if score("data_completeness")? != read.data_completeness() {
            return Err(corrupt("data_completeness"));
        }
        Ok((key, read))
    })
    .await
}

pub(crate) async fn health(
    db: &mut PgConnection,
    which: Which<'_>,
) -> Result<Rows<HealthKey, HealthRow>, Error> {
    let query = "select * from health_score where $1::uuid[] is null or tenant = any($1)";
    read(db, query, which, |row| {
        let Json(Metrics(metrics)) = row.try_get("metrics")?;
        let score = |column: &str| -> Result<Option<i64>, sqlx::Error> {
            let score: Option<Hundredths> = row.try_get(column)?;
            score.map(Hundredths::small).transpose().map_err(wrong)
        };
        let mut categories = [None; 5];
        for (slot, category) in categories.iter_mut().zip(Category::ALL) {
            *slot = score(category.as_str())?;
        }
        let read = HealthRow {
            overall: score("overall")?,
            categories,
            coverage: row.try_get::<Micros, _>("coverage")?.small().map_err(wrong)?,
            metrics,
        };
        Ok((HealthKey { tenant: tenant(row)? }, read))
    })
    .await
}
