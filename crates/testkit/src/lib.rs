//! Generators and fixtures for tests: random histories, hostile statements, and the folder of real data.
//!
//! Promises that everything is a function of a seed or of a file. For tests only: no crate depends on it
//! but as a dev-dependency.

pub mod history;
pub mod hostile;
pub mod real_data;

pub use vitals_model::rng;
