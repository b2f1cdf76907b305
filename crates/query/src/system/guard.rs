//! Which statements are about the system catalogue, and which of those may be computed.
//!
//! An allow-list like that of questions about data, over other tables and more functions. What names one of
//! the tenant's tables as well is refused: the catalogue's context has no rows of anybody.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, ObjectName, Query, Select, SetExpr, Statement, TableFactor,
    Value, Visit, Visitor,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer, Word};
use datafusion_pg_catalog::sql::PostgresCompatibilityParser;
use vitals_model::limits::{QUERY_TEXT_BYTES_MAX, SYSTEM_JOINS_MAX};

use super::{Allowed, functions, rules, schemas};
use crate::error::{QueryError, SqlState};
use crate::guard;

/// Largest number a series may be written with.
const SERIES_MAX: u64 = 1_000;
/// Schemas of the system catalogue.
const SCHEMAS: [&str; 2] = ["pg_catalog", "information_schema"];
/// Functions that give tables.
const TABLE_FUNCTIONS: [&str; 4] =
    ["generate_series", "unnest", "pg_get_keywords", "string_to_array"];

/// Whether a text speaks of the system catalogue; then [`answer`](super::answer) answers it, or says why not.
#[must_use]
pub fn concerns(sql: &str) -> bool {
    if sql.len() > QUERY_TEXT_BYTES_MAX {
        return false;
    }
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize().unwrap_or_default();
    let mut tokens = tokens.iter().filter(|it| !matches!(it, Token::Whitespace(_))).peekable();
    let mut after_cast = false;
    while let Some(token) = tokens.next() {
        if let Token::Word(word) = token {
            let calls = matches!(tokens.peek(), Some(Token::LParen));
            if speaks_of_it(word, (calls, after_cast)) {
                return true;
            }
        }
        after_cast = matches!(token, Token::DoubleColon);
    }
    false
}

fn speaks_of_it(word: &Word, (calls, after_cast): (bool, bool)) -> bool {
    let name = word.value.to_ascii_lowercase();
    let quoted = word.quote_style.is_some();
    name.starts_with("pg_")
        || name == "information_schema"
        || (!quoted
            && ["current_user", "session_user", "current_role", "current_catalog"]
                .contains(&name.as_str()))
        || (after_cast && name.starts_with("reg"))
        || (calls && functions::is_own(&name) && !is_offered(&name))
        || (!quoted && name == "current_schema")
}

/// Whether questions about data may call it too.
fn is_offered(name: &str) -> bool {
    guard::functions::FUNCTIONS.iter().any(|(_, names)| names.contains(&name))
}

fn not_offered(what: impl std::fmt::Display) -> QueryError {
    let detail = format_args!("{what} is not offered");
    QueryError::new(SqlState::NotSupported, detail, "ask the catalogue alone; see docs/connect.md")
}

/// Lets a text through, in the form that the engine understands, or says why not.
pub(super) fn pass(sql: &str) -> Result<Allowed, QueryError> {
    guard::tokens(sql)?;
    let parsed =
        PostgresCompatibilityParser::new().parse(&rules::rewrite(sql)).map_err(|error| {
            QueryError::new(SqlState::Syntax, format_args!("this is no SQL: {error}"), "")
        })?;
    let [mut statement] = <[Statement; 1]>::try_from(parsed).map_err(|_| not_one_query())?;
    if !matches!(statement, Statement::Query(_)) {
        return Err(not_one_query());
    }
    let mut check = Check::default();
    match statement.visit(&mut check) {
        ControlFlow::Break(error) => return Err(*error),
        ControlFlow::Continue(()) => check.finish()?,
    }
    rules::mend(&mut statement);
    Ok(Allowed(statement))
}

fn not_one_query() -> QueryError {
    let detail = "one SELECT at a time is answered, and nothing else";
    QueryError::new(SqlState::NotReadOnly, detail, "write one SELECT")
}

type Step = ControlFlow<Box<QueryError>>;

fn refuse(error: QueryError) -> Step {
    ControlFlow::Break(Box::new(error))
}

#[derive(Debug, Default)]
struct Check {
    joins: usize,
    ctes: Vec<String>,
    relations: Vec<String>,
}

fn parts(name: &ObjectName) -> Vec<String> {
    let part = |it: &datafusion::sql::sqlparser::ast::ObjectNamePart| {
        it.as_ident().map(|it| it.value.to_lowercase()).unwrap_or_default()
    };
    name.0.iter().map(part).collect()
}

impl Check {
    fn finish(self) -> Result<(), QueryError> {
        if self.joins > SYSTEM_JOINS_MAX {
            return Err(not_offered(format_args!("a statement of {} joins", self.joins)));
        }
        let data =
            self.relations.iter().find(|it| schemas::is_table(it) && !self.ctes.contains(it));
        match data {
            Some(_) => Err(not_offered("data beside the catalogue")),
            None => Ok(()),
        }
    }
}

/// A series has ends that are written out and small, or those of a list.
fn is_small_series(args: &[FunctionArg]) -> bool {
    args.iter().all(|arg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => is_small(expr),
        _ => false,
    })
}

fn is_small(expr: &Expr) -> bool {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(number, _) => number.parse::<u64>().is_ok_and(|it| it <= SERIES_MAX),
            _ => false,
        },
        Expr::Cast { expr, .. } | Expr::Nested(expr) => is_small(expr),
        Expr::Function(function) => {
            let name = parts(&function.name).pop().unwrap_or_default();
            ["array_lower", "array_upper", "array_length", "cardinality"].contains(&name.as_str())
        }
        _ => false,
    }
}

