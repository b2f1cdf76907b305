//! The store against a real PostgreSQL: one embedded server for the binary, one database per test.

#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]
#![allow(clippy::print_stdout, reason = "a failure shows its seed")]
#![allow(missing_docs, reason = "the names of tests say it")]

mod commits;
mod embedded;
mod faults;
mod history;
mod lake;
mod sample;
mod server;
mod tenancy;
mod timescale;
