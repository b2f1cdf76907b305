//! Keys: every (tenant, kind, source, id) by a small number.
//!
//! A number stands for the key whether or not its record has been seen, so that a reference can be
//! followed before what it names arrives. Numbers start at 1 (0 is "none"), are never reused and never
//! leave the engine: results name things by their text. Kept packed beside one open-addressed table,
//! about sixteen bytes a key beside its text.

use std::hash::Hasher;

use rustc_hash::FxHasher;
use vitals_dataflows::packed::{put, take_as};
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
    /// Numbers of keys, 0 where empty; a power of two long, at most seven eighths full.
    table: Vec<u32>,
    /// Where a key is packed before it is looked for.
    sought: Vec<u8>,
}

impl Keys {
    pub(crate) fn new() -> Self {
        Self { keys: Shelf::new(), table: vec![0; 1024], sought: Vec::new() }
    }

    /// The number of a key, given one if it is new.
    pub(crate) fn intern(&mut self, key: KeyRef<'_>) -> u32 {
        if self.keys.len() * 8 > self.table.len() * 7 {
            self.grow();
        }
        self.sought.clear();
        pack(key, &mut self.sought);
        let at = match self.find(&self.sought) {
            Ok(number) => return number,
            Err(at) => at,
        };
        let number = u32::try_from(self.keys.len()).expect("fewer than 2^32 keys a shard");
        self.keys.push(&self.sought);
        self.table[at] = number;
        number
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

    /// The number, or where in the table it belongs.
    fn find(&self, key: &[u8]) -> Result<u32, usize> {
        let mask = self.table.len() - 1;
        let mut at = hash(key) & mask;
        loop {
            match self.table[at] {
                0 => return Err(at),
                number if self.keys.get(number) == key => return Ok(number),
                _ => at = (at + 1) & mask,
            }
        }
    }

    fn grow(&mut self) {
        self.table = vec![0; self.table.len() * 2];
        for number in 1..self.keys.len() {
            let number = u32::try_from(number).expect("fewer than 2^32 keys a shard");
            if let Err(at) = self.find(self.keys.get(number)) {
                self.table[at] = number;
            }
        }
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

fn hash(key: &[u8]) -> usize {
    let mut hasher = FxHasher::default();
    hasher.write(key);
    // FxHash leaves its best bits on top.
    usize::try_from(hasher.finish().rotate_left(26)).expect("64-bit machines")
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
