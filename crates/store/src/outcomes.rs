//! What a tick leaves beside the vitals: each tenant's today, what became of messages, the quarantine.
//!
//! Promises that nothing is dropped silently (I12): received is always the sum of the others, per tenant,
//! because the increments are in the transaction that the compare-and-append lets happen once.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use uuid::Uuid;
use vitals_model::batch::Counts;
use vitals_model::limits::QUARANTINE_RAW_BYTES_MAX;
use vitals_model::record::Quarantined;
use vitals_model::tenant::TenantScope;
use vitals_model::{CommitBatch, Date, TenantId, UtcMicros};

use crate::error::{Error, failed};
use crate::store::Store;
use crate::write::ROWS_PER_STATEMENT;

/// Most quarantined messages one call returns.
const QUARANTINE_PAGE_MAX: u32 = 1_000;

/// A message that could not be understood, as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantinedMessage {
    /// In which partition of the log it is.
    pub partition: u16,
    /// At which offset.
    pub offset: i64,
    /// Why it could not be understood.
    pub reason: String,
    /// Its bytes, cut at `QUARANTINE_RAW_BYTES_MAX`.
    pub raw: Vec<u8>,
    /// When it was put there.
    pub at: UtcMicros,
}

/// A row of `counts`.
pub(crate) fn counts_of(row: &PgRow) -> Result<Counts, sqlx::Error> {
    let number = |column: &str| -> Result<u64, sqlx::Error> {
        let number: i64 = row.try_get(column)?;
        u64::try_from(number).map_err(|error| sqlx::Error::Decode(error.into()))
    };
    Ok(Counts {
        received: number("received")?,
        applied: number("applied")?,
        superseded: number("superseded")?,
        duplicate: number("duplicate")?,
        quarantined: number("quarantined")?,
    })
}

/// Writes them in the commit's transaction.
pub(crate) async fn write(
    db: &mut PgConnection,
    shard: i32,
    batch: &CommitBatch,
    at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    write_todays(db, shard, &batch.todays).await?;
    for messages in batch.quarantined.chunks(ROWS_PER_STATEMENT) {
        write_quarantine(db, messages, at).await?;
    }
    write_counts(db, &batch.counts).await
}

async fn write_todays(
    db: &mut PgConnection,
    shard: i32,
    todays: &[(TenantId, Date)],
) -> Result<(), sqlx::Error> {
    if todays.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "insert into tenant_clock (tenant, shard, today) \
         select d.tenant, $1, d.today from unnest($2::uuid[], $3::date[]) d (tenant, today) \
         on conflict (tenant) do update set shard = excluded.shard, today = excluded.today",
    )
    .bind(shard)
    .bind(todays.iter().map(|(tenant, _)| tenant.0).collect::<Vec<Uuid>>())
    .bind(todays.iter().map(|(_, today)| today.to_chrono()).collect::<Vec<NaiveDate>>())
    .execute(db)
    .await
    .map(|_| ())
}

/// A message is quarantined once by its place in the log; there again, it is the same message.
async fn write_quarantine(
    db: &mut PgConnection,
    messages: &[Quarantined],
    at: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let raw = |it: &Quarantined| it.raw[..it.raw.len().min(QUARANTINE_RAW_BYTES_MAX)].to_vec();
    sqlx::query(
        "insert into quarantine (tenant, partition, \"offset\", reason, raw, at) \
         select d.*, $6 from unnest($1::uuid[], $2::int[], $3::bigint[], $4::text[], $5::bytea[]) d \
         on conflict (partition, \"offset\") do nothing",
    )
    .bind(messages.iter().map(|it| it.tenant.map(|tenant| tenant.0)).collect::<Vec<_>>())
    .bind(messages.iter().map(|it| i32::from(it.partition)).collect::<Vec<_>>())
    .bind(messages.iter().map(|it| it.offset).collect::<Vec<_>>())
    .bind(messages.iter().map(|it| it.reason.0.replace('\0', " ")).collect::<Vec<_>>())
    .bind(messages.iter().map(raw).collect::<Vec<_>>())
    .bind(at)
    .execute(db)
    .await
    .map(|_| ())
}

