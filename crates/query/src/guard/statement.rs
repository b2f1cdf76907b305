//! What a parsed statement may be: one query that only reads, of tables and functions that are offered.
//!
//! An allow-list throughout: what is not known to be harmless is refused, so that the parser may learn new
//! syntax without this file learning of it. `x AT TIME ZONE z` leaves as `timezone(z, x)`, as PostgreSQL
//! itself reads it.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
    FunctionArguments, Ident, ObjectName, ObjectNamePart, Query, Select, SetExpr, Statement,
    TableAlias, TableFactor, TableFunctionArgs, Value, VisitMut, VisitorMut,
};
use vitals_model::limits::{
    QUERY_CTE_COPIES_MAX, QUERY_CTES_MAX, QUERY_JOINS_MAX, QUERY_PATTERN_BYTES_MAX,
};

use super::Passed;
use super::functions::{GROWING, PATTERNS, is_offered};
use super::text::too_complex;
use crate::as_of;
use crate::error::{QueryError, SqlState};

/// Most places of a query where text may grow: each may double it.
const GROWTHS_MAX: usize = 20;

/// Checks a statement.
pub(super) fn check(
    mut statement: Statement,
    has_table: &dyn Fn(&str) -> bool,
) -> Result<Passed, QueryError> {
    reads_only(&statement)?;
    let mut check = Check::new(has_table);
    if let ControlFlow::Break(error) = statement.visit(&mut check) {
        return Err(*error);
    }
    let tables = check.finish()?;
    Ok(Passed { statement, tables })
}

fn reads_only(statement: &Statement) -> Result<(), QueryError> {
    match statement {
        Statement::Query(_) => Ok(()),
        Statement::Explain { analyze: false, statement, format: None, options: None, .. } => {
            match statement.as_ref() {
                Statement::Query(_) => Ok(()),
                _ => Err(not_read_only("an EXPLAIN of something else than a SELECT")),
            }
        }
        Statement::Explain { .. } => Err(not_supported("EXPLAIN with options")),
        _ => Err(not_read_only("something else than a SELECT")),
    }
}

/// The refusal of all that is more than reading.
pub(super) fn not_read_only(what: &str) -> QueryError {
    QueryError::new(
        SqlState::NotReadOnly,
        format_args!("this is {what}; one SELECT at a time is answered, and nothing else"),
        "write one SELECT",
    )
}

fn not_supported(what: impl std::fmt::Display) -> QueryError {
    QueryError::new(
        SqlState::NotSupported,
        format_args!("{what} is not offered"),
        "see docs/sql.md",
    )
}

type Step = ControlFlow<Box<QueryError>>;

fn refuse(error: QueryError) -> Step {
    ControlFlow::Break(Box::new(error))
}

fn refuse_if(found: bool, what: &str) -> Step {
    if found { refuse(not_supported(what)) } else { ControlFlow::Continue(()) }
}

/// One walk over a statement.
struct Check<'a> {
    has_table: &'a dyn Fn(&str) -> bool,
    /// Every relation named, and how often.
    relations: BTreeMap<String, usize>,
    ctes: Vec<String>,
    joins: usize,
    growths: usize,
}

/// A name as the planner reads it: lower case unless quoted.
fn normal(ident: &Ident) -> String {
    if ident.quote_style.is_some() { ident.value.clone() } else { ident.value.to_lowercase() }
}

fn parts(name: &ObjectName) -> Option<Vec<String>> {
    name.0.iter().map(|part| part.as_ident().map(normal)).collect()
}

impl<'a> Check<'a> {
    fn new(has_table: &'a dyn Fn(&str) -> bool) -> Self {
        Self { has_table, relations: BTreeMap::new(), ctes: Vec::new(), joins: 0, growths: 0 }
    }

    /// What was read, once everything has been seen.
    fn finish(self) -> Result<Vec<String>, QueryError> {
        for (what, found, most) in [
            ("named subqueries", self.ctes.len(), QUERY_CTES_MAX),
            ("joins", self.joins, QUERY_JOINS_MAX),
            ("places where text grows", self.growths, GROWTHS_MAX),
        ] {
            if found > most {
                return Err(too_complex(format_args!("it has {found} {what} of at most {most}")));
            }
        }
        let uses = self.ctes.iter().map(|name| self.relations.get(name).copied().unwrap_or(0));
        let copies = uses.fold(1_usize, |all, uses| all.saturating_mul(uses.max(1)));
        if copies > QUERY_CTE_COPIES_MAX {
            return Err(too_complex(format_args!(
                "its named subqueries unfold to more than {QUERY_CTE_COPIES_MAX} copies"
            )));
        }
        let mut tables = Vec::new();
        for name in self.relations.into_keys() {
            if (self.has_table)(&name) || as_of::is_table(&name) {
                tables.push(name);
            } else if !self.ctes.contains(&name) {
                return Err(no_table(&name));
            }
        }
        Ok(tables)
    }

