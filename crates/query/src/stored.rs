//! Stored vitals as tables of a session: what a question wants of them is asked of the store, and no more.
//!
//! Promises that columns, tests of columns and a limit go down to where the rows are, and that rows come up by
//! pages. What the store cannot test, the session tests itself. Whoever implements [`VitalRows`] answers all
//! scans of one question from one committed tick.

use std::fmt;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int64Array, RecordBatch,
    RecordBatchOptions, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use futures::TryStreamExt;
use vitals_model::vital_scan::{ScanMoment, ScanTable, ScanType, ScanValues, VitalPage, VitalScan};

use crate::error::QueryError;
use crate::narrow::tests_of;

/// Where one question's rows of vitals come from.
#[async_trait]
pub trait VitalRows: Send + Sync + fmt::Debug {
    /// Begins to read rows. Several scans may be read at a time, page by page in any order.
    ///
    /// # Errors
    /// The store cannot be read.
    async fn open(&self, scan: VitalScan) -> Result<Box<dyn VitalPages>, QueryError>;
}

/// Rows under way.
#[async_trait]
pub trait VitalPages: Send {
    /// The next rows; `None` after the last.
    ///
    /// # Errors
    /// The store cannot be read any further.
    async fn next(&mut self) -> Result<Option<VitalPage>, QueryError>;
}

/// Tables of so few rows that these are read when the question is planned, so that the plan knows how few.
const READ_AT_ONCE: [ScanTable; 2] = [ScanTable::HealthScore, ScanTable::HealthMetrics];

/// A vital's table, as of a moment.
///
/// # Errors
/// The store cannot be read.
pub async fn table(
    rows: Arc<dyn VitalRows>,
    (of, at): (ScanTable, ScanMoment),
) -> Result<Arc<dyn TableProvider>, QueryError> {
    let table = StoredVital { rows, of, at, schema: schema(of) };
    if !READ_AT_ONCE.contains(&of) {
        return Ok(Arc::new(table));
    }
    let columns = (0..of.columns().len()).collect();
    let scan = VitalScan { table: of, at, columns, tests: Vec::new(), limit: None };
    let mut pages = table.rows.open(scan).await?;
    let mut batches = Vec::new();
    while let Some(page) = pages.next().await? {
        let batch = batch(&table.schema, page).map_err(|_| unfit())?;
        batches.push(batch);
    }
    let all = arrow::compute::concat_batches(&table.schema, &batches).map_err(|_| unfit())?;
    crate::catalog::in_memory(&all)
}

fn unfit() -> QueryError {
    QueryError::unavailable("rows of a vital do not fit their columns")
}

/// A stored vital.
#[derive(Debug)]
struct StoredVital {
    rows: Arc<dyn VitalRows>,
    of: ScanTable,
    at: ScanMoment,
    schema: SchemaRef,
}

/// The columns of a vital's table.
#[must_use]
pub fn schema(of: ScanTable) -> SchemaRef {
    let field = |(name, of): &(&str, ScanType)| {
        let of = match *of {
            ScanType::Text | ScanType::Json => DataType::Utf8,
            ScanType::Int => DataType::Int64,
            ScanType::Hundredths(digits) => DataType::Decimal128(digits, 2),
            ScanType::Micros(digits) => DataType::Decimal128(digits, 6),
            ScanType::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            ScanType::Day => DataType::Date32,
            ScanType::Truth => DataType::Boolean,
        };
        Field::new(*name, of, true)
    };
    Arc::new(Schema::new(of.columns().iter().map(field).collect::<Vec<_>>()))
}

/// A page as rows of these columns.
fn batch(schema: &SchemaRef, page: VitalPage) -> Result<RecordBatch> {
    let columns = page.columns.into_iter().zip(schema.fields()).map(|(values, field)| {
        let array: ArrayRef = match values {
            ScanValues::Text(values) => Arc::new(StringArray::from(values)),
            ScanValues::Int(values) => Arc::new(Int64Array::from(values)),
            ScanValues::Decimal(values) => {
                Arc::new(Decimal128Array::from(values).with_data_type(field.data_type().clone()))
            }
            ScanValues::Instant(values) => {
                Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC"))
            }
            ScanValues::Day(values) => Arc::new(Date32Array::from(values)),
            ScanValues::Truth(values) => Arc::new(BooleanArray::from(values)),
        };
        array
    });
    let columns = columns.collect();
    let rows = RecordBatchOptions::new().with_row_count(Some(page.rows));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), columns, &rows)?)
}

#[async_trait]
impl TableProvider for StoredVital {
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
        let judge = |filter: &&Expr| match tests_of(filter, self.of) {
            Some(_) => TableProviderFilterPushDown::Exact,
            None => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(judge).collect())
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all = || (0..self.of.columns().len()).collect();
        let columns = projection.cloned().unwrap_or_else(all);
        let schema = Arc::new(self.schema.project(&columns)?);
        let mut tests = Vec::new();
        for filter in filters {
            let found = tests_of(filter, self.of);
            tests.extend(found.ok_or_else(|| {
                DataFusionError::Internal("a filter that was not offered".to_owned())
            })?);
        }
        let scan = VitalScan { table: self.of, at: self.at, columns, tests, limit };
        let part =
            Arc::new(Reading { rows: Arc::clone(&self.rows), scan, schema: Arc::clone(&schema) });
        let plan = StreamingTableExec::try_new(schema, vec![part], None, [], false, limit)?;
        Ok(Arc::new(plan))
    }
}

/// A scan of a plan.
#[derive(Debug)]
struct Reading {
    rows: Arc<dyn VitalRows>,
    scan: VitalScan,
    schema: SchemaRef,
}

impl PartitionStream for Reading {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (rows, scan, schema) = (Arc::clone(&self.rows), self.scan.clone(), self.schema());
        let schema = Arc::clone(schema);
        let of = Arc::clone(&schema);
        let pages = futures::stream::once(async move {
            let pages = rows.open(scan).await.map_err(outside)?;
            let pages = futures::stream::try_unfold(pages, |mut pages| async move {
                let page = pages.next().await.map_err(outside)?;
                Ok::<_, DataFusionError>(page.map(|page| (page, pages)))
            });
            Ok::<_, DataFusionError>(pages)
        });
        let batches = pages.try_flatten().and_then(move |page| {
            let batch = batch(&of, page);
            async move { batch }
        });
        Box::pin(RecordBatchStreamAdapter::new(schema, batches))
    }
}

fn outside(error: QueryError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
