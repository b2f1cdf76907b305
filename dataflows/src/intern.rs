//! Interning: small copyable keys by a number, so that state is kept under four bytes instead of twenty.
//!
//! Numbers are given in the order of first sight and never leave the dataflow.

use std::cell::RefCell;
use std::fmt::Debug;
use std::hash::Hash;
use std::rc::Rc;

use rustc_hash::FxHashMap;

use crate::packed::Pack;
use crate::states::{State, States, save_all};

/// Keys by number and numbers by key, shared by the operators of one vital.
#[derive(Debug)]
pub(crate) struct Interned<K>(Rc<RefCell<Tables<K>>>);

#[derive(Debug)]
pub(crate) struct Tables<K> {
    keys: Vec<K>,
    numbers: FxHashMap<K, u32>,
}

impl<K> Clone for Interned<K> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<K> Default for Tables<K> {
    fn default() -> Self {
        Self { keys: Vec::new(), numbers: FxHashMap::default() }
    }
}

impl<K: Pack + Copy + Eq + Hash + Debug> State for Tables<K> {
    fn save(&self, frame: &mut dyn FnMut(&[u8])) {
        save_all(self.keys.iter(), K::pack, frame);
    }

    fn load(&mut self, mut frame: &[u8]) {
        while !frame.is_empty() {
            self.add(K::unpack(&mut frame));
        }
    }
}

impl<K: Copy + Eq + Hash> Tables<K> {
    /// Gives a new key the next number.
    fn add(&mut self, key: K) -> u32 {
        let number = u32::try_from(self.keys.len()).expect("fewer than 2^32 keys");
        self.keys.push(key);
        self.numbers.insert(key, number);
        number
    }
}

impl<K: Pack + Copy + Eq + Hash + Debug + 'static> Interned<K> {
    /// No keys yet; kept under a name.
    #[must_use]
    pub(crate) fn keep(states: &States, name: &'static str) -> Self {
        Self(states.keep(name))
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
        tables.add(key)
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
