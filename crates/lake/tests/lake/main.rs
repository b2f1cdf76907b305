//! The lake against what it must equal: the newest versions among the messages it was given.

#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

mod crashes;
mod folder;
mod histories;
mod keeper;
mod parts;
mod pruning;
mod reading;
mod walls;
