//! The reports that come with the program: `sql/reports/NAME.sql`, each one SELECT under a short head.
//!
//! Promises that a report's parameters are checked by their types before anything is planned, that they go into the
//! SQL as literals, and that the SQL is planned by the guarded session like any other. What a report builds on (an
//! attendance, a counted order) is the same text that questions in plain language build on.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use vitals_ask::Business;
use vitals_model::TenantId;
use vitals_query::{Answer, Question, formats};

use crate::asked::NotAnswered;
use crate::desk::Desk;
use crate::rows::in_format;

mod head;
mod months;
pub mod params;

pub use head::Report;
use params::{Filled, Given};

macro_rules! reports {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../../sql/reports/", $name, ".sql")))),*]
    };
}

/// Every report's name and text.
const TEXTS: [(&str, &str); 8] = reports![
    "instructor_performance",
    "monthly_revenue",
    "mrr_movements",
    "no_shows",
    "popular_classes",
    "retention_cohorts",
    "rfm_segments",
    "top_customers",
];

static REPORTS: LazyLock<Vec<Report>> = LazyLock::new(|| {
    let read = |(name, text)| Report::parse(name, text);
    let reports = TEXTS.into_iter().map(read).collect::<Result<_, _>>();
    reports.expect("the reports are part of this program and its tests read them")
});

/// Every report, by name.
#[must_use]
pub fn all() -> &'static [Report] {
    &REPORTS
}

/// What is known of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The name it is run by.
    pub name: String,
    /// Its title.
    pub title: String,
    /// What it shows.
    pub shows: String,
    /// What it may be told.
    pub params: Vec<AboutParam>,
    /// What would show it well: a kind, and columns.
    pub chart: String,
}

/// A parameter of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AboutParam {
    /// Its name.
    pub name: String,
    /// Its type and what it may be.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is when nothing is said.
    pub default: String,
    /// What it does.
    pub says: String,
}

/// A report, run.
#[derive(Clone, Debug)]
pub struct Ran {
    /// Its title.
    pub title: String,
    /// The values its parameters had.
    pub params: BTreeMap<String, String>,
    /// The SQL that was answered.
    pub sql: String,
    /// The rows.
    pub answer: Answer,
}

impl Ran {
    /// The rows in a form; a workbook names the report and its parameters.
    ///
    /// # Errors
    /// A value of a type that the form cannot hold.
    pub fn write(&self, format: formats::Format) -> Result<Vec<u8>, NotAnswered> {
        if format == formats::Format::Json {
            let mut whole = formats::json_value(&self.answer)?;
            whole["title"] = self.title.as_str().into();
            whole["params"] =
                self.params.iter().map(|(name, value)| (name.clone(), value.as_str())).collect();
            whole["sql"] = self.sql.as_str().into();
            return Ok(format!("{whole}\n").into_bytes());
        }
        let about: Vec<(String, String)> =
            self.params.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        Ok(in_format(&self.answer, format, (&self.title, &about))?)
    }
}

/// Why a report was not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotRun {
    /// There is no report of this name.
    NoReport(String),
    /// A parameter is unknown, or its value is none.
    Param(String),
    /// Its SQL was refused or failed.
    Query(vitals_query::QueryError),
}

impl fmt::Display for NotRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoReport(name) => {
                let names: Vec<&str> = all().iter().map(|it| it.name).collect();
                write!(f, "there is no report '{name}'; there are {}", names.join(", "))
            }
            Self::Param(what) => f.write_str(what),
            Self::Query(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for NotRun {}

impl Report {
    /// The SQL of a run, its parameters filled in.
    ///
    /// # Errors
    /// A parameter is unknown, or its value is none.
    pub fn sql(&self, given: &Given, business: &Business) -> Result<(String, Filled), NotRun> {
        let filled = Filled::new(&self.params, given, business.today).map_err(NotRun::Param)?;
        let mut tables: Vec<String> = Vec::new();
        if self.months {
            tables.push(months::table(&filled).map_err(NotRun::Param)?);
        }
        let relations = self.uses.iter().map(String::as_str);
        tables.extend(vitals_ask::relations(relations, business));
        let body = filled.into_sql(&self.sql);
        let own = body.strip_prefix("WITH ");
        let sql = match (tables.is_empty(), own) {
            (true, _) => body.clone(),
            (false, Some(own)) => format!("WITH {},\n{own}", tables.join(",\n")),
            (false, None) => format!("WITH {}\n{body}", tables.join(",\n")),
        };
        Ok((sql, filled))
    }

    /// What is known of it.
    #[must_use]
    pub fn about(&self) -> About {
        let params = self.params.iter().map(|it| AboutParam {
            name: it.name.clone(),
            kind: it.kind.to_string(),
            default: it.default.clone(),
            says: it.says.clone(),
        });
        About {
            name: self.name.to_owned(),
            title: self.title.clone(),
            shows: self.shows.clone(),
            params: params.collect(),
            chart: self.chart.clone(),
        }
    }
}

impl Desk {
    /// Runs a report.
    ///
    /// # Errors
    /// There is no such report, a value does not fit its parameter, or the rows cannot be computed.
    pub async fn report(&self, tenant: TenantId, name: &str, given: &Given) -> Result<Ran, NotRun> {
        let found = all().iter().find(|it| it.name == name);
        let report = found.ok_or_else(|| NotRun::NoReport(name.chars().take(64).collect()))?;
        let grammar = self.grammar(tenant).await.map_err(NotRun::Query)?;
        let (sql, filled) = report.sql(given, grammar.business())?;
        let rows = self.answers.answer(Question::new(tenant, &sql)).await.map_err(NotRun::Query)?;
        let answer = rows.collect().await.map_err(NotRun::Query)?;
        Ok(Ran { title: report.title.clone(), params: filled.shown(), sql, answer })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_report_says_what_it_is() {
        for report in all() {
            assert!(report.shows.ends_with('.') && !report.chart.is_empty(), "{}", report.name);
            assert!(report.params.iter().all(|it| !it.says.is_empty()), "{}", report.name);
        }
        assert!(all().is_sorted_by_key(|it| it.name));
    }
}
