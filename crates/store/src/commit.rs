//! The one writer of a shard, and its commit: a whole tick, exactly once.
//!
//! # Contract
//! 1. A commit is one transaction. Its first statement moves the shard's progress from the tick it
//!    continues to its own, if the epoch is still the writer's (compare-and-append). No row moved: fenced (I5),
//!    or already committed; which of the two is read, not guessed.
//! 2. Every failure, whatever it looks like, is followed by reading progress on a new connection, under
//!    the row's lock. There: the commit happened after all. Not there: it may be tried again, since then
//!    nothing of it can still arrive (the lock was free, and the old session is gone or was ended).
//! 3. Tries are bounded. When they run out the answer is an error, and committing the same batch again
//!    later is safe: clause 1 makes it a no-op if it is there.
//! 4. A future that is dropped in mid-commit leaves the outcome open; the next call begins with clause 2.
//!
//! Not promised: that ticks of different shards are committed in any order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection, Executor};
use uuid::Uuid;
use vitals_model::{CommitBatch, Digest, UtcMicros};

use crate::error::{Error, failed};
use crate::history::{History, Plan};
use crate::progress::{self, Claim, Claimed, Position, offsets_to_json};
use crate::store::Store;
use crate::{outcomes, write};

/// How often a commit is tried, the waits between doubling from 50 ms to 2 s: about 20 seconds in all,
/// enough for a server that restarts.
const TRIES_MAX: u32 = 14;
const WAIT_FIRST: Duration = Duration::from_millis(50);
const WAIT_LONGEST: Duration = Duration::from_secs(2);

/// A tick that is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Which one.
    pub tick: u64,
    /// Rows of vitals it changed.
    pub rows: u64,
    /// When, by the database's clock; never goes back.
    pub committed_at: UtcMicros,
}

/// The right to commit to one shard, until somebody takes it over.
pub struct Writer {
    options: Arc<PgConnectOptions>,
    shard: i32,
    position: Position,
    last: Committed,
    /// Absent while an outcome is open.
    session: Option<PgConnection>,
    history: History,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut it = f.debug_struct("Writer");
        it.field("shard", &self.shard).field("position", &self.position).finish_non_exhaustive()
    }
}

/// How one try ended.
enum Outcome {
    Committed(DateTime<Utc>, Box<Plan>),
    /// Nobody's progress moved.
    NotMoved,
}

impl Store {
    /// Makes this process the writer of `shard`: from now on the former one is fenced. The log the rows
    /// are made from must be the one they always were made from.
    ///
    /// # Errors
    /// [`Error::OtherLog`] and [`Error::OtherPartitions`] if it is not, [`Error::Held`] if the former
    /// writer's transaction cannot be ended, and what can go wrong with a connection.
    pub async fn take_over(
        &self,
        shard: i32,
        log_identity: &str,
        partitions: u16,
    ) -> Result<Writer, Error> {
        let (mut db, id) = progress::open_session(&self.options).await?;
        progress::begin_shard(&mut db, shard, log_identity, partitions).await?;
        let claimed = progress::claim(&mut db, id, shard, Claim::TakeOver).await?;
        Ok(Writer {
            options: Arc::clone(&self.options),
            shard,
            last: Committed {
                tick: claimed.position.tick,
                rows: 0,
                committed_at: UtcMicros(claimed.committed_at.timestamp_micros()),
            },
            position: claimed.position,
            session: Some(db),
            history: History::default(),
        })
    }
}

impl Writer {
    /// Where the shard is: what the next batch must continue.
    #[must_use]
    pub fn position(&self) -> &Position {
        &self.position
    }

    /// Commits a tick. The batch that was committed last may be given again, and changes nothing.
    ///
    /// # Errors
    /// [`Error::Fenced`]: stop, another writer is at work. [`Error::NotNext`]: the batch does not continue
    /// the last one. [`Error::Commit`]: the database refused it, and always will. [`Error::Lost`]: the
    /// database is away; the same batch may be committed again.
    pub async fn commit(&mut self, batch: &CommitBatch) -> Result<Committed, Error> {
        self.commit_all(batch, None).await
    }

