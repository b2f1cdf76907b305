//! What of a question's conditions the store can test by itself.
//!
//! Promises that a condition is taken whole or not at all, and that a test lets exactly the rows through that the
//! condition does: equality, membership, ranges and NULL of one column beside written-out values of its type.

use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{Between, BinaryExpr, Expr, Operator};
use datafusion::scalar::ScalarValue;
use vitals_model::limits::VITAL_FILTER_VALUES_MAX;
use vitals_model::vital_scan::{ScanTable, ScanTest, ScanType, ScanValue};

type Test = (usize, ScanTest);

/// The tests that a condition comes to; `None` when the store cannot test it.
pub(crate) fn tests_of(condition: &Expr, table: ScanTable) -> Option<Vec<Test>> {
    match condition {
        Expr::IsNull(of) => Some(vec![(column(of, table)?.0, ScanTest::Null)]),
        Expr::IsNotNull(of) => Some(vec![(column(of, table)?.0, ScanTest::NotNull)]),
        Expr::Between(Between { expr, negated: false, low, high }) => {
            let (at, of) = column(expr, table)?;
            let [low, high] = [low, high].map(|it| value(it, of));
            let from = ScanTest::From { bound: low?, inclusive: true };
            Some(vec![(at, from), (at, ScanTest::To { bound: high?, inclusive: true })])
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            let mut tests = tests_of(left, table)?;
            tests.extend(tests_of(right, table)?);
            Some(tests)
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right })
            if !matches!(op, Operator::Or | Operator::Eq) =>
        {
            comparison((left, *op, right), table).map(|test| vec![test])
        }
        _ => {
            let (at, values) = one_of(condition, table)?;
            let fits = values.len() <= VITAL_FILTER_VALUES_MAX;
            fits.then(|| vec![(at, ScanTest::OneOf(values))])
        }
    }
}

/// An equality, a list, or several of one column joined by OR.
fn one_of(condition: &Expr, table: ScanTable) -> Option<(usize, Vec<ScanValue>)> {
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
            let ((at, of), with) = sides(left, right, table)?;
            Some((at, vec![value(with, of)?]))
        }
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Or, right }) => {
            let ((at, mut values), (other, more)) = (one_of(left, table)?, one_of(right, table)?);
            values.extend(more);
            (at == other).then_some((at, values))
        }
        Expr::InList(InList { expr, list, negated: false }) => {
            let (at, of) = column(expr, table)?;
            Some((at, list.iter().map(|it| value(it, of)).collect::<Option<_>>()?))
        }
        _ => None,
    }
}

fn comparison((left, op, right): (&Expr, Operator, &Expr), table: ScanTable) -> Option<Test> {
    let ((at, of), with) = sides(left, right, table)?;
    // `5 < x` is `x > 5`.
    let op = if column(left, table).is_some() { op } else { op.swap()? };
    let bound = value(with, of)?;
    let test = match op {
        Operator::Gt => ScanTest::From { bound, inclusive: false },
        Operator::GtEq => ScanTest::From { bound, inclusive: true },
        Operator::Lt => ScanTest::To { bound, inclusive: false },
        Operator::LtEq => ScanTest::To { bound, inclusive: true },
        _ => return None,
    };
    Some((at, test))
}

type Column = (usize, ScanType);

/// Of two sides, the column and the other.
fn sides<'a>(left: &'a Expr, right: &'a Expr, table: ScanTable) -> Option<(Column, &'a Expr)> {
    match (column(left, table), column(right, table)) {
        (Some(column), None) => Some((column, right)),
        (None, Some(column)) => Some((column, left)),
        _ => None,
    }
}

fn column(it: &Expr, table: ScanTable) -> Option<Column> {
    let Expr::Column(column) = it else { return None };
    let at = table.columns().iter().position(|(name, _)| *name == column.name)?;
    let of = table.columns()[at].1;
    of.narrows().then_some((at, of))
}

/// A written-out value of just the column's type.
fn value(it: &Expr, of: ScanType) -> Option<ScanValue> {
    use ScalarValue as Scalar;
    let Expr::Literal(value, _) = it else { return None };
    match (of, value) {
        (
            ScanType::Text,
            Scalar::Utf8(Some(text)) | Scalar::Utf8View(Some(text)) | Scalar::LargeUtf8(Some(text)),
        ) => (!text.contains('\0')).then(|| ScanValue::Text(text.clone())),
        (ScanType::Int, Scalar::Int64(Some(it))) => Some(ScanValue::Int(*it)),
        (ScanType::Instant, Scalar::TimestampMicrosecond(Some(it), Some(_))) => {
            Some(ScanValue::Instant(*it))
        }
        (ScanType::Day, Scalar::Date32(Some(it))) => Some(ScanValue::Day(*it)),
        _ => None,
    }
}
