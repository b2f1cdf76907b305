//! One tenant's view of the store: a read-only transaction of one tick (I7).
//!
//! Three locks, one behind the other: the type (no [`TenantScope`], no call), the predicate (every query
//! names the tenant), and row security (the transaction acts as `vitals_reader`, whom the database shows
//! the rows of the tenant in `app.tenant` and of no other). All reads of one [`Scoped`] see the same tick,
//! which [`Scoped::as_of`] names.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;
use sqlx::{PgConnection, Postgres, Transaction};
use uuid::Uuid;
use vitals_model::batch::Counts;
use vitals_model::tenant::TenantScope;
use vitals_model::vital::{
    ChurnKey, ChurnRow, HealthKey, HealthRow, HeatmapKey, HeatmapRow, RevenueKey, RevenueRow,
};
use vitals_model::{Date, TenantId, UtcMicros, VitalTables};

use crate::error::{Error, failed};
use crate::outcomes::counts_of;
use crate::rows;
use crate::store::Store;

/// Most rows of history one call returns.
const HISTORY_PAGE_MAX: u32 = 10_000;

/// Longest time one statement of a tenant's reads may take: longer than a question.
const STATEMENT_TIMEOUT: &str = "15s";

/// A tenant's reads.
pub struct Scoped {
    tx: Transaction<'static, Postgres>,
    tenant: TenantId,
    /// How many scans were begun: each has a cursor of its own.
    scans: u32,
}

impl std::fmt::Debug for Scoped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scoped").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

/// The tick that reads see, and its instants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsOf {
    /// The tick.
    pub tick: u64,
    /// The instant the engine called now.
    pub clock: UtcMicros,
    /// When it was committed.
    pub committed_at: UtcMicros,
    /// The tenant's local date.
    pub today: Date,
}

/// One change of one row of a vital, as history has it.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryRow {
    /// At which tick.
    pub tick: u64,
    /// When that was committed.
    pub committed_at: UtcMicros,
    /// Of which vital.
    pub vital: String,
    /// Which row.
    pub key: Value,
    /// What it was; `None` when there was none.
    pub old: Option<Value>,
    /// What it became; `None` when it is gone.
    pub new: Option<Value>,
    /// Why: `live`, `definition` or `repair`.
    pub cause: String,
}

impl Store {
    /// Opens the tenant's view. It holds a connection and keeps old versions of rows alive: read, and
    /// drop it.
    ///
    /// # Errors
    /// The database failed.
    pub async fn scoped(&self, scope: &TenantScope) -> Result<Scoped, Error> {
        let doing = "open a tenant's view";
        let mut tx = self
            .pool
            .begin_with("begin isolation level repeatable read read only")
            .await
            .map_err(failed(doing))?;
        // `true`: until the end of the transaction. The pool never sees a connection with a tenant.
        sqlx::query(
            "select set_config('app.tenant', $1, true), set_config('role', 'vitals_reader', true), \
             set_config('statement_timeout', $2, true)",
        )
        .bind(scope.tenant().to_string())
        .bind(STATEMENT_TIMEOUT)
        .execute(&mut *tx)
        .await
        .map_err(failed(doing))?;
        Ok(Scoped { tx, tenant: scope.tenant(), scans: 0 })
    }
}

