//! What a physical plan may do: joins without an equality only where one side is known to be small.

use std::sync::Arc;

use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::joins::{CrossJoinExec, NestedLoopJoinExec};
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use vitals_model::limits::QUERY_CROSS_ROWS_MAX;

use crate::error::{QueryError, SqlState};

/// Most joins of one plan that multiply their inputs: with more, even small ones come to much.
const PRODUCTS_MAX: usize = 2;

/// Refuses a plan whose work is the product of its inputs.
pub(crate) fn check(plan: &Arc<dyn ExecutionPlan>) -> Result<(), QueryError> {
    if products(plan).is_some_and(|products| products <= PRODUCTS_MAX) {
        return Ok(());
    }
    Err(QueryError::new(
        SqlState::TooComplex,
        "tables are joined without an equality between them",
        "join them ON a.column = b.column",
    ))
}

/// How many joins multiply a small input with another; `None` when one multiplies two large ones.
fn products(plan: &Arc<dyn ExecutionPlan>) -> Option<usize> {
    let multiplies = plan.downcast_ref::<CrossJoinExec>().is_some()
        || plan.downcast_ref::<NestedLoopJoinExec>().is_some();
    if multiplies && !plan.children().into_iter().any(is_small) {
        return None;
    }
    let own = usize::from(multiplies && !plan.children().into_iter().any(is_one_row));
    plan.children().into_iter().try_fold(own, |sum, child| Some(sum + products(child)?))
}

/// Whether a plan gives one row at most: a total, or what is made of one.
fn is_one_row(plan: &Arc<dyn ExecutionPlan>) -> bool {
    if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
        return aggregate.group_expr().is_empty();
    }
    match plan.children().as_slice() {
        [input] => is_one_row(input),
        _ => false,
    }
}

/// Whether a plan gives few rows.
fn is_small(plan: &Arc<dyn ExecutionPlan>) -> bool {
    if plan.fetch().is_some_and(|rows| rows <= QUERY_CROSS_ROWS_MAX) {
        return true;
    }
    if is_one_row(plan) {
        return true;
    }
    match plan.children().as_slice() {
        [] => few_rows(plan),
        [input] => is_small(input),
        _ => false,
    }
}

/// Whether a leaf says that it holds few rows.
fn few_rows(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let statistics = StatisticsContext::new().compute(plan.as_ref(), &StatisticsArgs::new());
    let rows = statistics.ok().and_then(|it| it.num_rows.get_value().copied());
    rows.is_some_and(|rows| rows <= QUERY_CROSS_ROWS_MAX)
}
