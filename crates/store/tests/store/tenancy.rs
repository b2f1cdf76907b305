//! No tenant sees another's rows: the catalogue, the roles, the settings, and what a reader gets.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use vitals_model::VitalTables;
use vitals_model::tenant::TenantScope;
use vitals_store::{Error, ImportCheckpoint, NewTenant, NewUser, QuarantinedLine, Role, Store};

use crate::sample::{Seed, batch, next_tables, quarantined, tenant};
use crate::server::Database;

/// The one table that has no row security where TimescaleDB keeps it.
const HISTORY: &str = "vital_changes";

/// Every table of ours with a tenant's rows in it, by the catalogue: a new one is found by itself.
async fn tenant_tables(db: &mut PgConnection) -> Vec<(String, bool, bool, bool, bool)> {
    sqlx::query_as(
        "select c.relname::text, c.relrowsecurity, c.relforcerowsecurity, \
             exists (select from pg_policy p where p.polrelid = c.oid and p.polcmd = '*' \
                 and p.polroles = array['vitals_engine'::regrole::oid] and p.polwithcheck is not null), \
             exists (select from pg_policy p where p.polrelid = c.oid and p.polcmd = 'r' \
                 and p.polroles = array['vitals_reader'::regrole::oid]) \
         from pg_class c where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace \
             and (c.relname = 'tenants' or exists (select from pg_attribute a \
                 where a.attrelid = c.oid and a.attname in ('tenant', 'tenant_id'))) order by 1",
    )
    .fetch_all(db)
    .await
    .unwrap()
}

#[tokio::test]
async fn every_table_of_a_tenant_is_behind_forced_row_security() {
    let database = Database::new().await;
    let mut admin = database.admin().await;
    let tables = tenant_tables(&mut admin).await;
    assert!(tables.len() >= 11, "{tables:?}");
    let hypertable = database.has_hypertable().await;
    for (name, enabled, forced, engine, reader) in tables {
        // The columnstore refuses row security; timescale.rs holds that table's wall.
        if hypertable && name == HISTORY {
            continue;
        }
        assert!(enabled && forced, "{name}: row security is not forced");
        assert!(engine && reader, "{name}: a policy is missing");
    }
    let open_views: Vec<String> = sqlx::query_scalar(
        "select relname::text from pg_class where relkind in ('v', 'm') \
         and relnamespace = 'public'::regnamespace \
         and not coalesce('security_invoker=true' = any(reloptions), false)",
    )
    .fetch_all(&mut admin)
    .await
    .unwrap();
    let expected: &[&str] = if hypertable { &["tenant_changes"] } else { &[] };
    assert_eq!(open_views, expected, "views that read as their owner");
    let shared_keys: Vec<String> = sqlx::query_scalar(
        "select i.indexrelid::regclass::text from pg_index i join pg_class c on c.oid = i.indrelid \
         join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0] \
         where i.indisunique and c.relnamespace = 'public'::regnamespace and c.relrowsecurity \
         and a.attname <> 'tenant' order by 1",
    )
    .fetch_all(&mut admin)
    .await
    .unwrap();
    // A tenant's own id and slug, the id in a key, and a place in the log are no tenant's to choose twice.
    assert_eq!(
        shared_keys,
        ["api_keys_by_id", "quarantine_pkey", "tenants_pkey", "tenants_slug_key"]
    );
}

#[tokio::test]
async fn the_roles_own_nothing_and_the_reader_only_reads() {
    let database = Database::new().await;
    let mut admin = database.admin().await;
    for role in ["vitals_engine", "vitals_reader"] {
        let row = sqlx::query(
            "select rolsuper, rolbypassrls, rolcanlogin, rolcreaterole, \
             exists (select from pg_class where relowner = r.oid), \
             has_schema_privilege(r.oid, 'public', 'create') from pg_roles r where rolname = $1",
        )
        .bind(role)
        .fetch_one(&mut admin)
        .await
        .unwrap();
        let rights: Vec<bool> = (0..6).map(|at| row.get(at)).collect();
        assert_eq!(rights, [false; 6], "{role}");
    }
    let writes: Vec<String> = sqlx::query_scalar(
        "select table_name || ' ' || privilege_type from information_schema.role_table_grants \
         where grantee = 'vitals_reader' and privilege_type <> 'SELECT'",
    )
    .fetch_all(&mut admin)
    .await
    .unwrap();
    assert_eq!(writes, Vec::<String>::new());
}