    fn function(&mut self, it: &Function) -> Step {
        let name =
            parts(&it.name).filter(|parts| parts.len() == 1).map(|mut parts| parts.remove(0));
        let Some(name) = name.filter(|name| is_offered(name)) else {
            return refuse(QueryError::new(
                SqlState::NoFunction,
                format_args!("there is no function {}", it.name),
                "docs/sql.md lists those there are",
            ));
        };
        refuse_if(it.uses_odbc_syntax || it.parameters != FunctionArguments::None, "this call")?;
        let arguments = match &it.args {
            FunctionArguments::None => [].as_slice(),
            FunctionArguments::List(list) => list.args.as_slice(),
            FunctionArguments::Subquery(_) => return refuse(not_supported("a call of a subquery")),
        };
        if GROWING.contains(&name.as_str()) {
            self.growths += arguments.len().max(2) - 1;
        }
        if PATTERNS.contains(&name.as_str()) {
            return match arguments.get(1) {
                Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(pattern))) => is_pattern(pattern),
                _ => ControlFlow::Continue(()),
            };
        }
        ControlFlow::Continue(())
    }

    fn operator(&mut self, op: &BinaryOperator, right: &Expr) -> Step {
        use BinaryOperator as Op;
        match op {
            Op::Plus
            | Op::Minus
            | Op::Multiply
            | Op::Divide
            | Op::Modulo
            | Op::Gt
            | Op::Lt
            | Op::GtEq
            | Op::LtEq
            | Op::Eq
            | Op::NotEq
            | Op::And
            | Op::Or => ControlFlow::Continue(()),
            Op::StringConcat => {
                self.growths += 1;
                ControlFlow::Continue(())
            }
            Op::PGRegexMatch | Op::PGRegexIMatch | Op::PGRegexNotMatch | Op::PGRegexNotIMatch => {
                is_pattern(right)
            }
            _ => refuse(not_supported(format_args!("the operator {op}"))),
        }
    }
}

/// A regular expression is short, and stands in the text.
fn is_pattern(pattern: &Expr) -> Step {
    let text = match pattern {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => Some(text),
            _ => None,
        },
        _ => None,
    };
    match text {
        Some(text) if text.len() <= QUERY_PATTERN_BYTES_MAX => ControlFlow::Continue(()),
        Some(_) => refuse(too_complex(format_args!(
            "a regular expression has more than {QUERY_PATTERN_BYTES_MAX} bytes"
        ))),
        None => refuse(not_supported("a regular expression that is not written out")),
    }
}

/// The refusal of an unknown table: the same for one that nobody has and one that somebody else has.
pub(crate) fn no_table(name: &str) -> QueryError {
    QueryError::new(
        SqlState::NoTable,
        format_args!("there is no table '{name}'"),
        "docs/sql.md lists those there are",
    )
}

/// A call of the one function that gives rows, as the table it stands for.
fn rows_as_of(
    name: &mut ObjectName,
    alias: &mut Option<TableAlias>,
    given: &TableFunctionArgs,
) -> Step {
    let called = parts(name).is_some_and(|it| it == [as_of::VITALS_AS_OF]);
    refuse_if(!called || given.settings.is_some(), "a function as a table")?;
    let table = match as_of::table_of(&given.args) {
        Ok(table) => table,
        Err(error) => return refuse(error),
    };
    *name = ObjectName(vec![ObjectNamePart::Identifier(Ident::with_quote('"', table))]);
    // Rows of a function are named after it where they are given no name.
    alias.get_or_insert_with(|| TableAlias {
        explicit: true,
        name: Ident::new(as_of::VITALS_AS_OF),
        columns: Vec::new(),
        at: None,
    });
    ControlFlow::Continue(())
}

