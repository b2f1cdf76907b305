//! The engine on a thread of its own, and the handle to speak to it.
//!
//! Promises that orders are carried out one at a time, in order. The engine cannot leave its thread (its
//! dataflow is not `Send`), so batches go there and come back. Does no I/O and reads no clock.
//!
//! The thread ends when the handle is dropped. When the engine panics (it is wrong, and says so), the
//! next answer is a failure and the process ends.

use std::collections::BTreeMap;

use tokio::sync::{mpsc, oneshot};
use vitals_engine::{Engine, Hydration};
use vitals_model::{CommitBatch, Date, LogBatch, TenantId, UtcMicros, VitalTables};

use crate::failure::{Failure, Outcome};
use crate::supervisor;

/// Orders that wait for the thread. The pipeline never has more than one under way.
const ORDERS_MAX: usize = 1;

enum Order {
    Feed(LogBatch),
    Finish(Finish),
    Absorb(Absorb),
}

struct Finish {
    tick: u64,
    todays: BTreeMap<TenantId, Date>,
    tables: oneshot::Sender<VitalTables>,
}

struct Absorb {
    batch: LogBatch,
    now: UtcMicros,
    /// Make a tick even of nothing.
    anyway: bool,
    answer: oneshot::Sender<Option<CommitBatch>>,
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
        let (orders, inbox) = mpsc::channel(ORDERS_MAX);
        // Detached: it ends with the handle, and holds nothing that has to be put away.
        drop(supervisor::thread("engine", move || work(inbox, partitions, clock))?);
        Ok(Self { orders })
    }

    /// Feeds the next batch of the log.
    pub(crate) async fn feed(&self, batch: LogBatch) -> Outcome {
        self.orders.send(Order::Feed(batch)).await.map_err(|_| broken())
    }

    /// The rebuilt engine at `tick` with these todays, and every row it stands for.
    pub(crate) async fn finish(
        self,
        tick: u64,
        todays: BTreeMap<TenantId, Date>,
    ) -> Outcome<(EngineThread, VitalTables)> {
        let (tables, answer) = oneshot::channel();
        let order = Order::Finish(Finish { tick, todays, tables });
        self.orders.send(order).await.map_err(|_| broken())?;
        let tables = answer.await.map_err(|_| broken())?;
        Ok((EngineThread { orders: self.orders }, tables))
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

fn work(mut inbox: mpsc::Receiver<Order>, partitions: u16, clock: UtcMicros) {
    let Some(mut engine) = hydrate(&mut inbox, partitions, clock) else { return };
    while let Some(order) = inbox.blocking_recv() {
        match order {
            Order::Absorb(Absorb { batch, now, anyway, answer }) => {
                let idle = !anyway && batch.upper == batch.lower && !engine.has_midnights_due(now);
                let tick = (!idle).then(|| engine.absorb(batch, now));
                // Whoever asked may have stopped waiting: then the process is ending.
                answer.send(tick).ok();
            }
            Order::Feed(_) | Order::Finish(_) => unreachable!("hydration is over"),
        }
    }
}

fn hydrate(inbox: &mut mpsc::Receiver<Order>, partitions: u16, clock: UtcMicros) -> Option<Engine> {
    let mut hydration = Hydration::new(partitions, clock);
    loop {
        match inbox.blocking_recv()? {
            Order::Feed(batch) => hydration.absorb(batch),
            Order::Finish(Finish { tick, todays, tables }) => {
                let (engine, rows) = hydration.finish(tick, &todays);
                tables.send(rows).ok();
                return Some(engine);
            }
            Order::Absorb(_) => unreachable!("nothing is absorbed before hydration is over"),
        }
    }
}
