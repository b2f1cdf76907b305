//! Interning: small copyable keys by a number, so that state is kept under four bytes instead of twenty.
//!
//! Numbers are given in the order of first sight and never leave the dataflow.

use std::cell::RefCell;
use std::hash::Hash;
use std::rc::Rc;

use rustc_hash::FxHashMap;

/// Keys by number and numbers by key, shared by the operators of one vital.
#[derive(Debug)]
pub(crate) struct Interned<K>(Rc<RefCell<Tables<K>>>);

#[derive(Debug)]
struct Tables<K> {
    keys: Vec<K>,
    numbers: FxHashMap<K, u32>,
}

impl<K> Clone for Interned<K> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<K> Default for Interned<K> {
    fn default() -> Self {
        let tables = Tables { keys: Vec::new(), numbers: FxHashMap::default() };
        Self(Rc::new(RefCell::new(tables)))
    }
}

impl<K: Copy + Eq + Hash> Interned<K> {
    /// The number of a key, given one if it is new.
    ///
    /// # Panics
    /// At 2^32 keys.
    #[must_use]
    pub(crate) fn number(&self, key: K) -> u32 {
        let mut tables = self.0.borrow_mut();
        if let Some(number) = tables.numbers.get(&key) {
            return *number;
        }
        let number = u32::try_from(tables.keys.len()).expect("fewer than 2^32 keys");
        tables.keys.push(key);
        tables.numbers.insert(key, number);
        number
    }

    /// The key of a number that was given.
    ///
    /// # Panics
    /// When it was not.
    #[must_use]
    pub(crate) fn key(&self, number: u32) -> K {
        self.0.borrow().keys[usize::try_from(number).expect("usize holds u32")]
    }
}