/// `x AT TIME ZONE z` as the function it stands for.
fn time_zone_call(timestamp: Expr, time_zone: Expr) -> Expr {
    let argument = |it| FunctionArg::Unnamed(FunctionArgExpr::Expr(it));
    Expr::Function(Function {
        name: ObjectName(vec![ObjectNamePart::Identifier(Ident::new("timezone"))]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: vec![argument(time_zone), argument(timestamp)],
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

impl VisitorMut for Check<'_> {
    type Break = Box<QueryError>;

    fn pre_visit_statement(&mut self, statement: &mut Statement) -> Step {
        match statement {
            Statement::Query(_) | Statement::Explain { .. } => ControlFlow::Continue(()),
            _ => refuse(not_read_only("something else than a SELECT")),
        }
    }

    fn pre_visit_query(&mut self, query: &mut Query) -> Step {
        let odd = query.for_clause.is_some()
            || query.settings.is_some()
            || query.format_clause.is_some()
            || !query.pipe_operators.is_empty();
        refuse_if(odd, "such a clause after a query")?;
        if !query.locks.is_empty() {
            return refuse(not_read_only("a query that locks rows"));
        }
        if let Some(with) = &query.with {
            refuse_if(with.recursive, "WITH RECURSIVE")?;
            self.ctes.extend(with.cte_tables.iter().map(|cte| normal(&cte.alias.name)));
        }
        set_expression(&query.body)
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> Step {
        if select.into.is_some() {
            return refuse(not_read_only("a SELECT INTO"));
        }
        let odd = select.top.is_some()
            || select.exclude.is_some()
            || select.prewhere.is_some()
            || select.value_table_mode.is_some()
            || !select.lateral_views.is_empty()
            || !select.connect_by.is_empty()
            || !select.cluster_by.is_empty()
            || !select.distribute_by.is_empty()
            || !select.sort_by.is_empty();
        refuse_if(odd, "such a clause of SELECT")?;
        let tables = select.from.iter().map(|from| 1 + from.joins.len()).sum::<usize>();
        self.joins += tables.saturating_sub(1);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> Step {
        match factor {
            TableFactor::Table {
                name,
                alias,
                args,
                version,
                sample,
                json_path,
                with_ordinality,
                partitions,
                with_hints,
                index_hints,
                ..
            } => {
                if let Some(given) = args.take() {
                    rows_as_of(name, alias, &given)?;
                }
                let odd = version.is_some()
                    || sample.is_some()
                    || json_path.is_some()
                    || *with_ordinality
                    || !partitions.is_empty()
                    || !with_hints.is_empty()
                    || !index_hints.is_empty();
                refuse_if(odd, "such a clause of a table")
            }
            TableFactor::Derived { lateral, sample, .. } => {
                refuse_if(*lateral || sample.is_some(), "LATERAL")
            }
            TableFactor::NestedJoin { table_with_joins, .. } => {
                self.joins += table_with_joins.joins.len();
                ControlFlow::Continue(())
            }
            _ => refuse(not_supported("such a table")),
        }
    }

    fn pre_visit_relation(&mut self, relation: &mut ObjectName) -> Step {
        match parts(relation).as_deref() {
            Some([name]) => {
                *self.relations.entry(name.clone()).or_default() += 1;
                ControlFlow::Continue(())
            }
            // The one schema there is.
            Some([schema, _]) if schema == "public" => {
                relation.0.remove(0);
                self.pre_visit_relation(relation)
            }
            _ => refuse(no_table(&relation.to_string())),
        }
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> Step {
        match expr {
            Expr::Identifier(_)
            | Expr::CompoundIdentifier(_)
            | Expr::IsFalse(_)
            | Expr::IsNotFalse(_)
            | Expr::IsTrue(_)
            | Expr::IsNotTrue(_)
            | Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::IsUnknown(_)
            | Expr::IsNotUnknown(_)
            | Expr::IsDistinctFrom(..)
            | Expr::IsNotDistinctFrom(..)
            | Expr::InList { .. }
            | Expr::InSubquery { .. }
            | Expr::Between { .. }
            | Expr::Like { any: false, .. }
            | Expr::ILike { any: false, .. }
            | Expr::UnaryOp { .. }
            | Expr::AtTimeZone { .. }
            | Expr::Extract { .. }
            | Expr::Ceil { .. }
            | Expr::Floor { .. }
            | Expr::Position { .. }
            | Expr::Substring { .. }
            | Expr::Trim { .. }
            | Expr::Nested(_)
            | Expr::Value(_)
            | Expr::TypedString(_)
            | Expr::Case { .. }
            | Expr::Exists { .. }
            | Expr::Subquery(_)
            | Expr::GroupingSets(_)
            | Expr::Cube(_)
            | Expr::Rollup(_)
            | Expr::Tuple(_)
            | Expr::Interval(_)
            | Expr::Wildcard(_)
            | Expr::QualifiedWildcard(..)
            | Expr::Cast {
                kind: CastKind::Cast | CastKind::DoubleColon,
                array: false,
                format: None,
                ..
            } => ControlFlow::Continue(()),
            Expr::BinaryOp { op, right, .. } => self.operator(op, right),
            Expr::Function(function) => self.function(function),
            _ => refuse(not_supported("such an expression")),
        }
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> Step {
        if let Expr::AtTimeZone { timestamp, time_zone } = expr {
            let null = || Box::new(Expr::Value(Value::Null.into()));
            let timestamp = std::mem::replace(timestamp, null());
            let time_zone = std::mem::replace(time_zone, null());
            *expr = time_zone_call(*timestamp, *time_zone);
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
        SetExpr::Table(_) => refuse(not_supported("TABLE")),
        _ => refuse(not_read_only("something else than a SELECT")),
    }
}
