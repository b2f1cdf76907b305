//! A tenant's rows of vitals as a question wants them: these columns, these rows, as of this moment, by pages.
//!
//! Behind the three locks of [`Scoped`]: the tenant is the view's and no part of what is asked, every text names
//! it in its predicate, and the transaction sees its rows alone. The text of a query is made of names of ours;
//! whatever came from outside is bound. Rows are read through cursors, so that several scans of one transaction
//! take turns and one page of each is in memory.
//!
//! As of an earlier moment, rows are those of now with what happened since undone: a key that changed since is as
//! it was before its first change since. History is exact to a minute (see `history.rs`), so these rows are.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Postgres, QueryBuilder, Row};
use vitals_model::limits::{VITAL_FILTER_VALUES_MAX, VITAL_PAGE_ROWS_MAX};
use vitals_model::vital_scan::{
    ScanMoment, ScanTable, ScanTest, ScanType, ScanValue, ScanValues, VitalPage, VitalScan,
};
use vitals_model::{Date, UtcMicros};

use crate::error::{Error, failed};
use crate::numeric::{Hundredths, Micros};
use crate::scoped::Scoped;

/// A scan under way.
#[derive(Clone, Debug)]
pub struct Cursor {
    name: String,
    types: Vec<ScanType>,
}

impl Scoped {
    /// Whether rows can be told as of a moment.
    ///
    /// # Errors
    /// [`Error::NoMoment`] when it is yet to come, or its history is forgotten; the database failed.
    pub async fn check_moment(&mut self, at: ScanMoment) -> Result<(), Error> {
        let doing = "read how far history goes back";
        let found: Option<(i64, i64, Option<DateTime<Utc>>)> = sqlx::query_as(
            "select p.tick, c.forgotten_tick, c.forgotten_at \
             from tenant_clock c join progress p using (shard) where c.tenant = $1",
        )
        .bind(self.tenant().0)
        .fetch_optional(self.connection())
        .await
        .map_err(failed(doing))?;
        let (last, forgotten, forgotten_at) = found.unwrap_or_default();
        let what = match at {
            ScanMoment::Tick(tick) if i128::from(tick) > i128::from(last) => {
                format!("tick {tick} is yet to come: the last is {last}")
            }
            ScanMoment::Tick(tick) if i128::from(tick) < i128::from(forgotten) => {
                format!("history goes back to tick {forgotten}")
            }
            ScanMoment::Instant(at)
                if forgotten_at.is_some_and(|it| at < it.timestamp_micros()) =>
            {
                let from = forgotten_at.unwrap_or_default().timestamp_micros();
                format!("history goes back to {}", UtcMicros(from))
            }
            _ => return Ok(()),
        };
        Err(Error::NoMoment { what })
    }

    /// Begins to read rows.
    ///
    /// # Errors
    /// [`Error::BadScan`] when it asks for what is not there; the database failed.
    pub async fn open_scan(&mut self, scan: &VitalScan) -> Result<Cursor, Error> {
        let all = scan.table.columns();
        let column = |at: usize| all.get(at).copied().ok_or(Error::BadScan);
        let columns = scan.columns.iter().map(|at| column(*at)).collect::<Result<Vec<_>, _>>()?;
        let name = format!("scan_{}", self.count_scan());
        let mut text = QueryBuilder::new(format!("declare {name} no scroll cursor for select "));
        let mut list = text.separated(", ");
        for (name, of) in &columns {
            list.push(format_args!(
                "s.{name}{}",
                if *of == ScanType::Int { "::bigint" } else { "" }
            ));
        }
        if columns.is_empty() {
            list.push("true");
        }
        text.push(" from ");
        source(&mut text, (scan.table, scan.at), self.tenant().0);
        for (at, test) in &scan.tests {
            text.push(" and ");
            narrow(&mut text, column(*at)?, test)?;
        }
        if let Some(limit) = scan.limit {
            text.push(" limit ").push_bind(i64::try_from(limit).unwrap_or(i64::MAX));
        }
        // Made for this scan: there is nothing to keep a prepared statement for.
        let declare = text.build().persistent(false).execute(self.connection()).await;
        declare.map_err(failed("begin to read a vital"))?;
        Ok(Cursor { name, types: columns.into_iter().map(|(_, of)| of).collect() })
    }

