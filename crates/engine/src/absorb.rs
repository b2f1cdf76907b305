//! The engine: one struct, one method. `LogBatch` in, `CommitBatch` out.
//!
//! # Contract of [`Engine::absorb`]
//! 1. The batch begins where the last one ended (I4, asserted).
//! 2. What comes out is a function of all batches and clocks so far, of nothing else (I1): no clock is
//!    read, no float is added, nothing is ordered by a hash.
//! 3. The tick is one more than the last; every changed row is named once, with what it was and is.
//! 4. `received = applied + superseded + duplicate + quarantined`, per tenant (I12, asserted).
//!
//! Inside is one timely worker without threads, stepped until the tick is complete.

use std::cell::{Ref, RefCell, RefMut};
use std::collections::BTreeMap;
use std::rc::Rc;

use timely::WorkerConfig;
use timely::communication::Allocator;
use timely::communication::allocator::Thread;
use timely::dataflow::operators::probe;
use timely::worker::Worker;
use vitals_dataflows::churn::Policies;
use vitals_dataflows::states::States;
use vitals_dataflows::{Beside, Inputs, Outputs};
use vitals_model::batch::{Cause, Counts};
use vitals_model::digest::Digest;
use vitals_model::limits::QUARANTINE_RAW_BYTES_MAX;
use vitals_model::policy::Policy;
use vitals_model::record::{RecordView, tenant_of};
use vitals_model::{
    CommitBatch, Date, LogBatch, LogMessage, Offsets, Quarantined, TenantId, UtcMicros,
    VitalChanges,
};

use crate::door::{Door, Verdict};
use crate::rows::collect;

/// Where an engine begins.
#[derive(Clone, Debug, Default)]
pub struct EngineStart {
    /// The last committed tick.
    pub tick: u64,
    /// The offsets it reached.
    pub offsets: Offsets,
    /// The clock it had.
    pub clock: UtcMicros,
    /// The digest of the rows it stood for.
    pub digest: Digest,
}

/// All state of one shard, and the dataflow over it.
pub struct Engine {
    door: Rc<RefCell<Door>>,
    policies: Policies,
    worker: Worker,
    inputs: Inputs,
    outputs: Outputs,
    states: States,
    probe: probe::Handle<u64>,
    /// The dataflow's time; the tick of a commit is this and a constant.
    time: u64,
    tick: u64,
    offsets: Offsets,
    /// Of all rows so far.
    digest: Digest,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("tick", &self.tick).field("offsets", &self.offsets).finish()
    }
}

impl Engine {
    /// An engine that has seen nothing before `start`. For one that has, see [`crate::Hydration`].
    #[must_use]
    pub fn new(start: EngineStart) -> Self {
        let policies: Policies = Rc::new(RefCell::new(vec![Policy::default()]));
        let door = Rc::new(RefCell::new(Door::new(Rc::clone(&policies), start.clock)));
        let allocator = Allocator::Thread(Thread::default());
        let mut worker = Worker::new(WorkerConfig::default(), allocator, None);
        let (outputs, states) = (Outputs::default(), States::default());
        let probe = probe::Handle::new();
        let names = Rc::clone(&door);
        let beside = Beside {
            policies: Rc::clone(&policies),
            locations: Rc::new(move |a, b| {
                let door = names.borrow();
                door.name(a).cmp(&door.name(b))
            }),
        };
        let inputs = worker.dataflow::<u64, _, _>(|scope| {
            vitals_dataflows::build(scope, &beside, &probe, (&outputs, &states))
        });
        let EngineStart { tick, offsets, digest, .. } = start;
        Self {
            door,
            policies,
            worker,
            inputs,
            outputs,
            states,
            probe,
            time: 0,
            tick,
            offsets,
            digest,
        }
    }

