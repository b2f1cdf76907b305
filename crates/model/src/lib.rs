//! The nouns of Vitals: tenants, records, ticks, rows, units and limits.
//!
//! Promises that what is parsed here is exact (no float ever holds money) and total (bad input is an
//! `Err` with a reason, never a panic). Does no I/O, reads no clock, knows no other crate of ours.

pub mod batch;
pub mod decimal;
pub mod digest;
pub mod kinds;
pub mod lake;
pub mod limits;
pub mod local_time;
pub mod policy;
pub mod ratio;
pub mod record;
pub mod rng;
pub mod score;
pub mod tenant;
pub mod utc;
pub mod vital;
pub mod vital_scan;

pub use batch::{CommitBatch, LogBatch, LogMessage, Offsets, VitalChanges, VitalTables};
pub use decimal::{Money, Number};
pub use digest::Digest;
pub use kinds::{Body, Kind};
pub use record::{Quarantined, Reason, Record};
pub use tenant::TenantId;
pub use utc::{Date, UtcMicros};