    /// The next rows of a scan; `None` after the last.
    ///
    /// # Errors
    /// The database failed, or holds a value that is none of ours.
    pub async fn next_page(&mut self, cursor: &Cursor) -> Result<Option<VitalPage>, Error> {
        let text = format!("fetch forward {VITAL_PAGE_ROWS_MAX} from {}", cursor.name);
        let rows = sqlx::query(AssertSqlSafe(text))
            .persistent(false)
            .fetch_all(self.connection())
            .await
            .map_err(failed("read a vital"))?;
        if rows.is_empty() {
            return Ok(None);
        }
        let columns = cursor.types.iter().enumerate().map(|(at, of)| values(&rows, at, *of));
        let columns = columns.collect::<Result<_, _>>().map_err(failed("read a row of a vital"))?;
        Ok(Some(VitalPage { rows: rows.len(), columns }))
    }
}

/// The rows to choose from, as `s`, up to the tenant's predicate.
fn source(
    text: &mut QueryBuilder<Postgres>,
    (table, at): (ScanTable, ScanMoment),
    tenant: uuid::Uuid,
) {
    if let (ScanTable::VitalChanges, _) | (_, ScanMoment::Now) = (table, at) {
        let name = match table {
            ScanTable::VitalChanges => "tenant_changes",
            other => other.as_str(),
        };
        text.push(name).push(" s where s.tenant = ").push_bind(tenant);
        return;
    }
    // What each key that changed since was before its first change since.
    text.push("(with undone as (select distinct on (h.key) h.tenant, h.key, h.old from tenant_changes h where h.tenant = ");
    text.push_bind(tenant).push(" and h.vital = ").push_bind(table.vital());
    match at {
        ScanMoment::Now => {}
        ScanMoment::Tick(tick) => {
            text.push(" and h.tick > ").push_bind(i64::try_from(tick).unwrap_or(i64::MAX));
        }
        ScanMoment::Instant(at) => {
            text.push(" and h.committed_at > ").push_bind(UtcMicros(at).to_chrono());
        }
    }
    text.push(" order by h.key, h.tick, h.n), rows_then as (select ").push(columns_now(table));
    text.push(" from ")
        .push(table.vital().unwrap_or_default())
        .push(" r where r.tenant = ")
        .push_bind(tenant);
    text.push(" and not exists (select from undone u where ").push(same_key(table));
    text.push(") union all select ").push(columns_then(table));
    text.push(" from undone u where u.old is not null) ");
    text.push(shown(table)).push(") s where s.tenant = ").push_bind(tenant);
}

/// The columns of a vital's table that its rows as of a moment need.
fn columns_now(table: ScanTable) -> &'static str {
    match table.vital() {
        Some("revenue_trend") => {
            "r.tenant, r.location_id, r.currency, r.grain, r.bucket, r.gross, r.discount, r.refunds, r.net, r.tax, \
             r.orders, r.units, r.refund_count, r.paying_customers, r.new_customers, r.active_customers"
        }
        Some("attendance_heatmap") => {
            "r.tenant, r.location_id, r.month, r.trailing_window, r.weekday, r.hour, r.visits, r.unique_customers, \
             r.bookings, r.late_cancels, r.no_shows, r.sessions, r.capacity"
        }
        Some("churn_risk") => {
            "r.tenant, r.customer_id, r.score, r.raw, r.level, r.data_completeness, r.factors"
        }
        _ => {
            "r.tenant, r.overall, r.financial, r.customer, r.operational, r.growth, r.risk, r.coverage, r.metrics"
        }
    }
}

