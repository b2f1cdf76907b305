//! One worker process, seen from the service.
//!
//! Promises that it is dead once it is dropped.

use std::fmt;
use std::io;
use std::process::Child;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use crate::frames::{self, Frames};
use crate::nursery::Nursery;
use crate::protocol::{FromWorker, ToWorker};

/// How long a worker has to be there.
const START: Duration = Duration::from_secs(10);
/// How long a worker that reads what it is sent may take to read a frame.
const WRITE: Duration = Duration::from_secs(1);

pub(crate) struct Worker {
    child: Option<Child>,
    from: Frames<OwnedReadHalf>,
    to: OwnedWriteHalf,
    nursery: Arc<Nursery>,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("pid", &self.child.as_ref().map(Child::id)).finish()
    }
}

impl Worker {
    /// Starts one, and waits until it is ready.
    pub(crate) async fn start(nursery: &Arc<Nursery>) -> io::Result<Self> {
        let (child, socket) = nursery.start().await?;
        let (child, nursery) = (Some(child), Arc::clone(nursery));
        let (from, to) = UnixStream::from_std(socket)?.into_split();
        let mut worker = Self { child, from: Frames::new(from), to, nursery };
        match tokio::time::timeout(START, worker.hear()).await {
            Ok(Ok((FromWorker::Ready, _))) => Ok(worker),
            Ok(Err(error)) => Err(error),
            Ok(Ok(_)) | Err(_) => Err(io::Error::other("the worker does not begin as one does")),
        }
    }

    /// The next thing it says. May be dropped and called again.
    pub(crate) async fn hear(&mut self) -> io::Result<(FromWorker, Vec<u8>)> {
        let heard = self.from.next().await?;
        heard.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    /// Says something. After an error, and when this is dropped half-way, the worker is of no more use.
    pub(crate) async fn say(&mut self, head: &ToWorker, body: &[u8]) -> io::Result<()> {
        let write = frames::write(&mut self.to, head, body);
        let written = tokio::time::timeout(WRITE, write).await;
        written.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(child) = self.child.take() {
            self.nursery.bury(child);
        }
    }
}
