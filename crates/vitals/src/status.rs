//! How far the engine of this process has come, for those who wait for it and those who ask.
//!
//! Promises that a tick is shown here only after it is committed.

use tokio::sync::watch;
use vitals_model::Offsets;

/// Where the engine is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Whether its state has been rebuilt and found equal to the store's.
    pub(crate) hydrated: bool,
    /// The last committed tick.
    pub(crate) tick: u64,
    /// The offsets it covers.
    pub(crate) offsets: Offsets,
    /// What it waits for, when it cannot go on by itself.
    pub(crate) waits_for: Option<String>,
}

/// The engine's progress, shared.
#[derive(Clone, Debug)]
pub(crate) struct Status(watch::Sender<Progress>);

impl Status {
    /// That of an engine which has not begun.
    pub(crate) fn new() -> Self {
        Self(watch::channel(Progress::default()).0)
    }

    /// What is known now.
    pub(crate) fn get(&self) -> Progress {
        self.0.borrow().clone()
    }

    /// Notes a committed tick.
    pub(crate) fn committed(&self, tick: u64, offsets: Offsets) {
        self.0.send_modify(|it| {
            (it.hydrated, it.tick, it.offsets) = (true, tick, offsets);
        });
    }

    /// Notes what the engine waits for; `None` when it goes on.
    pub(crate) fn waits_for(&self, what: Option<String>) {
        self.0.send_modify(|it| it.waits_for = what);
    }

    /// Waits until the engine is rebuilt.
    pub(crate) async fn hydrated(&self) {
        self.wait(|progress| progress.hydrated).await;
    }

    /// Waits until everything before `target` is committed.
    pub(crate) async fn covers(&self, target: &Offsets) {
        self.wait(|progress| progress.offsets.covers(target)).await;
    }

    async fn wait(&self, condition: impl FnMut(&Progress) -> bool) {
        // An error would mean that the sender is gone, and it is `self`.
        self.0.subscribe().wait_for(condition).await.ok();
    }
}
