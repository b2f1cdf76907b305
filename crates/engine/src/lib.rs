//! The engine of one shard: records and todays in, changed rows out.
//!
//! Promises that it is a function: the same batches and clocks give the same commits, byte for byte (I1).
//! Does no I/O, reads no clock, runs no thread. Every table of keys here is private and never iterated in
//! hash order.

mod absorb;
mod checkpoint;
mod door;
mod entry;
mod hydrate;
mod keys;
mod rows;
mod shelf;

pub use absorb::{Engine, EngineStart};
pub use checkpoint::{LAYOUT, Restoring};
pub use hydrate::Hydration;
