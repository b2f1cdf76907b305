//! Where records wait for their arrival: sent in any order, taken in time's.
//!
//! Also where feeds misbehave: one record in fifty comes late, and one in sixty comes again.

use std::collections::BTreeMap;

use serde_json::Value;
use vitals_model::kinds::Kind;
use vitals_model::rng::Rng;
use vitals_model::utc::{HOUR_US, SECOND_US};
use vitals_model::{Record, TenantId, UtcMicros};

/// The simulator's own name as a source.
pub(super) const SOURCE: &str = "simulator";

/// A record about to be sent.
pub(super) struct Draft<'a> {
    pub(super) tenant: TenantId,
    pub(super) kind: Kind,
    pub(super) id: &'a str,
    pub(super) version: i64,
    /// `None` deletes it.
    pub(super) body: Option<Value>,
}

#[derive(Debug)]
pub(super) struct Outbox {
    rng: Rng,
    waiting: BTreeMap<(UtcMicros, u64), Record>,
    sent: u64,
}

impl Outbox {
    pub(super) fn new(rng: Rng) -> Self {
        Self { rng, waiting: BTreeMap::new(), sent: 0 }
    }

    /// Sends a record that arrives at once, or late.
    pub(super) fn send(&mut self, at: UtcMicros, draft: Draft<'_>) {
        let delay = match self.rng.below(100) {
            0 => self.rng.between(HOUR_US, 72 * HOUR_US),
            1 => self.rng.between(60 * SECOND_US, HOUR_US),
            _ => 0,
        };
        let arrival = UtcMicros(at.0 + delay);
        if self.rng.below(60) == 0 {
            let again = UtcMicros(arrival.0 + self.rng.between(0, 24 * HOUR_US));
            self.wait(again, draft.record(arrival));
        }
        self.wait(arrival, draft.record(arrival));
    }

    /// Sends a record that arrives on time, once.
    pub(super) fn send_promptly(&mut self, at: UtcMicros, draft: Draft<'_>) {
        self.wait(at, draft.record(at));
    }

    fn wait(&mut self, at: UtcMicros, record: Record) {
        self.waiting.insert((at, self.sent), record);
        self.sent += 1;
    }

    /// Whether a record arrives before `bound`.
    pub(super) fn has_before(&self, bound: UtcMicros) -> bool {
        self.waiting.first_key_value().is_some_and(|((at, _), _)| *at < bound)
    }

    /// Forgets what arrives last, until no more than `count` records wait.
    pub(super) fn forget_beyond(&mut self, count: usize) {
        while self.waiting.len() > count {
            self.waiting.pop_last();
        }
    }

    /// The next record to arrive, if it arrives before `bound`.
    pub(super) fn take_before(&mut self, bound: UtcMicros) -> Option<(UtcMicros, Record)> {
        let first = self.waiting.first_entry().filter(|first| first.key().0 < bound)?;
        let ((at, _), record) = first.remove_entry();
        Some((at, record))
    }
}

impl Draft<'_> {
    pub(super) fn record(&self, received_at: UtcMicros) -> Record {
        let (key, stamp) = ((SOURCE, self.id), (self.version, received_at));
        Record::new(self.tenant, self.kind, key, stamp, self.body.as_ref())
    }
}