    /// Takes a batch in and yields what changes. `now` is the wall clock; it may stand still, and an
    /// earlier one than before counts as the same.
    ///
    /// # Panics
    /// When the batch does not begin where the last one ended, or an invariant is broken.
    pub fn absorb(&mut self, batch: LogBatch, now: UtcMicros) -> CommitBatch {
        assert_eq!(batch.lower, self.offsets, "I4: a batch begins where the last one ended");
        assert!(batch.upper.covers(&batch.lower), "I4: offsets never go back");
        let mut counts: BTreeMap<Option<TenantId>, Counts> = BTreeMap::new();
        let mut quarantined = Vec::new();
        let mut door = self.door.borrow_mut();
        door.advance_clock(now);
        for message in &batch.messages {
            let (tenant, verdict) = take_in(&mut door, message);
            let count = counts.entry(tenant).or_default();
            count.received += 1;
            match verdict {
                Ok(Verdict::Applied) => count.applied += 1,
                Ok(Verdict::Superseded) => count.superseded += 1,
                Ok(Verdict::Duplicate) => count.duplicate += 1,
                Err(why) => {
                    count.quarantined += 1;
                    quarantined.push(why);
                }
            }
        }
        for (tenant, it) in &counts {
            let known = it.applied + it.superseded + it.duplicate + it.quarantined;
            assert_eq!(it.received, known, "I12: nothing is dropped silently, of {tenant:?}");
        }
        let todays = door.turn();
        let clock = door.clock();
        drop(door);
        self.step();
        self.tick += 1;
        let lower = std::mem::replace(&mut self.offsets, batch.upper.clone());
        let changes = self.changes();
        CommitBatch {
            tick: self.tick,
            lower,
            upper: batch.upper,
            clock,
            todays,
            changes,
            quarantined,
            counts,
            cause: Cause::Live,
            digest: self.digest,
        }
    }

    /// Whether a local midnight has passed that no tick has taken in: absorb once more, even nothing.
    #[must_use]
    pub fn has_midnights_due(&self, now: UtcMicros) -> bool {
        self.door.borrow().has_midnights_due(now)
    }

    /// The offsets the next batch must begin at.
    #[must_use]
    pub fn offsets(&self) -> &Offsets {
        &self.offsets
    }

    /// The last tick.
    #[must_use]
    pub fn tick(&self) -> u64 {
        self.tick
    }

    /// The digest of the rows it stands for.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    pub(crate) fn door(&self) -> Ref<'_, Door> {
        self.door.borrow()
    }

    pub(crate) fn door_mut(&self) -> RefMut<'_, Door> {
        self.door.borrow_mut()
    }

    pub(crate) fn states(&self) -> &States {
        &self.states
    }

    /// The instant it calls now.
    #[must_use]
    pub fn clock(&self) -> UtcMicros {
        self.door.borrow().clock()
    }

    /// Hands the facts to the dataflow and steps it until the tick is complete.
    fn step(&mut self) {
        let facts = self.door.borrow_mut().take_facts();
        for (fact, diff) in facts {
            self.inputs.update(fact, diff);
        }
        self.time += 1;
        self.inputs.advance_to(self.time);
        while self.probe.less_than(&self.time) {
            self.worker.step();
        }
    }

    /// Makes a hydrated engine continue from a committed tick.
    pub(crate) fn resume(&mut self, tick: u64, todays: &BTreeMap<TenantId, Date>) {
        self.tick = tick;
        let mut door = self.door.borrow_mut();
        door.restore_todays(todays);
        door.turn_restored();
        drop(door);
        self.step();
    }

    /// The rows that changed since the last look.
    pub(crate) fn changes(&mut self) -> VitalChanges {
        let changes = collect(&self.door.borrow(), &self.policies.borrow(), &self.outputs);
        self.digest.apply(&changes);
        changes
    }
}

fn take_in(
    door: &mut Door,
    message: &LogMessage,
) -> (Option<TenantId>, Result<Verdict, Quarantined>) {
    match RecordView::parse(&message.value) {
        Ok(record) => (Some(record.tenant), Ok(door.apply(&record))),
        Err(reason) => {
            let tenant = tenant_of(&message.value);
            let raw = &message.value[..message.value.len().min(QUARANTINE_RAW_BYTES_MAX)];
            let (partition, offset) = (message.partition, message.offset);
            (tenant, Err(Quarantined { tenant, partition, offset, reason, raw: raw.to_vec() }))
        }
    }
}
