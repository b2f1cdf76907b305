//! Simulation: one seed drives the engine, a model log and a model store through crashes at every step.
//!
//! Two processes take turns at the same shard: they start, fetch, absorb and commit, are killed between
//! any two of these, lose the answer to a commit, or wake after another has taken over. Messages are
//! published twice now and then. A start takes a checkpoint of the engine when it finds one, and replays what
//! came after it. After each step the invariants hold: commits touch (I4), one epoch
//! commits (I5), what is stored equals what the log rebuilds (I10), nothing is dropped or counted twice
//! (I2, I12). The same harness must catch stores that write offsets apart from rows.
//!
//! `VITALS_SEEDS` is how many seeds (1,000 when unset); `VITALS_SEED` replays one of them.

#![allow(clippy::print_stdout, reason = "a test says how much it tried")]

use std::collections::BTreeMap;

use vitals_engine::{Engine, EngineStart, Hydration, Restoring};
use vitals_model::digest::Digest;
use vitals_model::rng::Rng;
use vitals_model::{
    CommitBatch, Date, LogBatch, LogMessage, Offsets, TenantId, UtcMicros, VitalTables,
};
use vitals_testkit::history::History;

const SEEDS: u64 = 1_000;
const PARTITIONS: u16 = 3;
/// Steps a simulation takes before it is left alone to finish.
const STEPS: usize = 120;

type KeyValue = (Vec<u8>, Vec<u8>);

/// The log: every message of every partition.
#[derive(Default)]
struct ModelLog {
    partitions: BTreeMap<u16, Vec<KeyValue>>,
}

impl ModelLog {
    fn publish(&mut self, tenant: TenantId, key: &[u8], value: &[u8]) {
        let partition = self.partitions.entry(tenant.partition(PARTITIONS)).or_default();
        partition.push((key.to_vec(), value.to_vec()));
    }

    fn end(&self, partition: u16) -> i64 {
        self.partitions.get(&partition).map_or(0, |it| i64::try_from(it.len()).expect("small"))
    }

    /// At most `most` messages of each partition from `lower` on, not beyond `until`.
    fn fetch(&self, lower: &Offsets, most: i64, until: Option<&Offsets>) -> LogBatch {
        let (mut upper, mut messages) = (lower.clone(), Vec::new());
        for partition in 0..PARTITIONS {
            let from = lower.get(partition);
            let end = until.map_or_else(|| self.end(partition), |until| until.get(partition));
            let to = end.min(from + most).max(from);
            for offset in from..to {
                let at = usize::try_from(offset).expect("not negative");
                let (key, value) = self.partitions[&partition][at].clone();
                messages.push(LogMessage { partition, offset, key, value });
            }
            upper.0.insert(partition, to);
        }
        LogBatch { lower: lower.clone(), upper, messages }
    }
}

/// How a store goes wrong on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Planted {
    Nothing,
    /// Offsets are written first, and a crash may come before the rows.
    OffsetsBefore,
    /// Rows are written first, and a crash may come before the offsets.
    OffsetsAfter,
}

/// The store: one transaction that compares and appends.
struct ModelStore {
    planted: Planted,
    epoch: u64,
    tick: u64,
    offsets: Offsets,
    clock: UtcMicros,
    todays: BTreeMap<TenantId, Date>,
    tables: VitalTables,
    received: u64,
    digest: Digest,
    checkpoint: Option<Checkpoint>,
}

/// An engine as it was at a committed tick, and the rows it stood for.
#[derive(Clone)]
struct Checkpoint {
    start: EngineStart,
    frames: Vec<(String, Vec<u8>)>,
    tables: VitalTables,
}

impl Checkpoint {
    fn of(engine: &Engine, tables: &VitalTables) -> Self {
        let mut frames = Vec::new();
        engine.save(|section, bytes| frames.push((section.to_owned(), bytes.to_vec())));
        let (tick, offsets) = (engine.tick(), engine.offsets().clone());
        let (clock, digest) = (engine.clock(), engine.digest());
        let start = EngineStart { tick, offsets, clock, digest };
        Self { start, frames, tables: tables.clone() }
    }

    fn restore(&self) -> Engine {
        let mut restoring = Restoring::new(self.start.clone());
        self.frames.iter().for_each(|(section, bytes)| restoring.load(section, bytes));
        restoring.finish()
    }
}

