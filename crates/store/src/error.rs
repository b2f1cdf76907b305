//! What can go wrong between us and PostgreSQL, each named for what we were trying to do.
//!
//! Sentences say what to do where the reader can do something, and never hold a connection URL: it may
//! carry a password.

use std::path::PathBuf;

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The URL is none we can read. Its text is not repeated: it may hold a password.
    #[error(
        "the database url is malformed; write it as postgres://user:password@host:5432/database"
    )]
    Url,
    /// No connection.
    #[error(
        "cannot reach the database; check that PostgreSQL is running and that --database-url names it"
    )]
    Connect {
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The server is older than what we build on (`NULLS NOT DISTINCT`, `security_invoker`).
    #[error("the database is PostgreSQL {found}; Vitals needs 15 or newer")]
    TooOld {
        /// What the server calls itself.
        found: String,
    },
    /// The roles are missing and may not be made.
    #[error(
        "the database user may not create roles; have an administrator run: create role vitals_engine \
         nologin; create role vitals_reader nologin; grant vitals_engine, vitals_reader to {user}"
    )]
    Roles {
        /// As whom we are connected.
        user: String,
        /// What the server said.
        #[source]
        source: sqlx::Error,
    },
    /// The schema could not be brought up to date.
    #[error("cannot bring the database schema up to date; the user needs to own the database")]
    Migrate {
        /// Why.
        #[source]
        source: sqlx::migrate::MigrateError,
    },
    /// A statement outside the commit path failed.
    #[error("the database could not {doing}")]
    Statement {
        /// What was being done, as an infinitive.
        doing: &'static str,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// What was asked did not come within its bound.
    #[error("the database did not answer within {seconds} seconds")]
    Slow {
        /// The bound.
        seconds: u64,
    },
    /// A stored value is none of ours: somebody else wrote it.
    #[error("the stored {what} cannot be read; something other than Vitals has written it")]
    Corrupt {
        /// Which value.
        what: &'static str,
    },
    /// Rows are wanted as of a moment that cannot be told about.
    #[error("{what}")]
    NoMoment {
        /// Why not.
        what: String,
    },
    /// A scan asks for a column that is not there, or with values of another type: a mistake of the caller's.
    #[error("a scan of a vital does not fit its columns")]
    BadScan,
    /// Another writer took this shard over. This one must stop.
    #[error(
        "shard {shard} was taken over: this writer is of epoch {epoch}, the shard of {current}"
    )]
    Fenced {
        /// Which shard.
        shard: i32,
        /// Ours.
        epoch: i64,
        /// The one in force.
        current: i64,
    },
    /// The batch does not start where the last commit ended (I4).
    #[error("I4: tick {tick} does not continue shard {shard}, which is at tick {stored}")]
    NotNext {
        /// Which shard.
        shard: i32,
        /// The batch's.
        tick: u64,
        /// The committed one.
        stored: u64,
    },
    /// The commit was refused, and nothing of it is stored.
    #[error("cannot commit tick {tick} of shard {shard}; nothing of it is stored")]
    Commit {
        /// Which shard.
        shard: i32,
        /// Which tick.
        tick: u64,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// The database went away and did not come back in time. Committing the same batch again is safe.
    #[error("the database was lost while tick {tick} of shard {shard} was committed")]
    Lost {
        /// Which shard.
        shard: i32,
        /// Which tick.
        tick: u64,
        /// The last failure.
        #[source]
        source: Box<Error>,
    },
    /// The predecessor's transaction is still open and could not be ended.
    #[error(
        "shard {shard} is held by a transaction that cannot be ended (session {pid}); end it with: \
         select pg_terminate_backend({pid})"
    )]
    Held {
        /// Which shard.
        shard: i32,
        /// The session that holds it, 0 if unknown.
        pid: i32,
    },
    /// The rows were made from another log.
    #[error(
        "these rows were made from the log '{stored}', not '{given}'; use that log, or an empty database"
    )]
    OtherLog {
        /// The one recorded.
        stored: String,
        /// The one at hand.
        given: String,
    },
    /// The log has been given another number of partitions, and tenants would change places.
    #[error(
        "these rows were made from a log of {stored} partitions, and it now has {given}; the number of \
         partitions of a log with records cannot change"
    )]
    OtherPartitions {
        /// The recorded number.
        stored: i32,
        /// The number at hand.
        given: u16,
    },
    /// The name is in use.
    #[error("the {what} '{value}' is taken; choose another")]
    Taken {
        /// What kind of name.
        what: &'static str,
        /// The name.
        value: String,
    },
    /// The name cannot be one.
    #[error("'{value}' cannot be a {what}; {rule}")]
    Refused {
        /// What kind of name.
        what: &'static str,
        /// What was given.
        value: String,
        /// What it has to be.
        rule: &'static str,
    },
    /// A change of the lake's manifest builds on what is not there.
    #[error(
        "another process changed the lake's manifest first; read it again and go on from there"
    )]
    LakeMoved,
    /// There is no such tenant.
    #[error("there is no such tenant; vitals tenants list shows those there are")]
    NoTenant,
    /// The embedded server failed.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
}

