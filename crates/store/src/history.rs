//! What each row used to be: the rows of `vital_changes` a commit appends.
//!
//! Promises what contracts 4.5 allow and no more: changes of one row within one minute become one, from
//! the first old to the last new, under the last tick; the change of a churn level, or of a bucket that is
//! closed, stands alone. The minute is that of the commit and of the engine's clock, both.
//!
//! The writer remembers what it appended in this minute. To join, it takes its own row back and appends
//! another: never a read, and nothing older than a minute is touched. If it dies, the memory is lost and
//! one row more is kept, which is allowed.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;
use vitals_model::CommitBatch;
use vitals_model::UtcMicros;
use vitals_model::local_time::Grain;
use vitals_model::utc::HOUR_US;
use vitals_model::vital::{Change, ChurnKey, HealthKey, HeatmapKey, Period, RevenueKey, VitalKey};

use crate::error::{Error, failed};
use crate::json::JsonText;
use crate::store::Store;
use crate::write::ROWS_PER_STATEMENT;

const MINUTE_US: i64 = 60_000_000;
const DAY_US: i64 = 24 * HOUR_US;
/// Most rows of one vital whose place is remembered within a minute; the others are kept step by step.
const REMEMBERED_MAX: usize = 50_000;

/// A row of history this writer appended, and what the row was before.
#[derive(Debug)]
struct Written {
    tick: i64,
    n: i32,
    /// As JSON.
    old: Option<String>,
}

type Memory<K> = BTreeMap<K, Written>;
/// What a committed plan does to the memory: a new place, or none to join with.
type News<K> = Vec<(K, Option<Written>)>;

/// What this writer appended in the current minute.
#[derive(Debug, Default)]
pub(crate) struct History {
    minute: (i64, i64),
    revenue: Memory<RevenueKey>,
    heatmap: Memory<HeatmapKey>,
    churn: Memory<ChurnKey>,
    health: Memory<HealthKey>,
}

/// What one commit writes to history, and will remember once it is committed.
#[derive(Debug)]
pub(crate) struct Plan {
    minute: (i64, i64),
    taken_back: TakenBack,
    appended: Appended,
    revenue: News<RevenueKey>,
    heatmap: News<HeatmapKey>,
    churn: News<ChurnKey>,
    health: News<HealthKey>,
}

#[derive(Debug, Default)]
struct TakenBack {
    tenant: Vec<Uuid>,
    tick: Vec<i64>,
    n: Vec<i32>,
}

#[derive(Debug)]
struct Appended {
    tick: i64,
    at: DateTime<Utc>,
    cause: &'static str,
    tenant: Vec<Uuid>,
    vital: Vec<&'static str>,
    key: Vec<String>,
    old: Vec<Option<String>>,
    new: Vec<Option<String>>,
}

impl History {
    /// What to write for `batch`, committed at `at`.
    pub(crate) fn plan(&self, batch: &CommitBatch, at: DateTime<Utc>) -> Plan {
        let minute =
            (at.timestamp_micros().div_euclid(MINUTE_US), batch.clock.0.div_euclid(MINUTE_US));
        let same = minute == self.minute;
        let clock = batch.clock;
        let mut drawing = Drawing {
            taken_back: TakenBack::default(),
            appended: Appended {
                tick: i64::try_from(batch.tick).unwrap_or(i64::MAX),
                at,
                cause: batch.cause.as_str(),
                tenant: Vec::new(),
                vital: Vec::new(),
                key: Vec::new(),
                old: Vec::new(),
                new: Vec::new(),
            },
        };
        let changes = &batch.changes;
        let revenue =
            drawing.add("revenue_trend", &changes.revenue, same.then_some(&self.revenue), |it| {
                is_open(it.key.grain, it.key.bucket, clock)
            });
        let heatmap = drawing.add(
            "attendance_heatmap",
            &changes.heatmap,
            same.then_some(&self.heatmap),
            |it| match it.key.period {
                Period::Month(first) => i64::from(first.0 + 27) * DAY_US > clock.0,
                Period::Trailing(_) => true,
            },
        );
        let churn = drawing.add("churn_risk", &changes.churn, same.then_some(&self.churn), |it| {
            it.old.as_ref().map(|row| row.level) == it.new.as_ref().map(|row| row.level)
        });
        let health =
            drawing.add("health_score", &changes.health, same.then_some(&self.health), |_| true);
        let Drawing { taken_back, appended } = drawing;
        Plan { minute, taken_back, appended, revenue, heatmap, churn, health }
    }

