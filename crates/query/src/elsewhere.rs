//! Tables whose rows are elsewhere: a plan asks for them, and they come as a stream.
//!
//! Promises that a scan asks for the columns it needs, for the conditions that can be sent, and for no
//! more rows than it wants when there are no conditions; and that statistics are what the table's holder
//! said. The plan above filters again, so that whoever serves the rows may ignore the conditions.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Statistics, internal_err};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, SchedulingType};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
};
use futures::stream::{BoxStream, TryStreamExt};
use serde::{Deserialize, Serialize};

use crate::error::QueryError;
use crate::predicate::Predicate;

/// What a plan wants of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scan {
    /// The table's name.
    pub table: String,
    /// The columns, by their place.
    pub columns: Vec<usize>,
    /// Conditions that may be used to give fewer rows.
    pub filters: Vec<Predicate>,
    /// How many rows are enough.
    pub limit: Option<usize>,
}

/// Whoever has the rows.
pub trait Elsewhere: fmt::Debug + Send + Sync {
    /// The rows of a scan, at least those that meet its conditions. Dropping the stream ends it.
    fn scan(&self, scan: Scan) -> BoxStream<'static, std::result::Result<RecordBatch, QueryError>>;
}

/// A table whose rows are elsewhere.
#[derive(Debug)]
pub struct TableElsewhere {
    name: String,
    schema: SchemaRef,
    rows: Option<usize>,
    holder: Arc<dyn Elsewhere>,
}

impl TableElsewhere {
    /// A table of `holder`'s, of so many rows if it knows.
    pub fn new(
        name: impl Into<String>,
        (schema, rows): (SchemaRef, Option<usize>),
        holder: Arc<dyn Elsewhere>,
    ) -> Self {
        Self { name: name.into(), schema, rows, holder }
    }
}

#[async_trait]
impl TableProvider for TableElsewhere {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        let support = |filter: &&Expr| match Predicate::of(filter) {
            Some(_) => TableProviderFilterPushDown::Inexact,
            None => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(support).collect())
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all = || (0..self.schema.fields().len()).collect();
        let columns = projection.cloned().unwrap_or_else(all);
        let filters: Vec<_> = filters.iter().filter_map(Predicate::of).collect();
        let limit = limit.filter(|_| filters.is_empty());
        let schema: SchemaRef = Arc::new(self.schema.project(&columns)?);
        let scan = Scan { table: self.name.clone(), columns, filters, limit };
        Ok(Arc::new(ScanElsewhere::new(scan, schema, self.rows, Arc::clone(&self.holder))))
    }
}

/// The scan of a plan.
#[derive(Debug)]
struct ScanElsewhere {
    scan: Scan,
    schema: SchemaRef,
    rows: Option<usize>,
    holder: Arc<dyn Elsewhere>,
    properties: Arc<PlanProperties>,
}

impl ScanElsewhere {
    fn new(scan: Scan, schema: SchemaRef, rows: Option<usize>, holder: Arc<dyn Elsewhere>) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        let properties = Arc::new(properties.with_scheduling_type(SchedulingType::Cooperative));
        Self { scan, schema, rows, holder, properties }
    }
}

impl DisplayAs for ScanElsewhere {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Scan { table, columns, filters, limit } = &self.scan;
        write!(f, "Scan: {table}, {} columns, {} conditions", columns.len(), filters.len())?;
        limit.map_or(Ok(()), |limit| write!(f, ", {limit} rows"))
    }
}

impl ExecutionPlan for ScanElsewhere {
    fn name(&self) -> &'static str {
        "ScanElsewhere"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if children.is_empty() { Ok(self) } else { internal_err!("a scan has no children") }
    }

    fn execute(&self, _: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let rows = self.holder.scan(self.scan.clone());
        let rows = rows.map_err(|error| DataFusionError::External(Box::new(error)));
        let rows = RecordBatchStreamAdapter::new(Arc::clone(&self.schema), rows);
        Ok(datafusion::physical_plan::coop::make_cooperative(Box::pin(rows)))
    }

    fn statistics_from_inputs(
        &self,
        _: &[Arc<Statistics>],
        _: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let mut statistics = Statistics::new_unknown(&self.schema);
        if let Some(rows) = self.rows {
            let filtered = !self.scan.filters.is_empty() || self.scan.limit.is_some();
            statistics.num_rows =
                if filtered { Precision::Inexact(rows) } else { Precision::Exact(rows) };
        }
        Ok(Arc::new(statistics))
    }
}
