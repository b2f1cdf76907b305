//! One connection to PostgreSQL: made within a bound, checked for its version, given its role.
//!
//! Connects as whom the URL says, and acts as `vitals_engine`: the user of the URL owns the tables and
//! may be a superuser, whom no policy holds; the role owns nothing and is held by all of them.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions, Connection};

use crate::error::{Error, failed};

/// How long one attempt to connect may take.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The oldest server that has what the schema needs, as `server_version_num` counts.
const OLDEST_SERVER: i32 = 150_000;

/// Reads a URL. What is wrong with it is not repeated: it may hold a password.
pub(crate) fn options(url: &str) -> Result<PgConnectOptions, Error> {
    let options = PgConnectOptions::from_str(url).map_err(|_| Error::Url)?;
    Ok(options.application_name("vitals").disable_statement_logging())
}

/// A connection as the URL's own user.
pub(crate) async fn open(options: &PgConnectOptions) -> Result<PgConnection, Error> {
    match tokio::time::timeout(CONNECT_TIMEOUT, PgConnection::connect_with(options)).await {
        Ok(connected) => connected.map_err(|source| Error::Connect { source }),
        Err(_) => Err(Error::Slow { seconds: CONNECT_TIMEOUT.as_secs() }),
    }
}

/// Refuses a server that is too old.
pub(crate) async fn check_version(db: &mut PgConnection) -> Result<(), Error> {
    let (number, name): (i32, String) = sqlx::query_as(
        "select current_setting('server_version_num')::int, current_setting('server_version')",
    )
    .fetch_one(db)
    .await
    .map_err(failed("say its version"))?;
    if number < OLDEST_SERVER { Err(Error::TooOld { found: name }) } else { Ok(()) }
}

/// Acts as the engine from here on, if there is such a role yet: before the first migration there is not.
pub(crate) async fn become_engine(db: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query(
        "select set_config('role', rolname, false) from pg_roles where rolname = 'vitals_engine'",
    )
    .execute(db)
    .await
    .map(|_| ())
}
