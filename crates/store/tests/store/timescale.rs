//! History as a hypertable: its wall, its columnstore and its retention. Skipped where the server of the
//! tests has no TimescaleDB (docs/operations.md says how to give them one).

#![allow(clippy::print_stderr, reason = "a test must say that it skipped")]

use sqlx::{AssertSqlSafe, Executor, PgConnection};
use vitals_model::tenant::TenantScope;
use vitals_model::vital::{Change, HealthKey};
use vitals_model::{UtcMicros, VitalChanges};

use crate::sample::{Seed, batch, health_row, tenant};
use crate::server::Database;

/// A database with a hypertable, or `None`, after saying that `test` was skipped.
async fn hypertable(test: &str) -> Option<(Database, PgConnection)> {
    let database = Database::new().await;
    if !database.has_hypertable().await {
        eprintln!("skipped {test}: the server has no TimescaleDB");
        return None;
    }
    let admin = database.admin().await;
    Some((database, admin))
}

/// Appends `rows` changes of tenants 0 and 1 each, that were committed so many days ago.
async fn history_of(admin: &mut PgConnection, days_ago: i32, rows: i32) {
    for n in 0..2 {
        sqlx::query(
            "insert into vital_changes (tick, committed_at, tenant, n, vital, cause, key, new) \
             select 1000 - $1::int, now() - make_interval(days => $1), $2, i, 'health_score', \
                 '\"live\"', '{}', json_build_object('overall', i) from generate_series(1, $3) i",
        )
        .bind(days_ago)
        .bind(tenant(n).0)
        .bind(rows)
        .execute(&mut *admin)
        .await
        .unwrap();
    }
}

/// Runs the job of this procedure now, as the scheduler would.
async fn run_policy(admin: &mut PgConnection, procedure: &str) {
    let job: i32 = sqlx::query_scalar(
        "select job_id from timescaledb_information.jobs \
         where proc_name = $1 and hypertable_name = 'vital_changes'",
    )
    .bind(procedure)
    .fetch_one(&mut *admin)
    .await
    .unwrap();
    admin.execute(AssertSqlSafe(format!("call run_job({job})"))).await.unwrap();
}

async fn count(admin: &mut PgConnection, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(admin).await.unwrap()
}

/// Chunks that are compressed, and rows in them that no longer are.
async fn compressed(admin: &mut PgConnection) -> (usize, i64) {
    let chunks: Vec<String> = sqlx::query_scalar(
        "select format('%I.%I', chunk_schema, chunk_name) from timescaledb_information.chunks \
         where hypertable_name = 'vital_changes' and is_compressed",
    )
    .fetch_all(&mut *admin)
    .await
    .unwrap();
    let mut unpacked = 0;
    // Then a chunk shows what its own heap holds.
    admin.execute("set timescaledb.enable_transparent_decompression = off").await.unwrap();
    for chunk in &chunks {
        let rows = AssertSqlSafe(format!("select count(*) from only {chunk}"));
        unpacked += sqlx::query_scalar::<_, i64>(rows).fetch_one(&mut *admin).await.unwrap();
    }
    admin.execute("reset timescaledb.enable_transparent_decompression").await.unwrap();
    (chunks.len(), unpacked)
}

#[tokio::test]
async fn history_is_reached_through_its_view_alone() {
    let test = "history_is_reached_through_its_view_alone";
    let Some((database, mut admin)) = hypertable(test).await else { return };
    history_of(&mut admin, 10, 5).await;
    history_of(&mut admin, 1, 3).await;
    run_policy(&mut admin, "policy_compression").await;
    let readable: Vec<String> = sqlx::query_scalar(
        "select c.oid::regclass::text from pg_class c join pg_namespace s on s.oid = c.relnamespace \
         where c.relkind in ('r', 'p', 'f') and (c.relname = 'vital_changes' or s.nspname = \
             '_timescaledb_internal' and c.relname like '%\\_hyper\\_%') \
         and has_table_privilege('vitals_reader', c.oid, 'select')",
    )
    .fetch_all(&mut admin)
    .await
    .unwrap();
    assert_eq!(readable, Vec::<String>::new(), "tables of history that a reader may read");
    for n in 0..3 {
        let scope = TenantScope::of_operator(tenant(n));
        let mut scoped = database.store.scoped(&scope).await.unwrap();
        let rows = scoped.history_after(0, 1_000).await.unwrap();
        assert_eq!(rows.len(), if n == 2 { 0 } else { 8 }, "tenant {n}");
        assert!(rows.windows(2).all(|pair| pair[0].tick <= pair[1].tick), "in order");
    }
}

