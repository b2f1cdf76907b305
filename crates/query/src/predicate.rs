//! Conditions on one table's columns, small enough to be sent to where the table is.
//!
//! A column, a comparison and a literal; or a column and a list of them. Promises that what is translated
//! means what the expression meant. Does not promise that anybody heeds it: the plan above filters again.

use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::expr::{BinaryExpr, InList};
use datafusion::logical_expr::{Expr, Operator};
use serde::{Deserialize, Serialize};

/// Most values of a list that is sent.
const LIST_MAX: usize = 1_000;

/// A condition that a row must meet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Predicate {
    /// A column compared with a literal.
    Compare {
        /// The column's name.
        column: String,
        /// How.
        by: Comparison,
        /// With what.
        value: Literal,
    },
    /// A column that is one of several literals.
    In {
        /// The column's name.
        column: String,
        /// The literals.
        values: Vec<Literal>,
    },
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the words say it")]
pub enum Comparison {
    Eq,
    NotEq,
    Lt,
    LtEq,
    Gt,
    GtEq,
}

/// A value, exact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Literal {
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A text.
    Text(String),
    /// A decimal: its digits as text, its precision and scale.
    Decimal(String, u8, i8),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since 1970-01-01, UTC.
    Instant(i64),
}

impl Comparison {
    const ALL: [(Self, Operator); 6] = [
        (Self::Eq, Operator::Eq),
        (Self::NotEq, Operator::NotEq),
        (Self::Lt, Operator::Lt),
        (Self::LtEq, Operator::LtEq),
        (Self::Gt, Operator::Gt),
        (Self::GtEq, Operator::GtEq),
    ];

    fn of(operator: Operator) -> Option<Self> {
        Self::ALL.into_iter().find(|(_, it)| *it == operator).map(|(by, _)| by)
    }

    fn operator(self) -> Operator {
        Self::ALL.into_iter().find(|(by, _)| *by == self).map_or(Operator::Eq, |(_, it)| it)
    }
}

impl Literal {
    fn of(value: &ScalarValue) -> Option<Self> {
        Some(match value {
            ScalarValue::Boolean(Some(it)) => Self::Bool(*it),
            ScalarValue::Int64(Some(it)) => Self::Int(*it),
            ScalarValue::Utf8(Some(it)) => Self::Text(it.clone()),
            ScalarValue::Decimal128(Some(it), precision, scale) => {
                Self::Decimal(it.to_string(), *precision, *scale)
            }
            ScalarValue::Date32(Some(it)) => Self::Date(*it),
            ScalarValue::TimestampMicrosecond(Some(it), Some(zone)) if zone.as_ref() == "UTC" => {
                Self::Instant(*it)
            }
            _ => return None,
        })
    }

    fn scalar(&self) -> Option<ScalarValue> {
        Some(match self {
            Self::Bool(it) => ScalarValue::Boolean(Some(*it)),
            Self::Int(it) => ScalarValue::Int64(Some(*it)),
            Self::Text(it) => ScalarValue::Utf8(Some(it.clone())),
            Self::Decimal(digits, precision, scale) => {
                ScalarValue::Decimal128(Some(digits.parse().ok()?), *precision, *scale)
            }
            Self::Date(it) => ScalarValue::Date32(Some(*it)),
            Self::Instant(it) => ScalarValue::TimestampMicrosecond(Some(*it), Some("UTC".into())),
        })
    }
}

impl Predicate {
    /// The expression as a condition; `None` when it is not so simple.
    #[must_use]
    pub fn of(expr: &Expr) -> Option<Self> {
        match expr {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
                let (column, op, value) = match (left.as_ref(), right.as_ref()) {
                    (Expr::Column(column), Expr::Literal(value, _)) => (column, *op, value),
                    (Expr::Literal(value, _), Expr::Column(column)) => (column, op.swap()?, value),
                    _ => return None,
                };
                let (by, value) = (Comparison::of(op)?, Literal::of(value)?);
                Some(Self::Compare { column: column.name.clone(), by, value })
            }
            Expr::InList(InList { expr, list, negated: false }) if list.len() <= LIST_MAX => {
                let Expr::Column(column) = expr.as_ref() else { return None };
                let value = |it: &Expr| match it {
                    Expr::Literal(value, _) => Literal::of(value),
                    _ => None,
                };
                let values = list.iter().map(value).collect::<Option<Vec<_>>>()?;
                Some(Self::In { column: column.name.clone(), values })
            }
            _ => None,
        }
    }

    /// The condition as an expression; `None` when a number in it cannot be read.
    #[must_use]
    pub fn expr(&self) -> Option<Expr> {
        let column = |name: &str| Box::new(Expr::Column(Column::new_unqualified(name)));
        let literal = |it: &Literal| it.scalar().map(|it| Expr::Literal(it, None));
        Some(match self {
            Self::Compare { column: name, by, value } => Expr::BinaryExpr(BinaryExpr::new(
                column(name),
                by.operator(),
                Box::new(literal(value)?),
            )),
            Self::In { column: name, values } => {
                let values = values.iter().map(literal).collect::<Option<Vec<_>>>()?;
                Expr::InList(InList::new(column(name), values, false))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::{col, lit};

    use super::*;

    #[test]
    fn what_is_sent_comes_back_as_it_was() {
        let instant = ScalarValue::TimestampMicrosecond(Some(-7), Some("UTC".into()));
        let money = ScalarValue::Decimal128(Some(-(10_i128.pow(19))), 20, 6);
        for expr in [
            col("status").eq(lit("paid")),
            col("visited_at").gt_eq(Expr::Literal(instant, None)),
            col("price").lt(Expr::Literal(money, None)),
            col("on_date").not_eq(Expr::Literal(ScalarValue::Date32(Some(-1)), None)),
            col("id").in_list(vec![lit("a"), lit("b")], false),
            col("version").lt_eq(lit(i64::MIN)),
        ] {
            let sent = serde_json::to_string(&Predicate::of(&expr).unwrap()).unwrap();
            let came: Predicate = serde_json::from_str(&sent).unwrap();
            assert_eq!(came.expr(), Some(expr), "{sent}");
        }
        let turned = Predicate::of(&lit(3_i64).lt(col("version"))).unwrap();
        assert_eq!(turned.expr(), Some(col("version").gt(lit(3_i64))));
    }

    #[test]
    fn what_is_not_so_simple_stays_here() {
        let nanos = ScalarValue::TimestampNanosecond(Some(1), Some("UTC".into()));
        for expr in [
            col("a").eq(col("b")),
            col("a").eq(Expr::Literal(ScalarValue::Utf8(None), None)),
            col("a").eq(Expr::Literal(nanos, None)),
            col("a").like(lit("x%")),
            col("a").in_list(vec![lit("x")], true),
            col("a").eq(lit(1)).or(col("a").eq(lit(2))),
        ] {
            assert_eq!(Predicate::of(&expr), None, "{expr}");
        }
    }
}
