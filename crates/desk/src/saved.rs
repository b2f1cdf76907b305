//! Queries that a tenant keeps: SELECTs of its own with named parameters.
//!
//! Promises that what is kept was passed by the guard and planned, with its parameters' defaults; that a name in the
//! SQL is a declared parameter; and that it runs as reports do.

use vitals_model::TenantId;
use vitals_model::limits::REPORT_PARAMS_MAX;
use vitals_query::Question;

use crate::desk::Desk;
use crate::reports::params::{Filled, Given, Param, named};
use crate::reports::{NotRun, Ran};

/// A query that is, or shall be, kept.
#[derive(Clone, Debug)]
pub struct Query {
    title: String,
    sql: String,
    params: Vec<Param>,
}

impl Query {
    /// A query with its parameters as they are declared, each `name type = default: what it does`.
    ///
    /// # Errors
    /// A declaration is none, or a name in the SQL is declared nowhere.
    pub fn new(title: &str, sql: &str, declared: &[String]) -> Result<Self, NotRun> {
        if declared.len() > REPORT_PARAMS_MAX {
            return Err(NotRun::Param(format!(
                "a query has at most {REPORT_PARAMS_MAX} parameters"
            )));
        }
        let params: Result<Vec<Param>, String> =
            declared.iter().map(|it| Param::parse(it)).collect();
        let params = params.map_err(NotRun::Param)?;
        let known = |name: &String| params.iter().any(|it| it.name == *name);
        if let Some(unknown) = named(sql).iter().find(|it| !known(it)) {
            return Err(NotRun::Param(format!(
                "'{unknown}' is no parameter: declare it, as in '{unknown} date = today: the day'"
            )));
        }
        Ok(Self { title: title.to_owned(), sql: sql.to_owned(), params })
    }
}

impl Desk {
    /// Whether a query may be kept: the guard passes it and it plans.
    ///
    /// # Errors
    /// Why not.
    pub async fn check_query(&self, tenant: TenantId, query: &Query) -> Result<(), NotRun> {
        let (sql, _) = self.filled(tenant, query, &Given::new()).await?;
        let described = self.answers.describe(Question::new(tenant, sql)).await;
        described.map(|_| ()).map_err(NotRun::Query)
    }

    /// Runs a query.
    ///
    /// # Errors
    /// A value does not fit its parameter, or the rows cannot be computed.
    pub async fn run_query(
        &self,
        tenant: TenantId,
        query: &Query,
        given: &Given,
    ) -> Result<Ran, NotRun> {
        let (sql, filled) = self.filled(tenant, query, given).await?;
        let rows = self.answers.answer(Question::new(tenant, &sql)).await.map_err(NotRun::Query)?;
        let answer = rows.collect().await.map_err(NotRun::Query)?;
        Ok(Ran { title: query.title.clone(), params: filled.shown(), sql, answer })
    }

    async fn filled(
        &self,
        tenant: TenantId,
        query: &Query,
        given: &Given,
    ) -> Result<(String, Filled), NotRun> {
        let grammar = self.grammar(tenant).await.map_err(NotRun::Query)?;
        let today = grammar.business().today;
        let filled = Filled::new(&query.params, given, today).map_err(NotRun::Param)?;
        Ok((filled.into_sql(&query.sql), filled))
    }
}