/// Why the embedded server does not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbeddedError {
    /// Another process of ours runs it.
    #[error("the database in {dir} is in use by another vitals process; stop that one first")]
    InUse {
        /// Where it is.
        dir: PathBuf,
    },
    /// Its files cannot be made or read.
    #[error("cannot {doing} {path}")]
    Files {
        /// What was being done, as an infinitive.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The files were made by a version that is not there.
    #[error(
        "the database in {dir} was made by PostgreSQL {major}, which is not installed; install \
         postgresql-{major}"
    )]
    OtherVersion {
        /// Where it is.
        dir: PathBuf,
        /// By which.
        major: u32,
    },
    /// None on the machine, and none could be fetched.
    #[error(
        "PostgreSQL is not installed and could not be downloaded; install postgresql (15 or newer)"
    )]
    Download {
        /// Why.
        #[source]
        source: Box<postgresql_embedded::Error>,
    },
    /// Started as root, on a machine without a user to run the server as.
    #[error(
        "PostgreSQL refuses to run as root and there is no user postgres or nobody to run it as"
    )]
    NoAccount,
    /// The server's user cannot reach the directory.
    #[error(
        "the user {account}, as whom PostgreSQL has to run, cannot reach {dir}; choose a --data-dir \
         outside {closed}, or allow it with: chmod o+x {closed}"
    )]
    Unreachable {
        /// The user.
        account: String,
        /// The directory.
        dir: PathBuf,
        /// What is in the way.
        closed: PathBuf,
    },
    /// A program of PostgreSQL failed.
    #[error("{program} failed: {said}")]
    Program {
        /// Which.
        program: &'static str,
        /// The last it said.
        said: String,
    },
    /// The server ended while it was starting.
    #[error("the database server ended while starting: {said}; its log is {log}")]
    Died {
        /// The last lines of its log.
        said: String,
        /// Where the log is.
        log: PathBuf,
    },
    /// The server did not become ready, or did not stop, in time.
    #[error(
        "the database server in {dir} did not {doing} within {seconds} seconds; its log is there"
    )]
    Slow {
        /// What it should have done.
        doing: &'static str,
        /// Where it is.
        dir: PathBuf,
        /// The bound.
        seconds: u64,
    },
    /// The server runs, and its database cannot be made.
    #[error("cannot create the database in the embedded server")]
    Create {
        /// Why.
        #[source]
        source: sqlx::Error,
    },
}

/// Names what was being done when a statement failed.
pub(crate) fn failed(doing: &'static str) -> impl FnOnce(sqlx::Error) -> Error {
    move |source| Error::Statement { doing, source }
}
