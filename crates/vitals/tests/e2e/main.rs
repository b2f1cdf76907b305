//! The real binary, end to end: every part of it real, on loopback and in temporary directories.

#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

mod ask;
mod checkpoints;
mod cli;
mod lake;
mod online_retail;
mod pipeline;
mod reports;
mod shared;
mod sql;
mod workers;
#[allow(unreachable_pub, reason = "a module two tests share")]
mod world;
