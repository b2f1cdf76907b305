//! Unions whose inputs agree on types before anything is derived from them.
//!
//! The planner gives a union the types of its first input until types are coerced, which is after sums are given room
//! ([`super::exact`]): `SELECT 0 UNION ALL SELECT amount` was summed as whole numbers, and amounts were rounded.

use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::error::Result;
use datafusion::logical_expr::expr_rewriter::coerce_plan_expr_for_schema;
use datafusion::logical_expr::{LogicalPlan, Union};
use datafusion::optimizer::analyzer::type_coercion::coerce_union_schema;

/// A union with one type a column; any other node as it is.
pub(super) fn typed(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let LogicalPlan::Union(Union { inputs, .. }) = node else { return Ok(Transformed::no(node)) };
    let schema = Arc::new(coerce_union_schema(&inputs)?);
    let inputs = inputs.into_iter().map(|input| {
        coerce_plan_expr_for_schema(Arc::unwrap_or_clone(input), &schema).map(Arc::new)
    });
    let inputs = inputs.collect::<Result<_>>()?;
    Ok(Transformed::yes(LogicalPlan::Union(Union { inputs, schema })))
}
