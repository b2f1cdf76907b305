//! Failed attempts by address, within a window of a minute.
//!
//! Promises that no more than [`ATTEMPTS_PEERS_MAX`] addresses are remembered: when there are more, those
//! whose window is over are forgotten, then the one whose window began first. An IPv6 network of 64 bits,
//! which one machine may have to itself, counts as one address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use vitals_model::limits::{ATTEMPTS_FAILED_MAX, ATTEMPTS_PEERS_MAX};

/// How long a failed attempt counts.
const WINDOW: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug)]
struct Failures {
    since: Instant,
    count: u32,
}

/// The failed attempts.
#[derive(Debug, Default)]
pub(crate) struct Attempts(Mutex<HashMap<IpAddr, Failures>>);

/// The address that is counted.
fn counted(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

impl Attempts {
    fn peers(&self) -> MutexGuard<'_, HashMap<IpAddr, Failures>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long this address must wait; `None` if it need not.
    pub(crate) fn wait(&self, peer: IpAddr, now: Instant) -> Option<Duration> {
        let failures = *self.peers().get(&counted(peer))?;
        let left = WINDOW.checked_sub(now.saturating_duration_since(failures.since))?;
        (failures.count >= ATTEMPTS_FAILED_MAX && !left.is_zero()).then_some(left)
    }

    /// One more failed.
    pub(crate) fn failed(&self, peer: IpAddr, now: Instant) {
        let mut peers = self.peers();
        let over = |it: &Failures| now.saturating_duration_since(it.since) >= WINDOW;
        let peer = counted(peer);
        if !peers.contains_key(&peer) && peers.len() >= ATTEMPTS_PEERS_MAX {
            peers.retain(|_, it| !over(it));
            if peers.len() >= ATTEMPTS_PEERS_MAX
                && let Some(oldest) = peers.iter().min_by_key(|(_, it)| it.since).map(|it| *it.0)
            {
                peers.remove(&oldest);
            }
        }
        let failures = peers.entry(peer).or_insert(Failures { since: now, count: 0 });
        if over(failures) {
            *failures = Failures { since: now, count: 0 };
        }
        failures.count = failures.count.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(last: u32) -> IpAddr {
        IpAddr::from(last.to_be_bytes())
    }

    #[test]
    fn who_fails_too_often_waits_and_nobody_else_does() {
        let (attempts, start) = (Attempts::default(), Instant::now());
        for _ in 0..ATTEMPTS_FAILED_MAX {
            assert_eq!(attempts.wait(peer(1), start), None);
            attempts.failed(peer(1), start);
        }
        let later = start + Duration::from_secs(20);
        assert_eq!(attempts.wait(peer(1), later), Some(Duration::from_secs(40)));
        assert_eq!(attempts.wait(peer(2), later), None);
        let over = start + WINDOW;
        assert_eq!(attempts.wait(peer(1), over), None);
        attempts.failed(peer(1), over);
        assert_eq!(attempts.wait(peer(1), over), None, "a new window has begun");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (attempts, start) = (Attempts::default(), Instant::now());
        let many = u32::try_from(ATTEMPTS_PEERS_MAX).unwrap();
        for n in 0..many + 10 {
            attempts.failed(peer(n), start + Duration::from_millis(n.into()) / 1_000);
        }
        assert_eq!(attempts.peers().len(), ATTEMPTS_PEERS_MAX);
        assert!(!attempts.peers().contains_key(&peer(0)), "the oldest went");
    }

    #[test]
    fn a_network_of_one_machine_is_one_address() {
        let (attempts, start) = (Attempts::default(), Instant::now());
        for n in 0..ATTEMPTS_FAILED_MAX {
            attempts.failed(format!("2001:db8::{n:x}").parse().unwrap(), start);
        }
        assert!(attempts.wait("2001:db8::ffff".parse().unwrap(), start).is_some());
        assert!(attempts.wait("2001:db8:1::1".parse().unwrap(), start).is_none());
        let mapped = "::ffff:10.0.0.1".parse().unwrap();
        (0..ATTEMPTS_FAILED_MAX).for_each(|_| attempts.failed(mapped, start));
        assert!(attempts.wait("10.0.0.1".parse().unwrap(), start).is_some());
    }
}
