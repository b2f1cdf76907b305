//! The door in a checkpoint.
//!
//! What can be reckoned from the rest is not saved: the table of keys, and the midnights that are due.

use uuid::Uuid;
use vitals_dataflows::packed::Pack;
use vitals_dataflows::states::{State, save_all};
use vitals_model::kinds::Clock;
use vitals_model::policy::{Policy, PolicyOverride};
use vitals_model::{TenantId, UtcMicros};

use super::settings::Settings;
use super::{Door, Tenant};

impl Door {
    /// Hands out everything, each frame with its section's name behind `prefix`.
    pub(crate) fn save(&self, prefix: &str, frame: &mut dyn FnMut(&str, &[u8])) {
        assert!(self.facts.is_empty() && self.turned.is_empty(), "a tick is under way");
        let mut save = |section: &str, state: &dyn State| {
            state.save(&mut |bytes| frame(&format!("{prefix}{section}"), bytes));
        };
        save("keys", &self.keys);
        save("slots", &self.slots);
        save("accounts", &self.accounts);
        save("dependents", &self.dependents);
        let mut rest = |section: &str, bytes: &[u8]| frame(&format!("{prefix}{section}"), bytes);
        save_all(self.tenants.iter(), Tenant::pack, &mut |bytes| rest("tenants", bytes));
        save_all(self.sources.iter(), String::pack, &mut |bytes| rest("sources", bytes));
        let policies = self.policies.borrow();
        let pack = |policy: &Policy, out: &mut Vec<u8>| policy.entries().pack(out);
        save_all(policies.iter().skip(1), pack, &mut |bytes| rest("policies", bytes));
    }

    /// Takes a frame of one section in.
    pub(crate) fn load(&mut self, section: &str, mut frame: &[u8]) {
        match section {
            "keys" => self.keys.load(frame),
            "slots" => self.slots.load(frame),
            "accounts" => self.accounts.load(frame),
            "dependents" => self.dependents.load(frame),
            "tenants" => {
                while !frame.is_empty() {
                    self.tenants.push(Tenant::unpack(&mut frame));
                }
            }
            "sources" => {
                while !frame.is_empty() {
                    self.source(&String::unpack(&mut frame));
                }
            }
            "policies" => {
                while !frame.is_empty() {
                    let entries = Vec::<(String, i64)>::unpack(&mut frame);
                    let policy = PolicyOverride(entries.into_iter().collect());
                    self.policies.borrow_mut().push(Policy::with(Some(&policy)));
                }
            }
            section => panic!("the door keeps no '{section}'"),
        }
    }

    /// Reckons what was not saved, after the last frame.
    pub(crate) fn loaded(&mut self) {
        self.keys.index();
        for (number, tenant) in (0..).zip(&self.tenants) {
            self.tenant_numbers.insert(tenant.id, number);
            if tenant.days.is_none() {
                self.midnights.insert((tenant.midnight, number));
            }
        }
    }
}

impl Pack for Tenant {
    fn pack(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.id.0.as_bytes());
        self.settings.pack(out);
        self.organizations.pack(out);
        self.slots.pack(out);
        self.days.pack(out);
        (self.today, self.told, self.midnight.0).pack(out);
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        let (id, rest) = bytes.split_first_chunk().expect("what was packed is whole");
        *bytes = rest;
        let id = TenantId(Uuid::from_bytes(*id));
        let (settings, organizations) = (Pack::unpack(bytes), Pack::unpack(bytes));
        let (slots, days) = (Pack::unpack(bytes), Pack::unpack(bytes));
        let (today, told, midnight) = Pack::unpack(bytes);
        let midnight = UtcMicros(midnight);
        Self { id, settings, organizations, slots, days, today, told, midnight }
    }
}

impl Pack for Settings {
    fn pack(&self, out: &mut Vec<u8>) {
        let data_clock = self.clock == Clock::Data;
        (self.organized, data_clock, self.zone, self.currency).pack(out);
        (self.week_start, self.policy).pack(out);
        self.revenue_sources.pack(out);
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        let (organized, data_clock, zone, currency) = Pack::unpack(bytes);
        let (week_start, policy) = Pack::unpack(bytes);
        let clock = if data_clock { Clock::Data } else { Clock::Wall };
        let revenue_sources = Pack::unpack(bytes);
        Self { organized, zone, currency, week_start, revenue_sources, policy, clock }
    }
}