impl Visitor for Check {
    type Break = Box<QueryError>;

    fn pre_visit_query(&mut self, query: &Query) -> Step {
        if let Some(with) = &query.with {
            if with.recursive {
                return refuse(not_offered("WITH RECURSIVE"));
            }
            self.ctes.extend(with.cte_tables.iter().map(|it| it.alias.name.value.to_lowercase()));
        }
        if !query.locks.is_empty() {
            return refuse(not_one_query());
        }
        set_expression(&query.body)
    }

    fn pre_visit_select(&mut self, select: &Select) -> Step {
        if select.into.is_some() {
            return refuse(not_one_query());
        }
        let tables: usize = select.from.iter().map(|from| 1 + from.joins.len()).sum();
        self.joins += tables.saturating_sub(1);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> Step {
        match factor {
            TableFactor::Table { name, args: Some(args), .. } => {
                let function = parts(name).pop().unwrap_or_default();
                let small = function != "generate_series" || is_small_series(&args.args);
                if TABLE_FUNCTIONS.contains(&function.as_str()) && small {
                    ControlFlow::Continue(())
                } else {
                    refuse(not_offered(format_args!("{name} as a table")))
                }
            }
            TableFactor::Table { .. }
            | TableFactor::Derived { .. }
            | TableFactor::NestedJoin { .. }
            | TableFactor::UNNEST { .. } => ControlFlow::Continue(()),
            TableFactor::Function { name, args, .. } => {
                let function = parts(name).pop().unwrap_or_default();
                let small = function != "generate_series" || is_small_series(args);
                if TABLE_FUNCTIONS.contains(&function.as_str()) && small {
                    ControlFlow::Continue(())
                } else {
                    refuse(not_offered(format_args!("{name} as a table")))
                }
            }
            _ => refuse(not_offered("such a table")),
        }
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> Step {
        match parts(relation).as_slice() {
            [.., schema, _] if SCHEMAS.contains(&schema.as_str()) => {}
            [.., name] => self.relations.push(name.clone()),
            [] => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> Step {
        let Expr::Function(function) = expr else { return ControlFlow::Continue(()) };
        let name = parts(&function.name).pop().unwrap_or_default();
        if !is_offered(&name) && !functions::is_own(&name) {
            let detail = format_args!("there is no function {}", function.name);
            return refuse(QueryError::new(SqlState::NoFunction, detail, ""));
        }
        if name == "generate_series" {
            return refuse(not_offered("generate_series as a value"));
        }
        ControlFlow::Continue(())
    }
}

fn set_expression(body: &SetExpr) -> Step {
    match body {
        SetExpr::Select(_) | SetExpr::Query(_) | SetExpr::Values(_) => ControlFlow::Continue(()),
        SetExpr::SetOperation { left, right, .. } => {
            set_expression(left)?;
            set_expression(right)
        }
        _ => refuse(not_one_query()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(sql: &str) -> Option<SqlState> {
        pass(sql).err().map(|error| error.state)
    }

    #[test]
    fn what_is_about_the_catalogue_is_told_from_what_is_about_data() {
        for sql in [
            "SELECT version()",
            "select current_schema()",
            "SELECT 'visits'::regclass",
            "SELECT 1 FROM information_schema.tables",
            "SELECT * FROM PG_CLASS",
            "select pg_catalog.current_database()",
            "SELECT current_user",
        ] {
            assert!(concerns(sql), "{sql}");
        }
        for sql in [
            "SELECT 'pg_class' FROM visits",
            "SELECT version, current_date FROM visits",
            "SELECT count(*) FROM visits WHERE array_length(tags) > 1",
            "SELECT 1",
        ] {
            assert!(!concerns(sql), "{sql}");
        }
    }

    #[test]
    fn what_is_no_plain_reading_of_the_catalogue_is_refused() {
        for (sql, expected) in [
            ("SELECT v.id FROM visits v, pg_class c", SqlState::NotSupported),
            ("SELECT v.id FROM public.visits v, pg_class c", SqlState::NotSupported),
            ("SELECT (SELECT max(id) FROM visits) FROM pg_class", SqlState::NotSupported),
            ("DROP TABLE pg_class", SqlState::NotReadOnly),
            ("SELECT 1 FROM pg_class; SELECT 2", SqlState::NotReadOnly),
            ("SELECT * INTO x FROM pg_class", SqlState::NotReadOnly),
            ("SELECT * FROM generate_series(1, 1000000000), pg_class", SqlState::NotSupported),
            ("SELECT repeat('x', 1000000000) FROM pg_class", SqlState::NoFunction),
            ("SELECT pg_read_file('/etc/passwd')", SqlState::NoFunction),
            ("SELECT pg_sleep(1000)", SqlState::NoFunction),
            ("WITH RECURSIVE x AS (SELECT 1) SELECT * FROM x, pg_class", SqlState::NotSupported),
        ] {
            assert_eq!(state(sql), Some(expected), "{sql}");
        }
        assert_eq!(state("SELECT c.relname FROM pg_catalog.pg_class c"), None);
        assert_eq!(state("WITH visits AS (SELECT 1) SELECT * FROM visits, pg_class"), None);
    }
}
