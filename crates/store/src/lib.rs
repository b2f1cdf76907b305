//! PostgreSQL: commits, progress, tenants and reads; and a server of our own where there is none.
//!
//! Promises that a tick is committed exactly once and whole, by one writer at a time ([`Writer`]), and
//! that a tenant's reader sees that tenant's rows and no others ([`Scoped`]). Does not decide what a row
//! says, and nothing but a commit writes a vital.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a test that fails should panic"))]

mod checkpoints;
mod commit;
mod connection;
mod embedded;
mod error;
mod history;
mod json;
mod keys;
mod lake;
mod lines;
mod numeric;
mod outcomes;
mod progress;
mod roles;
mod rows;
mod saved_queries;
mod schedules;
mod scoped;
mod snapshot;
mod store;
mod tenants;
mod timescale;
mod users;
mod vital_scan;
mod write;

pub use checkpoints::ImportCheckpoint;
pub use commit::{Committed, Writer};
pub use embedded::EmbeddedPostgres;
pub use error::{EmbeddedError, Error};
pub use lines::QuarantinedLine;
pub use outcomes::QuarantinedMessage;
pub use progress::Position;
pub use saved_queries::SavedQuery;
pub use schedules::{Ended, Run, Schedule, Taken};
pub use scoped::{AsOf, HistoryRow, Scoped};
pub use snapshot::Snapshot;
pub use store::Store;
pub use tenants::{NewTenant, Tenant};
pub use users::{NewUser, Role, User};
pub use vital_scan::Cursor;
