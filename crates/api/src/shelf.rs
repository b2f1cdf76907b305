//! What tenants keep: saved queries and schedules, for whoever speaks for a tenant.
//!
//! Promises that a query is kept only when the guard passes it and it plans, that a schedule names something that
//! runs, and that nothing is told of another tenant's.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vitals_desk::Desk;
use vitals_desk::reports::{NotRun, Ran};
use vitals_desk::rhythm::{Every, Rhythm};
use vitals_desk::saved::Query;
use vitals_model::local_time::Zone;
use vitals_model::tenant::TenantScope;
use vitals_model::{TenantId, UtcMicros};
use vitals_query::Format;
use vitals_store::{SavedQuery, Schedule, Store};

/// A query to be kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewQuery {
    /// The name it is run by.
    pub name: String,
    /// What it is called; its name, when absent.
    pub title: Option<String>,
    /// One SELECT.
    pub sql: String,
    /// Its parameters, each `name type = default: what it does`.
    #[serde(default)]
    pub params: Vec<String>,
}

/// A query that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "as in NewQuery")]
pub struct KeptQuery {
    pub name: String,
    pub title: String,
    pub sql: String,
    pub params: Vec<String>,
}

impl From<SavedQuery> for KeptQuery {
    fn from(it: SavedQuery) -> Self {
        let SavedQuery { name, title, sql, params } = it;
        Self { name, title, sql, params }
    }
}

/// A schedule to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewSchedule {
    /// Its name.
    pub name: String,
    /// The report that runs; or
    pub report: Option<String>,
    /// the saved query.
    pub query: Option<String>,
    /// What it is told.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
    /// The form of its files.
    pub format: String,
    /// `day`, `week` or `month`.
    pub every: String,
    /// The ISO weekday of a week, or the day of a month.
    #[serde(default)]
    pub on_day: u8,
    /// The time by the tenant's clocks, `06:00`.
    pub at: String,
    /// How many files are kept.
    pub keep: u16,
}

/// A schedule, and what became of its last run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptSchedule {
    /// What it is.
    #[serde(flatten)]
    pub schedule: NewSchedule,
    /// When it is due next.
    pub next_at: String,
    /// When its last run was due.
    pub last_due_at: Option<String>,
    /// The file that run wrote.
    pub last_file: Option<String>,
    /// Why it wrote none.
    pub last_error: Option<String>,
}

/// Why something is not kept, or not given.
#[derive(Debug)]
pub enum NotKept {
    /// There is none of this name.
    Missing(&'static str, String),
    /// It is not as it must be.
    Invalid(String),
    /// It does not run.
    NotRun(NotRun),
    /// The store refused or failed.
    Store(vitals_store::Error),
}

impl std::fmt::Display for NotKept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing(what, name) => write!(f, "there is no {what} '{name:.64}'"),
            Self::Invalid(why) => f.write_str(why),
            Self::NotRun(why) => write!(f, "{why}"),
            Self::Store(error) => f.write_str(&crate::operator::chain(error)),
        }
    }
}

impl From<NotRun> for NotKept {
    fn from(it: NotRun) -> Self {
        Self::NotRun(it)
    }
}

impl From<vitals_store::Error> for NotKept {
    fn from(it: vitals_store::Error) -> Self {
        Self::Store(it)
    }
}

/// The shelf.
#[derive(Clone, Debug)]
pub struct Shelf {
    store: Store,
    desk: Arc<Desk>,
}

impl Shelf {
    /// A shelf in a store, whose queries a desk runs.
    #[must_use]
    pub fn new(store: Store, desk: Arc<Desk>) -> Self {
        Self { store, desk }
    }

    /// Keeps a query. Whether it is a new one.
    ///
    /// # Errors
    /// Why it is not kept.
    pub async fn save(&self, tenant: TenantId, it: NewQuery) -> Result<bool, NotKept> {
        let title = it.title.unwrap_or_else(|| it.name.clone());
        let query = Query::new(&title, &it.sql, &it.params)?;
        self.desk.check_query(tenant, &query).await?;
        let saved = SavedQuery { name: it.name, title, sql: it.sql, params: it.params };
        Ok(self.store.save_query(&TenantScope::of_operator(tenant), &saved).await?)
    }

    /// The queries that come after a name, in order.
    ///
    /// # Errors
    /// The database failed.
    pub async fn queries(
        &self,
        tenant: TenantId,
        after: &str,
        limit: u16,
    ) -> Result<Vec<KeptQuery>, NotKept> {
        let scope = TenantScope::of_operator(tenant);
        let kept = self.store.saved_queries(&scope, after, limit).await?;
        Ok(kept.into_iter().map(KeptQuery::from).collect())
    }

    /// A query.
    ///
    /// # Errors
    /// The tenant has none of this name.
    pub async fn query(&self, tenant: TenantId, name: &str) -> Result<KeptQuery, NotKept> {
        let kept = self.store.saved_query(&TenantScope::of_operator(tenant), name).await?;
        let kept = kept.ok_or_else(|| NotKept::Missing("saved query", name.to_owned()))?;
        Ok(kept.into())
    }

    /// Runs a query.
    ///
    /// # Errors
    /// There is none of this name, or it does not run.
    pub async fn run(
        &self,
        tenant: TenantId,
        name: &str,
        given: &BTreeMap<String, String>,
    ) -> Result<Ran, NotKept> {
        let kept = self.query(tenant, name).await?;
        let query = Query::new(&kept.title, &kept.sql, &kept.params)?;
        Ok(self.desk.run_query(tenant, &query, given).await?)
    }