impl ModelStore {
    /// Commits, or says why not. `torn` is whether a crash comes in the midst of it.
    fn commit(&mut self, epoch: u64, batch: &CommitBatch, torn: bool) -> Result<(), &'static str> {
        if epoch != self.epoch {
            return Err("fenced");
        }
        if batch.tick != self.tick + 1 || batch.lower != self.offsets {
            return Err("already committed");
        }
        let (rows, progress) = match (self.planted, torn) {
            (_, false) => (true, true),
            (Planted::Nothing, true) => (false, false),
            (Planted::OffsetsBefore, true) => (false, true),
            (Planted::OffsetsAfter, true) => (true, false),
        };
        if rows {
            self.tables.apply(batch.changes.clone());
            self.received += batch.counts.values().map(|it| it.received).sum::<u64>();
        }
        if progress {
            self.tick = batch.tick;
            self.offsets = batch.upper.clone();
            self.clock = batch.clock;
            self.digest = batch.digest;
            self.todays.extend(batch.todays.iter().copied());
        }
        Ok(())
    }
}

/// A process at work on the shard.
struct Process {
    epoch: u64,
    engine: Engine,
    absorbed: Option<CommitBatch>,
}

impl Process {
    /// Takes over, rebuilds the engine, and compares it with the store (I10).
    fn start(log: &ModelLog, store: &mut ModelStore, rng: &mut Rng) -> Result<Self, String> {
        store.epoch += 1;
        let (mut hydration, mut tables) = match &store.checkpoint {
            Some(it) if rng.chance(80) => {
                (Hydration::after(it.restore(), store.clock), it.tables.clone())
            }
            _ => (Hydration::new(PARTITIONS, store.clock), VitalTables::default()),
        };
        while hydration.offsets() != &store.offsets {
            let most = rng.between(1, 400);
            let from = hydration.offsets().clone();
            tables.apply(hydration.absorb(log.fetch(&from, most, Some(&store.offsets))));
        }
        let (engine, last) = hydration.finish(store.tick, &store.todays);
        tables.apply(last);
        if engine.digest() != Digest::of(&tables) {
            return Err("the digest is not that of the rows".to_owned());
        }
        if engine.digest() != store.digest && store.planted == Planted::Nothing {
            return Err("I10: the digest is not the committed one".to_owned());
        }
        let changes = store.tables.changes_to(&tables);
        if !changes.is_empty() {
            return Err(format!("I10: {} stored rows differ from the log", changes.len()));
        }
        Ok(Self { epoch: store.epoch, engine, absorbed: None })
    }
}

struct World {
    rng: Rng,
    log: ModelLog,
    store: ModelStore,
    processes: [Option<Process>; 2],
    now: UtcMicros,
    crashes: u64,
    commits: u64,
}

impl World {
    fn new(seed: u64, planted: Planted) -> (Self, History) {
        let history = History::random(seed);
        let now = history.ticks.first().map_or(UtcMicros(0), |tick| tick.now);
        let store = ModelStore {
            planted,
            epoch: 0,
            tick: 0,
            offsets: Offsets::start(PARTITIONS),
            clock: now,
            todays: BTreeMap::new(),
            tables: VitalTables::default(),
            received: 0,
            digest: Digest::default(),
            checkpoint: None,
        };
        let rng = Rng::new(seed).fork(0x51_71_A1);
        let processes = [None, None];
        let log = ModelLog::default();
        (Self { rng, log, store, processes, now, crashes: 0, commits: 0 }, history)
    }

    /// One step of one process: each does the next thing, or dies.
    fn step(&mut self) -> Result<(), String> {
        let at = self.rng.index(2);
        let Some(mut process) = self.processes[at].take() else {
            self.processes[at] = Some(Process::start(&self.log, &mut self.store, &mut self.rng)?);
            return Ok(());
        };
        if self.rng.chance(8) {
            self.crashes += 1;
            return Ok(());
        }
        let Some(batch) = process.absorbed.take() else {
            let most = self.rng.between(0, 60);
            let batch = self.log.fetch(process.engine.offsets(), most, None);
            process.absorbed = Some(process.engine.absorb(batch, self.now));
            self.processes[at] = Some(process);
            return Ok(());
        };
        let torn = self.rng.chance(6);
        match self.store.commit(process.epoch, &batch, torn) {
            Err("fenced") => self.crashes += 1,
            Err(why) => return Err(format!("I4, I5: the writer of the epoch was refused: {why}")),
            Ok(()) if torn => self.crashes += 1,
            Ok(()) => {
                self.commits += 1;
                if self.rng.chance(30) {
                    self.store.checkpoint =
                        Some(Checkpoint::of(&process.engine, &self.store.tables));
                }
                if self.rng.chance(10) {
                    // The answer was lost: reading the progress tells that it is committed.
                    let committed =
                        self.store.tick == batch.tick && self.store.epoch == process.epoch;
                    assert!(committed, "I4: progress tells what became of a commit");
                }
                self.processes[at] = Some(process);
            }
        }
        Ok(())
    }

