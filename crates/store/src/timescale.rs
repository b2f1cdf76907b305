//! TimescaleDB, where it is: history becomes a hypertable with a columnstore and a retention.
//!
//! Only `vital_changes` does: it is appended to and never rewritten past its first minute. The vitals
//! are updated in place all day, which is what the columnstore is worst at, and they have row security,
//! which it refuses. Without the extension, or without the right to it, everything works as it is.
//!
//! A statement that changes rows of a hypertable bounds `committed_at` or `tick` with a plain value: by
//! those, TimescaleDB knows which compressed rows it need not unpack. A join does not tell it.

use sqlx::PgConnection;

use crate::error::{Error, failed};

/// Run as one transaction, once. Row security ends on the history table, and with it the reader's grant;
/// from then on the view, read as its owner, is how a tenant sees its history (0004_history.sql). The
/// owner must not be held to the engine's policies then, so they go too.
///
/// A chunk is a day; after a week it is compressed, segmented by tenant so that one tenant's history is
/// read, and its forgetting done, without unpacking another's. The retention is the longest a tenant may
/// ask for (`tenants.history_days`); shorter ones are deleted row by row.
const HYPERTABLE: &str = "
    drop policy engine on vital_changes;
    drop policy reader on vital_changes;
    alter table vital_changes no force row level security;
    alter table vital_changes disable row level security;
    revoke all on vital_changes from vitals_reader;
    alter view tenant_changes set (security_invoker = false);
    select create_hypertable('vital_changes', 'committed_at',
        chunk_time_interval => interval '1 day', create_default_indexes => false,
        migrate_data => true);
    alter table vital_changes set (timescaledb.compress,
        timescaledb.compress_segmentby = 'tenant', timescaledb.compress_orderby = 'tick, n');
    select add_compression_policy('vital_changes', interval '7 days');
    select add_retention_policy('vital_changes', interval '1830 days');";

/// Uses the extension if it can be used.
pub(crate) async fn apply(db: &mut PgConnection) -> Result<(), Error> {
    let (installed, loaded): (bool, bool) = sqlx::query_as(
        "select exists (select from pg_available_extensions where name = 'timescaledb'), \
             current_setting('timescaledb.disable_load', true) is not null",
    )
    .fetch_one(&mut *db)
    .await
    .map_err(failed("list its extensions"))?;
    // Asked for where the server did not load it at its start, the extension ends the session that asks.
    if !loaded {
        if installed {
            tracing::info!("TimescaleDB is installed but not in shared_preload_libraries: unused");
        }
        return Ok(());
    }
    if let Err(error) =
        sqlx::query("create extension if not exists timescaledb").execute(&mut *db).await
    {
        tracing::warn!(%error, "TimescaleDB is installed but cannot be used; history stays a plain table");
        return Ok(());
    }
    let done: bool = sqlx::query_scalar(
        "select exists (select from timescaledb_information.hypertables \
         where hypertable_name = 'vital_changes')",
    )
    .fetch_one(&mut *db)
    .await
    .map_err(failed("list its hypertables"))?;
    if done {
        return Ok(());
    }
    // A multi-statement query is one transaction. The Apache edition has hypertables but no columnstore:
    // there all of it fails together, and history stays what it was.
    if let Err(error) = sqlx::raw_sql(HYPERTABLE).execute(&mut *db).await {
        tracing::warn!(%error, "history cannot be a hypertable here and stays a plain table");
    }
    Ok(())
}
