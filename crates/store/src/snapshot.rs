//! Reads across tenants at one instant: what an audit compares, and what an operator waits for.
//!
//! Promises that everything in one answer is of the same committed tick, without a claim on the shard: a
//! writer goes on meanwhile. Not for a tenant's readers, who come through [`crate::Scoped`].

use std::collections::BTreeMap;

use chrono::NaiveDate;
use sqlx::{Postgres, Transaction};
use uuid::Uuid;
use vitals_model::batch::Counts;
use vitals_model::{Date, TenantId, VitalTables};

use crate::error::{Error, failed};
use crate::outcomes::counts_of;
use crate::progress::{self, Position};
use crate::rows;
use crate::store::Store;

/// Everything an audit compares, as of one tick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Where the shard is.
    pub position: Position,
    /// Each tenant's today.
    pub todays: BTreeMap<TenantId, Date>,
    /// The rows of the vitals.
    pub vitals: VitalTables,
}

impl Store {
    /// Where the shard is; at its beginning when it never began.
    ///
    /// # Errors
    /// The database failed.
    pub async fn position(&self, shard: i32) -> Result<Position, Error> {
        let mut db = self.pool.acquire().await.map_err(failed("read a shard's progress"))?;
        progress::read(&mut db, shard).await
    }

    /// Where the shard is, what today is and every row of these tenants (`None`: of all).
    ///
    /// # Errors
    /// The database failed, or holds what is none of ours.
    pub async fn snapshot(
        &self,
        shard: i32,
        tenants: Option<&[TenantId]>,
    ) -> Result<Snapshot, Error> {
        let doing = "read the vitals";
        let mut tx = self.read_only().await?;
        let position = progress::read(&mut tx, shard).await?;
        let todays: Vec<(Uuid, NaiveDate)> =
            sqlx::query_as("select tenant, today from tenant_clock")
                .fetch_all(&mut *tx)
                .await
                .map_err(failed(doing))?;
        let tenants: Option<Vec<Uuid>> = tenants.map(|it| it.iter().map(|it| it.0).collect());
        let vitals = rows::all(&mut tx, tenants.as_deref()).await?;
        tx.commit().await.map_err(failed(doing))?;
        let todays = todays
            .into_iter()
            .map(|(tenant, today)| (TenantId(tenant), Date::from_chrono(today)))
            .collect();
        Ok(Snapshot { position, todays, vitals })
    }

    /// Where the shard is, and what became of the tenant's messages by then.
    ///
    /// # Errors
    /// The database failed.
    pub async fn reached(&self, shard: i32, tenant: TenantId) -> Result<(Position, Counts), Error> {
        let doing = "read how far the engine is";
        let mut tx = self.read_only().await?;
        let position = progress::read(&mut tx, shard).await?;
        let row = sqlx::query("select * from counts where tenant = $1")
            .bind(tenant.0)
            .fetch_optional(&mut *tx)
            .await
            .map_err(failed(doing))?;
        tx.commit().await.map_err(failed(doing))?;
        let counts = row.as_ref().map(counts_of).transpose().map_err(failed(doing))?;
        Ok((position, counts.unwrap_or_default()))
    }

    async fn read_only(&self) -> Result<Transaction<'static, Postgres>, Error> {
        self.pool
            .begin_with("begin isolation level repeatable read read only")
            .await
            .map_err(failed("begin to read"))
    }
}
