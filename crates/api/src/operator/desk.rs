//! What the operator may ask for in a tenant's name: answers in plain language, reports, saved queries, schedules.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use vitals_desk::NotAnswered;
use vitals_desk::reports::NotRun;

use super::{Refusal, RefusalKind};
use crate::shelf::{NewQuery, NewSchedule, NotKept};

/// A question in plain language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskQuestion {
    /// Whose tables it is about, by slug.
    pub tenant: String,
    /// The question.
    pub question: String,
}

impl From<NotAnswered> for Refusal {
    fn from(it: NotAnswered) -> Self {
        let kind = match &it {
            NotAnswered::Cannot { .. } => RefusalKind::Invalid,
            NotAnswered::Query(_)
            | NotAnswered::Unavailable { .. }
            | NotAnswered::TooMany { .. } => RefusalKind::Failed,
        };
        let mend = match &it {
            NotAnswered::Cannot { nearest, .. } if !nearest.is_empty() => {
                format!("ask something like \"{}\"", nearest.join("\" or \""))
            }
            NotAnswered::Query(error) => error.mend.clone(),
            NotAnswered::Cannot { .. } => String::new(),
            NotAnswered::Unavailable { retry_after_s, .. }
            | NotAnswered::TooMany { retry_after_s, .. } => {
                format!("try again in {retry_after_s} s")
            }
        };
        Self::new(kind, it, mend)
    }
}

/// What is to be done with what a tenant keeps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShelfOrder {
    /// Keep a query.
    SaveQuery(NewQuery),
    /// List the queries.
    Queries,
    /// Forget a query.
    DeleteQuery {
        /// Its name.
        name: String,
    },
    /// Make a schedule.
    CreateSchedule(NewSchedule),
    /// List the schedules.
    Schedules,
    /// Forget a schedule.
    DeleteSchedule {
        /// Its name.
        name: String,
    },
}

impl From<NotKept> for Refusal {
    fn from(it: NotKept) -> Self {
        use vitals_store::Error;
        let kind = match it {
            NotKept::NotRun(why) => return why.into(),
            NotKept::Missing(..) => RefusalKind::Missing,
            NotKept::Invalid(_) | NotKept::Store(Error::Refused { .. }) => RefusalKind::Invalid,
            NotKept::Store(Error::Taken { .. }) => RefusalKind::Conflict,
            NotKept::Store(_) => RefusalKind::Failed,
        };
        Self::new(kind, it, "")
    }
}

/// A report, or a saved query, to be run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportQuestion {
    /// Whose tables it is about, by slug.
    pub tenant: String,
    /// Its name.
    pub name: String,
    /// Whether it is a saved query.
    pub is_saved: bool,
    /// What it is told.
    pub params: BTreeMap<String, String>,
    /// In which form the rows are wanted.
    pub format: String,
}

impl From<NotRun> for Refusal {
    fn from(it: NotRun) -> Self {
        let (kind, mend) = match &it {
            NotRun::NoReport(_) => (RefusalKind::Missing, "see 'vitals reports list'".to_owned()),
            NotRun::Param(_) => (RefusalKind::Invalid, "see 'vitals reports list'".to_owned()),
            NotRun::Query(error) => (RefusalKind::Failed, error.mend.clone()),
        };
        Self::new(kind, it, mend)
    }
}
