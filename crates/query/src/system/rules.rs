//! Parts of tools' statements that the engine cannot compute, and what they come to here.
//!
//! `datafusion-pg-catalog` rewrites most of PostgreSQL's SQL, and has a list of its own. What is listed here is
//! read first; [`mend`] goes over what came out.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentList, FunctionArguments, GroupByExpr, Ident, ObjectName, ObjectNamePart, Query,
    Select, SelectItem, SetExpr, Statement, TableFactor, Value, VisitMut, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::pg_catalog::EMPTY;

/// Parts, and what stands in their place. Spaces do not matter.
const PARTS: [(&str, &str); 1] = [
    // Grafana: the schemas of the search path, one row each.
    (
        r#"SELECT CASE WHEN trim(s[i]) = '"$user"' THEN user ELSE trim(s[i]) END
           FROM generate_series(
             array_lower(string_to_array(current_setting('search_path'),','),1),
             array_upper(string_to_array(current_setting('search_path'),','),1)
           ) as i, string_to_array(current_setting('search_path'),',') s"#,
        "'public'",
    ),
];

fn tokens(text: &str) -> Option<Vec<Token>> {
    let tokens =
        Tokenizer::new(&PostgreSqlDialect {}, text).with_unescape(false).tokenize().ok()?;
    Some(tokens.into_iter().filter(|it| !matches!(it, Token::Whitespace(_))).collect())
}

/// A text with its parts replaced; as it is when it has none.
pub(super) fn rewrite(sql: &str) -> String {
    let Some(mut all) = tokens(sql) else { return sql.to_owned() };
    let mut any = false;
    for (part, instead) in PARTS {
        let (Some(part), Some(instead)) = (tokens(part), tokens(instead)) else { continue };
        while let Some(at) = all.windows(part.len()).position(|it| it == part) {
            all.splice(at..at + part.len(), instead.iter().cloned());
            any = true;
        }
    }
    if !any {
        return sql.to_owned();
    }
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// Mends a parsed statement: patterns with an escape of their own, and subqueries that stand for a value.
pub(super) fn mend(statement: &mut Statement) {
    // Nothing breaks the walk off.
    let ControlFlow::Continue(()) = statement.visit(&mut Mend);
}

struct Mend;

impl VisitorMut for Mend {
    type Break = std::convert::Infallible;

    /// A table without rows has no lists to unfold: the engine cannot unfold two at a time.
    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Self::Break> {
        if !reads_nothing(select) {
            return ControlFlow::Continue(());
        }
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item
                && is_call(expr, &["unnest", "generate_subscripts"])
            {
                *expr = Expr::Cast {
                    kind: CastKind::Cast,
                    expr: Box::new(Expr::Value(Value::Null.into())),
                    data_type: DataType::Integer(None),
                    array: false,
                    format: None,
                };
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        match expr {
            Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. } => {
                if let Some(escape) = escape_char.as_ref().and_then(|it| character(&it.value))
                    && let Some(text) = folded(pattern)
                {
                    **pattern = literal(escaped(&text, escape));
                    *escape_char = None;
                }
            }
            Expr::Subquery(query) => match as_value(query) {
                Worth::Nothing => *expr = Expr::Value(Value::Null.into()),
                Worth::OneValue | Worth::Unknown => {}
            },
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

fn literal(text: String) -> Expr {
    Expr::Value(Value::SingleQuotedString(text).into())
}

fn character(value: &Value) -> Option<char> {
    let Value::SingleQuotedString(text) = value else { return None };
    let mut chars = text.chars();
    chars.next().filter(|_| chars.next().is_none())
}

/// A text that is put together of literals.
fn folded(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text.clone()),
            _ => None,
        },
        Expr::Cast { expr, .. } | Expr::Nested(expr) => folded(expr),
        Expr::BinaryOp { left, op: BinaryOperator::StringConcat, right } => {
            Some(folded(left)? + &folded(right)?)
        }
        _ => None,
    }
}

/// A pattern whose escape is the backslash.
fn escaped(pattern: &str, escape: char) -> String {
    let mut text = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(it) = chars.next() {
        if it == escape {
            text.extend(['\\'].into_iter().chain(chars.next()));
        } else if it == '\\' {
            text.push_str("\\\\");
        } else {
            text.push(it);
        }
    }
    text
}

/// What a subquery that stands for a value is worth.
enum Worth {
    /// It reads a table that has no rows here.
    Nothing,
    /// It gives one value at most; the engine is told so.
    OneValue,
    /// It is left as it is.
    Unknown,
}

/// A subquery of one column over rows of which at most one fits: the engine wants to see an aggregate.
fn as_value(query: &mut Query) -> Worth {
    let SetExpr::Select(select) = query.body.as_mut() else { return Worth::Unknown };
    let grouped = !matches!(&select.group_by, GroupByExpr::Expressions(all, _) if all.is_empty());
    let empty = reads_nothing(select);
    let [item] = select.projection.as_mut_slice() else { return Worth::Unknown };
    let expr = match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => expr,
        _ => return Worth::Unknown,
    };
    if grouped || query.with.is_some() || aggregates(expr) {
        return Worth::Unknown;
    }
    if empty {
        return Worth::Nothing;
    }
    if select.from.is_empty() {
        return Worth::Unknown;
    }
    let value = std::mem::replace(expr, Expr::Value(Value::Null.into()));
    *expr = call("min", value);
    query.limit_clause = None;
    query.order_by = None;
    Worth::OneValue
}

