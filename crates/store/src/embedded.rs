//! A PostgreSQL server of our own, for those who have none: in a directory, on a socket, for us alone.
//!
//! Promises that `start` comes back with a server that serves, whatever the last one's end was: ours or
//! its kill -9, a half-made cluster, a stale pid file, a server still running without us. That there is
//! never more than one server on a directory (a lock we hold as long as we live, and the server's own).
//! That nobody else can connect: it listens on a socket in a directory closed to others, on no port.
//! That what it acknowledged survives (fsync and checksums stay on), and that it ends with us.
//!
//! Does not promise a server of the same version for ever: a cluster of one major version needs the
//! programs of that version, and says so.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::Connection;
use sqlx::postgres::PgConnection;

use crate::connection;
use crate::error::EmbeddedError;

mod account;
mod cluster;
mod install;
mod server;
mod signal;

use account::Account;
use cluster::{Cluster, Lock, SocketDir};
use server::Server;

/// How long a start may take. Recovery after a crash replays at most `max_wal_size`.
const START_TIMEOUT: Duration = Duration::from_secs(300);
/// How long an orderly end may take: it writes at most `shared_buffers`.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);
/// The database in it.
const DATABASE: &str = "vitals";

/// A running server. It ends when this is dropped; [`EmbeddedPostgres::stop`] does not block a thread.
#[derive(Debug)]
pub struct EmbeddedPostgres {
    url: String,
    server: Server,
    /// Dropped after the server.
    _socket: SocketDir,
    /// Held, not read: who has it may start a server here.
    _lock: Lock,
}

impl EmbeddedPostgres {
    /// Starts the server of `data_dir`, which is made if it is not there and is the server's alone.
    ///
    /// # Errors
    /// See [`EmbeddedError`]; each says what to do.
    pub async fn start(data_dir: &Path) -> Result<Self, crate::Error> {
        let cluster = Cluster::at(data_dir)?;
        let lock = cluster.lock()?;
        let programs = install::programs(&cluster).await?;
        let prepared = blocking(move || {
            let account = Account::choose(&cluster)?;
            cluster.prepare(&programs, &account)?;
            Ok((cluster, programs, account))
        });
        let (cluster, programs, account) = prepared.await?;
        let socket = cluster.socket_dir();
        let server = Self::launch(&cluster, &programs, &account).await?;
        let started = Self { url: cluster.url(DATABASE), server, _socket: socket, _lock: lock };
        create_database(&cluster).await?;
        Ok(started)
    }

    /// The URL of a server that another process of ours runs on `data_dir`, if one does.
    #[must_use]
    pub fn running(data_dir: &Path) -> Option<String> {
        let cluster = Cluster::at(data_dir).ok()?;
        match cluster.lock() {
            Err(EmbeddedError::InUse { .. }) => cluster.running_socket().map(|it| it.url(DATABASE)),
            _ => None,
        }
    }

    /// Where to connect.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The server's process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// Ends the server in good order and waits until it has ended.
    pub async fn stop(self) {
        // Whether the thread that waits could be had decides nothing: dropping does the same.
        blocking(move || {
            drop(self);
            Ok(())
        })
        .await
        .ok();
    }

    /// Launches the server and waits until it serves. One that ends at once is tried again while there
    /// may be a reason that passes: the backends of a killed server hold its memory until they notice.
    async fn launch(
        cluster: &Cluster,
        programs: &Path,
        account: &Account,
    ) -> Result<Server, EmbeddedError> {
        let deadline = tokio::time::Instant::now() + START_TIMEOUT;
        let mut tries = 0;
        loop {
            let server = Server::launch(cluster, programs, account)?;
            loop {
                if is_ready(cluster).await {
                    return Ok(server);
                }
                if server.has_ended() {
                    break;
                }
                if tokio::time::Instant::now() > deadline {
                    return Err(cluster.slow("become ready", START_TIMEOUT));
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            tries += 1;
            let said = cluster.last_said();
            if tries >= server::TRIES_MAX || !server::may_pass(&said) {
                return Err(EmbeddedError::Died { said, log: cluster.log() });
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}

async fn is_ready(cluster: &Cluster) -> bool {
    let Ok(options) = connection::options(&cluster.url("postgres")) else { return false };
    match connection::open(&options).await {
        Ok(db) => db.close().await.is_ok(),
        Err(_) => false,
    }
}

async fn create_database(cluster: &Cluster) -> Result<(), EmbeddedError> {
    let create = async {
        let options = connection::options(&cluster.url("postgres")).map_err(sqlx::Error::config)?;
        let mut db = PgConnection::connect_with(&options).await?;
        let exists: bool =
            sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
                .bind(DATABASE)
                .fetch_one(&mut db)
                .await?;
        if !exists {
            sqlx::query("create database vitals").execute(&mut db).await?;
        }
        db.close().await
    };
    create.await.map_err(|source| EmbeddedError::Create { source })
}

/// Runs what blocks where blocking is allowed.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, EmbeddedError> + Send + 'static,
) -> Result<T, EmbeddedError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

/// An I/O error with what was being done to what.
fn files(
    doing: &'static str,
    path: impl Into<PathBuf>,
) -> impl FnOnce(std::io::Error) -> EmbeddedError {
    let path = path.into();
    move |source| EmbeddedError::Files { doing, path, source }
}