#[tokio::test]
async fn a_commit_leaves_what_is_compressed_as_it_is() {
    let test = "a_commit_leaves_what_is_compressed_as_it_is";
    let Some((database, mut admin)) = hypertable(test).await else { return };
    history_of(&mut admin, 10, 2_000).await;
    run_policy(&mut admin, "policy_compression").await;
    assert_eq!(compressed(&mut admin).await, (1, 0));
    let mut writer = database.writer().await;
    let (mut seed, key) = (Seed(3), HealthKey { tenant: tenant(0) });
    let mut old = None;
    // Often enough that the server plans the statements for any parameters.
    for _ in 0..12 {
        let new = Some(health_row(&mut seed));
        let change = Change { key: key.clone(), old: old.clone(), new: new.clone() };
        let changes = VitalChanges { health: vec![change], ..VitalChanges::default() };
        writer.commit(&batch(writer.position(), changes)).await.unwrap();
        old = new;
    }
    let joined = "select count(*) from vital_changes where tick <= 12";
    let joined = count(&mut admin, joined).await;
    assert!((1..=3).contains(&joined), "{joined}: changes of one minute are joined");
    assert_eq!(compressed(&mut admin).await, (1, 0), "the commits unpacked history");
}

#[tokio::test]
async fn compressed_history_is_forgotten_when_the_tenant_says_so() {
    let test = "compressed_history_is_forgotten_when_the_tenant_says_so";
    let Some((database, mut admin)) = hypertable(test).await else { return };
    // One tick of more rows than TimescaleDB unpacks unasked, older than history is kept by default.
    history_of(&mut admin, 500, 120_000).await;
    history_of(&mut admin, 30, 10).await;
    run_policy(&mut admin, "policy_compression").await;
    let mut writer = database.writer().await;
    // A tenant whose today is known is one whose history may be forgotten.
    let committed = writer.commit(&batch(writer.position(), VitalChanges::default())).await;
    let now: UtcMicros = committed.unwrap().committed_at;
    let mut forgotten = 0;
    loop {
        match database.store.forget_history(now).await.unwrap() {
            0 => break,
            some => forgotten += some,
        }
    }
    assert_eq!(forgotten, 120_000);
    let left =
        "select count(*) from vital_changes where committed_at < now() - interval '400 days'";
    assert_eq!(count(&mut admin, left).await, 120_000, "another tenant's is not touched");
    assert_eq!(count(&mut admin, "select count(*) from vital_changes").await, 120_020);
}

#[tokio::test]
async fn the_policies_run() {
    let Some((_database, mut admin)) = hypertable("the_policies_run").await else { return };
    for days in [1, 8, 1_829, 1_840] {
        history_of(&mut admin, days, 2).await;
    }
    run_policy(&mut admin, "policy_compression").await;
    assert_eq!(compressed(&mut admin).await.0, 3, "what is older than a week is compressed");
    run_policy(&mut admin, "policy_retention").await;
    assert_eq!(count(&mut admin, "select count(*) from vital_changes").await, 12);
    let oldest = "select max((now()::date - committed_at::date))::bigint from vital_changes";
    assert_eq!(count(&mut admin, oldest).await, 1_829);
}

#[tokio::test]
async fn a_plain_history_becomes_one_when_the_extension_comes_later() {
    let test = "a_plain_history_becomes_one_when_the_extension_comes_later";
    let Some((database, mut admin)) = hypertable(test).await else { return };
    // Back to what the migrations alone leave, with rows in it.
    admin.execute(PLAIN).await.unwrap();
    history_of(&mut admin, 20, 7).await;
    database.store.migrate().await.unwrap();
    let chunks = "select count(*) from timescaledb_information.chunks \
        where hypertable_name = 'vital_changes'";
    assert_eq!(count(&mut admin, chunks).await, 1);
    let scope = TenantScope::of_operator(tenant(0));
    let mut scoped = database.store.scoped(&scope).await.unwrap();
    assert_eq!(scoped.history_after(0, 1_000).await.unwrap().len(), 7);
}

/// Makes history anew, by the migration that made it.
const PLAIN: &str = concat!(
    "drop view tenant_changes; drop table vital_changes;",
    include_str!("../../../../migrations/0004_history.sql")
);
