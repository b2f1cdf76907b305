//! The server the tests share, and a fresh database for each.

use std::path::Path;
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::sync::OnceCell;
use vitals_store::{EmbeddedPostgres, Error, Store, Writer};

static SERVER: OnceCell<EmbeddedPostgres> = OnceCell::const_new();

/// The server: made once and kept, since making a cluster takes seconds. It ends with this process.
async fn server() -> &'static EmbeddedPostgres {
    SERVER
        .get_or_init(|| async {
            let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("store-tests");
            // Another run of the tests may be using it.
            for _ in 0..1_200 {
                match EmbeddedPostgres::start(&dir).await {
                    Ok(server) => {
                        drop_old_databases(&server).await;
                        return server;
                    }
                    Err(Error::Embedded(vitals_store::EmbeddedError::InUse { .. })) => {
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                    Err(error) => panic!("no server: {error:?}"),
                }
            }
            panic!("another run of the tests holds {}", dir.display());
        })
        .await
}

async fn drop_old_databases(server: &EmbeddedPostgres) {
    let mut db = PgConnection::connect(server.url()).await.unwrap();
    let old: Vec<String> =
        sqlx::query_scalar("select datname::text from pg_database where datname like 'test\\_%'")
            .fetch_all(&mut db)
            .await
            .unwrap();
    for name in old {
        sqlx::query(AssertSqlSafe(format!("drop database {name}"))).execute(&mut db).await.unwrap();
    }
}

/// A database of one test.
pub(crate) struct Database {
    pub(crate) store: Store,
    pub(crate) url: String,
}

pub(crate) const LOG: &str = "log-of-the-test";
pub(crate) const PARTITIONS: u16 = 4;

impl Database {
    pub(crate) async fn empty() -> Self {
        let server = server().await;
        let name = format!("test_{}", uuid::Uuid::new_v4().simple());
        let mut db = PgConnection::connect(server.url()).await.unwrap();
        let create = format!("create database {name}");
        sqlx::query(AssertSqlSafe(create)).execute(&mut db).await.unwrap();
        let url = server.url().replace("/vitals?", &format!("/{name}?"));
        Self { store: Store::connect(&url).await.unwrap(), url }
    }

    pub(crate) async fn new() -> Self {
        let it = Self::empty().await;
        it.store.migrate().await.unwrap();
        it
    }

    pub(crate) async fn writer(&self) -> Writer {
        self.store.take_over(0, LOG, PARTITIONS).await.unwrap()
    }

    /// A connection as the superuser, whom nothing holds back.
    pub(crate) async fn admin(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.unwrap()
    }
}

/// Waits, within a bound, until `query` (of one boolean) is true.
pub(crate) async fn wait_until(db: &mut PgConnection, query: &'static str) {
    for _ in 0..1_000 {
        if sqlx::query_scalar::<_, bool>(query).fetch_one(&mut *db).await.unwrap() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never true: {query}");
}
