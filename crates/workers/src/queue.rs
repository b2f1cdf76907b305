//! Questions that wait for a worker, in an order that is fair between tenants.
//!
//! Tenants take turns, one question each. Promises that no tenant has more than half of the places (where
//! there is more than one), so that a second one always finds some; that none fills the queue; and that a
//! question whose caller went away waits no more.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use vitals_model::TenantId;
use vitals_model::limits::{WORKERS_WAITING_MAX, WORKERS_WAITING_TENANT_MAX};

/// Who waits and who is served.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    state: Mutex<State<T>>,
    changed: Notify,
    /// Most places of one tenant.
    share: usize,
}

#[derive(Debug)]
struct State<T> {
    /// Tenants with a waiting question, the next to be served first.
    turns: VecDeque<TenantId>,
    waiting: BTreeMap<TenantId, VecDeque<(u64, T)>>,
    served: BTreeMap<TenantId, usize>,
    count: usize,
    next: u64,
}

impl<T> Queue<T> {
    /// A queue for so many places.
    pub(crate) fn new(places: usize) -> Arc<Self> {
        let (turns, waiting, served) = (VecDeque::new(), BTreeMap::new(), BTreeMap::new());
        let state = Mutex::new(State { turns, waiting, served, count: 0, next: 0 });
        Arc::new(Self { state, changed: Notify::new(), share: (places / 2).max(1) })
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a question at its tenant's end; `None` when there is no room for it.
    pub(crate) fn push(self: &Arc<Self>, tenant: TenantId, job: T) -> Option<Ticket<T>> {
        let mut state = self.state();
        let own = state.waiting.get(&tenant).map_or(0, VecDeque::len);
        if state.count == WORKERS_WAITING_MAX || own == WORKERS_WAITING_TENANT_MAX {
            return None;
        }
        let number = state.next;
        state.next += 1;
        state.count += 1;
        if own == 0 {
            state.turns.push_back(tenant);
        }
        state.waiting.entry(tenant).or_default().push_back((number, job));
        drop(state);
        self.changed.notify_waiters();
        Some(Ticket { queue: Arc::clone(self), tenant, number })
    }

    /// The next question and its place, once there is one.
    pub(crate) async fn next(self: &Arc<Self>) -> (T, Place<T>) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some((tenant, job)) = self.state().pick(self.share) {
                return (job, Place { queue: Arc::clone(self), tenant });
            }
            changed.await;
        }
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.state().count
    }
}

impl<T> State<T> {
    fn pick(&mut self, share: usize) -> Option<(TenantId, T)> {
        let free = |it: &TenantId| self.served.get(it).copied().unwrap_or(0) < share;
        let turn = self.turns.iter().position(free)?;
        let tenant = self.turns.remove(turn)?;
        let (_, job) = self.waiting.get_mut(&tenant)?.pop_front()?;
        self.count -= 1;
        *self.served.entry(tenant).or_default() += 1;
        self.rejoin(tenant);
        Some((tenant, job))
    }

    /// Puts a tenant at the end of the line, if something of it waits.
    fn rejoin(&mut self, tenant: TenantId) {
        match self.waiting.get(&tenant).is_some_and(|it| !it.is_empty()) {
            true => self.turns.push_back(tenant),
            false => drop(self.waiting.remove(&tenant)),
        }
    }
}

/// A question's place in the line; dropped, it leaves.
#[derive(Debug)]
pub(crate) struct Ticket<T> {
    queue: Arc<Queue<T>>,
    tenant: TenantId,
    number: u64,
}

impl<T> Drop for Ticket<T> {
    fn drop(&mut self) {
        let mut state = self.queue.state();
        let Some(own) = state.waiting.get_mut(&self.tenant) else { return };
        let before = own.len();
        own.retain(|(number, _)| *number != self.number);
        let left = before - own.len();
        if own.is_empty() {
            state.waiting.remove(&self.tenant);
            state.turns.retain(|it| *it != self.tenant);
        }
        state.count -= left;
    }
}

/// A tenant's place among those that are served; dropped, it is free.
#[derive(Debug)]
pub(crate) struct Place<T> {
    queue: Arc<Queue<T>>,
    tenant: TenantId,
}

impl<T> Drop for Place<T> {
    fn drop(&mut self) {
        let mut state = self.queue.state();
        if let Some(served) = state.served.get_mut(&self.tenant) {
            *served -= 1;
            if *served == 0 {
                state.served.remove(&self.tenant);
            }
        }
        drop(state);
        self.queue.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn tenant(n: u128) -> TenantId {
        serde_json::from_value(format!("{n:032x}").into()).unwrap()
    }

    fn served(queue: &Arc<Queue<u32>>) -> Option<(u32, Place<u32>)> {
        queue.next().now_or_never()
    }

    #[test]
    fn tenants_take_turns_and_none_has_more_than_half() {
        let queue = Queue::new(4);
        let (greedy, modest) = (tenant(1), tenant(2));
        let mut tickets: Vec<_> = (0..5).map(|n| queue.push(greedy, n).unwrap()).collect();
        let places: Vec<_> = std::iter::from_fn(|| served(&queue)).collect();
        assert_eq!(places.iter().map(|it| it.0).collect::<Vec<_>>(), [0, 1], "half of four");
        tickets.push(queue.push(modest, 9).unwrap());
        let other = served(&queue).unwrap();
        assert_eq!(other.0, 9, "a second tenant finds a place");
        assert!(served(&queue).is_none());
        drop(places);
        tickets.push(queue.push(modest, 10).unwrap());
        let next: Vec<_> = std::iter::from_fn(|| served(&queue)).map(|it| it.0).collect();
        assert_eq!(next[..2], [2, 10], "by turns, though three of the first were there before");
    }

    #[test]
    fn one_tenant_does_not_fill_the_queue_and_whoever_leaves_makes_room() {
        let queue = Queue::new(2);
        let mut tickets = Vec::new();
        while let Some(ticket) = queue.push(tenant(1), 0) {
            tickets.push(ticket);
        }
        assert_eq!(tickets.len(), WORKERS_WAITING_TENANT_MAX);
        tickets.push(queue.push(tenant(2), 1).expect("room for another tenant"));
        let others = (3..).map_while(|n| queue.push(tenant(n), 2)).collect::<Vec<_>>();
        assert_eq!(queue.waiting(), WORKERS_WAITING_MAX);
        tickets.remove(0);
        assert_eq!(queue.waiting(), WORKERS_WAITING_MAX - 1);
        assert!(queue.push(tenant(1), 5).is_some());
        drop((tickets, others));
        assert_eq!(queue.waiting(), 0);
        assert!(served(&queue).is_none());
    }

    #[tokio::test]
    async fn whoever_waits_is_served_when_a_place_is_free() {
        let queue = Queue::new(1);
        let _first = queue.push(tenant(1), 1).unwrap();
        let _second = queue.push(tenant(1), 2).unwrap();
        let (job, place) = queue.next().await;
        assert_eq!(job, 1);
        let free = async { drop(place) };
        let (next, ()) = tokio::join!(queue.next(), free);
        assert_eq!(next.0, 2);
    }
}