    /// Lets one process finish in peace, and compares what is stored with an undisturbed run.
    fn finish(&mut self) -> Result<(), String> {
        let mut process = Process::start(&self.log, &mut self.store, &mut self.rng)?;
        loop {
            let batch = self.log.fetch(process.engine.offsets(), 1_000, None);
            let idle = batch.messages.is_empty() && !process.engine.has_midnights_due(self.now);
            let commit = process.engine.absorb(batch, self.now);
            self.store.commit(process.epoch, &commit, false).map_err(ToOwned::to_owned)?;
            if idle {
                break;
            }
        }
        let mut undisturbed = Hydration::new(PARTITIONS, self.now);
        let mut expected = VitalTables::default();
        let all = self.log.fetch(&Offsets::start(PARTITIONS), i64::MAX / 2, None);
        expected.apply(undisturbed.absorb(all));
        expected.apply(undisturbed.finish(1, &BTreeMap::new()).1);
        let changes = self.store.tables.changes_to(&expected);
        if !changes.is_empty() {
            return Err(format!("I1: {} rows differ from an undisturbed run", changes.len()));
        }
        let messages: i64 = (0..PARTITIONS).map(|partition| self.log.end(partition)).sum();
        let received = i64::try_from(self.store.received).expect("small");
        if received != messages {
            return Err(format!("I12: {messages} messages were counted {received} times"));
        }
        Ok(())
    }
}

fn simulate(seed: u64, planted: Planted) -> Result<(u64, u64), String> {
    let (mut world, history) = World::new(seed, planted);
    let mut backlog = history
        .ticks
        .iter()
        .flat_map(|tick| tick.messages.iter().map(move |message| (tick.now, message)));
    for _ in 0..STEPS {
        for _ in 0..world.rng.between(0, 8) {
            let Some((now, (key, value, tenant))) = backlog.next() else { break };
            world.now = world.now.max(now);
            world.log.publish(*tenant, key, value);
            if world.rng.chance(5) {
                world.log.publish(*tenant, key, value);
            }
        }
        world.step()?;
    }
    for (now, (key, value, tenant)) in backlog {
        world.now = world.now.max(now);
        world.log.publish(*tenant, key, value);
    }
    world.finish()?;
    Ok((world.crashes, world.commits))
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a whole number"))
}

#[test]
fn crashes_at_every_step_lose_and_double_nothing() {
    let replay = setting("VITALS_SEED");
    let seeds = replay.map_or(0..setting("VITALS_SEEDS").unwrap_or(SEEDS), |seed| seed..seed + 1);
    let (mut crashes, mut commits) = (0, 0);
    for seed in seeds.clone() {
        match simulate(seed, Planted::Nothing) {
            Ok((died, committed)) => {
                crashes += died;
                commits += committed;
            }
            Err(why) => panic!("VITALS_SEED={seed}: {why}"),
        }
    }
    assert!(crashes > 0 && commits > 0, "nothing was put to the test");
    println!("{} seeds, {crashes} crashes, {commits} commits", seeds.end - seeds.start);
}

#[test]
fn offsets_written_apart_from_rows_are_caught() {
    for planted in [Planted::OffsetsBefore, Planted::OffsetsAfter] {
        let caught = (0..20).filter(|seed| simulate(*seed, planted).is_err()).count();
        assert!(caught > 5, "{planted:?} was caught by {caught} seeds of 20");
    }
}

#[test]
fn a_restored_engine_goes_on_to_the_byte() {
    for seed in 0..200 {
        let (mut world, history) = World::new(seed, Planted::Nothing);
        for (key, value, tenant) in history.messages() {
            world.log.publish(*tenant, key, value);
        }
        let process = Process::start(&world.log, &mut world.store, &mut world.rng);
        let mut engine = process.expect("an empty store equals an empty log").engine;
        let mut restored: Option<Engine> = None;
        for (at, tick) in history.ticks.iter().enumerate() {
            let batch = world.log.fetch(engine.offsets(), 40, None);
            let commit = engine.absorb(batch.clone(), tick.now);
            if let Some(restored) = &mut restored {
                assert_eq!(restored.absorb(batch, tick.now), commit, "I1: VITALS_SEED={seed}");
            }
            // A restored engine is saved and restored again, too.
            if at % 2 == 0 {
                let from = restored.as_ref().unwrap_or(&engine);
                restored = Some(Checkpoint::of(from, &VitalTables::default()).restore());
            }
        }
    }
}

#[test]
fn the_same_input_gives_the_same_commits() {
    for seed in 0..20 {
        let commits = || {
            let (mut world, history) = World::new(seed, Planted::Nothing);
            for (key, value, tenant) in history.messages() {
                world.log.publish(*tenant, key, value);
            }
            let mut process = Process::start(&world.log, &mut world.store, &mut world.rng);
            let process = process.as_mut().expect("an empty store equals an empty log");
            let mut commits = Vec::new();
            for tick in &history.ticks {
                let batch = world.log.fetch(process.engine.offsets(), 25, None);
                commits.push(process.engine.absorb(batch, tick.now));
            }
            commits
        };
        assert_eq!(commits(), commits(), "I1: VITALS_SEED={seed}");
    }
}
