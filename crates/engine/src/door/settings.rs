//! A tenant's settings: what its organization record in force says.

use vitals_model::kinds::{Body, Clock, Currency, Organization};
use vitals_model::local_time::Zone;
use vitals_model::policy::Policy;

use super::Door;
use crate::entry::Slot;
use crate::keys::index;

/// What all of a tenant's facts depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Settings {
    /// Whether there is an organization record at all.
    pub organized: bool,
    pub zone: Zone,
    pub currency: Currency,
    pub week_start: u8,
    /// Sources whose orders and refunds count, sorted; `None` is all.
    pub revenue_sources: Option<Vec<u16>>,
    /// Number of the policy in force; 0 is the default policy.
    pub policy: u32,
    pub clock: Clock,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            organized: false,
            zone: Zone::utc(),
            currency: Currency::NONE,
            week_start: 1,
            revenue_sources: None,
            policy: 0,
            clock: Clock::Wall,
        }
    }
}

impl Door {
    /// Takes an organization record in, and restates the tenant if its settings change.
    pub(super) fn organize(
        &mut self,
        tenant: u32,
        number: u32,
        body: Option<&Body<'_>>,
        slot: &Slot,
    ) {
        let name = self.name(number).expect("a record has a key");
        let settings = match body {
            Some(Body::Organization(organization)) => Some(self.read_settings(organization)),
            _ => None,
        };
        let mut organizations = self.tenants[index(tenant)].organizations.clone();
        match settings {
            Some(settings) => organizations.insert(name, settings),
            None => organizations.remove(&name),
        };
        let in_force = organizations.values().next().cloned().unwrap_or_default();
        let restates = in_force != self.tenants[index(tenant)].settings;
        let change = |door: &mut Self| {
            door.put(number, slot);
            let it = &mut door.tenants[index(tenant)];
            it.organizations = organizations;
            it.settings = in_force;
        };
        if restates {
            self.rescope(tenant, change);
        } else {
            change(self);
        }
    }

    fn read_settings(&mut self, organization: &Organization<'_>) -> Settings {
        let zone = organization.time_zone.as_deref().and_then(Zone::named);
        let sources = organization.revenue_sources.as_ref().map(|names| {
            let mut numbers: Vec<u16> = names.iter().map(|name| self.source(name)).collect();
            numbers.sort_unstable();
            numbers.dedup();
            numbers
        });
        let policy = self.policy_number(Policy::with(organization.policy.as_ref()));
        Settings {
            organized: true,
            zone: zone.unwrap_or_else(Zone::utc),
            currency: organization.currency.unwrap_or(Currency::NONE),
            week_start: organization.week_start.unwrap_or(1),
            revenue_sources: sources,
            policy,
            clock: organization.clock,
        }
    }

    fn policy_number(&mut self, policy: Policy) -> u32 {
        let mut policies = self.policies.borrow_mut();
        let known = policies.iter().position(|it| *it == policy);
        let at = known.unwrap_or_else(|| {
            policies.push(policy);
            policies.len() - 1
        });
        u32::try_from(at).expect("fewer than 2^32 policies")
    }
}
