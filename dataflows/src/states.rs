//! What the operators keep between ticks, so that it can be put into a checkpoint and taken out of it.
//!
//! An operator asks [`States::keep`] for its state when the dataflow is built, by a name of its own. Between
//! two ticks all that the dataflow knows is in these states, so a dataflow built alike and given them goes on
//! as the first would have: no update is under way, and the operators without a state remember nothing.
//! Promises that what is loaded is what was saved. The bytes are for the program that wrote them alone.

use std::cell::RefCell;
use std::fmt;
use std::hash::Hash;
use std::rc::Rc;

use rustc_hash::FxHashMap;

use crate::packed::Pack;

/// How large a frame becomes before the next is begun.
pub const FRAME_BYTES: usize = 1 << 20;

/// Something that can be saved as frames and loaded from them.
pub trait State: fmt::Debug {
    /// Hands out everything, in frames of about [`FRAME_BYTES`].
    fn save(&self, frame: &mut dyn FnMut(&[u8]));
    /// Takes one of the frames in; all of them, in order, give what was saved.
    fn load(&mut self, frame: &[u8]);
}

type Kept = (&'static str, Rc<RefCell<dyn State>>);

/// The states of one dataflow, in the order in which it was built.
#[derive(Clone, Debug, Default)]
pub struct States(Rc<RefCell<Vec<Kept>>>);

impl States {
    /// A state for the operator of this name.
    ///
    /// # Panics
    /// When another one has the name.
    #[must_use]
    pub fn keep<S: State + Default + 'static>(&self, name: &'static str) -> Rc<RefCell<S>> {
        let state: Rc<RefCell<S>> = Rc::default();
        let mut states = self.0.borrow_mut();
        assert!(states.iter().all(|(it, _)| *it != name), "two operators are called {name}");
        states.push((name, Rc::clone(&state) as Rc<RefCell<dyn State>>));
        state
    }

    /// Hands out every state's frames with its name.
    pub fn save(&self, mut frame: impl FnMut(&str, &[u8])) {
        for (name, state) in self.0.borrow().iter() {
            state.borrow().save(&mut |bytes| frame(name, bytes));
        }
    }

    /// Takes in a frame of the state of this name.
    ///
    /// # Panics
    /// When there is no such state: another program wrote the frame.
    pub fn load(&self, name: &str, frame: &[u8]) {
        let states = self.0.borrow();
        let found = states.iter().find(|(it, _)| *it == name);
        let (_, state) = found.unwrap_or_else(|| panic!("no operator keeps '{name}'"));
        state.borrow_mut().load(frame);
    }
}

/// Packs things one after the other into frames.
pub fn save_all<T>(
    things: impl Iterator<Item = T>,
    pack: impl Fn(T, &mut Vec<u8>),
    frame: &mut dyn FnMut(&[u8]),
) {
    let mut bytes = Vec::with_capacity(FRAME_BYTES + FRAME_BYTES / 8);
    for thing in things {
        pack(thing, &mut bytes);
        if bytes.len() >= FRAME_BYTES {
            frame(&bytes);
            bytes.clear();
        }
    }
    if !bytes.is_empty() {
        frame(&bytes);
    }
}

impl<K: Pack + Hash + Eq + fmt::Debug, V: Pack + fmt::Debug> State for FxHashMap<K, V> {
    fn save(&self, frame: &mut dyn FnMut(&[u8])) {
        // The order is the hash's: what is loaded is a map again.
        let pack = |(key, value): (&K, &V), out: &mut Vec<u8>| {
            key.pack(out);
            value.pack(out);
        };
        save_all(self.iter(), pack, frame);
    }

    fn load(&mut self, mut frame: &[u8]) {
        while !frame.is_empty() {
            let key = K::unpack(&mut frame);
            self.insert(key, V::unpack(&mut frame));
        }
    }
}