    /// Learns what was committed.
    pub(crate) fn remember(&mut self, plan: Plan) {
        if plan.minute != self.minute {
            *self = Self { minute: plan.minute, ..Self::default() };
        }
        learn(&mut self.revenue, plan.revenue);
        learn(&mut self.heatmap, plan.heatmap);
        learn(&mut self.churn, plan.churn);
        learn(&mut self.health, plan.health);
    }
}

fn learn<K: Ord>(memory: &mut Memory<K>, news: News<K>) {
    for (key, written) in news {
        match written {
            Some(written) if memory.len() < REMEMBERED_MAX || memory.contains_key(&key) => {
                memory.insert(key, written);
            }
            _ => {
                memory.remove(&key);
            }
        }
    }
}

/// Whether a bucket is certainly still open: whatever the zone and the calendar, it is no shorter than
/// this (a day can have 23 hours, a month 28 days less an hour).
fn is_open(grain: Grain, bucket: UtcMicros, clock: UtcMicros) -> bool {
    let shortest = match grain {
        Grain::Hour => HOUR_US,
        Grain::Day => DAY_US - HOUR_US,
        Grain::Week => 7 * DAY_US - HOUR_US,
        Grain::Month => 28 * DAY_US - HOUR_US,
    };
    bucket.0.saturating_add(shortest) > clock.0
}

/// Most rows of one tenant's history that are read to find what may be forgotten.
const FORGOTTEN_PER_CALL_MAX: i64 = 10_000;

impl Store {
    /// Forgets history older than each tenant keeps it (`tenants.history_days`), the oldest first and a
    /// bounded part of it: call it again while it returns more than zero. How many rows it forgot.
    ///
    /// # Errors
    /// The database failed.
    pub async fn forget_history(&self, now: UtcMicros) -> Result<u64, Error> {
        let tenants: Vec<(Uuid, i32)> = sqlx::query_as(
            "select c.tenant, coalesce(t.history_days, 400) \
             from tenant_clock c left join tenants t on t.id = c.tenant",
        )
        .fetch_all(&self.pool)
        .await
        .map_err(failed("list the tenants"))?;
        let mut forgotten = 0;
        for (tenant, days) in tenants {
            let cutoff = UtcMicros(now.0.saturating_sub(i64::from(days) * DAY_US));
            let deleted = self.forget_before(tenant, cutoff.to_chrono()).await;
            forgotten += deleted.map_err(failed("forget history"))?;
        }
        Ok(forgotten)
    }

    /// Two statements, so that the second names its last tick as a number: TimescaleDB then unpacks only
    /// the compressed rows up to there.
    async fn forget_before(&self, tenant: Uuid, cutoff: DateTime<Utc>) -> Result<u64, sqlx::Error> {
        let mut tx = self.pool.begin().await?;
        let last: Option<i64> = sqlx::query_scalar(
            "select max(tick) from (select tick, committed_at from vital_changes \
                 where tenant = $1 order by tick limit $3) oldest where committed_at < $2",
        )
        .bind(tenant)
        .bind(cutoff)
        .bind(FORGOTTEN_PER_CALL_MAX)
        .fetch_one(&mut *tx)
        .await?;
        let Some(last) = last else { return Ok(0) };
        // It also refuses to unpack more than 100,000 rows, and one tick can be longer. Where there is no
        // TimescaleDB the setting means nothing.
        sqlx::query(
            "select set_config('timescaledb.max_tuples_decompressed_per_dml_transaction', '0', true)",
        )
        .execute(&mut *tx)
        .await?;
        let deleted = sqlx::query(
            "delete from vital_changes where tenant = $1 and committed_at < $2 and tick <= $3",
        )
        .bind(tenant)
        .bind(cutoff)
        .bind(last)
        .execute(&mut *tx)
        .await?;
        // Last, so that a commit that moves this tenant's date waits for the lock the shortest time.
        sqlx::query(
            "update tenant_clock set forgotten_tick = greatest(forgotten_tick, $2), \
             forgotten_at = greatest(forgotten_at, $3) where tenant = $1",
        )
        .bind(tenant)
        .bind(last)
        .bind(cutoff)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(deleted.rows_affected())
    }
}

