//! Schedules: when a tenant's report or query is due, who runs it, and what became of it.
//!
//! # Contract
//! 1. Of several processes one takes a due run: the row is locked while a lease is written into it.
//! 2. A run ends with its lease or not at all: whoever took longer than the lease, and was replaced, changes nothing.
//! 3. What became of a run and when the next one is due are one transaction: one record for each due time.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;
use vitals_model::limits::SCHEDULES_MAX;
use vitals_model::tenant::TenantScope;
use vitals_model::{TenantId, UtcMicros};

use crate::error::{Error, failed};
use crate::store::Store;

/// Runs of a schedule that are remembered.
const RUNS_KEPT: i64 = 100;

/// A schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Its name.
    pub name: String,
    /// Whether a report runs, or a saved query.
    pub is_report: bool,
    /// The name of what runs.
    pub target: String,
    /// What it is told: an object of texts.
    pub params: Value,
    /// The form of its files.
    pub format: String,
    /// `day`, `week` or `month`.
    pub every: String,
    /// ISO weekday, or day of the month; 0 of every day.
    pub on_day: i16,
    /// Minutes after the tenant's midnight.
    pub at_minute: i16,
    /// How many files are kept.
    pub keep: i16,
    /// When it is due next.
    pub next_at: UtcMicros,
}

/// A due run that this process has taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Whose.
    pub tenant: TenantId,
    /// The tenant's short name.
    pub slug: String,
    /// What is due.
    pub schedule: Schedule,
    /// Which try this is, from 1.
    pub tries: i16,
    lease: Uuid,
}

/// What became of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It wrote this file.
    Wrote(String),
    /// It failed, and will not be tried again for this due time.
    Failed(String),
}

/// A run that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// When it was due.
    pub due_at: UtcMicros,
    /// The tries it took.
    pub tries: i16,
    /// The file it wrote.
    pub file: Option<String>,
    /// Why it wrote none.
    pub error: Option<String>,
}

type Row = (String, bool, String, Value, String, String, i16, i16, i16, DateTime<Utc>);

fn decode(row: Row) -> Schedule {
    let (name, is_report, target, params, format, every, on_day, at_minute, keep, next_at) = row;
    let next_at = UtcMicros(next_at.timestamp_micros());
    Schedule { name, is_report, target, params, format, every, on_day, at_minute, keep, next_at }
}

fn instant(at: UtcMicros) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at.0).unwrap_or_default()
}

const COLUMNS: &str =
    "name, is_report, target, params, format, every, on_day, at_minute, keep, next_at";