/// Whether a query begins with a table that has no rows here.
fn reads_nothing(select: &Select) -> bool {
    select.from.iter().any(|from| match &from.relation {
        TableFactor::Table { name, .. } => {
            let name = name.0.last().and_then(ObjectNamePart::as_ident);
            name.is_some_and(|it| EMPTY.contains(&it.value.to_lowercase().as_str()))
        }
        _ => false,
    })
}

fn is_call(expr: &Expr, names: &[&str]) -> bool {
    let Expr::Function(function) = expr else { return false };
    names.contains(&function.name.to_string().to_lowercase().as_str())
}

fn aggregates(expr: &Expr) -> bool {
    let names = ["min", "max", "count", "sum", "array_agg", "string_agg", "bool_and", "bool_or"];
    is_call(expr, &names)
}

fn call(name: &str, argument: Expr) -> Expr {
    let args = vec![FunctionArg::Unnamed(FunctionArgExpr::Expr(argument))];
    Expr::Function(Function {
        name: ObjectName(vec![ObjectNamePart::Identifier(Ident::new(name))]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args,
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::parser::Parser;

    use super::*;

    #[test]
    fn escapes_and_values_are_mended() {
        let mended = |sql: &str| {
            let mut parsed = Parser::parse_sql(&PostgreSqlDialect {}, sql).unwrap();
            mend(&mut parsed[0]);
            parsed[0].to_string()
        };
        for (sql, expected) in [
            ("SELECT a NOT LIKE 'pg/_'::VARCHAR || '%' ESCAPE '/'", "SELECT a NOT LIKE 'pg\\_%'"),
            ("SELECT a LIKE b ESCAPE '/'", "SELECT a LIKE b ESCAPE '/'"),
            ("SELECT (SELECT x FROM pg_catalog.pg_attrdef WHERE y = z)", "SELECT NULL"),
            (
                "SELECT (SELECT x FROM pg_type WHERE y = z LIMIT 1)",
                "SELECT (SELECT min(x) FROM pg_type WHERE y = z)",
            ),
            (
                "SELECT unnest(indkey) AS a, unnest(x) FROM pg_index",
                "SELECT CAST(NULL AS INTEGER) AS a, CAST(NULL AS INTEGER) FROM pg_index",
            ),
            ("SELECT (SELECT count(*) FROM pg_type)", "SELECT (SELECT count(*) FROM pg_type)"),
        ] {
            assert_eq!(mended(sql), expected, "{sql}");
        }
    }

    #[test]
    fn a_part_is_replaced_wherever_it_stands_and_nothing_else_is() {
        let (part, instead) = PARTS[0];
        let sql = format!("SELECT 'it''s' WHERE x IN (\n{part}) OR y IN ({part})");
        let expected = format!("SELECT 'it''s' WHERE x IN ( {instead} ) OR y IN ( {instead} )");
        assert_eq!(rewrite(&sql), expected);
        let plain = "SELECT  E'a\\'b', \"c\" -- d";
        assert_eq!(rewrite(plain), plain);
    }
}
