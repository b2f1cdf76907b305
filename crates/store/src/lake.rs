//! The manifests of lakes: which files of each count, moved with the offsets they cover.
//!
//! # Contract
//! 1. A change is one transaction: all of it or nothing.
//! 2. It happens only when what it builds on is there: of a flush the offsets it went on from
//!    (compare-and-append, as for progress), of a merge every file it takes out.
//! 3. Changes of one lake wait for each other: the first statement locks the lake's row.
//! 4. After an error other than [`Error::LakeMoved`] the outcome is open: read, and see.

use chrono::NaiveDate;
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{Connection, Row};
use uuid::Uuid;
use vitals_model::lake::{Manifest, ManifestChange, Segment};
use vitals_model::{Date, TenantId};

use crate::error::{Error, failed};
use crate::progress::{offsets_from_json, offsets_to_json};
use crate::store::Store;

impl Store {
    /// Makes the lake's manifest if there is none; the log its files are made from must be the one they always
    /// were made from.
    ///
    /// # Errors
    /// [`Error::OtherLog`] if it is not, or the database failed.
    pub async fn begin_lake(&self, lake: Uuid, log_identity: &str) -> Result<(), Error> {
        let mut db = self.pool.acquire().await.map_err(failed("begin the lake"))?;
        sqlx::query(
            "insert into lake_manifest (lake, version, log_identity) values ($1, 0, $2) \
             on conflict (lake) do nothing",
        )
        .bind(lake)
        .bind(log_identity)
        .execute(&mut *db)
        .await
        .map_err(failed("begin the lake"))?;
        drop(db);
        let stored = self.lake_log(lake).await?.unwrap_or_default();
        if stored == log_identity {
            Ok(())
        } else {
            Err(Error::OtherLog { stored, given: log_identity.to_owned() })
        }
    }

    /// The identity of the log a lake's files are made from; `None` when the lake never began.
    ///
    /// # Errors
    /// The database failed.
    pub async fn lake_log(&self, lake: Uuid) -> Result<Option<String>, Error> {
        sqlx::query_scalar("select log_identity from lake_manifest where lake = $1")
            .bind(lake)
            .fetch_optional(&self.pool)
            .await
            .map_err(failed("read the lake's log"))
    }

    /// The manifest; an empty one when the lake never began.
    ///
    /// # Errors
    /// The database failed, or holds what we never wrote.
    pub async fn lake_manifest(&self, lake: Uuid) -> Result<Manifest, Error> {
        let mut tx = self.pool.begin().await.map_err(failed("read the lake's manifest"))?;
        // Version and segments are read by two statements, and must be of one moment.
        sqlx::query("set transaction isolation level repeatable read, read only")
            .execute(&mut *tx)
            .await
            .map_err(failed("read the lake's manifest"))?;
        let manifest = read(&mut tx, lake).await?;
        tx.commit().await.map_err(failed("read the lake's manifest"))?;
        Ok(manifest)
    }

    /// Changes the manifest, and returns what it is then.
    ///
    /// # Errors
    /// [`Error::LakeMoved`]: what the change builds on is not there. [`Error::Statement`]: the outcome is open.
    pub async fn change_lake(
        &self,
        lake: Uuid,
        change: &ManifestChange,
    ) -> Result<Manifest, Error> {
        let doing = "change the lake's manifest";
        let mut db = self.pool.acquire().await.map_err(failed(doing))?;
        let mut tx = db.begin().await.map_err(failed(doing))?;
        let (lower, upper) = change.offsets.clone().unzip();
        let moved = sqlx::query(
            "update lake_manifest set version = version + 1, offsets = coalesce($3, offsets), changed_at = now() \
             where lake = $1 and offsets = coalesce($2, offsets)",
        )
        .bind(lake)
        .bind(lower.as_ref().map(offsets_to_json))
        .bind(upper.as_ref().map(offsets_to_json))
        .execute(&mut *tx)
        .await
        .map_err(failed(doing))?;
        let removed = sqlx::query("delete from lake_segments where lake = $1 and path = any($2)")
            .bind(lake)
            .bind(&change.remove)
            .execute(&mut *tx)
            .await
            .map_err(failed(doing))?;
        if moved.rows_affected() != 1 || removed.rows_affected() != change.remove.len() as u64 {
            // Dropping the transaction takes all of it back.
            return Err(Error::LakeMoved);
        }
        for segment in &change.add {
            add(&mut tx, lake, segment).await.map_err(failed(doing))?;
        }
        let manifest = read(&mut tx, lake).await?;
        tx.commit().await.map_err(failed(doing))?;
        Ok(manifest)
    }
}

async fn add(db: &mut PgConnection, lake: Uuid, segment: &Segment) -> Result<(), sqlx::Error> {
    let encode = |number: u64| i64::try_from(number).map_err(|it| sqlx::Error::Encode(it.into()));
    let (first, last) = segment.days.unzip();
    sqlx::query(
        "insert into lake_segments (lake, level, path, table_name, row_count, byte_count, tenant_least, \
         tenant_most, day_first, day_last) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(lake)
    .bind(i16::from(segment.level))
    .bind(&segment.path)
    .bind(&segment.table)
    .bind(encode(segment.rows)?)
    .bind(encode(segment.bytes)?)
    .bind(segment.tenants.0.0)
    .bind(segment.tenants.1.0)
    .bind(first.map(Date::to_chrono))
    .bind(last.map(Date::to_chrono))
    .execute(db)
    .await
    .map(|_| ())
}

async fn read(db: &mut PgConnection, lake: Uuid) -> Result<Manifest, Error> {
    let found: Option<(i64, serde_json::Value)> =
        sqlx::query_as("select version, offsets from lake_manifest where lake = $1")
            .bind(lake)
            .fetch_optional(&mut *db)
            .await
            .map_err(failed("read the lake's manifest"))?;
    let Some((version, offsets)) = found else { return Ok(Manifest::default()) };
    let rows = sqlx::query(
        "select path, table_name, level, row_count, byte_count, tenant_least, tenant_most, day_first, day_last \
         from lake_segments where lake = $1 order by path collate \"C\"",
    )
    .bind(lake)
    .fetch_all(db)
    .await
    .map_err(failed("read the lake's segments"))?;
    let segments = rows.iter().map(|row| decode(row).ok_or(CORRUPT)).collect::<Result<_, _>>()?;
    Ok(Manifest {
        version: u64::try_from(version).map_err(|_| CORRUPT)?,
        offsets: offsets_from_json(&offsets).ok_or(CORRUPT)?,
        segments,
    })
}

const CORRUPT: Error = Error::Corrupt { what: "lake_manifest" };

fn decode(row: &PgRow) -> Option<Segment> {
    let number = |at: usize| u64::try_from(row.try_get::<i64, _>(at).ok()?).ok();
    let tenant = |at: usize| row.try_get::<Uuid, _>(at).ok().map(TenantId);
    let day = |at: usize| row.try_get::<Option<NaiveDate>, _>(at).ok();
    Some(Segment {
        path: row.try_get(0).ok()?,
        table: row.try_get(1).ok()?,
        level: u8::try_from(row.try_get::<i16, _>(2).ok()?).ok()?,
        rows: number(3)?,
        bytes: number(4)?,
        tenants: (tenant(5)?, tenant(6)?),
        days: day(7)?.map(Date::from_chrono).zip(day(8)?.map(Date::from_chrono)),
    })
}
