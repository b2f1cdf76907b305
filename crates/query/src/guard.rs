//! The guard: what of a text may reach the planner.
//!
//! Everything that is said in a question is hostile until it has passed, cheapest check first: bytes and
//! characters, tokens, the parse, the statement (`statement`), and, once it is planned, the plan
//! (`plan`). A planner is a large program that was not written to be attacked: flat chains of ten
//! thousand terms overflow its stack, and twenty doubling CTEs keep it busy for ever. So what is unusual
//! for a question is refused before the planner sees it.
//!
//! Promises that what passes is one query that only reads, over the catalogue's tables alone, with the
//! functions of [`functions`] alone. Does not promise that it is cheap: memory, time and rows are the
//! session's.

use datafusion::sql::sqlparser::ast::Statement;
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};

use crate::error::{QueryError, SqlState};

pub mod functions;
pub(crate) mod plan;
mod statement;
mod text;

pub(crate) use statement::no_table;
pub(crate) use text::tokens;

/// How deep the parser may go into itself.
const PARSER_DEPTH: usize = 50;

/// A question that has passed.
#[derive(Debug)]
pub(crate) struct Passed {
    /// The query, or its EXPLAIN.
    pub(crate) statement: Statement,
    /// The catalogue's tables it reads.
    pub(crate) tables: Vec<String>,
}

/// Lets a text through, or says why not. `has_table` knows the catalogue.
///
/// Needs a stack of some megabytes: run it on a thread that has one.
pub(crate) fn pass(sql: &str, has_table: &dyn Fn(&str) -> bool) -> Result<Passed, QueryError> {
    let tokens = tokens(sql)?;
    let mut parser = Parser::new(&PostgreSqlDialect {})
        .with_recursion_limit(PARSER_DEPTH)
        .with_tokens_with_locations(tokens);
    let mut statements = parser.parse_statements().map_err(|error| unparsed(&error))?;
    let statement = match (statements.pop(), statements.is_empty()) {
        (Some(statement), true) => statement,
        (None, _) => {
            return Err(QueryError::new(SqlState::Syntax, "there is no query", "write a SELECT"));
        }
        (Some(_), false) => return Err(statement::not_read_only("several statements")),
    };
    statement::check(statement, has_table)
}

/// Lets a text through, or says why not; the tables it reads. `has_table` knows the catalogue.
///
/// Needs a stack of some megabytes.
///
/// # Errors
/// The text is no query that only reads these tables, or one that is too much to plan.
pub fn tables(sql: &str, has_table: &dyn Fn(&str) -> bool) -> Result<Vec<String>, QueryError> {
    pass(sql, has_table).map(|passed| passed.tables)
}

fn unparsed(error: &ParserError) -> QueryError {
    match error {
        ParserError::RecursionLimitExceeded => text::too_complex("it is nested too deep"),
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => {
            QueryError::new(SqlState::Syntax, format_args!("this is no SQL: {text}"), "")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use vitals_model::limits::{QUERY_CALL_NESTING_MAX, QUERY_NESTING_MAX};

    use super::*;

    /// The deepest texts that are let to the parser: it must be done with them at once.
    #[test]
    fn no_nest_that_is_let_through_keeps_the_parser_busy() {
        let (deep, calls) = (QUERY_NESTING_MAX, QUERY_CALL_NESTING_MAX);
        for (times, open, close) in [
            (deep, "(", ")"),
            (deep, "(1 + ", ")"),
            (deep, "(SELECT ", ")"),
            (deep, "(SELECT 1 FROM (", ")) "),
            (deep / 2, "((SELECT ", "))"),
            (deep, "-(", ")"),
            (deep, "1 IN (", ")"),
            (calls, "abs(", ")"),
            (calls, "CAST(", " AS INT)"),
            (calls, "sum(CASE WHEN TRUE THEN ", " END)"),
            (calls, "x.y(z => ", ")"),
            (60, "CASE WHEN TRUE THEN ", " END"),
            (60, "NOT ", ""),
        ] {
            let sql = format!("SELECT {}1{}", open.repeat(times), close.repeat(times));
            let began = Instant::now();
            let thread = std::thread::Builder::new().stack_size(16 << 20);
            let outcome = thread.spawn(move || pass(&sql, &|_| true).map(|_| ())).unwrap().join();
            assert!(outcome.is_ok(), "{open}: the parser panicked");
            let took = began.elapsed();
            assert!(took < Duration::from_millis(500), "{open}: {took:?}");
        }
    }
}