/// The same columns, of a row that history has as JSON.
fn columns_then(table: ScanTable) -> &'static str {
    match table.vital() {
        Some("revenue_trend") => {
            "u.tenant, u.key->>'location_id', u.key->>'currency', u.key->>'grain', (u.key->>'bucket')::timestamptz, \
             (u.old->>'gross')::numeric, (u.old->>'discount')::numeric, (u.old->>'refunds')::numeric, \
             (u.old->>'net')::numeric, (u.old->>'tax')::numeric, (u.old->>'orders')::bigint, \
             (u.old->>'units')::numeric, (u.old->>'refund_count')::bigint, (u.old->>'paying_customers')::bigint, \
             (u.old->>'new_customers')::bigint, (u.old->>'active_customers')::bigint"
        }
        Some("attendance_heatmap") => {
            "u.tenant, u.key->>'location_id', (u.key->>'month')::date, u.key->>'trailing_window', \
             (u.key->>'weekday')::smallint, (u.key->>'hour')::smallint, (u.old->>'visits')::bigint, \
             (u.old->>'unique_customers')::bigint, (u.old->>'bookings')::bigint, (u.old->>'late_cancels')::bigint, \
             (u.old->>'no_shows')::bigint, (u.old->>'sessions')::bigint, (u.old->>'capacity')::bigint"
        }
        Some("churn_risk") => {
            "u.tenant, u.key->>'customer_id', (u.old->>'score')::numeric, (u.old->>'raw')::numeric, u.old->>'level', \
             (u.old->>'data_completeness')::numeric, (u.old->'factors')::jsonb"
        }
        _ => {
            "u.tenant, (u.old->>'overall')::numeric, (u.old->>'financial')::numeric, (u.old->>'customer')::numeric, \
             (u.old->>'operational')::numeric, (u.old->>'growth')::numeric, (u.old->>'risk')::numeric, \
             (u.old->>'coverage')::numeric, (u.old->'metrics')::jsonb"
        }
    }
}

/// Whether a row and a change are of the same key.
fn same_key(table: ScanTable) -> &'static str {
    match table.vital() {
        Some("revenue_trend") => {
            "u.key->>'grain' = r.grain and (u.key->>'bucket')::timestamptz = r.bucket and \
             u.key->>'currency' = r.currency and u.key->>'location_id' is not distinct from r.location_id"
        }
        Some("attendance_heatmap") => {
            "(u.key->>'weekday')::smallint = r.weekday and (u.key->>'hour')::smallint = r.hour and \
             (u.key->>'month')::date is not distinct from r.month and \
             u.key->>'trailing_window' is not distinct from r.trailing_window and \
             u.key->>'location_id' is not distinct from r.location_id"
        }
        Some("churn_risk") => "u.key->>'customer_id' = r.customer_id",
        _ => "u.tenant = r.tenant",
    }
}

/// What is shown of the rows: themselves, or what is unfolded from them, as the views do of the rows of now.
fn shown(table: ScanTable) -> &'static str {
    match table {
        ScanTable::ChurnFactors => {
            "select c.tenant, c.customer_id, f.signal, f.present, f.value, f.compared_with, f.points \
             from rows_then c, jsonb_to_recordset(c.factors) as f (signal text, present boolean, value text, \
             compared_with text, points numeric(6,2))"
        }
        ScanTable::HealthMetrics => {
            "select h.tenant, m.category, m.metric, m.present, m.value, m.score, m.weight \
             from rows_then h, jsonb_to_recordset(h.metrics) as m (category text, metric text, present boolean, \
             value numeric(38,6), score numeric(5,2), weight numeric(7,6))"
        }
        _ => "select * from rows_then",
    }
}

