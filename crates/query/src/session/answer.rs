//! What a question gives: rows, and the moment they are about.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use vitals_model::local_time::Zone;

use crate::catalog::AsOf;

/// The rows of an answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The columns. Instants are in the tenant's zone.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: Vec<RecordBatch>,
    /// Whether there were more rows than an answer may have; these are the first.
    pub truncated: bool,
    /// Of which moment.
    pub as_of: AsOf,
    /// The tenant's zone.
    pub zone: Zone,
}

impl Answer {
    /// How many rows there are.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}
