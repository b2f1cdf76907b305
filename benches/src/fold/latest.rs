//! The latest version of every record of one kind, and the names their ids stand for.
//!
//! Promises that the highest version wins whatever the order, and that of two bodies of one version the later wins.

use std::hash::Hasher;

use rustc_hash::{FxHashMap, FxHasher};
use vitals_model::kinds::EventTime;
use vitals_model::record::RecordView;

/// Ids of one kind: `source:id` to a dense number and back. One buffer holds all texts; the map is from a text's hash,
/// so that no text is allocated, or hashed again when the map grows.
#[derive(Debug, Default)]
pub(super) struct Names {
    numbers: FxHashMap<u64, u32>,
    texts: String,
    /// Where each text ends.
    ends: Vec<usize>,
}

impl Names {
    /// The number of `source:id`, a new one if need be.
    pub(super) fn number(&mut self, source: &str, id: &str) -> u32 {
        let mut hasher = FxHasher::default();
        hasher.write(source.as_bytes());
        hasher.write(id.as_bytes());
        let mut hash = hasher.finish();
        // Texts of one hash take the next free ones.
        while let Some(number) = self.numbers.get(&hash).copied() {
            let text = self.text(number);
            let same = text.len() == source.len() + 1 + id.len()
                && text.starts_with(source)
                && text.ends_with(id)
                && text.as_bytes()[source.len()] == b':';
            if same {
                return number;
            }
            hash = hash.wrapping_add(1);
        }
        let number = u32::try_from(self.ends.len()).expect("fewer than 2^32 records of a kind");
        self.numbers.insert(hash, number);
        self.texts.extend([source, ":", id]);
        self.ends.push(self.texts.len());
        number
    }

    /// The `source:id` of a number.
    pub(super) fn text(&self, number: u32) -> &str {
        let place = number as usize;
        let begins = if place == 0 { 0 } else { self.ends[place - 1] };
        &self.texts[begins..self.ends[place]]
    }
}

/// One record's latest version. `fact` is `None` for what was only referred to, and for a tombstone.
#[derive(Debug)]
struct Slot<F> {
    version: Option<i64>,
    body_hash: u64,
    event: Option<EventTime>,
    fact: Option<F>,
}

/// Every record of one kind.
#[derive(Debug)]
pub(super) struct Latest<F> {
    pub(super) names: Names,
    slots: Vec<Slot<F>>,
}

impl<F> Default for Latest<F> {
    fn default() -> Self {
        Self { names: Names::default(), slots: Vec::new() }
    }
}

impl<F> Latest<F> {
    /// The number of a record that another refers to.
    pub(super) fn refer(&mut self, source: &str, id: &str) -> u32 {
        let number = self.names.number(source, id);
        if number as usize == self.slots.len() {
            self.slots.push(Slot { version: None, body_hash: 0, event: None, fact: None });
        }
        number
    }

    /// Settles whether an arriving version is news; if so its fact is still to be [`put`](Self::put). Yields the
    /// event times before and after.
    pub(super) fn admit(
        &mut self,
        record: &RecordView<'_>,
    ) -> Option<(u32, [Option<EventTime>; 2])> {
        let number = self.refer(&record.source, &record.id);
        let slot = &mut self.slots[number as usize];
        let body_hash = record.raw_body.map_or(0, |raw| {
            let mut hasher = FxHasher::default();
            hasher.write(raw.get().as_bytes());
            hasher.finish()
        });
        if let Some(version) = slot.version
            && (record.version < version
                || (record.version == version && body_hash == slot.body_hash))
        {
            return None;
        }
        let event = record.body.as_ref().and_then(|body| body.event_time());
        let events = [std::mem::replace(&mut slot.event, event), event];
        (slot.version, slot.body_hash) = (Some(record.version), body_hash);
        Some((number, events))
    }

    /// Replaces a record's fact, and yields the old one.
    pub(super) fn put(&mut self, number: u32, fact: Option<F>) -> Option<F> {
        std::mem::replace(&mut self.slots[number as usize].fact, fact)
    }

    /// A record's fact; `None` for the absent number too.
    pub(super) fn get(&self, number: u32) -> Option<&F> {
        self.slots.get(number as usize)?.fact.as_ref()
    }

    /// Every record there is, with its number.
    pub(super) fn live(&self) -> impl Iterator<Item = (u32, &F)> {
        (0u32..).zip(&self.slots).filter_map(|(number, slot)| Some((number, slot.fact.as_ref()?)))
    }

    /// The numbers of every record ever seen.
    pub(super) fn numbers(&self) -> std::ops::Range<u32> {
        0..u32::try_from(self.slots.len()).expect("fewer than 2^32 records of a kind")
    }

    /// The event times of every record there is.
    pub(super) fn events(&self) -> impl Iterator<Item = EventTime> {
        self.slots.iter().filter_map(|slot| slot.event)
    }
}