async fn write_counts(
    db: &mut PgConnection,
    counts: &BTreeMap<Option<TenantId>, Counts>,
) -> Result<(), sqlx::Error> {
    if counts.is_empty() {
        return Ok(());
    }
    let column = |value: fn(&Counts) -> u64| -> Result<Vec<i64>, sqlx::Error> {
        let values = counts.values().map(|it| i64::try_from(value(it)));
        values.collect::<Result<_, _>>().map_err(|error| sqlx::Error::Encode(error.into()))
    };
    sqlx::query(
        "insert into counts (tenant, received, applied, superseded, duplicate, quarantined) \
         select * from unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], \
             $6::bigint[]) \
         on conflict (tenant) do update set received = counts.received + excluded.received, \
             applied = counts.applied + excluded.applied, \
             superseded = counts.superseded + excluded.superseded, \
             duplicate = counts.duplicate + excluded.duplicate, \
             quarantined = counts.quarantined + excluded.quarantined",
    )
    .bind(counts.keys().map(|it| it.map(|tenant| tenant.0)).collect::<Vec<_>>())
    .bind(column(|it| it.received)?)
    .bind(column(|it| it.applied)?)
    .bind(column(|it| it.superseded)?)
    .bind(column(|it| it.duplicate)?)
    .bind(column(|it| it.quarantined)?)
    .execute(db)
    .await
    .map(|_| ())
}

impl Store {
    /// Each tenant's today, as of the last committed tick.
    ///
    /// # Errors
    /// The database failed.
    pub async fn todays(&self) -> Result<BTreeMap<TenantId, Date>, Error> {
        let rows: Vec<(Uuid, NaiveDate)> = sqlx::query_as("select tenant, today from tenant_clock")
            .fetch_all(&self.pool)
            .await
            .map_err(failed("read the tenants' dates"))?;
        Ok(rows.into_iter().map(|(id, today)| (TenantId(id), Date::from_chrono(today))).collect())
    }

    /// What became of all messages, by tenant; `None` gathers those whose owner could not be read.
    ///
    /// # Errors
    /// The database failed.
    pub async fn counts(&self) -> Result<BTreeMap<Option<TenantId>, Counts>, Error> {
        let rows = sqlx::query("select * from counts")
            .fetch_all(&self.pool)
            .await
            .map_err(failed("read the counts"))?;
        let decode = |row: &PgRow| {
            Ok((row.try_get::<Option<Uuid>, _>("tenant")?.map(TenantId), counts_of(row)?))
        };
        rows.iter().map(decode).collect::<Result<_, _>>().map_err(failed("read the counts"))
    }

    /// The tenant's messages that could not be understood, the newest first, at most `limit` of them.
    ///
    /// # Errors
    /// The database failed.
    pub async fn quarantine(
        &self,
        scope: &TenantScope,
        limit: u32,
    ) -> Result<Vec<QuarantinedMessage>, Error> {
        let mut scoped = self.scoped(scope).await?;
        quarantine(scoped.connection(), Some(scope.tenant()), limit).await
    }

    /// The messages nobody could be found for, the newest first: the operator's to look at.
    ///
    /// # Errors
    /// The database failed.
    pub async fn quarantine_without_tenant(
        &self,
        limit: u32,
    ) -> Result<Vec<QuarantinedMessage>, Error> {
        let mut db = self.pool.acquire().await.map_err(failed("read the quarantine"))?;
        quarantine(&mut db, None, limit).await
    }
}

async fn quarantine(
    db: &mut PgConnection,
    tenant: Option<TenantId>,
    limit: u32,
) -> Result<Vec<QuarantinedMessage>, Error> {
    type Row = (i32, i64, String, Vec<u8>, DateTime<Utc>);
    let rows: Vec<Row> = sqlx::query_as(
        "select partition, \"offset\", reason, raw, at from quarantine \
         where tenant = $1 or ($1 is null and tenant is null) \
         order by at desc, partition, \"offset\" desc limit $2",
    )
    .bind(tenant.map(|it| it.0))
    .bind(i64::from(limit.min(QUARANTINE_PAGE_MAX)))
    .fetch_all(db)
    .await
    .map_err(failed("read the quarantine"))?;
    let decode = |(partition, offset, reason, raw, at): Row| {
        let partition =
            u16::try_from(partition).map_err(|_| Error::Corrupt { what: "partition" })?;
        let at = UtcMicros(at.timestamp_micros());
        Ok(QuarantinedMessage { partition, offset, reason, raw, at })
    };
    rows.into_iter().map(decode).collect()
}
