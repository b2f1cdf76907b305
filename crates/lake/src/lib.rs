//! The lake: the records of the log as Parquet, readable as one tenant's tables.
//!
//! Promises that a view shows, of one tenant, exactly the newest version of every record the lake was given
//! (contracts section 2), whether it lies in a fresh file, in the base or still in memory; and that whatever is
//! killed whenever, the manifest names whole files that account for the log up to the manifest's offsets, no
//! message twice. Does not read the log (it is handed batches), keep the manifest (see [`Manifests`]), take the
//! time, or start tasks.
//!
//! A record passes here once: message -> row -> tail -> fresh file -> base. Files come first and the
//! manifest after, so a crash leaves at most files that nobody names; [`Lake::sweep`] removes them later.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")
)]

mod error;
mod filled;
mod keeper;
mod kept;
mod lake;
mod layout;
mod manifests;
mod merge;
mod objects;
mod part;
mod reader;
mod row;
mod scan;
mod table;
mod tail;
mod view;
mod winners;
mod write;

pub use error::{LakeError, Source};
pub use keeper::{Flushed, Swept};
pub use lake::Lake;
pub use manifests::Manifests;
pub use merge::{MergePolicy, Merged};
pub use objects::Objects;
pub use part::{Part, PartReader};
pub use view::View;
pub use write::FileShape;
