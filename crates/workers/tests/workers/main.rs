//! Real workers: processes that compute, crash, hang, and are replaced.
//!
//! A worker here is this very test program, run as a child that does `child` below and nothing else. Reading
//! certain tables makes it misbehave; no program of ours has such tables.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

mod answers;
mod canaries;
mod crashes;
mod hostile;
#[allow(dead_code, reason = "tests of the session use the rest of it")]
#[path = "../../../query/tests/session/studio.rs"]
mod studio;
mod world;

/// Not a test, but what the workers of the tests are.
#[test]
fn child() {
    if std::env::var_os(world::CHILD).is_some() {
        let ended = vitals_workers::child::run_with(Some(world::faults()));
        std::process::exit(i32::from(ended.is_err()));
    }
}