struct Drawing {
    taken_back: TakenBack,
    appended: Appended,
}

impl Drawing {
    fn add<K: VitalKey + JsonText, R: JsonText>(
        &mut self,
        vital: &'static str,
        changes: &[Change<K, R>],
        memory: Option<&Memory<K>>,
        may_join: impl Fn(&Change<K, R>) -> bool,
    ) -> News<K> {
        let mut news = Vec::new();
        for change in changes {
            let joins = may_join(change);
            let known = memory.and_then(|memory| memory.get(&change.key));
            let old = match known.filter(|_| joins) {
                Some(earlier) => {
                    self.taken_back.tenant.push(change.key.tenant().0);
                    self.taken_back.tick.push(earlier.tick);
                    self.taken_back.n.push(earlier.n);
                    earlier.old.clone()
                }
                None => change.old.as_ref().map(JsonText::json_text),
            };
            let it = &mut self.appended;
            let n = i32::try_from(it.tenant.len()).unwrap_or(i32::MAX);
            if joins {
                let written = Written { tick: it.tick, n, old: old.clone() };
                news.push((change.key.clone(), Some(written)));
            } else if known.is_some() {
                news.push((change.key.clone(), None));
            }
            it.tenant.push(change.key.tenant().0);
            it.vital.push(vital);
            it.key.push(change.key.json_text());
            it.old.push(old);
            it.new.push(change.new.as_ref().map(JsonText::json_text));
        }
        news
    }
}

impl Plan {
    /// Writes the plan in the commit's transaction.
    pub(crate) async fn write(&self, db: &mut PgConnection) -> Result<(), sqlx::Error> {
        let back = &self.taken_back;
        if !back.tenant.is_empty() {
            // The bound changes no row: what is joined is of this minute. It is for TimescaleDB, which
            // would otherwise unpack every compressed chunk to look for them.
            sqlx::query(
                "delete from vital_changes h using unnest($1::uuid[], $2::bigint[], $3::int[]) d (tenant, tick, n) \
                 where h.tenant = d.tenant and h.tick = d.tick and h.n = d.n and h.committed_at >= $4",
            )
            .bind(&back.tenant)
            .bind(&back.tick)
            .bind(&back.n)
            .bind(UtcMicros(self.minute.0 * MINUTE_US).to_chrono())
            .execute(&mut *db)
            .await?;
        }
        let it = &self.appended;
        for from in (0..it.tenant.len()).step_by(ROWS_PER_STATEMENT) {
            let to = it.tenant.len().min(from + ROWS_PER_STATEMENT);
            sqlx::query(
                "insert into vital_changes (tick, committed_at, tenant, n, vital, cause, key, old, new) \
                 select $1, $2, d.tenant, $3::int + d.ordinality - 1, d.vital, to_jsonb($4::text), \
                     d.key::jsonb, d.old::json, d.new::json \
                 from unnest($5::uuid[], $6::text[], $7::text[], $8::text[], $9::text[]) \
                 with ordinality d (tenant, vital, key, old, new, ordinality)",
            )
            .bind(it.tick)
            .bind(it.at)
            .bind(i32::try_from(from).unwrap_or(i32::MAX))
            .bind(it.cause)
            .bind(&it.tenant[from..to])
            .bind(&it.vital[from..to])
            .bind(&it.key[from..to])
            .bind(&it.old[from..to])
            .bind(&it.new[from..to])
            .execute(&mut *db)
            .await?;
        }
        Ok(())
    }
}
