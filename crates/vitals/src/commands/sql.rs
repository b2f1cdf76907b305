//! `vitals sql`: one SELECT over a tenant's records and vitals.
//!
//! Rows go to standard output in the form that was asked for; what moment they are about, and whether
//! there were more, goes to standard error, so that a pipe gets rows alone.

use vitals_api::operator::{SqlHead, SqlQuestion};

use crate::cli::{Sql, SqlFormat};
use crate::config::Settings;
use crate::failure::{Failure, Outcome};
use crate::output;
use crate::session::{self, Needs, SharedOperator};

/// Runs `vitals sql`.
pub(crate) async fn run(settings: &Settings, it: Sql) -> Outcome {
    let format = match it.format {
        SqlFormat::Table => "table",
        SqlFormat::Csv => "csv",
        SqlFormat::Json => "json",
        SqlFormat::Arrow => "arrow",
        SqlFormat::Parquet => "parquet",
        SqlFormat::Xlsx => "xlsx",
    };
    let question = SqlQuestion { tenant: it.tenant, sql: it.sql, format: format.to_owned() };
    let work = |operator: SharedOperator| async move {
        operator.sql(question).await.map_err(Failure::from)
    };
    let answer = session::with(settings, ("sql", Needs::Store), work).await?;
    output::bytes(&answer.body)?;
    crate::say(format_args!("{}", about(&answer.head)));
    Ok(())
}

pub(crate) fn about(head: &SqlHead) -> String {
    let rows = if head.rows == 1 { "row" } else { "rows" };
    let mut text =
        format!("{} {rows} as_of {} committed_at {}", head.rows, head.tick, head.committed_at);
    if let Some(complete_to) = &head.complete_to {
        text.push_str(&format!(" complete_to {complete_to}"));
    }
    if head.truncated {
        text.push_str("; there are more: these are the first, add a LIMIT or ask for less");
    }
    text
}
