//! Tables whose rows can be swapped under a finished plan.
//!
//! Promises that a plan made over a slot reads, whenever it is executed, the batches that were put there
//! last. That is what lets a definition be planned once and computed ten thousand times. Does not guard
//! against a swap during an execution: `Definitions` runs one computation at a time.

use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, RwLock};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use vitals_model::Date;

/// Rows handed to operators at a time: DataFusion's own batch size. A slice costs nothing.
const ROWS_PER_BATCH: usize = 8_192;

/// A table with exchangeable rows.
#[derive(Debug)]
pub(crate) struct Slot {
    schema: SchemaRef,
    batches: RwLock<Vec<RecordBatch>>,
}

impl Slot {
    /// An empty table.
    pub(crate) fn new(schema: SchemaRef) -> Arc<Self> {
        Arc::new(Self { schema, batches: RwLock::new(Vec::new()) })
    }

    /// The slot as a table to plan over.
    pub(crate) fn table(self: &Arc<Self>) -> Result<Arc<StreamingTable>> {
        let partition = Arc::clone(self) as Arc<dyn PartitionStream>;
        StreamingTable::try_new(Arc::clone(&self.schema), vec![partition]).map(Arc::new)
    }

    /// Puts other rows in the table's place.
    pub(crate) fn put(&self, batches: Vec<RecordBatch>) {
        let mut current = self.batches.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        *current = batches;
    }

    fn slices(&self) -> Vec<RecordBatch> {
        let batches = self.batches.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let slices = batches.iter().flat_map(|batch| {
            let starts = (0..batch.num_rows()).step_by(ROWS_PER_BATCH);
            starts.map(|at| batch.slice(at, ROWS_PER_BATCH.min(batch.num_rows() - at)))
        });
        slices.collect()
    }
}

impl PartitionStream for Slot {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let slices = futures::stream::iter(self.slices().into_iter().map(Ok));
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), slices))
    }
}

/// What `:today` is, exchangeable as the rows are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Today(Arc<AtomicI32>);

impl Today {
    pub(crate) fn put(&self, date: Date) {
        self.0.store(date.0, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> Date {
        Date(self.0.load(Ordering::Relaxed))
    }
}
