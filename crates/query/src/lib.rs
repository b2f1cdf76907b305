//! SQL over records and vitals: the definition of every vital, and the questions of analysts.
//!
//! [`Definitions`] computes every vital by its definition. Promises that it is what `sql/vitals/NAME.sql`
//! says of exactly the records given, and of no other tenant's; every call computes from scratch, which is
//! what makes it fit to check the dataflow by.
//!
//! [`Sessions`] answers questions over a [`Catalog`], which is one tenant's tables. Promises that nothing
//! reaches the planner but one guarded SELECT of those tables ([`guard`]), that days are the tenant's
//! (`zoned`), and that an answer or an error comes in bounded time and memory.
//!
//! Neither reads the log or the store.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")
)]

pub mod answers;
pub mod as_of;
pub mod catalog;
pub mod definitions;
pub mod elsewhere;
pub mod error;
pub mod formats;
pub mod functions;
pub mod guard;
mod narrow;
mod one_stream;
pub mod params;
pub mod predicate;
pub mod records;
mod rows;
pub mod schema;
pub mod served;
pub mod session;
mod slots;
pub mod stored;
pub mod system;
pub mod tables;
pub mod vital_tables;
mod zoned;

pub use answers::{Answers, Question, Rows};
pub use catalog::{AsOf, Catalog, TableProvider, TenantTables};
pub use definitions::{DEFINITIONS, Definition, DefinitionError, Definitions, definition_hashes};
pub use error::{QueryError, SqlState};
pub use formats::Format;
pub use records::Records;
pub use session::{Answer, Sessions, ThreadWatch};
pub use tables::RecordTables;
pub use vital_tables::VitalBatches;

use vitals_model::{Date, UtcMicros};

/// The tenant's today by its clock, when the wall clock shows `now`.
#[must_use]
pub fn today(tables: &RecordTables, now: UtcMicros) -> Date {
    tables.today(now)
}
