//! Who a record belongs to, and the proof that one may act for them.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One business: the scope of every row, log key, query and subscription.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TenantId(pub Uuid);

impl TenantId {
    /// The partition of the log that holds this tenant, of `partitions` (at least one).
    ///
    /// Stable for ever: the map from tenant to partition is part of the identity of stored state.
    #[must_use]
    pub fn partition(self, partitions: u16) -> u16 {
        let index = self.0.as_u128() % u128::from(partitions.max(1));
        u16::try_from(index).unwrap_or(0)
    }
}

impl fmt::Debug for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Proof that someone may act for one tenant. Every read of a tenant's rows takes it first.
///
/// Made by authentication, and by the operator's own command line on its own data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TenantScope {
    tenant: TenantId,
}

impl TenantScope {
    /// The scope of the machine's operator, who owns the files the rows are in.
    #[must_use]
    pub fn of_operator(tenant: TenantId) -> Self {
        Self { tenant }
    }

    /// The tenant this scope is limited to.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }
}
