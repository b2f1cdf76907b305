//! The door: records in, facts out. The latest version of every key lives here.
//!
//! A record's facts are a function of its entry, of the few records it refers to, and of its tenant's
//! settings (`derive`). When any of these changes, the facts as they were are taken away and the facts as
//! they are added; nothing else in the engine knows of versions, defaults or references. Promises that
//! each (key, version) changes the facts at most once, in whatever order versions come (I2).

mod derive;
mod entries;
mod saved;
mod settings;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher;

use rustc_hash::{FxHashMap, FxHasher};
use vitals_dataflows::churn::Policies;
use vitals_dataflows::facts::Fact;
use vitals_dataflows::keyed::{Diff, insert};
use vitals_model::kinds::{Clock, Kind};
use vitals_model::limits::MIDNIGHTS_PER_TICK_MAX;
use vitals_model::record::RecordView;
use vitals_model::{Date, TenantId, UtcMicros};

use crate::entry::{Entry, Slot};
use crate::keys::{KeyRef, Keys, index};
use crate::shelf::Shelf;
use settings::Settings;

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is the newest of its key.
    Applied,
    /// A newer version is known.
    Superseded,
    /// This version is known.
    Duplicate,
}

#[derive(Debug)]
struct Tenant {
    id: TenantId,
    settings: Settings,
    /// Organization records by `source:id`; the first is in force.
    organizations: BTreeMap<String, Settings>,
    /// Every key of the tenant that has been seen.
    slots: Vec<u32>,
    /// Events by local day, kept for tenants whose clock is their data.
    days: Option<BTreeMap<i32, u32>>,
    /// Today, and what the dataflow has been told of it.
    today: i32,
    told: Option<i32>,
    /// When the wall clock next changes the date.
    midnight: UtcMicros,
}

/// The latest version of every record, and the facts they make.
#[derive(Debug)]
pub(crate) struct Door {
    keys: Keys,
    /// Each key's slot, packed.
    slots: Shelf,
    /// Where a slot is packed.
    packing: Vec<u8>,
    tenants: Vec<Tenant>,
    tenant_numbers: FxHashMap<TenantId, u32>,
    sources: Vec<String>,
    source_numbers: FxHashMap<String, u16>,
    /// Accounts of balances: (source, name).
    accounts: FxHashMap<(u16, Option<String>), u32>,
    /// Who refers to a key or once did: deriving a key in vain changes nothing.
    dependents: FxHashMap<u32, Vec<u32>>,
    policies: Policies,
    clock: UtcMicros,
    midnights: BTreeSet<(UtcMicros, u32)>,
    /// Tenants whose today may have changed.
    turned: BTreeSet<u32>,
    facts: Vec<(Fact, Diff)>,
}

impl Door {
    pub(crate) fn new(policies: Policies, clock: UtcMicros) -> Self {
        Self {
            keys: Keys::new(),
            slots: Shelf::new(),
            packing: Vec::new(),
            tenants: Vec::new(),
            tenant_numbers: FxHashMap::default(),
            sources: Vec::new(),
            source_numbers: FxHashMap::default(),
            accounts: FxHashMap::default(),
            dependents: FxHashMap::default(),
            policies,
            clock,
            midnights: BTreeSet::new(),
            turned: BTreeSet::new(),
            facts: Vec::new(),
        }
    }

    /// Takes one record in.
    pub(crate) fn apply(&mut self, record: &RecordView<'_>) -> Verdict {
        let tenant = self.tenant(record.tenant);
        let source = self.source(&record.source);
        let number = self.number(KeyRef { tenant, kind: record.kind, source, id: &record.id });
        let fingerprint = record.raw_body.map_or(0, |raw| fingerprint(raw.get().as_bytes()));
        let slot = self.slot(number);
        let seen = slot.entry != Entry::Unseen;
        if seen && record.version < slot.version {
            return Verdict::Superseded;
        }
        let same = seen && record.version == slot.version && fingerprint == slot.fingerprint;
        if same && record.body.is_none() == (slot.entry == Entry::Deleted) {
            return Verdict::Duplicate;
        }
        if !seen {
            push(&mut self.tenants[index(tenant)].slots, number);
        }
        let entry = match &record.body {
            Some(body) => self.entry(tenant, source, body),
            None => Entry::Deleted,
        };
        let before = slot.entry;
        let slot = Slot { version: record.version, fingerprint, entry };
        match record.kind {
            Kind::Organization => self.organize(tenant, number, record.body.as_ref(), &slot),
            Kind::Location if effective_zone(&before) != effective_zone(&slot.entry) => {
                self.rescope(tenant, |door| door.put(number, &slot));
            }
            _ => self.replace(tenant, number, &before, &slot),
        }
        Verdict::Applied
    }

