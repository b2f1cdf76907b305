//! The house rules as tests: `tests/house/`, one test a rule, each rule with a test of its own.
//!
//! Promises that a convention that matters is read by a machine: what a file must open with, who may depend on whom,
//! that the papers name only what exists. Does not judge code: clippy and people do.
