//! Sessions: what is answered, as PostgreSQL answers it, and what is refused.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]

mod answers;
mod hostile;
mod params;
mod postgres;
mod stored;
mod studio;
mod zones;