    /// Puts an entry in its slot and settles the facts of all that depend on it.
    fn replace(&mut self, tenant: u32, number: u32, before: &Entry, slot: &Slot) {
        let entry = &slot.entry;
        if before == entry {
            self.put(number, slot);
            return;
        }
        let zone = self.tenants[index(tenant)].settings.zone;
        self.count_day(tenant, before.event_day(zone), entry.event_day(zone));
        let known = before.references();
        for target in entry.references() {
            if !known.contains(&target) {
                push(self.dependents.entry(target).or_default(), number);
            }
        }
        let dependents = self.dependents_of(number);
        let mut facts = std::mem::take(&mut self.facts);
        let mark = facts.len();
        let fresh = *before == Entry::Unseen && dependents.is_empty();
        if !fresh {
            for affected in std::iter::once(&number).chain(&dependents) {
                self.derive(*affected, -1, &mut facts);
            }
        }
        self.put(number, slot);
        for affected in std::iter::once(&number).chain(&dependents) {
            self.derive(*affected, 1, &mut facts);
        }
        if !fresh {
            differential_dataflow::consolidation::consolidate_from(&mut facts, mark);
        }
        self.facts = facts;
    }

    /// The keys that refer to this one or once did, each once: facts are taken away and added as often as
    /// a key is named.
    fn dependents_of(&mut self, number: u32) -> Vec<u32> {
        let Some(dependents) = self.dependents.get_mut(&number) else { return Vec::new() };
        dependents.sort_unstable();
        dependents.dedup();
        dependents.clone()
    }

    /// Changes something all of a tenant's facts depend on.
    fn rescope(&mut self, tenant: u32, change: impl FnOnce(&mut Self)) {
        let mut facts = std::mem::take(&mut self.facts);
        let mark = facts.len();
        for number in &self.tenants[index(tenant)].slots {
            self.derive(*number, -1, &mut facts);
        }
        change(self);
        for number in &self.tenants[index(tenant)].slots {
            self.derive(*number, 1, &mut facts);
        }
        differential_dataflow::consolidation::consolidate_from(&mut facts, mark);
        self.facts = facts;
        self.reckon_days(tenant);
    }

    /// Counts the events of a data-clock tenant by day.
    fn count_day(&mut self, tenant: u32, before: Option<i32>, after: Option<i32>) {
        let Some(days) = &mut self.tenants[index(tenant)].days else { return };
        if before == after {
            return;
        }
        if let Some(day) = before {
            let count = days.entry(day).or_default();
            *count -= 1;
            if *count == 0 {
                days.remove(&day);
            }
        }
        if let Some(day) = after {
            *days.entry(day).or_default() += 1;
        }
        self.turned.insert(tenant);
    }

    /// Reckons anew what a tenant's today depends on, after its settings changed.
    fn reckon_days(&mut self, tenant: u32) {
        let it = &self.tenants[index(tenant)];
        let zone = it.settings.zone;
        let days = (it.settings.clock == Clock::Data).then(|| {
            let mut days = BTreeMap::new();
            let events = it.slots.iter().map(|number| self.slot(*number).entry);
            for day in events.filter_map(|entry| entry.event_day(zone)) {
                *days.entry(day).or_default() += 1;
            }
            days
        });
        let wall = days.is_none();
        let it = &mut self.tenants[index(tenant)];
        it.days = days;
        self.midnights.remove(&(it.midnight, tenant));
        if wall {
            it.today = zone.date(self.clock).0;
            it.midnight = zone.next_midnight(self.clock);
            self.midnights.insert((it.midnight, tenant));
        }
        self.turned.insert(tenant);
    }

    /// Moves the clock; it never goes back.
    pub(crate) fn advance_clock(&mut self, now: UtcMicros) {
        self.clock = self.clock.max(now);
    }

    pub(crate) fn clock(&self) -> UtcMicros {
        self.clock
    }

    /// Whether a local midnight lies between the todays and `now`.
    pub(crate) fn has_midnights_due(&self, now: UtcMicros) -> bool {
        self.midnights.first().is_some_and(|(midnight, _)| *midnight <= now)
    }

    /// Passes the midnights that are due, a bounded number of them (the rest at the next tick), and tells
    /// the dataflow of every today that changed. Yields those.
    pub(crate) fn turn(&mut self) -> Vec<(TenantId, Date)> {
        for _ in 0..MIDNIGHTS_PER_TICK_MAX {
            let Some((midnight, tenant)) = self.midnights.first().copied() else { break };
            if midnight > self.clock {
                break;
            }
            let it = &mut self.tenants[index(tenant)];
            it.today = it.settings.zone.date(self.clock).0;
            it.midnight = it.settings.zone.next_midnight(self.clock);
            self.midnights.remove(&(midnight, tenant));
            self.midnights.insert((it.midnight, tenant));
            self.turned.insert(tenant);
        }
        self.tell_todays()
    }

