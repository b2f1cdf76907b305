//! Keys: every (tenant, kind, source, id) by a small number.
//!
//! A number stands for the key whether or not its record has been seen, so that a reference can be
//! followed before what it names arrives. Numbers start at 1 (0 is "none"), are never reused and never
//! leave the engine: results name things by their text. Kept as one arena and one open-addressed table,
//! about thirty bytes a key beside its text.

use std::hash::Hasher;

use rustc_hash::FxHasher;
use vitals_model::Kind;

/// A key, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyRef<'a> {
    pub tenant: u32,
    pub kind: Kind,
    pub source: u16,
    pub id: &'a str,
}

#[derive(Debug)]
struct Meta {
    start: usize,
    tenant: u32,
    source: u16,
    len: u16,
    kind: Kind,
}

/// Every key there is.
#[derive(Debug)]
pub(crate) struct Keys {
    arena: Vec<u8>,
    metas: Vec<Meta>,
    /// Numbers of keys, 0 where empty; a power of two long, at most seven eighths full.
    table: Vec<u32>,
}

impl Keys {
    pub(crate) fn new() -> Self {
        let none = Meta { start: 0, tenant: 0, source: 0, len: 0, kind: Kind::Organization };
        Self { arena: Vec::new(), metas: vec![none], table: vec![0; 1024] }
    }

    /// The number of a key, given one if it is new.
    pub(crate) fn intern(&mut self, key: KeyRef<'_>) -> u32 {
        if self.metas.len() * 8 > self.table.len() * 7 {
            self.grow();
        }
        let at = match self.find(key) {
            Ok(number) => return number,
            Err(at) => at,
        };
        let number = u32::try_from(self.metas.len()).expect("fewer than 2^32 keys a shard");
        let len = u16::try_from(key.id.len()).expect("ids have at most 255 bytes");
        let KeyRef { tenant, kind, source, id } = key;
        self.metas.push(Meta { start: self.arena.len(), tenant, source, len, kind });
        self.arena.extend_from_slice(id.as_bytes());
        self.table[at] = number;
        number
    }

    pub(crate) fn key(&self, number: u32) -> KeyRef<'_> {
        let meta = &self.metas[index(number)];
        let bytes = &self.arena[meta.start..meta.start + usize::from(meta.len)];
        let id = std::str::from_utf8(bytes).expect("the arena holds whole ids");
        KeyRef { tenant: meta.tenant, kind: meta.kind, source: meta.source, id }
    }

    /// The number, or where in the table it belongs.
    fn find(&self, key: KeyRef<'_>) -> Result<u32, usize> {
        let mask = self.table.len() - 1;
        let mut at = hash(key) & mask;
        loop {
            match self.table[at] {
                0 => return Err(at),
                number if self.matches(number, key) => return Ok(number),
                _ => at = (at + 1) & mask,
            }
        }
    }

    fn matches(&self, number: u32, key: KeyRef<'_>) -> bool {
        let meta = &self.metas[index(number)];
        meta.tenant == key.tenant
            && meta.kind == key.kind
            && meta.source == key.source
            && usize::from(meta.len) == key.id.len()
            && self.arena[meta.start..meta.start + key.id.len()] == *key.id.as_bytes()
    }

    fn grow(&mut self) {
        self.table = vec![0; self.table.len() * 2];
        for number in 1..self.metas.len() {
            let number = u32::try_from(number).expect("fewer than 2^32 keys a shard");
            if let Err(at) = self.find(self.key(number)) {
                self.table[at] = number;
            }
        }
    }
}

/// A number as an index.
pub(crate) fn index(number: u32) -> usize {
    usize::try_from(number).expect("usize holds u32")
}

fn hash(key: KeyRef<'_>) -> usize {
    let mut hasher = FxHasher::default();
    hasher.write_u32(key.tenant);
    hasher.write_u32((u32::from(key.source) << 8) | u32::from(key.kind as u8));
    hasher.write(key.id.as_bytes());
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
