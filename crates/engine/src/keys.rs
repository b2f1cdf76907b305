//! Keys: every (tenant, kind, source, id) by a small number.
//!
//! A number stands for the key whether or not its record has been seen, so that a reference can be
//! followed before what it names arrives. Numbers start at 1 (0 is "none"), are never reused and never
//! leave the engine: results name things by their text. Kept packed beside one table of numbers, about
//! twenty bytes a key beside its text.

use std::hash::Hasher;

use hashbrown::HashTable;
use rustc_hash::FxHasher;
use vitals_dataflows::packed::{put, take_as};
use vitals_dataflows::states::State;
use vitals_model::Kind;

use crate::shelf::Shelf;

/// A key, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyRef<'a> {
    pub tenant: u32,
    pub kind: Kind,
    pub source: u16,
    pub id: &'a str,
}

/// Every key there is.
#[derive(Debug)]
pub(crate) struct Keys {
    keys: Shelf,
    /// Every number, found by its key.
    numbers: HashTable<u32>,
    /// Where a key is packed before it is looked for.
    sought: Vec<u8>,
}

impl Keys {
    pub(crate) fn new() -> Self {
        Self { keys: Shelf::new(), numbers: HashTable::new(), sought: Vec::new() }
    }

    /// The number of a key, given one if it is new.
    pub(crate) fn intern(&mut self, key: KeyRef<'_>) -> u32 {
        self.sought.clear();
        pack(key, &mut self.sought);
        let hashed = hash(&self.sought);
        let is_it = |number: &u32| self.keys.get(*number) == self.sought;
        if let Some(number) = self.numbers.find(hashed, is_it) {
            return *number;
        }
        let number = u32::try_from(self.keys.len()).expect("fewer than 2^32 keys a shard");
        self.keys.push(&self.sought);
        self.numbers.insert_unique(hashed, number, |number| hash(self.keys.get(*number)));
        number
    }

    /// Makes the table of numbers anew, after the keys were loaded.
    pub(crate) fn index(&mut self) {
        let last = u32::try_from(self.keys.len()).expect("fewer than 2^32 keys a shard");
        let rehash = |number: &u32| hash(self.keys.get(*number));
        self.numbers = HashTable::with_capacity(self.keys.len());
        for number in 1..last {
            self.numbers.insert_unique(rehash(&number), number, rehash);
        }
    }

    pub(crate) fn key(&self, number: u32) -> KeyRef<'_> {
        let mut bytes = self.keys.get(number);
        let (tenant, source) = (take_as(&mut bytes), take_as(&mut bytes));
        let (kind, id) = bytes.split_first().expect("a key has a kind");
        KeyRef {
            tenant,
            kind: Kind::ALL[usize::from(*kind)],
            source,
            id: std::str::from_utf8(id).expect("the shelf holds whole ids"),
        }
    }
}

impl State for Keys {
    fn save(&self, frame: &mut dyn FnMut(&[u8])) {
        self.keys.save(frame);
    }

    fn load(&mut self, frame: &[u8]) {
        self.keys.load(frame);
    }
}

fn pack(key: KeyRef<'_>, out: &mut Vec<u8>) {
    let KeyRef { tenant, kind, source, id } = key;
    put(out, tenant.into());
    put(out, source.into());
    out.push(kind as u8);
    out.extend_from_slice(id.as_bytes());
}

/// A number as an index.
pub(crate) fn index(number: u32) -> usize {
    usize::try_from(number).expect("usize holds u32")
}

fn hash(key: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(key);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_their_numbers_while_the_table_grows() {
        let mut keys = Keys::new();
        let ids: Vec<String> = (0..5_000).map(|n| format!("customer-{n}")).collect();
        let intern = |keys: &mut Keys, tenant, id| {
            keys.intern(KeyRef { tenant, kind: Kind::Customer, source: 3, id })
        };
        let numbers: Vec<u32> = ids.iter().map(|id| intern(&mut keys, 1, id)).collect();
        for (id, number) in ids.iter().zip(&numbers) {
            assert_eq!(intern(&mut keys, 1, id), *number);
            assert_eq!(keys.key(*number).id, id);
            assert_ne!(intern(&mut keys, 2, id), *number, "another tenant's is another key");
        }
    }
}