    /// Forgets a query.
    ///
    /// # Errors
    /// There is none of this name.
    pub async fn delete(&self, tenant: TenantId, name: &str) -> Result<(), NotKept> {
        let gone = self.store.delete_query(&TenantScope::of_operator(tenant), name).await?;
        if gone { Ok(()) } else { Err(NotKept::Missing("saved query", name.to_owned())) }
    }

    /// Makes a schedule, when the clock shows `now`; says when it is due first.
    ///
    /// # Errors
    /// Why it is not made.
    pub async fn schedule(
        &self,
        tenant: TenantId,
        it: NewSchedule,
        now: UtcMicros,
    ) -> Result<UtcMicros, NotKept> {
        let (is_report, target) = match (&it.report, &it.query) {
            (Some(name), None) => (true, name.clone()),
            (None, Some(name)) => (false, name.clone()),
            _ => {
                return Err(NotKept::Invalid(
                    "name a report or a saved query, one of them".to_owned(),
                ));
            }
        };
        if Format::parse(&it.format).is_none() {
            return Err(NotKept::Invalid("there is no such form of a file".to_owned()));
        }
        let rhythm = rhythm(&it)?;
        // What does not run today will not run then: it is said now, to whoever can mend it.
        self.run_target(tenant, (is_report, &target), &it.params).await?;
        let zone = self.desk.zone(tenant).await.map_err(NotRun::Query)?;
        let next_at = rhythm.next(zone, now);
        let keep = i16::try_from(it.keep).unwrap_or(i16::MAX);
        let schedule = Schedule {
            name: it.name,
            is_report,
            target,
            params: it.params.iter().map(|(name, value)| (name.clone(), value.as_str())).collect(),
            format: it.format,
            every: it.every,
            on_day: it.on_day.into(),
            at_minute: i16::try_from(rhythm.at_minute).unwrap_or(0),
            keep,
            next_at,
        };
        self.store.create_schedule(&TenantScope::of_operator(tenant), &schedule).await?;
        Ok(next_at)
    }

    /// A tenant's zone; `None` when it cannot be read now.
    pub async fn zone(&self, tenant: TenantId) -> Option<Zone> {
        self.desk.zone(tenant).await.ok()
    }

    /// Runs what a schedule names.
    ///
    /// # Errors
    /// It does not run.
    pub async fn run_target(
        &self,
        tenant: TenantId,
        (is_report, name): (bool, &str),
        params: &BTreeMap<String, String>,
    ) -> Result<Ran, NotKept> {
        if is_report {
            Ok(self.desk.report(tenant, name, params).await?)
        } else {
            self.run(tenant, name, params).await
        }
    }

    /// The tenant's schedules.
    ///
    /// # Errors
    /// The database failed.
    pub async fn schedules(&self, tenant: TenantId) -> Result<Vec<KeptSchedule>, NotKept> {
        let scope = TenantScope::of_operator(tenant);
        let mut kept = Vec::new();
        for it in self.store.schedules(&scope).await? {
            let last = self.store.schedule_runs(&scope, &it.name).await?.into_iter().next();
            let (next_at, schedule) = (it.next_at.to_string(), told(it));
            let last_due_at = last.as_ref().map(|it| it.due_at.to_string());
            let (last_file, last_error) = last.map_or((None, None), |it| (it.file, it.error));
            kept.push(KeptSchedule { schedule, next_at, last_due_at, last_file, last_error });
        }
        Ok(kept)
    }

    /// Forgets a schedule; its files stay.
    ///
    /// # Errors
    /// There is none of this name.
    pub async fn unschedule(&self, tenant: TenantId, name: &str) -> Result<(), NotKept> {
        let gone = self.store.delete_schedule(&TenantScope::of_operator(tenant), name).await?;
        if gone { Ok(()) } else { Err(NotKept::Missing("schedule", name.to_owned())) }
    }
}

/// The parameters of a schedule.
#[must_use]
pub fn params_of(it: &Schedule) -> BTreeMap<String, String> {
    serde_json::from_value(it.params.clone()).unwrap_or_default()
}

fn told(it: Schedule) -> NewSchedule {
    let params = params_of(&it);
    let (hour, minute) = (it.at_minute / 60, it.at_minute % 60);
    let number = |it: i16| u16::try_from(it).unwrap_or(0);
    NewSchedule {
        name: it.name,
        report: it.is_report.then(|| it.target.clone()),
        query: (!it.is_report).then_some(it.target),
        params,
        format: it.format,
        every: it.every,
        on_day: u8::try_from(it.on_day).unwrap_or(0),
        at: format!("{hour:02}:{minute:02}"),
        keep: number(it.keep),
    }
}

/// When a kept schedule is due.
#[must_use]
pub fn rhythm_of(it: &Schedule) -> Option<Rhythm> {
    rhythm(&told(it.clone())).ok()
}

fn rhythm(it: &NewSchedule) -> Result<Rhythm, NotKept> {
    let invalid = |why: &str| NotKept::Invalid(why.to_owned());
    let every = match (it.every.as_str(), it.on_day) {
        ("day", 0) => Every::Day,
        ("week", day @ 1..=7) => Every::Week(day),
        ("month", day @ 1..=31) => Every::Month(day),
        _ => {
            return Err(invalid(
                "it is every day, every week on a weekday 1 to 7, or every month on a day 1 to 31",
            ));
        }
    };
    if it.keep == 0 || it.keep > vitals_model::limits::REPORT_FILES_MAX {
        return Err(invalid("it keeps 1 to 1,000 files"));
    }
    let parts = it.at.split_once(':').and_then(|(hour, minute)| {
        let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
        (hour < 24 && minute < 60).then_some(hour * 60 + minute)
    });
    let at_minute = parts.ok_or_else(|| invalid("its time is as in 06:00"))?;
    Ok(Rhythm { every, at_minute })
}
