//! Hydration: an engine rebuilt from the log, and the rows the store must hold.
//!
//! Promises that the engine it yields goes on as if it had never stopped (I10): the same state, the same
//! tick, the same todays. Keeps all rows in memory while it runs.

use std::collections::BTreeMap;

use vitals_model::{Date, LogBatch, Offsets, TenantId, UtcMicros, VitalTables};

use crate::absorb::{Engine, EngineStart};

/// An engine on its way back to a committed tick.
#[derive(Debug)]
pub struct Hydration {
    engine: Engine,
    clock: UtcMicros,
    tables: VitalTables,
}

impl Hydration {
    /// Begins at the beginning of the log, by the clock of the committed tick.
    #[must_use]
    pub fn new(partitions: u16, clock: UtcMicros) -> Self {
        let offsets = Offsets::start(partitions);
        let engine = Engine::new(EngineStart { tick: 0, offsets, clock });
        Self { engine, clock, tables: VitalTables::default() }
    }

    /// Takes a batch in; large ones are quickest.
    pub fn absorb(&mut self, batch: LogBatch) {
        let commit = self.engine.absorb(batch, self.clock);
        self.tables.apply(commit.changes);
    }

    /// The offsets the next batch must begin at.
    #[must_use]
    pub fn offsets(&self) -> &Offsets {
        self.engine.offsets()
    }

    /// Yields the engine at the committed tick and the rows the store must hold.
    ///
    /// `todays` are those that were committed: a tenant's midnight may have been left for the next tick.
    #[must_use]
    pub fn finish(mut self, tick: u64, todays: &BTreeMap<TenantId, Date>) -> (Engine, VitalTables) {
        self.engine.resume(tick, todays);
        self.tables.apply(self.engine.changes());
        (self.engine, self.tables)
    }
}
