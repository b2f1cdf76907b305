//! SQL over records and vitals: the definition of every vital, run by DataFusion over one tenant.
//!
//! Promises that a vital computed here is what `sql/vitals/NAME.sql` says of exactly the records given,
//! and of no other tenant's. Does not read the log or the store, and maintains nothing: every call
//! computes from scratch, which is what makes it fit to check the dataflow by.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")
)]

pub mod definitions;
pub mod error;
pub mod functions;
mod one_stream;
pub mod records;
mod rows;
mod slots;
pub mod tables;

pub use definitions::{DEFINITIONS, Definition, Definitions, definition_hashes};
pub use error::QueryError;
pub use records::Records;
pub use tables::RecordTables;

use vitals_model::{Date, UtcMicros};

/// The tenant's today by its clock, when the wall clock shows `now`.
#[must_use]
pub fn today(tables: &RecordTables, now: UtcMicros) -> Date {
    tables.today(now)
}