/// A database where tenants 0, 1 and 2 have rows in every table.
async fn populated() -> (Database, VitalTables) {
    let database = Database::new().await;
    let mut admin = database.admin().await;
    let tables = next_tables(&mut Seed(1), &VitalTables::default(), 60);
    let mut writer = database.writer().await;
    let mut given = batch(writer.position(), VitalTables::default().changes_to(&tables));
    for n in 0..3 {
        let id = tenant(n);
        sqlx::query("insert into tenants (id, slug, name) values ($1, $2, 'Canary')")
            .bind(id.0)
            .bind(format!("canary-{n}"))
            .execute(&mut admin)
            .await
            .unwrap();
        let scope = TenantScope::of_operator(id);
        let user = NewUser { email: "a@example.com".into(), name: "A".into(), role: Role::Viewer };
        database.store.create_user(&scope, user).await.unwrap();
        database.store.create_key(&scope).await.unwrap();
        let checkpoint = ImportCheckpoint { position: 1, finished: false };
        database.store.save_import_checkpoint(&scope, "file", checkpoint).await.unwrap();
        let line = QuarantinedLine {
            file: "orders.csv".into(),
            line: 1,
            reason: vitals_model::Reason::new("no id"),
            raw: b",,".to_vec(),
        };
        database.store.quarantine_lines(&scope, &[line]).await.unwrap();
        for kept in [
            "insert into saved_queries (tenant, name, title, sql) values ($1, 'a', 'A', 'select 1')",
            "insert into schedules (tenant, name, is_report, target, format, every, on_day, at_minute, \
             keep, next_at) values ($1, 'a', false, 'a', 'csv', 'day', 0, 0, 1, now())",
            "insert into schedule_runs (tenant, schedule, due_at, tries, ended_at, file) \
             values ($1, 'a', now(), 1, now(), 'a.csv')",
        ] {
            sqlx::query(kept).bind(id.0).execute(&mut admin).await.unwrap();
        }
        let today = vitals_model::Date(20_000);
        given.todays.retain(|it| it.0 != id);
        given.todays.push((id, today));
        given.quarantined.push(quarantined(Some(id), i64::try_from(n).unwrap()));
        given.counts.insert(Some(id), vitals_model::batch::Counts::default());
    }
    writer.commit(&given).await.unwrap();
    (database, tables)
}

/// How many rows of a table the reader sees with `app.tenant` set to this; `None`: an error.
async fn seen(
    db: &mut PgConnection,
    table: &str,
    tenant: Option<&str>,
) -> Result<i64, sqlx::Error> {
    let mut tx = db.begin().await?;
    tx.execute("set local role vitals_reader").await?;
    if let Some(tenant) = tenant {
        sqlx::query("select set_config('app.tenant', $1, true)")
            .bind(tenant)
            .execute(&mut *tx)
            .await?;
    }
    // The id column is enough, and the only one some tables grant.
    let column = if table == "tenants" { "id" } else { "tenant" };
    let query = format!("select count({column}) from {table}");
    let count = sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(&mut *tx).await;
    tx.rollback().await?;
    count
}

