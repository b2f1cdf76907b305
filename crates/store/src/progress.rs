//! The progress of a shard: how far it is, and who may take it further.
//!
//! Promises that a claim is exclusive (each take-over makes a new epoch, and only the latest epoch
//! commits) and that it comes through: a predecessor stuck in mid-transaction holds the row's lock, so it
//! waits two seconds for the lock and then ends the session the row names (reliability.md, finding 8).
//! A claim reads the row under its lock: whatever an earlier session of ours was still committing is
//! decided by then.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgRow};
use sqlx::{Executor, Row};
use vitals_model::{Digest, Offsets, UtcMicros};

use crate::connection;
use crate::error::{Error, failed};

/// How often a claim ends what holds the row before it gives up; each round waits up to two seconds.
const CLAIM_ROUNDS_MAX: u32 = 4;

/// What a writer's session is set to. A commit is short; one that is not is stuck, and the timeouts free
/// the row for the next writer. The plans of a commit are index look-ups whatever the statistics say
/// (they are behind after an import), so the alternatives are off.
const SESSION: &str = "
    set lock_timeout = '2s';
    set statement_timeout = '120s';
    set idle_in_transaction_session_timeout = '10s';
    set synchronous_commit = on;
    set enable_seqscan = off;
    set enable_hashjoin = off;
    set enable_mergejoin = off;
    set jit = off";

/// Where a shard is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The generation of the writer.
    pub epoch: i64,
    /// The last committed tick; 0 before the first.
    pub tick: u64,
    /// The offsets to read from next.
    pub offsets: Offsets,
    /// The instant the engine last called now.
    pub clock: UtcMicros,
    /// A hash of each vital's definition, as recorded.
    pub definitions: BTreeMap<String, String>,
    /// The digest of all rows of the shard's vitals; `None` when it was never recorded.
    pub digest: Option<Digest>,
}

/// What a claim found.
#[derive(Debug)]
pub(crate) struct Claimed {
    pub(crate) position: Position,
    pub(crate) committed_at: DateTime<Utc>,
}

/// How to claim.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Claim {
    /// As a new writer: the epoch goes up.
    TakeOver,
    /// As the same writer on another connection: the epoch must still be this.
    Resume(i64),
}

/// The session a writer commits on.
pub(crate) async fn open_session(
    options: &PgConnectOptions,
) -> Result<(PgConnection, SessionId), Error> {
    let mut db = connection::open(options).await?;
    // As the user itself: a role sees less of pg_stat_activity.
    let id = sqlx::query_as(
        "select pid, backend_start from pg_stat_activity where pid = pg_backend_pid()",
    )
    .fetch_one(&mut db)
    .await
    .map_err(failed("say which session this is"))?;
    connection::become_engine(&mut db).await.map_err(failed("become vitals_engine"))?;
    db.execute(SESSION).await.map_err(failed("set up a writer's session"))?;
    Ok((db, id))
}

/// A session's process id and when it began.
pub(crate) type SessionId = (i32, DateTime<Utc>);

/// Makes the shard's row if there is none.
pub(crate) async fn begin_shard(
    db: &mut PgConnection,
    shard: i32,
    log_identity: &str,
    partitions: u16,
) -> Result<(), Error> {
    let mut found = recorded_log(db, shard).await?;
    if found.is_none() {
        // Only where there is none: an insert would wait for a predecessor that holds the row.
        sqlx::query(
            "insert into progress (shard, epoch, tick, offsets, clock, committed_at, log_identity, partitions) \
             values ($1, 0, 0, $2, 'epoch', now(), $3, $4) on conflict (shard) do nothing",
        )
        .bind(shard)
        .bind(offsets_to_json(&Offsets::start(partitions)))
        .bind(log_identity)
        .bind(i32::from(partitions))
        .execute(&mut *db)
        .await
        .map_err(failed("begin a shard"))?;
        found = recorded_log(db, shard).await?;
    }
    let (stored, count) = found.ok_or(Error::Corrupt { what: "progress" })?;
    if stored != log_identity {
        return Err(Error::OtherLog { stored, given: log_identity.to_owned() });
    }
    if count != i32::from(partitions) {
        return Err(Error::OtherPartitions { stored: count, given: partitions });
    }
    Ok(())
}

async fn recorded_log(db: &mut PgConnection, shard: i32) -> Result<Option<(String, i32)>, Error> {
    sqlx::query_as("select log_identity, partitions from progress where shard = $1")
        .bind(shard)
        .fetch_optional(db)
        .await
        .map_err(failed("read a shard's log"))
}

