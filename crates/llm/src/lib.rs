//! A language model behind any OpenAI-compatible endpoint, asked to turn a question into SQL.
//!
//! Promises one SELECT as text or an honest no, within [`limits`]: of time for all calls together, of bytes read,
//! of questions a minute and tokens a day for each tenant; that a server which fails is left alone for a while; that
//! nothing of a model's prose is handed on, and that the key is shown nowhere. Does not plan or run anything: what it
//! hands on is a text like any stranger's. Sees no rows: a prompt comes in as an argument.
//!
//! [`limits`]: vitals_model::limits

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")
)]

mod assistant;
mod breaker;
mod budget;
mod cache;
mod client;
mod reply;

pub use assistant::{Ask, Assistant, Drafted, NoDraft, NoPlan, Plans};
pub use client::{Endpoint, Key};
