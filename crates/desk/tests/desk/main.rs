//! The desk over a business in memory: its answers, its reports, and what it refuses.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

mod asking;
mod model;
mod oracle;
mod provider;
mod reports;
mod tables;
#[allow(unreachable_pub, reason = "a world two tests share")]
#[path = "../../../ask/tests/questions/world.rs"]
mod world;
