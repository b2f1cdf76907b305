//! The server the tests share, and a fresh database for each.

use std::path::Path;
use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::sync::OnceCell;
use vitals_store::{EmbeddedPostgres, Error, Store, Writer};

/// Where the tests make their databases.
struct Server {
    url: String,
    /// Kept as long as the tests run, when it is ours.
    _embedded: Option<EmbeddedPostgres>,
}

static SERVER: OnceCell<Server> = OnceCell::const_new();

/// The server: the one of `VITALS_DATABASE_URL` if that is set (as a superuser, one run of the tests at a
/// time), else an embedded one, made once and kept, since making a cluster takes seconds.
async fn server() -> &'static Server {
    SERVER
        .get_or_init(|| async {
            let server = match std::env::var("VITALS_DATABASE_URL") {
                Ok(url) => Server { url, _embedded: None },
                Err(_) => {
                    let embedded = embedded().await;
                    Server { url: embedded.url().to_owned(), _embedded: Some(embedded) }
                }
            };
            drop_old_databases(&server.url).await;
            server
        })
        .await
}

async fn embedded() -> EmbeddedPostgres {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("store-tests");
    // Another run of the tests may be using it.
    for _ in 0..1_200 {
        match EmbeddedPostgres::start(&dir).await {
            Ok(server) => return server,
            Err(Error::Embedded(vitals_store::EmbeddedError::InUse { .. })) => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(error) => panic!("no server: {error:?}"),
        }
    }
    panic!("another run of the tests holds {}", dir.display());
}

async fn drop_old_databases(url: &str) {
    let mut db = PgConnection::connect(url).await.unwrap();
    let old: Vec<String> = sqlx::query_scalar(
        "select datname::text from pg_database where datname like 'vitals\\_test\\_%'",
    )
    .fetch_all(&mut db)
    .await
    .unwrap();
    for name in old {
        sqlx::query(AssertSqlSafe(format!("drop database {name}"))).execute(&mut db).await.unwrap();
    }
}

/// The URL of another database of the same server.
fn database_url(server: &str, name: &str) -> String {
    let (address, options) = server.split_once('?').unwrap_or((server, ""));
    let (host, _) = address.rsplit_once('/').expect("a database in the URL");
    format!("{host}/{name}?{options}")
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
        let name = format!("vitals_test_{}", uuid::Uuid::new_v4().simple());
        let mut db = PgConnection::connect(&server.url).await.unwrap();
        let create = format!("create database {name}");
        sqlx::query(AssertSqlSafe(create)).execute(&mut db).await.unwrap();
        let url = database_url(&server.url, &name);
        Self { store: Store::connect(&url).await.unwrap(), url }
    }

    pub(crate) async fn new() -> Self {
        let it = Self::empty().await;
        it.store.migrate().await.unwrap();
        it
    }

    /// Whether history is a hypertable here: the server has TimescaleDB.
    pub(crate) async fn has_hypertable(&self) -> bool {
        let query = "select exists (select from pg_extension where extname = 'timescaledb')";
        sqlx::query_scalar(query).fetch_one(&mut self.admin().await).await.unwrap()
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
