//! Checkpoints: all that an engine knows between two ticks, as frames of bytes.
//!
//! Promises that an engine restored from another's frames goes on as that one would have, to the byte (I1).
//! The frames are for the program that wrote them: under another [`LAYOUT`] they mean nothing, and the engine
//! is rebuilt from the log. Does no I/O; whoever keeps the frames vouches that they come back as they were.

use crate::absorb::{Engine, EngineStart};

/// Names the form of the state: another one after any change of the code it follows from.
pub const LAYOUT: &str = env!("VITALS_STATE_LAYOUT");

/// The sections that the door saves; all others are the dataflow's.
const DOOR: &str = "door/";

impl Engine {
    /// Hands out the engine's state as frames of about a mebibyte, each with the section it is of.
    pub fn save(&self, mut frame: impl FnMut(&str, &[u8])) {
        self.door().save(DOOR, &mut frame);
        self.states().save(frame);
    }
}

/// An engine that takes in the frames of another.
#[derive(Debug)]
pub struct Restoring(Engine);

impl Restoring {
    /// Begins with where the saved engine stood.
    #[must_use]
    pub fn new(start: EngineStart) -> Self {
        Self(Engine::new(start))
    }

    /// Takes the next frame in. The order is that in which they were handed out.
    ///
    /// # Panics
    /// When the frame is none that this program wrote.
    pub fn load(&mut self, section: &str, frame: &[u8]) {
        match section.strip_prefix(DOOR) {
            Some(part) => self.0.door_mut().load(part, frame),
            None => self.0.states().load(section, frame),
        }
    }

    /// The engine, after the last frame.
    #[must_use]
    pub fn finish(self) -> Engine {
        self.0.door_mut().loaded();
        self.0
    }
}
