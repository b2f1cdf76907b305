//! Hydration: an engine rebuilt from the log, and what its rows come to.
//!
//! Promises that the engine it yields goes on as if it had never stopped (I10): the same state, the same
//! tick, the same todays. It begins with nothing, or with a restored engine and what came after it.

use std::collections::BTreeMap;

use vitals_model::{Date, LogBatch, Offsets, TenantId, UtcMicros, VitalChanges};

use crate::absorb::{Engine, EngineStart};

/// An engine on its way back to a committed tick.
#[derive(Debug)]
pub struct Hydration {
    engine: Engine,
    clock: UtcMicros,
}

impl Hydration {
    /// Begins at the beginning of the log, by the clock of the committed tick.
    #[must_use]
    pub fn new(partitions: u16, clock: UtcMicros) -> Self {
        let offsets = Offsets::start(partitions);
        let engine = Engine::new(EngineStart { offsets, clock, ..EngineStart::default() });
        Self { engine, clock }
    }

    /// Begins with a restored engine, by the clock of the committed tick.
    #[must_use]
    pub fn after(engine: Engine, clock: UtcMicros) -> Self {
        Self { engine, clock }
    }

    /// Takes a batch in, and yields the rows it changes; large ones are quickest.
    #[must_use]
    pub fn absorb(&mut self, batch: LogBatch) -> VitalChanges {
        self.engine.absorb(batch, self.clock).changes
    }

    /// The offsets the next batch must begin at.
    #[must_use]
    pub fn offsets(&self) -> &Offsets {
        self.engine.offsets()
    }

    /// Yields the engine at the committed tick, and the rows that change by its being there.
    ///
    /// `todays` are those that were committed: a tenant's midnight may have been left for the next tick.
    #[must_use]
    pub fn finish(
        mut self,
        tick: u64,
        todays: &BTreeMap<TenantId, Date>,
    ) -> (Engine, VitalChanges) {
        self.engine.resume(tick, todays);
        let changes = self.engine.changes();
        (self.engine, changes)
    }
}