/// A test of a column.
fn narrow(
    text: &mut QueryBuilder<Postgres>,
    (name, of): (&'static str, ScanType),
    test: &ScanTest,
) -> Result<(), Error> {
    text.push("s.").push(name);
    match test {
        ScanTest::Null => text.push(" is null"),
        ScanTest::NotNull => text.push(" is not null"),
        ScanTest::OneOf(values) => {
            if values.len() > VITAL_FILTER_VALUES_MAX {
                return Err(Error::BadScan);
            }
            text.push(" = any(");
            one_of(text, of, values)?;
            text.push(")")
        }
        ScanTest::From { bound, inclusive } => {
            compare(text, of, (if *inclusive { " >= " } else { " > " }, bound))?;
            text
        }
        ScanTest::To { bound, inclusive } => {
            compare(text, of, (if *inclusive { " <= " } else { " < " }, bound))?;
            text
        }
    };
    Ok(())
}

fn one_of(
    text: &mut QueryBuilder<Postgres>,
    of: ScanType,
    values: &[ScanValue],
) -> Result<(), Error> {
    macro_rules! all {
        ($variant:ident, $convert:expr) => {
            values
                .iter()
                .map(|it| match it {
                    ScanValue::$variant(it) => $convert(it).ok_or(Error::BadScan),
                    _ => Err(Error::BadScan),
                })
                .collect::<Result<Vec<_>, _>>()?
        };
    }
    match of {
        ScanType::Text => text.push_bind(all!(Text, |it: &String| storable(it))),
        ScanType::Int => text.push_bind(all!(Int, |it: &i64| Some(*it))),
        ScanType::Instant => text.push_bind(all!(Instant, instant)),
        ScanType::Day => text.push_bind(all!(Day, day)),
        _ => return Err(Error::BadScan),
    };
    Ok(())
}

fn compare(
    text: &mut QueryBuilder<Postgres>,
    of: ScanType,
    (operator, bound): (&str, &ScanValue),
) -> Result<(), Error> {
    match (of, bound) {
        (ScanType::Text, ScanValue::Text(it)) => {
            // By bytes, as the question compares.
            text.push(" collate \"C\"").push(operator);
            text.push_bind(storable(it).ok_or(Error::BadScan)?)
        }
        (ScanType::Int, ScanValue::Int(it)) => text.push(operator).push_bind(*it),
        (ScanType::Instant, ScanValue::Instant(it)) => {
            text.push(operator).push_bind(instant(it).ok_or(Error::BadScan)?)
        }
        (ScanType::Day, ScanValue::Day(it)) => {
            text.push(operator).push_bind(day(it).ok_or(Error::BadScan)?)
        }
        _ => return Err(Error::BadScan),
    };
    Ok(())
}

/// A text that a database can hold. Whoever asks for another leaves it out.
fn storable(text: &str) -> Option<String> {
    (!text.contains('\0')).then(|| text.to_owned())
}

fn instant(micros: &i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(*micros)
}

fn day(days: &i32) -> Option<NaiveDate> {
    NaiveDate::from_epoch_days(*days)
}

/// One column of a page.
fn values(rows: &[PgRow], at: usize, of: ScanType) -> Result<ScanValues, sqlx::Error> {
    fn all<'r, T: sqlx::Decode<'r, Postgres> + sqlx::Type<Postgres>, V>(
        rows: &'r [PgRow],
        at: usize,
        with: impl Fn(T) -> V,
    ) -> Result<Vec<Option<V>>, sqlx::Error> {
        rows.iter().map(|row| Ok(row.try_get::<Option<T>, _>(at)?.map(&with))).collect()
    }
    Ok(match of {
        ScanType::Text => ScanValues::Text(all(rows, at, |it: String| it)?),
        ScanType::Json => ScanValues::Text(all(rows, at, |it: Value| it.to_string())?),
        ScanType::Int => ScanValues::Int(all(rows, at, |it: i64| it)?),
        ScanType::Hundredths(_) => ScanValues::Decimal(all(rows, at, |it: Hundredths| it.0)?),
        ScanType::Micros(_) => ScanValues::Decimal(all(rows, at, |it: Micros| it.0)?),
        ScanType::Instant => {
            ScanValues::Instant(all(rows, at, |it: DateTime<Utc>| it.timestamp_micros())?)
        }
        ScanType::Day => ScanValues::Day(all(rows, at, |it: NaiveDate| Date::from_chrono(it).0)?),
        ScanType::Truth => ScanValues::Truth(all(rows, at, |it: bool| it)?),
    })
}