    /// Tells the dataflow of restored todays, and passes no midnight.
    pub(crate) fn turn_restored(&mut self) {
        self.tell_todays();
    }

    fn tell_todays(&mut self) -> Vec<(TenantId, Date)> {
        let mut todays = Vec::new();
        for tenant in std::mem::take(&mut self.turned) {
            let it = &mut self.tenants[index(tenant)];
            if let Some(days) = &it.days {
                it.today = days.last_key_value().map_or(0, |(day, _)| *day);
            }
            if it.told == Some(it.today) {
                continue;
            }
            if let Some(day) = it.told {
                self.facts.push((Fact::Today { tenant, day }, -1));
            }
            self.facts.push((Fact::Today { tenant, day: it.today }, 1));
            it.told = Some(it.today);
            todays.push((it.id, Date(it.today)));
        }
        todays.sort_unstable();
        todays
    }

    /// Sets the todays of wall-clock tenants to what was committed: a midnight the clock has passed may
    /// have been left for the next tick.
    pub(crate) fn restore_todays(&mut self, todays: &BTreeMap<TenantId, Date>) {
        for (id, date) in todays {
            let Some(tenant) = self.tenant_numbers.get(id).copied() else { continue };
            let it = &mut self.tenants[index(tenant)];
            if it.days.is_some() || it.today == date.0 {
                continue;
            }
            it.today = date.0;
            self.midnights.remove(&(it.midnight, tenant));
            it.midnight = it.settings.zone.day_start(Date(date.0 + 1));
            self.midnights.insert((it.midnight, tenant));
            self.turned.insert(tenant);
        }
    }

    /// The facts since the last call.
    pub(crate) fn take_facts(&mut self) -> Vec<(Fact, Diff)> {
        std::mem::take(&mut self.facts)
    }

    /// Whose a tenant number is.
    pub(crate) fn tenant_id(&self, tenant: u32) -> TenantId {
        self.tenants[index(tenant)].id
    }

    /// A key's `source:id`; `None` for 0.
    pub(crate) fn name(&self, number: u32) -> Option<String> {
        if number == 0 {
            return None;
        }
        let key = self.keys.key(number);
        Some(format!("{}:{}", self.sources[usize::from(key.source)], key.id))
    }

    fn tenant(&mut self, id: TenantId) -> u32 {
        if let Some(number) = self.tenant_numbers.get(&id) {
            return *number;
        }
        let number = u32::try_from(self.tenants.len()).expect("fewer than 2^32 tenants");
        let settings = Settings::default();
        let midnight = settings.zone.next_midnight(self.clock);
        let today = settings.zone.date(self.clock).0;
        self.tenant_numbers.insert(id, number);
        self.midnights.insert((midnight, number));
        self.turned.insert(number);
        self.tenants.push(Tenant {
            id,
            settings,
            organizations: BTreeMap::new(),
            slots: Vec::new(),
            days: None,
            today,
            told: None,
            midnight,
        });
        number
    }

    fn source(&mut self, name: &str) -> u16 {
        if let Some(number) = self.source_numbers.get(name) {
            return *number;
        }
        let number = u16::try_from(self.sources.len()).expect("fewer than 65,536 sources a shard");
        self.sources.push(name.to_owned());
        self.source_numbers.insert(name.to_owned(), number);
        number
    }

    fn number(&mut self, key: KeyRef<'_>) -> u32 {
        let number = self.keys.intern(key);
        if index(number) == self.slots.len() {
            self.slots.push_empty();
        }
        number
    }

    /// What is known of a key.
    fn slot(&self, number: u32) -> Slot {
        Slot::unpack(self.slots.get(number))
    }

    fn put(&mut self, number: u32, slot: &Slot) {
        let mut packing = std::mem::take(&mut self.packing);
        slot.pack(&mut packing);
        self.slots.set(number, &packing);
        self.packing = packing;
    }
}

/// Adds to a list that is kept for every key: it grows by a quarter.
fn push(list: &mut Vec<u32>, number: u32) {
    let end = list.len();
    insert(list, end, number);
}

fn effective_zone(entry: &Entry) -> Option<vitals_model::local_time::Zone> {
    match entry {
        Entry::Location { zone } => *zone,
        _ => None,
    }
}

fn fingerprint(bytes: &[u8]) -> u32 {
    let mut hasher = FxHasher::default();
    hasher.write(bytes);
    u32::try_from(hasher.finish() >> 32).unwrap_or(0)
}