impl Scoped {
    /// Whose view this is.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The number of the next scan.
    pub(crate) fn count_scan(&mut self) -> u32 {
        self.scans += 1;
        self.scans
    }

    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        &mut self.tx
    }

    /// The tick all reads of this view see; `None` before the tenant's first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn as_of(&mut self) -> Result<Option<AsOf>, Error> {
        let row: Option<(i64, DateTime<Utc>, DateTime<Utc>, NaiveDate)> = sqlx::query_as(
            "select p.tick, p.clock, p.committed_at, c.today \
             from tenant_clock c join progress p using (shard) where c.tenant = $1",
        )
        .bind(self.tenant.0)
        .fetch_optional(&mut *self.tx)
        .await
        .map_err(failed("read the tick"))?;
        let Some((tick, clock, committed_at, today)) = row else { return Ok(None) };
        Ok(Some(AsOf {
            tick: u64::try_from(tick).map_err(|_| Error::Corrupt { what: "tick" })?,
            clock: UtcMicros(clock.timestamp_micros()),
            committed_at: UtcMicros(committed_at.timestamp_micros()),
            today: Date::from_chrono(today),
        }))
    }

    /// Every row of every vital.
    ///
    /// # Errors
    /// The database failed, or holds a row that is none of ours.
    pub async fn vitals(&mut self) -> Result<VitalTables, Error> {
        rows::all(&mut self.tx, Some(&[self.tenant.0])).await
    }

    /// The rows of `revenue_trend`.
    ///
    /// # Errors
    /// As [`Scoped::vitals`].
    pub async fn revenue(&mut self) -> Result<BTreeMap<RevenueKey, RevenueRow>, Error> {
        rows::revenue(&mut self.tx, Some(&[self.tenant.0])).await
    }

    /// The rows of `attendance_heatmap`.
    ///
    /// # Errors
    /// As [`Scoped::vitals`].
    pub async fn heatmap(&mut self) -> Result<BTreeMap<HeatmapKey, HeatmapRow>, Error> {
        rows::heatmap(&mut self.tx, Some(&[self.tenant.0])).await
    }

    /// The rows of `churn_risk`.
    ///
    /// # Errors
    /// As [`Scoped::vitals`].
    pub async fn churn(&mut self) -> Result<BTreeMap<ChurnKey, ChurnRow>, Error> {
        rows::churn(&mut self.tx, Some(&[self.tenant.0])).await
    }

    /// The row of `health_score`, if there is one.
    ///
    /// # Errors
    /// As [`Scoped::vitals`].
    pub async fn health(&mut self) -> Result<Option<HealthRow>, Error> {
        let rows = rows::health(&mut self.tx, Some(&[self.tenant.0])).await?;
        Ok(rows.into_iter().find(|(HealthKey { tenant }, _)| *tenant == self.tenant).map(|it| it.1))
    }

    /// What changed after `tick`, in order, at most `limit` rows.
    ///
    /// # Errors
    /// The database failed.
    pub async fn history_after(&mut self, tick: u64, limit: u32) -> Result<Vec<HistoryRow>, Error> {
        type Row = (i64, DateTime<Utc>, String, Value, Option<Value>, Option<Value>, String);
        let rows: Vec<Row> = sqlx::query_as(
            "select tick, committed_at, vital, key, old, new, cause #>> '{}' from tenant_changes \
             where tenant = $1 and tick > $2 order by tick, n limit $3",
        )
        .bind(self.tenant.0)
        .bind(i64::try_from(tick).unwrap_or(i64::MAX))
        .bind(i64::from(limit.min(HISTORY_PAGE_MAX)))
        .fetch_all(&mut *self.tx)
        .await
        .map_err(failed("read history"))?;
        let decode = |(tick, at, vital, key, old, new, cause): Row| {
            let tick = u64::try_from(tick).map_err(|_| Error::Corrupt { what: "tick" })?;
            let committed_at = UtcMicros(at.timestamp_micros());
            Ok(HistoryRow { tick, committed_at, vital, key, old, new, cause })
        };
        rows.into_iter().map(decode).collect()
    }

    /// What became of the tenant's messages.
    ///
    /// # Errors
    /// The database failed.
    pub async fn counts(&mut self) -> Result<Counts, Error> {
        let row = sqlx::query("select * from counts where tenant = $1")
            .bind(self.tenant.0)
            .fetch_optional(&mut *self.tx)
            .await
            .map_err(failed("read the counts"))?;
        let counts = row.as_ref().map(counts_of).transpose();
        counts.map(Option::unwrap_or_default).map_err(failed("read the counts"))
    }

    /// Today of the tenant, if it has one yet.
    ///
    /// # Errors
    /// The database failed.
    pub async fn today(&mut self) -> Result<Option<Date>, Error> {
        let today: Option<(Uuid, NaiveDate)> =
            sqlx::query_as("select tenant, today from tenant_clock where tenant = $1")
                .bind(self.tenant.0)
                .fetch_optional(&mut *self.tx)
                .await
                .map_err(failed("read a tenant's date"))?;
        Ok(today.map(|(_, today)| Date::from_chrono(today)))
    }
}
