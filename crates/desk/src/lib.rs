//! What people ask for: questions in plain language, and the reports that come back every month.
//!
//! Promises that all SQL, whoever wrote it, is planned by the one guarded session behind `Arc<dyn Answers>`; that
//! an answer says what it rests on; and that a question without an answer gets a no. Does not authenticate and
//! holds no rows: what it keeps between questions are the words of a business, for a short time.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")
)]

pub mod asked;
mod businesses;
mod chart;
mod checked;
mod desk;
mod model;
pub mod reports;
pub mod rhythm;
mod rows;
pub mod saved;
mod sentence;

pub use asked::{Asked, NotAnswered};
pub use desk::{Desk, Order};
