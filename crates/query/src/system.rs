//! The system catalogue: what PostgreSQL's clients ask before they ask about data.
//!
//! `pg_catalog` and `information_schema` over the schemas of a tenant's tables, which are every tenant's: no
//! row of anybody is in reach, and no file. Statements are guarded like questions about data, with an
//! allow-list of their own (`guard`), rewritten into what the engine understands, and computed on threads
//! of their own within their own limits (`room`). What touches data as well is refused.

use datafusion::sql::sqlparser::ast::Statement;
use vitals_model::limits::QUERY_PARAMS_MAX;
use vitals_model::local_time::Zone;

use crate::answers::{Description, Param, Question};
use crate::catalog::AsOf;
use crate::error::{QueryError, SqlState};
use crate::params;
use crate::session::Answer;

mod functions;
mod guard;
mod information_schema;
mod pg_catalog;
mod room;
mod rules;
mod schemas;

pub use guard::concerns;
pub use schemas::schemas;

/// The one database clients see.
pub const DATABASE: &str = "vitals";
/// The one role they see.
pub const ROLE: &str = "analyst";
/// The version of PostgreSQL they see.
pub const VERSION: &str = "PostgreSQL 16.6 (Vitals), one committed tick, read only";

/// A statement that may be computed.
#[derive(Debug)]
struct Allowed(Statement);

/// Answers a question for which [`concerns`] is true.
///
/// # Errors
/// The guard refused it, it does not plan, it failed, or it met a limit.
pub async fn answer(question: &Question) -> Result<Answer, QueryError> {
    let sql = params::bind(&question.sql, &question.params)?;
    let (schema, batches, truncated) = room::answer(sql, question.size).await?;
    // It is of no moment and in no zone: what it says changes with the program alone.
    Ok(Answer { schema, batches, truncated, as_of: AsOf::default(), zone: Zone::utc() })
}

/// Says what such a question would give: its columns are the same whatever its parameters are.
///
/// # Errors
/// As [`answer`].
pub async fn describe(question: &Question) -> Result<Description, QueryError> {
    let count = params::count(&question.sql);
    if count > QUERY_PARAMS_MAX {
        let most = format_args!("there are at most {QUERY_PARAMS_MAX} parameters");
        return Err(QueryError::new(SqlState::TooComplex, most, "use fewer"));
    }
    let schema = answer(&question.clone().with_params(vec![Param::Null; count])).await?.schema;
    Ok(Description { schema, params: vec![None; count] })
}