    /// Commits a tick and, in the same transaction, records the definitions its rows were made by.
    ///
    /// # Errors
    /// As [`Writer::commit`].
    pub async fn commit_restatement(
        &mut self,
        batch: &CommitBatch,
        definitions: &BTreeMap<String, String>,
    ) -> Result<Committed, Error> {
        self.commit_all(batch, Some(definitions)).await
    }

    /// Records what the rows as they are were made by and come to: the definitions' hashes and the digest.
    ///
    /// # Errors
    /// [`Error::Fenced`], or the database failed.
    pub async fn record(
        &mut self,
        definitions: &BTreeMap<String, String>,
        digest: Digest,
    ) -> Result<(), Error> {
        let mut db = match self.session.take() {
            Some(db) => db,
            None => self.resume().await?.0,
        };
        let moved = sqlx::query(
            "update progress set definitions = $3, digest = $4 where shard = $1 and epoch = $2",
        )
        .bind(self.shard)
        .bind(self.position.epoch)
        .bind(sqlx::types::Json(definitions))
        .bind(digest.to_string())
        .execute(&mut db)
        .await
        .map_err(failed("record the definitions"))?;
        if moved.rows_affected() == 0 {
            let current = progress::current_epoch(&mut db, self.shard).await?;
            return Err(self.fenced(current));
        }
        self.session = Some(db);
        self.position.definitions.clone_from(definitions);
        self.position.digest = Some(digest);
        Ok(())
    }

    async fn commit_all(
        &mut self,
        batch: &CommitBatch,
        definitions: Option<&BTreeMap<String, String>>,
    ) -> Result<Committed, Error> {
        let Position { tick, offsets, .. } = &self.position;
        if batch.tick == *tick && batch.upper == *offsets {
            return Ok(self.last);
        }
        if batch.tick != tick + 1 || batch.lower != *offsets {
            return Err(Error::NotNext { shard: self.shard, tick: batch.tick, stored: *tick });
        }
        let mut refused: Option<sqlx::Error> = None;
        let mut lost = None;
        let mut wait = WAIT_FIRST;
        for _ in 0..TRIES_MAX {
            let mut db = match self.session.take() {
                Some(db) => db,
                None => match self.resume().await {
                    Ok((db, stored)) => {
                        if let Some(committed) = self.settle(batch, &stored)? {
                            self.session = Some(db);
                            self.advance(batch, definitions, committed);
                            return Ok(committed);
                        }
                        db
                    }
                    Err(
                        error @ (Error::Connect { .. }
                        | Error::Slow { .. }
                        | Error::Statement { .. }),
                    ) => {
                        lost = Some(error);
                        pause(&mut wait).await;
                        continue;
                    }
                    Err(error) => return Err(error),
                },
            };
            // Only now is it certain that nothing of a refused batch is stored.
            if let Some(source) = refused.take() {
                self.session = Some(db);
                return Err(Error::Commit { shard: self.shard, tick: batch.tick, source });
            }
            match self.attempt(&mut db, batch, definitions).await {
                Ok(Outcome::Committed(at, plan)) => {
                    self.session = Some(db);
                    let committed = committed(batch, at);
                    self.advance(batch, definitions, committed);
                    self.history.remember(*plan);
                    return Ok(committed);
                }
                Ok(Outcome::NotMoved) => {}
                Err(error) if is_passing(&error) => {
                    tracing::warn!(shard = self.shard, tick = batch.tick, %error, "a commit failed; looking whether it happened");
                    lost = Some(Error::Statement { doing: "commit", source: error });
                    pause(&mut wait).await;
                }
                Err(error) => refused = Some(error),
            }
        }
        let source = lost.unwrap_or(Error::Slow { seconds: 20 });
        Err(Error::Lost { shard: self.shard, tick: batch.tick, source: Box::new(source) })
    }

