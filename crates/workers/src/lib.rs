//! Questions computed in processes that may die.
//!
//! A planner is a large program that was not written to be attacked, and a short text may overflow its
//! stack or take all memory. So a question is computed by a child process ([`child`]) that holds nothing
//! worth having: no database, no secret, no file, no network, and the rows of one question at a time, which
//! it asks for over the socket it was given. [`Workers`] answers by such children.
//!
//! Promises that a question that ends its worker, or never ends, gets a clear error and harms no other; that
//! a worker that is gone is replaced at once; that no tenant takes all of them; and that none is left when
//! the pool has ended. What a worker may read is decided here, by the [`Catalogs`] it is given, and not by
//! what it asks for.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")
)]

mod asking;
mod batches;
pub mod child;
mod confine;
mod crashes;
mod frames;
mod lane;
mod nursery;
mod outlet;
mod pool;
mod protocol;
mod queue;
mod scans;
mod talk;
mod worker;
mod workers;

pub use asking::ScanHook;
pub use nursery::Program;
pub use pool::{Catalogs, Event, Options, Watch};
pub use workers::Workers;
