//! Cancel requests: which connection a number and its secret stand for.
//!
//! Promises that nobody cancels without the secret, which is random and differs for each connection; and
//! that a request which comes after its query has ended does nothing to the next.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use pgwire::messages::ProtocolVersion;
use pgwire::messages::startup::SecretKey;
use tokio::sync::watch;

#[derive(Debug)]
struct Entry {
    secret: Bytes,
    requests: watch::Sender<()>,
}

type Entries = HashMap<i32, Entry>;

/// Everyone who may be cancelled.
#[derive(Clone, Debug, Default)]
pub(super) struct Cancels(Arc<Mutex<Entries>>);

/// One connection's part.
#[derive(Debug)]
pub(super) struct Cancel {
    pub(super) pid: i32,
    pub(super) secret: SecretKey,
    requests: watch::Receiver<()>,
    cancels: Cancels,
}

impl Cancels {
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new connection.
    pub(super) fn register(&self, version: ProtocolVersion) -> Cancel {
        let mut entries = self.entries();
        let pid = loop {
            let pid = i32::from_be_bytes(random()) & i32::MAX;
            if pid != 0 && !entries.contains_key(&pid) {
                break pid;
            }
        };
        let secret = match version {
            ProtocolVersion::PROTOCOL3_0 => SecretKey::I32(i32::from_be_bytes(random())),
            ProtocolVersion::PROTOCOL3_2 | ProtocolVersion::PROTOCOL3_9999 => {
                let halves = [random::<16>(), random::<16>()];
                SecretKey::Bytes(Bytes::from(halves.concat()))
            }
        };
        let (requests, heard) = watch::channel(());
        entries.insert(pid, Entry { secret: secret.to_bytes(), requests });
        drop(entries);
        Cancel { pid, secret, requests: heard, cancels: self.clone() }
    }

    /// Somebody asks for a query to be cancelled. They are not told what came of it.
    pub(super) fn request(&self, pid: i32, secret: &SecretKey) {
        let entries = self.entries();
        if let Some(entry) = entries.get(&pid)
            && equal(&entry.secret, &secret.to_bytes())
        {
            entry.requests.send_replace(());
        }
    }
}

impl Cancel {
    /// A new query begins: what was asked before is not about it.
    pub(super) fn begin(&mut self) {
        self.requests.mark_unchanged();
    }

    /// Ends when the query is to be cancelled.
    pub(super) async fn requested(&mut self) {
        if self.requests.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Cancel {
    fn drop(&mut self) {
        self.cancels.entries().remove(&self.pid);
    }
}

/// Bytes of the operating system's randomness, as a random UUID has them where no version stands.
fn random<const N: usize>() -> [u8; N] {
    let (a, b) = (uuid::Uuid::new_v4(), uuid::Uuid::new_v4());
    let free = [0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15];
    let mut bytes =
        free.iter().map(|at| a.as_bytes()[*at]).chain(free.iter().map(|at| b.as_bytes()[*at]));
    std::array::from_fn(|_| bytes.next().unwrap_or_default())
}

fn equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn only_the_secret_cancels_and_only_what_runs() {
        let cancels = Cancels::default();
        let mut a = cancels.register(ProtocolVersion::PROTOCOL3_0);
        let mut b = cancels.register(ProtocolVersion::PROTOCOL3_2);
        assert_ne!(a.pid, b.pid);
        cancels.request(a.pid, &b.secret);
        assert!(a.requested().now_or_never().is_none());
        cancels.request(a.pid, &a.secret.clone());
        a.begin();
        assert!(a.requested().now_or_never().is_none(), "that was about an earlier query");
        cancels.request(a.pid, &SecretKey::Bytes(a.secret.to_bytes()));
        assert!(a.requested().now_or_never().is_some());
        assert!(b.requested().now_or_never().is_none());
        let (pid, secret) = (a.pid, a.secret.clone());
        drop(a);
        assert!(!cancels.entries().contains_key(&pid));
        cancels.request(pid, &secret);
    }
}
