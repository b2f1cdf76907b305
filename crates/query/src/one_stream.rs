//! A plan rule that makes one stream of every union, where it stands.
//!
//! DataFusion lets the branches of a union run side by side as long as it can, so that all above it - cross
//! joins, projections, half of an aggregation - exists once per branch. On one thread and a few hundred
//! rows that costs more than the rows. Changes no result: the branches' rows follow one another.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

/// The rule after which distribution is settled, and before which ours would be undone.
const AFTER: &str = "EnsureRequirements";

#[derive(Debug)]
struct OneStream;

impl PhysicalOptimizerRule for OneStream {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            if node.downcast_ref::<UnionExec>().is_some() {
                return Ok(Transformed::yes(Arc::new(CoalescePartitionsExec::new(node))));
            }
            // What was to bring the branches together further up has nothing left to do.
            match node.downcast_ref::<CoalescePartitionsExec>() {
                Some(it) if it.input().output_partitioning().partition_count() == 1 => {
                    Ok(Transformed::yes(Arc::clone(it.input())))
                }
                _ => Ok(Transformed::no(node)),
            }
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "OneStream"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// DataFusion's own rules with this one in its place.
pub(crate) fn rules() -> Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>> {
    let mut rules = PhysicalOptimizer::new().rules;
    let after = rules.iter().position(|rule| rule.name() == AFTER);
    rules.insert(after.map_or(rules.len(), |at| at + 1), Arc::new(OneStream));
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_it_follows_exists() {
        let names: Vec<_> = rules().iter().map(|rule| rule.name().to_owned()).collect();
        let at = names.iter().position(|name| name == "OneStream").unwrap();
        assert_eq!(names[at - 1], AFTER);
        assert_eq!(names[at + 1], "CombinePartialFinalAggregate");
    }
}
