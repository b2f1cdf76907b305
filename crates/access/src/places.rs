//! How many may be inside at a time: of all, and of one tenant.
//!
//! Promises that a place is given back when its [`Place`] is dropped, and that no tenant takes the places
//! of all others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vitals_model::TenantId;
use vitals_model::limits::{CONNECTIONS_MAX, CONNECTIONS_PER_TENANT_MAX};

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_tenant: HashMap<TenantId, usize>,
}

/// The places of one door.
#[derive(Clone, Debug, Default)]
pub struct Places(Arc<Mutex<Taken>>);

/// There is no place left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// A place that is taken until this is dropped.
#[derive(Debug)]
pub struct Place {
    places: Places,
    tenant: Option<TenantId>,
}

impl Places {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for somebody who is not known yet.
    ///
    /// # Errors
    /// There is none.
    pub fn enter(&self) -> Result<Place, Full> {
        let mut taken = self.taken();
        if taken.all >= CONNECTIONS_MAX {
            return Err(Full);
        }
        taken.all += 1;
        drop(taken);
        Ok(Place { places: self.clone(), tenant: None })
    }
}

impl Place {
    /// The same place, once it is known whose it is.
    ///
    /// # Errors
    /// The tenant has as many as it may have.
    pub fn of(mut self, tenant: TenantId) -> Result<Self, Full> {
        let mut taken = self.places.taken();
        let own = taken.by_tenant.entry(tenant).or_default();
        if *own >= CONNECTIONS_PER_TENANT_MAX {
            return Err(Full);
        }
        *own += 1;
        drop(taken);
        self.tenant = Some(tenant);
        Ok(self)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.all -= 1;
        if let Some(tenant) = self.tenant
            && let Some(own) = taken.by_tenant.get_mut(&tenant)
        {
            *own -= 1;
            if *own == 0 {
                taken.by_tenant.remove(&tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_leaves_room_and_places_come_back() {
        let (places, a, b) = (Places::default(), id(1), id(2));
        let mut inside: Vec<Place> = (0..CONNECTIONS_PER_TENANT_MAX)
            .map(|_| places.enter().unwrap().of(a).unwrap())
            .collect();
        assert_eq!(places.enter().unwrap().of(a).err(), Some(Full));
        inside.push(places.enter().unwrap().of(b).unwrap());
        assert_eq!(places.taken().all, inside.len(), "who was refused has left");
        inside.clear();
        assert_eq!(places.taken().all, 0);
        assert!(places.taken().by_tenant.is_empty());
        let all: Vec<Place> = (0..CONNECTIONS_MAX).map(|_| places.enter().unwrap()).collect();
        assert_eq!(places.enter().err(), Some(Full));
        drop(all);
        assert!(places.enter().is_ok());
    }

    fn id(n: u128) -> TenantId {
        TenantId(uuid::Uuid::from_u128(n))
    }
}
