//! The definitions told as stories: a dozen records each, and the rows a person works out from them.
//!
//! Expected rows are written by hand from the contracts and `docs/definitions.md`; none is copied from
//! what the program gave.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]
#![allow(clippy::too_many_lines, reason = "a story is read from its beginning to its end")]

mod churn;
mod clock;
mod health;
mod heatmap;
mod revenue;
mod story;