/// Claims the shard for this session.
pub(crate) async fn claim(
    db: &mut PgConnection,
    (pid, began): SessionId,
    shard: i32,
    claim: Claim,
) -> Result<Claimed, Error> {
    let epoch = match claim {
        Claim::TakeOver => None,
        Claim::Resume(epoch) => Some(epoch),
    };
    for _ in 0..CLAIM_ROUNDS_MAX {
        let claimed = sqlx::query(
            "update progress set epoch = coalesce($2, epoch + 1), owner_pid = $3, owner_began = $4 \
             where shard = $1 and epoch = coalesce($2, epoch) \
             returning epoch, tick, offsets, clock, committed_at, definitions, digest",
        )
        .bind(shard)
        .bind(epoch)
        .bind(pid)
        .bind(began)
        .fetch_optional(&mut *db)
        .await;
        match claimed {
            Ok(Some(row)) => return decode(&row),
            Ok(None) => {
                let current = current_epoch(db, shard).await?;
                return Err(Error::Fenced { shard, epoch: epoch.unwrap_or(0), current });
            }
            Err(error) if is_lock_timeout(&error) => end_owner(db, shard).await?,
            Err(source) => return Err(Error::Statement { doing: "claim a shard", source }),
        }
    }
    let owner = owner(db, shard).await?;
    Err(Error::Held { shard, pid: owner.map_or(0, |(pid, _)| pid) })
}

/// Where a shard is, without a claim; at its beginning when it never began.
pub(crate) async fn read(db: &mut PgConnection, shard: i32) -> Result<Position, Error> {
    let row = sqlx::query(
        "select epoch, tick, offsets, clock, committed_at, definitions, digest \
         from progress where shard = $1",
    )
    .bind(shard)
    .fetch_optional(db)
    .await
    .map_err(failed("read a shard's progress"))?;
    let beginning = Position {
        epoch: 0,
        tick: 0,
        offsets: Offsets::default(),
        clock: UtcMicros(0),
        definitions: BTreeMap::new(),
        digest: None,
    };
    row.map_or(Ok(beginning), |row| Ok(decode(&row)?.position))
}

fn is_lock_timeout(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|it| it.code()).is_some_and(|code| code == "55P03")
}

async fn owner(db: &mut PgConnection, shard: i32) -> Result<Option<SessionId>, Error> {
    sqlx::query_as(
        "select owner_pid, owner_began from progress \
         where shard = $1 and owner_pid is not null and owner_began is not null",
    )
    .bind(shard)
    .fetch_optional(db)
    .await
    .map_err(failed("read a shard's owner"))
}

/// Ends the session the row names, if it is still that one: its process id may be another's by now.
async fn end_owner(db: &mut PgConnection, shard: i32) -> Result<(), Error> {
    let Some((pid, began)) = owner(db, shard).await? else { return Ok(()) };
    tracing::warn!(shard, pid, "ending the session of a former writer, which holds the shard");
    let ended = async {
        // The user of the session may end its own sessions; the role may not.
        db.execute("set role none").await?;
        sqlx::query(
            "select pg_terminate_backend(pid) from pg_stat_activity where pid = $1 and backend_start = $2",
        )
        .bind(pid)
        .bind(began)
        .execute(&mut *db)
        .await?;
        connection::become_engine(db).await
    };
    ended.await.map_err(failed("end the session of a former writer"))
}

pub(crate) async fn current_epoch(db: &mut PgConnection, shard: i32) -> Result<i64, Error> {
    sqlx::query_scalar("select epoch from progress where shard = $1")
        .bind(shard)
        .fetch_one(db)
        .await
        .map_err(failed("read a shard's epoch"))
}

fn decode(row: &PgRow) -> Result<Claimed, Error> {
    type Columns = (i64, i64, Value, DateTime<Utc>, DateTime<Utc>, Value, Option<String>);
    let read = || -> Result<Columns, sqlx::Error> {
        Ok((
            row.try_get(0)?,
            row.try_get(1)?,
            row.try_get(2)?,
            row.try_get(3)?,
            row.try_get(4)?,
            row.try_get(5)?,
            row.try_get(6)?,
        ))
    };
    let (epoch, tick, offsets, clock, committed_at, definitions, digest) =
        read().map_err(failed("read a shard's progress"))?;
    let position = Position {
        epoch,
        tick: u64::try_from(tick).map_err(|_| Error::Corrupt { what: "tick" })?,
        offsets: offsets_from_json(&offsets).ok_or(Error::Corrupt { what: "offsets" })?,
        clock: UtcMicros(clock.timestamp_micros()),
        definitions: serde_json::from_value(definitions)
            .map_err(|_| Error::Corrupt { what: "definitions" })?,
        digest: digest.as_deref().and_then(Digest::parse),
    };
    Ok(Claimed { position, committed_at })
}

pub(crate) fn offsets_to_json(offsets: &Offsets) -> Value {
    let entries = offsets.0.iter().map(|(partition, next)| (partition.to_string(), (*next).into()));
    Value::Object(entries.collect())
}

pub(crate) fn offsets_from_json(json: &Value) -> Option<Offsets> {
    let entries = json.as_object()?.iter();
    let parsed = entries.map(|(partition, next)| Some((partition.parse().ok()?, next.as_i64()?)));
    parsed.collect::<Option<_>>().map(Offsets)
}
