//! The doors for tools: the PostgreSQL protocol ([`pg`]) and Arrow Flight SQL ([`flight`]).
//!
//! Both turn what a tool says into questions of one tenant, and the rows of the answer into what the tool
//! understands, exactly. Promises that nothing is answered before the [`Gate`] has said whose it is; that
//! the tenant of a connection never changes; that every message, connection and queue has a limit; and
//! that no text of a question, key or row is logged. Does not compute, and does not know where answers
//! come from.
//!
//! [`Gate`]: vitals_access::Gate

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")
)]

use std::sync::Arc;

use vitals_access::Gate;
use vitals_query::Answers;

pub mod flight;
pub mod pg;
mod tls;

pub use tls::{Identity, IdentityError};

/// What both doors stand on.
#[derive(Clone, Debug)]
pub struct Doors {
    /// Who computes answers.
    pub answers: Arc<dyn Answers>,
    /// Who may ask.
    pub gate: Arc<Gate>,
    /// The certificate; without one nothing is encrypted.
    pub identity: Option<Identity>,
}