impl Store {
    /// Makes a schedule.
    ///
    /// # Errors
    /// [`Error::Taken`] if there is one of this name; [`Error::Refused`] if the name cannot be one, or there are too many.
    pub async fn create_schedule(&self, scope: &TenantScope, it: &Schedule) -> Result<(), Error> {
        let doing = "create a schedule";
        let made = sqlx::query(
            "insert into schedules (tenant, name, is_report, target, params, format, every, on_day, at_minute, keep, \
             next_at) select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11 \
             where (select count(*) from schedules where tenant = $1) < $12",
        )
        .bind(scope.tenant().0)
        .bind(&it.name)
        .bind(it.is_report)
        .bind(&it.target)
        .bind(&it.params)
        .bind(&it.format)
        .bind(&it.every)
        .bind(it.on_day)
        .bind(it.at_minute)
        .bind(it.keep)
        .bind(instant(it.next_at))
        .bind(SCHEDULES_MAX)
        .execute(&self.pool)
        .await;
        let value = it.name.clone();
        match made {
            Ok(done) if done.rows_affected() == 1 => Ok(()),
            Ok(_) => {
                let rule = "a tenant has at most 100 schedules";
                Err(Error::Refused { what: "schedule", value, rule })
            }
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                Err(Error::Taken { what: "schedule", value })
            }
            Err(sqlx::Error::Database(error)) if error.is_check_violation() => {
                let rule = "its name has 1 to 63 lower-case letters, digits, inner hyphens and underscores";
                Err(Error::Refused { what: "schedule", value, rule })
            }
            Err(source) => Err(Error::Statement { doing, source }),
        }
    }

    /// The tenant's schedules, by name.
    ///
    /// # Errors
    /// The database failed.
    pub async fn schedules(&self, scope: &TenantScope) -> Result<Vec<Schedule>, Error> {
        let sql = format!("select {COLUMNS} from schedules where tenant = $1 order by name");
        let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(sql))
            .bind(scope.tenant().0)
            .fetch_all(&self.pool)
            .await
            .map_err(failed("list the schedules"))?;
        Ok(rows.into_iter().map(decode).collect())
    }

    /// Forgets a schedule and its runs. Whether there was one.
    ///
    /// # Errors
    /// The database failed.
    pub async fn delete_schedule(&self, scope: &TenantScope, name: &str) -> Result<bool, Error> {
        let gone = sqlx::query("delete from schedules where tenant = $1 and name = $2")
            .bind(scope.tenant().0)
            .bind(name)
            .execute(&self.pool)
            .await
            .map_err(failed("delete a schedule"))?;
        Ok(gone.rows_affected() > 0)
    }

    /// The runs of a schedule that ended, the latest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn schedule_runs(&self, scope: &TenantScope, name: &str) -> Result<Vec<Run>, Error> {
        type Row = (DateTime<Utc>, i16, Option<String>, Option<String>);
        let rows: Vec<Row> = sqlx::query_as(
            "select due_at, tries, file, error from schedule_runs where tenant = $1 and schedule = $2 \
             order by due_at desc",
        )
        .bind(scope.tenant().0)
        .bind(name)
        .fetch_all(&self.pool)
        .await
        .map_err(failed("list the runs of a schedule"))?;
        let decode = |(due_at, tries, file, error): Row| Run {
            due_at: UtcMicros(due_at.timestamp_micros()),
            tries,
            file,
            error,
        };
        Ok(rows.into_iter().map(decode).collect())
    }

    /// Takes a run that is due, for so long; `None` when none is.
    ///
    /// # Errors
    /// The database failed.
    pub async fn take_due(&self, now: UtcMicros, lease: Duration) -> Result<Option<Taken>, Error> {
        let doing = "take a due run";
        let until = UtcMicros(now.0 + i64::try_from(lease.as_micros()).unwrap_or(0));
        let mine = Uuid::new_v4();
        let sql = format!(
            "update schedules as s set lease = $2, free_at = $3, tries = s.tries + 1 from tenants as t \
             where t.id = s.tenant and (s.tenant, s.name) = ( \
                select tenant, name from schedules where greatest(next_at, free_at) <= $1 \
                order by next_at limit 1 for update skip locked) \
             returning s.tenant, t.slug, s.tries, {}",
            COLUMNS.split(", ").map(|it| format!("s.{it}")).collect::<Vec<_>>().join(", ")
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(instant(now))
            .bind(mine)
            .bind(instant(until))
            .fetch_optional(&self.pool)
            .await
            .map_err(failed(doing))?;
        row.map(|row| taken(&row, mine).map_err(failed(doing))).transpose()
    }

    /// Ends a run: records it, and says when the next one is due. Whether the lease was still its own.
    ///
    /// # Errors
    /// The database failed.
    pub async fn end_run(
        &self,
        taken: &Taken,
        ended: &Ended,
        (now, next_at): (UtcMicros, UtcMicros),
    ) -> Result<bool, Error> {
        let doing = "record a run";
        let mut tx = self.pool.begin().await.map_err(failed(doing))?;
        let moved = sqlx::query(
            "update schedules set next_at = $4, free_at = '-infinity', lease = null, tries = 0 \
             where tenant = $1 and name = $2 and lease = $3",
        )
        .bind(taken.tenant.0)
        .bind(&taken.schedule.name)
        .bind(taken.lease)
        .bind(instant(next_at))
        .execute(&mut *tx)
        .await
        .map_err(failed(doing))?;
        if moved.rows_affected() != 1 {
            return Ok(false);
        }
        let (file, error) = match ended {
            Ended::Wrote(file) => (Some(file), None),
            Ended::Failed(why) => (None, Some(why)),
        };
        sqlx::query(
            "insert into schedule_runs (tenant, schedule, due_at, tries, ended_at, file, error) \
             values ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(taken.tenant.0)
        .bind(&taken.schedule.name)
        .bind(instant(taken.schedule.next_at))
        .bind(taken.tries)
        .bind(instant(now))
        .bind(file)
        .bind(error)
        .execute(&mut *tx)
        .await
        .map_err(failed(doing))?;
        sqlx::query(
            "delete from schedule_runs where tenant = $1 and schedule = $2 and due_at < ( \
             select min(due_at) from (select due_at from schedule_runs where tenant = $1 and schedule = $2 \
             order by due_at desc limit $3) as kept)",
        )
        .bind(taken.tenant.0)
        .bind(&taken.schedule.name)
        .bind(RUNS_KEPT)
        .execute(&mut *tx)
        .await
        .map_err(failed(doing))?;
        tx.commit().await.map_err(failed(doing))?;
        Ok(true)
    }

    /// Gives a run back that failed, to be tried again from then on.
    ///
    /// # Errors
    /// The database failed.
    pub async fn retry_run(&self, taken: &Taken, from: UtcMicros) -> Result<(), Error> {
        sqlx::query(
            "update schedules set free_at = $4, lease = null where tenant = $1 and name = $2 and lease = $3",
        )
        .bind(taken.tenant.0)
        .bind(&taken.schedule.name)
        .bind(taken.lease)
        .bind(instant(from))
        .execute(&self.pool)
        .await
        .map(|_| ())
        .map_err(failed("give a run back"))
    }
}

fn taken(row: &sqlx::postgres::PgRow, lease: Uuid) -> Result<Taken, sqlx::Error> {
    use sqlx::Row as _;
    let next_at: DateTime<Utc> = row.try_get(12)?;
    let schedule = Schedule {
        name: row.try_get(3)?,
        is_report: row.try_get(4)?,
        target: row.try_get(5)?,
        params: row.try_get(6)?,
        format: row.try_get(7)?,
        every: row.try_get(8)?,
        on_day: row.try_get(9)?,
        at_minute: row.try_get(10)?,
        keep: row.try_get(11)?,
        next_at: UtcMicros(next_at.timestamp_micros()),
    };
    Ok(Taken {
        tenant: TenantId(row.try_get(0)?),
        slug: row.try_get(1)?,
        tries: row.try_get(2)?,
        schedule,
        lease,
    })
}
