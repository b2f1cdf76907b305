//! The engine on a thread of its own, and the handle to speak to it.
//!
//! Promises that orders are carried out one at a time, in order. The engine cannot leave its thread (its
//! dataflow is not `Send`), so batches go there and come back, and checkpoints are read and written there.
//! Does no other I/O and reads no clock.
//!
//! The thread ends when the handle is dropped. When the engine panics (it is wrong, and says so), the
//! next answer is a failure and the process ends.

use std::collections::BTreeMap;
use std::io;

use tokio::sync::{mpsc, oneshot};
use vitals_engine::{Engine, Hydration};
use vitals_model::{CommitBatch, Date, Digest, LogBatch, TenantId, UtcMicros, VitalTables};

use crate::checkpoints::{Checkpoints, Found, Written};
use crate::failure::{Failure, Outcome};
use crate::supervisor;

/// Orders that wait for the thread. The pipeline never has more than one under way.
const ORDERS_MAX: usize = 1;

enum Order {
    Feed(LogBatch),
    Finish(Finish),
    Absorb(Absorb),
    Save(Save),
}

struct Finish {
    tick: u64,
    todays: BTreeMap<TenantId, Date>,
    rebuilt: oneshot::Sender<Rebuilt>,
}

struct Absorb {
    batch: LogBatch,
    now: UtcMicros,
    /// Make a tick even of nothing.
    anyway: bool,
    answer: oneshot::Sender<Option<CommitBatch>>,
}

struct Save {
    to: Checkpoints,
    written: oneshot::Sender<io::Result<Written>>,
}

/// What the rebuilt engine stands for.
#[derive(Debug)]
pub(crate) struct Rebuilt {
    /// Its rows; of a restored engine only those that what came after changed.
    pub(crate) rows: VitalTables,
    /// The digest of all of them.
    pub(crate) digest: Digest,
}

/// An engine that is being rebuilt from the log.
#[derive(Debug)]
pub(crate) struct HydratingThread {
    orders: mpsc::Sender<Order>,
}

/// An engine that absorbs.
#[derive(Debug)]
pub(crate) struct EngineThread {
    orders: mpsc::Sender<Order>,
}

impl HydratingThread {
    /// Starts the thread of an engine of so many partitions that had come to `clock`.
    pub(crate) fn start(partitions: u16, clock: UtcMicros) -> Outcome<Self> {
        Self::with(move |mut inbox| work(&mut inbox, Hydration::new(partitions, clock)))
    }

    /// Starts the thread of an engine that begins as a checkpoint has it; the inner error says why it cannot.
    pub(crate) async fn restore(from: Found, clock: UtcMicros) -> Outcome<io::Result<Self>> {
        let (done, restored) = oneshot::channel();
        let thread = Self::with(move |mut inbox| {
            let engine = from.restore();
            let (engine, outcome) = match engine {
                Ok(engine) => (Some(engine), Ok(())),
                Err(error) => (None, Err(error)),
            };
            done.send(outcome).ok();
            if let Some(engine) = engine {
                work(&mut inbox, Hydration::after(engine, clock));
            }
        })?;
        Ok(restored.await.map_err(|_| broken())?.map(|()| thread))
    }

    fn with(work: impl FnOnce(mpsc::Receiver<Order>) + Send + 'static) -> Outcome<Self> {
        let (orders, inbox) = mpsc::channel(ORDERS_MAX);
        // Detached: it ends with the handle, and holds nothing that has to be put away.
        drop(supervisor::thread("engine", move || work(inbox))?);
        Ok(Self { orders })
    }

    /// Feeds the next batch of the log.
    pub(crate) async fn feed(&self, batch: LogBatch) -> Outcome {
        self.orders.send(Order::Feed(batch)).await.map_err(|_| broken())
    }

    /// The rebuilt engine at `tick` with these todays, and what it stands for.
    pub(crate) async fn finish(
        self,
        tick: u64,
        todays: BTreeMap<TenantId, Date>,
    ) -> Outcome<(EngineThread, Rebuilt)> {
        let (rebuilt, answer) = oneshot::channel();
        let order = Order::Finish(Finish { tick, todays, rebuilt });
        self.orders.send(order).await.map_err(|_| broken())?;
        let rebuilt = answer.await.map_err(|_| broken())?;
        Ok((EngineThread { orders: self.orders }, rebuilt))
    }
}

impl EngineThread {
    /// Absorbs a batch; `None` when it covers nothing and no midnight is due.
    pub(crate) async fn absorb(
        &self,
        batch: LogBatch,
        now: UtcMicros,
    ) -> Outcome<Option<CommitBatch>> {
        self.order(batch, now, false).await
    }

    /// Absorbs a batch, and makes a tick of it even when it covers nothing.
    pub(crate) async fn absorb_anyway(
        &self,
        batch: LogBatch,
        now: UtcMicros,
    ) -> Outcome<CommitBatch> {
        self.order(batch, now, true).await?.ok_or_else(broken)
    }

    /// Writes a checkpoint of the engine as it stands.
    pub(crate) async fn save(&self, to: Checkpoints) -> Outcome<io::Result<Written>> {
        let (written, answer) = oneshot::channel();
        self.orders.send(Order::Save(Save { to, written })).await.map_err(|_| broken())?;
        answer.await.map_err(|_| broken())
    }

    async fn order(
        &self,
        batch: LogBatch,
        now: UtcMicros,
        anyway: bool,
    ) -> Outcome<Option<CommitBatch>> {
        let (answer, answered) = oneshot::channel();
        let order = Order::Absorb(Absorb { batch, now, anyway, answer });
        self.orders.send(order).await.map_err(|_| broken())?;
        answered.await.map_err(|_| broken())
    }
}

fn broken() -> Failure {
    Failure::new("the engine broke", supervisor::BUG)
}

fn work(inbox: &mut mpsc::Receiver<Order>, hydration: Hydration) {
    let Some(mut engine) = hydrate(inbox, hydration) else { return };
    while let Some(order) = inbox.blocking_recv() {
        // Whoever asked may have stopped waiting: then the process is ending.
        match order {
            Order::Absorb(Absorb { batch, now, anyway, answer }) => {
                let idle = !anyway && batch.upper == batch.lower && !engine.has_midnights_due(now);
                let tick = (!idle).then(|| engine.absorb(batch, now));
                answer.send(tick).ok();
            }
            Order::Save(Save { to, written }) => {
                written.send(to.write(&engine)).ok();
            }
            Order::Feed(_) | Order::Finish(_) => unreachable!("hydration is over"),
        }
    }
}

fn hydrate(inbox: &mut mpsc::Receiver<Order>, mut hydration: Hydration) -> Option<Engine> {
    let mut rows = VitalTables::default();
    loop {
        match inbox.blocking_recv()? {
            Order::Feed(batch) => rows.apply(hydration.absorb(batch)),
            Order::Finish(Finish { tick, todays, rebuilt }) => {
                let (engine, last) = hydration.finish(tick, &todays);
                rows.apply(last);
                rebuilt.send(Rebuilt { rows, digest: engine.digest() }).ok();
                return Some(engine);
            }
            Order::Absorb(_) | Order::Save(_) => {
                unreachable!("nothing is absorbed or saved before hydration is over")
            }
        }
    }
}
