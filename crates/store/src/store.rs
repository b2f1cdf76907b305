//! The store: a pool of connections that act as the engine, and the schema they find.
//!
//! Cheap to clone. Reads of a tenant go through [`Store::scoped`]; the vitals are written through
//! [`Store::take_over`] alone.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgPool};

use crate::connection;
use crate::error::{Error, failed};
use crate::{roles, timescale};

/// Most connections the pool opens; the writer of a shard has its own beside it. PostgreSQL's default
/// for all its clients is 100.
const POOL_CONNECTIONS_MAX: u32 = 16;
/// How long a caller waits for a free connection before it is told so.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the check of readiness may take.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("../../migrations");

/// A database with our schema in it.
#[derive(Clone)]
pub struct Store {
    pub(crate) pool: PgPool,
    pub(crate) options: Arc<PgConnectOptions>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The options hold a password.
        f.debug_struct("Store").field("connections", &self.pool.size()).finish_non_exhaustive()
    }
}

impl Store {
    /// Connects to the database at `url` and checks that its version will do.
    ///
    /// # Errors
    /// The URL is malformed, nobody answers there, or the server is too old.
    pub async fn connect(url: &str) -> Result<Self, Error> {
        let options = connection::options(url)?;
        let mut first = connection::open(&options).await?;
        connection::check_version(&mut first).await?;
        // Nothing depends on how this one is closed.
        first.close().await.ok();
        let pool = PgPoolOptions::new()
            .max_connections(POOL_CONNECTIONS_MAX)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .after_connect(|db, _| {
                Box::pin(async move {
                    connection::become_engine(db).await?;
                    sqlx::query(
                        "select set_config('idle_in_transaction_session_timeout', '30s', false)",
                    )
                    .execute(db)
                    .await
                    .map(|_| ())
                })
            })
            .connect_lazy_with(options.clone());
        Ok(Self { pool, options: Arc::new(options) })
    }

    /// Brings the schema up to date; several may try at once, and one does it.
    ///
    /// # Errors
    /// The user may not create roles or tables, or a migration was changed after it was run.
    pub async fn migrate(&self) -> Result<(), Error> {
        let mut db = connection::open(&self.options).await?;
        roles::ensure(&mut db).await?;
        MIGRATIONS.run(&mut db).await.map_err(|source| Error::Migrate { source })?;
        timescale::apply(&mut db).await?;
        db.close().await.map_err(failed("close a connection"))
    }

    /// Whether the database answers and has our schema, within two seconds.
    ///
    /// # Errors
    /// It does not.
    pub async fn check(&self) -> Result<(), Error> {
        let query = sqlx::query("select tick from progress limit 1").execute(&self.pool);
        match tokio::time::timeout(CHECK_TIMEOUT, query).await {
            Ok(answer) => answer.map(|_| ()).map_err(failed("answer a check")),
            Err(_) => Err(Error::Slow { seconds: CHECK_TIMEOUT.as_secs() }),
        }
    }

    /// Closes the pool's connections and waits until they are.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}
