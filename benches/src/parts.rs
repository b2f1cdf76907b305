//! The parts of a run, and what they share: feeding a workload to something, tick by tick.
//!
//! Promises that making the workload is outside every measurement.

use vitals_engine::{Engine, EngineStart};
use vitals_model::{LogBatch, Offsets};

use crate::measure::{Samples, Spent, Stopwatch, float};
use crate::workload::{PARTITIONS, Spec, Workload};

pub(crate) mod flat;
pub(crate) mod live;
pub(crate) mod memory;
pub(crate) mod neighbour;
pub(crate) mod state;
pub(crate) mod stored;

/// What feeding a workload to something came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Run {
    pub(crate) records: usize,
    pub(crate) spent: Spent,
    /// Seconds of each tick.
    pub(crate) ticks: Samples,
    /// Rows changed.
    pub(crate) rows: usize,
}

impl Run {
    pub(crate) fn records_per_second(&self) -> f64 {
        float(self.records) / self.spent.seconds.max(f64::MIN_POSITIVE)
    }

    pub(crate) fn records_per_cpu_second(&self) -> f64 {
        float(self.records) / self.spent.cpu_seconds.max(f64::MIN_POSITIVE)
    }

    /// Adds one measured tick.
    pub(crate) fn add(&mut self, records: usize, rows: usize, spent: Spent) {
        self.records += records;
        self.rows += rows;
        self.spent.seconds += spent.seconds;
        self.spent.cpu_seconds += spent.cpu_seconds;
        self.ticks.0.push(spent.seconds);
    }
}

/// Feeds a workload in ticks of so many records; `absorb` says how many rows changed.
pub(crate) fn feed(spec: &Spec, tick: usize, mut absorb: impl FnMut(LogBatch) -> usize) -> Run {
    let mut run = Run::default();
    let mut workload = Workload::new(spec.clone());
    while let Some(batch) = workload.batch(tick) {
        let records = batch.messages.len();
        let watch = Stopwatch::start();
        let rows = absorb(batch);
        run.add(records, rows, watch.spent());
    }
    run
}

/// An engine at the beginning of everything.
pub(crate) fn new_engine() -> Engine {
    let offsets = Offsets::start(PARTITIONS);
    Engine::new(EngineStart { offsets, ..EngineStart::default() })
}