#[tokio::test]
async fn a_reader_sees_its_own_rows_and_without_a_tenant_none() {
    let (database, _) = populated().await;
    let mut admin = database.admin().await;
    let mut relations: Vec<String> =
        tenant_tables(&mut admin).await.into_iter().map(|it| it.0).collect();
    if database.has_hypertable().await {
        relations.retain(|name| name != HISTORY);
    }
    relations.extend(["churn_factors", "health_metrics", "tenant_changes"].map(String::from));
    let mut fresh = database.admin().await;
    for name in relations {
        let column = if name == "tenants" { "id" } else { "tenant" };
        let mut total = 0;
        for n in 0..3 {
            let own = format!("select count(*) from {name} where {column} = $1");
            // tenant_changes shows nobody anything without the setting, not even a superuser.
            let expected: i64 =
                sqlx::query_scalar(AssertSqlSafe(own.replace("tenant_changes", "vital_changes")))
                    .bind(tenant(n).0)
                    .fetch_one(&mut admin)
                    .await
                    .unwrap();
            let id = tenant(n).to_string();
            let saw = seen(&mut fresh, &name, Some(&id)).await.unwrap();
            assert_eq!(saw, expected, "{name} of tenant {n}");
            total += saw;
        }
        assert!(total > 0, "{name} has no canary");
        // After those transactions the setting is '', not absent: both must show nothing.
        assert_eq!(seen(&mut fresh, &name, None).await.unwrap(), 0, "{name} after another tenant");
        assert_eq!(seen(&mut fresh, &name, Some("")).await.unwrap(), 0, "{name} with ''");
        let mut unused = database.admin().await;
        assert_eq!(seen(&mut unused, &name, None).await.unwrap(), 0, "{name} on a new session");
        let malformed = seen(&mut unused, &name, Some("x' or true --")).await;
        assert!(malformed.is_err(), "{name} with a malformed tenant");
    }
}

#[tokio::test]
async fn a_scope_reads_one_tenant_at_one_tick_and_leaves_the_pool_clean() {
    let (database, tables) = populated().await;
    for n in [0, 1, 2, 1] {
        let scope = TenantScope::of_operator(tenant(n));
        let mut scoped = database.store.scoped(&scope).await.unwrap();
        let read = scoped.vitals().await.unwrap();
        let own = database.store.vitals(Some(&[tenant(n)])).await.unwrap();
        assert_eq!(read, own);
        assert_eq!(scoped.as_of().await.unwrap().unwrap().tick, 1);
        assert_eq!(scoped.health().await.unwrap().is_some(), !own.health.is_empty());
        assert_eq!(scoped.churn().await.unwrap(), own.churn);
    }
    assert_eq!(database.store.vitals(None).await.unwrap(), tables, "the engine still sees all");
}

#[tokio::test]
async fn an_owner_that_is_no_superuser_can_migrate_and_run_and_is_held_by_the_policies() {
    let database = Database::empty().await;
    let mut admin = database.admin().await;
    let user = format!("owner_{}", uuid::Uuid::new_v4().simple());
    let (db,): (String,) =
        sqlx::query_as("select current_database()::text").fetch_one(&mut admin).await.unwrap();
    for statement in [
        format!("create role {user} login createrole password 'pw'"),
        format!("alter database {db} owner to {user}"),
    ] {
        sqlx::query(AssertSqlSafe(statement)).execute(&mut admin).await.unwrap();
    }
    let (_, address) = database.url.split_once('@').unwrap();
    let url = format!("postgres://{user}:pw@{address}");
    let store = Store::connect(&url).await.unwrap();
    store.migrate().await.unwrap();
    store.migrate().await.unwrap();
    store.check().await.unwrap();
    let id = store.create_tenant(NewTenant { slug: "a".into(), name: "A".into() }).await.unwrap();
    assert_eq!(store.tenants().await.unwrap()[0].id, id);
    let mut writer = store.take_over(0, "log", 1).await.unwrap();
    writer.commit(&batch(writer.position(), Default::default())).await.unwrap();
    let mut successor = store.take_over(0, "log", 1).await.unwrap();
    successor.commit(&batch(successor.position(), Default::default())).await.unwrap();
    // The owner, once it may no longer act as the engine, sees nothing: that is what "forced" is for.
    let revoke = format!("revoke vitals_engine, vitals_reader from {user}");
    sqlx::query(AssertSqlSafe(revoke)).execute(&mut admin).await.unwrap();
    let mut owner = PgConnection::connect(&url).await.unwrap();
    let seen: i64 =
        sqlx::query_scalar("select count(*) from tenants").fetch_one(&mut owner).await.unwrap();
    assert_eq!(seen, 0);
    owner.close().await.unwrap();
    store.close().await;
    successor.close().await;
    drop(writer);
    for statement in [
        format!("reassign owned by {user} to current_user"),
        format!("drop owned by {user}"),
        format!("drop role {user}"),
    ] {
        sqlx::query(AssertSqlSafe(statement)).execute(&mut admin).await.ok();
    }
}

