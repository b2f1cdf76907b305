//! What was derived from a view and is kept for the next one, under exactly what it was derived from.
//!
//! Promises that nothing stale is given out, and a bound: whoever was asked for least recently goes first. What
//! other tenants write makes nothing of a tenant stale.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// The files and the part of the tail that something was derived from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grounds {
    /// Names are never used twice, and files never change.
    pub(crate) files: Vec<String>,
    /// The generation of the tail's group; `None` where the tail has nothing of it, or does not matter.
    pub(crate) generation: Option<u64>,
}

#[derive(Debug)]
struct Entry<V> {
    grounds: Grounds,
    value: V,
    weight: usize,
    used: u64,
}

/// Values by key, each with its grounds.
#[derive(Debug)]
pub(crate) struct Kept<K, V> {
    inner: Mutex<Inner<K, V>>,
    entries_max: usize,
    weight_max: usize,
}

#[derive(Debug)]
struct Inner<K, V> {
    entries: BTreeMap<K, Entry<V>>,
    weight: usize,
    uses: u64,
}

impl<K: Ord + Clone, V: Clone> Kept<K, V> {
    /// At most so many entries, of so much weight together.
    pub(crate) fn new(entries_max: usize, weight_max: usize) -> Self {
        let inner = Inner { entries: BTreeMap::new(), weight: 0, uses: 0 };
        Self { inner: Mutex::new(inner), entries_max, weight_max }
    }

    /// The value of a key, if it was derived from just this.
    pub(crate) fn get(&self, key: &K, grounds: &Grounds) -> Option<V> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.uses += 1;
        let uses = inner.uses;
        let entry = inner.entries.get_mut(key).filter(|it| it.grounds == *grounds)?;
        entry.used = uses;
        Some(entry.value.clone())
    }

    /// Keeps a value; one that weighs more than all may is not kept.
    pub(crate) fn put(&self, key: K, (grounds, value): (Grounds, V), weight: usize) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.remove(&key);
        if weight > self.weight_max {
            return;
        }
        inner.uses += 1;
        let used = inner.uses;
        inner.weight += weight;
        inner.entries.insert(key, Entry { grounds, value, weight, used });
        while inner.entries.len() > self.entries_max || inner.weight > self.weight_max {
            let oldest = inner.entries.iter().min_by_key(|(_, it)| it.used);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else { return };
            inner.remove(&oldest);
        }
    }
}

impl<K: Ord, V> Inner<K, V> {
    fn remove(&mut self, key: &K) {
        if let Some(gone) = self.entries.remove(key) {
            self.weight -= gone.weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(generation: u64) -> Grounds {
        Grounds { files: vec!["a".to_owned()], generation: Some(generation) }
    }

    #[test]
    fn what_rests_on_something_else_is_not_given_out() {
        let kept = Kept::new(8, 8);
        kept.put(1, (at(5), "five"), 1);
        assert_eq!(kept.get(&1, &at(5)), Some("five"));
        assert_eq!((kept.get(&1, &at(6)), kept.get(&2, &at(5))), (None, None));
        let other = Grounds { files: vec!["b".to_owned()], ..at(5) };
        assert_eq!(kept.get(&1, &other), None);
    }

    #[test]
    fn the_least_recently_used_goes_first_and_the_weight_is_bounded() {
        let kept = Kept::new(3, 10);
        for key in 0..3 {
            kept.put(key, (at(0), key), 3);
        }
        assert_eq!(kept.get(&0, &at(0)), Some(0));
        kept.put(3, (at(0), 3), 3);
        let there: Vec<i32> = (0..4).filter(|key| kept.get(key, &at(0)).is_some()).collect();
        assert_eq!(there, [0, 2, 3]);
        // Of the same key the weight counts once.
        kept.put(3, (at(1), 3), 3);
        kept.put(4, (at(0), 4), 9);
        let there: Vec<i32> = (0..5).filter(|key| kept.get(key, &at(0)).is_some()).collect();
        assert_eq!(there, [4]);
        kept.put(5, (at(0), 5), 11);
        assert_eq!(kept.get(&5, &at(0)), None);
    }
}
