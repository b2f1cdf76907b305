//! The one thread that writes: it gathers what publishers hand it and syncs once for all of them.
//!
//! Promises that a publisher is answered after its messages are on disk, and that readers learn of them
//! between the two; that a group is on disk whole or not at all; and that after a failed write nothing
//! more is written, since nobody knows what the disk then holds. Bounded: publishers wait when
//! `LOG_QUEUE_BYTES_MAX` bytes wait already.
//!
//! Group commit needs no timer: while one group is being synced, the next one gathers.

use std::sync::Arc;
use std::thread::JoinHandle;

use fjall::PersistMode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use vitals_model::limits::{LOG_GROUP_BYTES_MAX, LOG_QUEUE_BYTES_MAX, LOG_QUEUE_REQUESTS_MAX};

use super::{Ends, Store, entry};
use crate::message::Message;
use crate::{Error, Topic};

#[derive(Debug)]
pub(super) struct Writer {
    /// Taken on drop: the thread ends when it is gone.
    queue: Option<mpsc::Sender<Append>>,
    room: Arc<Semaphore>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Append {
    topic: Topic,
    messages: Vec<Message>,
    bytes: usize,
    done: oneshot::Sender<Result<(), Error>>,
    _room: OwnedSemaphorePermit,
}

impl Writer {
    /// Starts the thread. The receiver always has the ends up to which messages are durable.
    pub(super) fn start(store: Arc<Store>) -> Result<(Self, watch::Receiver<Ends>), Error> {
        let (ends, durable) = watch::channel(store.ends()?);
        let (queue, appends) = mpsc::channel(LOG_QUEUE_REQUESTS_MAX);
        let dir = store.dir.clone();
        let thread = std::thread::Builder::new()
            .name("vitals-log".to_owned())
            .spawn(move || run(&store, appends, &ends))
            .map_err(|cause| Error::Open { dir, cause: cause.into() })?;
        let room = Arc::new(Semaphore::new(LOG_QUEUE_BYTES_MAX));
        Ok((Self { queue: Some(queue), room, thread: Some(thread) }, durable))
    }

    /// Has messages appended; they have passed the limits, and `bytes` together.
    pub(super) async fn append(
        &self,
        topic: Topic,
        messages: Vec<Message>,
        bytes: usize,
    ) -> Result<(), Error> {
        let permits = u32::try_from(bytes).expect("a publish within its limit fits 32 bits");
        let room = Arc::clone(&self.room).acquire_many_owned(permits).await;
        let room = room.map_err(|_| Error::Stopped)?;
        let (done, outcome) = oneshot::channel();
        let append = Append { topic, messages, bytes, done, _room: room };
        let queue = self.queue.as_ref().expect("the queue is open until the writer is dropped");
        queue.send(append).await.map_err(|_| Error::Stopped)?;
        outcome.await.map_err(|_| Error::Stopped)?
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        match &self.queue {
            Some(queue) if !queue.is_closed() => Ok(()),
            _ => Err(Error::Stopped),
        }
    }
}

impl Drop for Writer {
    /// Waits for the thread, at most one sync long, so that the directory is free again after.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the log's writer panicked");
        }
    }
}

fn run(store: &Store, mut queue: mpsc::Receiver<Append>, durable: &watch::Sender<Ends>) {
    let mut ends = durable.borrow().clone();
    while let Some(first) = queue.blocking_recv() {
        let mut bytes = first.bytes;
        let mut group = vec![first];
        while bytes < LOG_GROUP_BYTES_MAX
            && let Ok(next) = queue.try_recv()
        {
            bytes += next.bytes;
            group.push(next);
        }
        match write(store, &mut group, &mut ends) {
            Ok(()) => {
                durable.send_replace(ends.clone());
                for append in group {
                    // A publisher that went away no longer wants to know.
                    drop(append.done.send(Ok(())));
                }
            }
            Err(cause) => {
                let cause = Arc::new(cause);
                tracing::error!(error = %cause, "the log cannot write, and stops");
                for append in group {
                    drop(append.done.send(Err(Error::Append { cause: Arc::clone(&cause) })));
                }
                // Whoever still waits in the queue hears `Stopped` as it is dropped.
                return;
            }
        }
    }
}

/// Writes a group in one batch and one sync, advancing `ends` past it.
fn write(store: &Store, group: &mut [Append], ends: &mut Ends) -> fjall::Result<()> {
    let mut batch = store.db.batch().durability(Some(PersistMode::SyncAll));
    for append in group {
        let keyspace = &store.topics[append.topic.index()];
        let ends = &mut ends[append.topic.index()];
        for message in append.messages.drain(..) {
            let end = &mut ends[usize::from(message.partition)];
            let value = entry::encode(&message.key, &message.value);
            batch.insert(keyspace, entry::id(message.partition, *end), value);
            *end += 1;
        }
    }
    batch.commit()
}