    /// One try. Whatever the error, the caller reads progress before it does anything else.
    async fn attempt(
        &self,
        db: &mut PgConnection,
        batch: &CommitBatch,
        definitions: Option<&BTreeMap<String, String>>,
    ) -> Result<Outcome, sqlx::Error> {
        let mut tx = db.begin().await?;
        let moved: Option<DateTime<Utc>> = sqlx::query_scalar(
            "update progress set tick = $4, offsets = $5, clock = $6, \
             committed_at = greatest(committed_at, clock_timestamp()), \
             definitions = coalesce($7, definitions), digest = $8 \
             where shard = $1 and epoch = $2 and tick = $3 returning committed_at",
        )
        .bind(self.shard)
        .bind(self.position.epoch)
        .bind(to_i64(self.position.tick)?)
        .bind(to_i64(batch.tick)?)
        .bind(offsets_to_json(&batch.upper))
        .bind(batch.clock.to_chrono())
        .bind(definitions.map(sqlx::types::Json))
        .bind(batch.digest.to_string())
        .fetch_optional(&mut *tx)
        .await?;
        let Some(at) = moved else { return Ok(Outcome::NotMoved) };
        write::vitals(&mut tx, &batch.changes).await?;
        let plan = self.history.plan(batch, at);
        plan.write(&mut tx).await?;
        outcomes::write(&mut tx, self.shard, batch, at).await?;
        tx.commit().await?;
        Ok(Outcome::Committed(at, Box::new(plan)))
    }

    /// A new session of the same writer, and where the shard is now.
    async fn resume(&self) -> Result<(PgConnection, Claimed), Error> {
        let (mut db, id) = progress::open_session(&self.options).await?;
        let claim = Claim::Resume(self.position.epoch);
        let claimed = progress::claim(&mut db, id, self.shard, claim).await?;
        Ok((db, claimed))
    }

    /// Whether the open commit happened: `None` when it did not and may be tried.
    fn settle(&self, batch: &CommitBatch, stored: &Claimed) -> Result<Option<Committed>, Error> {
        let at = &stored.position;
        if at.tick == batch.tick && at.offsets == batch.upper {
            return Ok(Some(committed(batch, stored.committed_at)));
        }
        if at.tick == self.position.tick && at.offsets == self.position.offsets {
            return Ok(None);
        }
        // Our epoch, and a place we never were: somebody changed the row by hand.
        Err(self.fenced(at.epoch))
    }

    fn fenced(&self, current: i64) -> Error {
        Error::Fenced { shard: self.shard, epoch: self.position.epoch, current }
    }

    fn advance(
        &mut self,
        batch: &CommitBatch,
        definitions: Option<&BTreeMap<String, String>>,
        committed: Committed,
    ) {
        self.position.tick = batch.tick;
        self.position.offsets.clone_from(&batch.upper);
        self.position.clock = batch.clock;
        self.position.digest = Some(batch.digest);
        if let Some(definitions) = definitions {
            self.position.definitions.clone_from(definitions);
        }
        self.last = committed;
    }

    /// Ends the session in good order.
    pub async fn close(mut self) {
        if let Some(mut db) = self.session.take() {
            // A successor need not know who we were; if this fails it only has one session more to name.
            db.execute("reset all").await.ok();
            db.close().await.ok();
        }
    }
}

fn committed(batch: &CommitBatch, at: DateTime<Utc>) -> Committed {
    Committed {
        tick: batch.tick,
        rows: batch.changes.len() as u64,
        committed_at: UtcMicros(at.timestamp_micros()),
    }
}

fn to_i64(tick: u64) -> Result<i64, sqlx::Error> {
    i64::try_from(tick).map_err(|error| sqlx::Error::Encode(error.into()))
}

/// Whether the same statements may do better later. Anything the server refused for what it was (a value
/// that does not fit, a missing right) is refused for good.
fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(error) => error.code().is_none_or(|code| {
            // Connection, resources, operator, system; serialization, deadlock, lock timeout.
            ["08", "53", "57", "58", "40", "55"].iter().any(|class| code.starts_with(class))
        }),
        sqlx::Error::Encode(_) | sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => false,
        _ => true,
    }
}

/// Waits, with jitter, so that writers that were fenced together do not come back together.
async fn pause(wait: &mut Duration) {
    let share = u32::try_from(Uuid::new_v4().as_u128() % 128).unwrap_or(0);
    tokio::time::sleep(*wait / 2 + *wait * share / 256).await;
    *wait = (*wait * 2).min(WAIT_LONGEST);
}
