//! Who may ask: what every door does before it hears a question.
//!
//! A [`Gate`] turns a token into a [`Caller`], which is one tenant. Promises that a failed attempt says
//! nothing but that it failed, whatever was wrong (no such tenant, no such key, another tenant's key);
//! that an address which fails too often waits; and that what is remembered of addresses is bounded.
//! [`Places`] bounds how many are inside. Does not know any protocol, nor where keys are kept.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use vitals_model::TenantId;

mod attempts;
mod places;

use attempts::Attempts;
pub use places::{Full, Place, Places};

/// Someone who may ask about one tenant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Caller {
    /// The tenant.
    pub tenant: TenantId,
    /// What it is called where a name is typed.
    pub slug: String,
}

/// Whoever keeps the keys.
#[async_trait]
pub trait Keys: Send + Sync + fmt::Debug {
    /// Who this token speaks for; `None` if it is malformed, unknown or revoked.
    ///
    /// # Errors
    /// The keys cannot be reached.
    async fn caller_of(&self, token: &str) -> Result<Option<Caller>, Unreachable>;
}

/// The keys cannot be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreachable;

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The name and the key do not open anything together.
    Wrong,
    /// Too many attempts from this address failed.
    TooOften {
        /// How long to wait.
        retry_after: Duration,
    },
    /// The keys cannot be reached.
    Unreachable,
}

/// The gate of all doors of a process.
#[derive(Debug)]
pub struct Gate {
    keys: Arc<dyn Keys>,
    attempts: Attempts,
}

impl Gate {
    /// A gate over these keys.
    #[must_use]
    pub fn new(keys: Arc<dyn Keys>) -> Self {
        Self { keys, attempts: Attempts::default() }
    }

    /// Lets somebody in who came from `peer` at `now` with `token`, under the name of a tenant if the
    /// protocol has names.
    ///
    /// # Errors
    /// They are not let in.
    pub async fn open(
        &self,
        (peer, now): (IpAddr, Instant),
        name: Option<&str>,
        token: &str,
    ) -> Result<Caller, Refused> {
        if let Some(retry_after) = self.attempts.wait(peer, now) {
            return Err(Refused::TooOften { retry_after });
        }
        let found = self.keys.caller_of(token).await.map_err(|_| Refused::Unreachable)?;
        match found.filter(|it| name.is_none_or(|name| it.slug == name)) {
            Some(caller) => Ok(caller),
            None => {
                self.attempts.failed(peer, now);
                Err(Refused::Wrong)
            }
        }
    }
}