#[tokio::test]
async fn tenants_users_keys_and_checkpoints_do_what_they_say() {
    let database = Database::new().await;
    let store = &database.store;
    let new = |slug: &str| NewTenant { slug: slug.into(), name: "Springfield Gym".into() };
    let id = store.create_tenant(new("springfield-gym")).await.unwrap();
    let taken = store.create_tenant(new("springfield-gym")).await.unwrap_err();
    assert_eq!(taken.to_string(), "the slug 'springfield-gym' is taken; choose another");
    for bad in ["", "Gym", "-gym", "a b", &"x".repeat(64)] {
        let refused = store.create_tenant(new(bad)).await;
        assert!(matches!(refused, Err(Error::Refused { what: "slug", .. })), "{bad}: {refused:?}");
    }
    assert_eq!(store.tenant_by_slug("springfield-gym").await.unwrap().unwrap().id, id);
    assert!(store.tenant_by_slug("cairo-yoga").await.unwrap().is_none());

    let scope = TenantScope::of_operator(id);
    let user = |email: &str| NewUser { email: email.into(), name: "Ned".into(), role: Role::Admin };
    store.create_user(&scope, user("Ned@example.com")).await.unwrap();
    let again = store.create_user(&scope, user("ned@EXAMPLE.com")).await;
    assert!(matches!(again, Err(Error::Taken { .. })), "{again:?}");
    assert_eq!(store.users(&scope).await.unwrap().len(), 1);
    let nobody = TenantScope::of_operator(tenant(9));
    assert!(matches!(store.create_user(&nobody, user("a@b")).await, Err(Error::NoTenant)));

    let token = store.create_key(&scope).await.unwrap();
    let owner = Some((id, "springfield-gym".to_owned()));
    assert_eq!(store.tenant_of_key(&token).await.unwrap(), owner);
    let mut wrong = token.clone();
    wrong.pop();
    for bad in ["", "vt_", "vt_x_y", wrong.as_str(), &token.replace("vt_", "")] {
        assert_eq!(store.tenant_of_key(bad).await.unwrap(), None, "{bad}");
    }
    let secret = token.rsplit('_').next().unwrap();
    let kept: String = sqlx::query_scalar("select api_keys::text from api_keys")
        .fetch_one(&mut database.admin().await)
        .await
        .unwrap();
    assert!(!kept.contains(secret));
    assert!(!store.revoke_key(&nobody, &token).await.unwrap(), "another tenant's key");
    assert!(store.revoke_key(&scope, &token).await.unwrap());
    assert_eq!(store.tenant_of_key(&token).await.unwrap(), None);

    let at = |position| ImportCheckpoint { position, finished: false };
    assert_eq!(store.import_checkpoint(&scope, "f").await.unwrap(), at(0));
    for position in [10, 30, 20] {
        store.save_import_checkpoint(&scope, "f", at(position)).await.unwrap();
    }
    assert_eq!(store.import_checkpoint(&scope, "f").await.unwrap(), at(30));
}

#[tokio::test]
async fn a_password_never_reaches_an_error() {
    for url in ["postgres://u:hunter2@127.0.0.1:1/x", "postgres://u:hunter2@[bad/x", "hunter2"] {
        let error = Store::connect(url).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}
