//! Whether a server that failed is asked again.
//!
//! Promises that after [`FAILURES`] failures in a row nobody is sent there for [`OPEN_US`], then one alone, whose
//! success opens the way for all and whose failure closes it anew. Knows no clock: now is an argument.

use std::sync::{Mutex, PoisonError};

use vitals_model::UtcMicros;
use vitals_model::utc::SECOND_US;

/// Failures in a row that are enough.
pub(crate) const FAILURES: u32 = 5;
/// How long nobody is sent.
pub(crate) const OPEN_US: i64 = 30 * SECOND_US;

#[derive(Clone, Copy, Debug, Default)]
struct State {
    failures: u32,
    /// Until when nobody is sent; the one who is sent then moves it on.
    shut_until: Option<UtcMicros>,
}

/// A circuit breaker.
#[derive(Debug, Default)]
pub(crate) struct Breaker(Mutex<State>);

impl Breaker {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether one may be sent now; if not, after how many seconds.
    pub(crate) fn pass(&self, now: UtcMicros) -> Result<(), u64> {
        let mut state = self.state();
        match state.shut_until {
            Some(until) if now < until => {
                let wait = (until.0 - now.0 + SECOND_US - 1) / SECOND_US;
                Err(u64::try_from(wait).unwrap_or(1))
            }
            Some(_) => {
                // This one is sent to try; the others wait for what it finds.
                state.shut_until = Some(UtcMicros(now.0 + OPEN_US));
                Ok(())
            }
            None => Ok(()),
        }
    }

    pub(crate) fn succeeded(&self) {
        *self.state() = State::default();
    }

    pub(crate) fn failed(&self, now: UtcMicros) {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        if state.failures >= FAILURES {
            state.shut_until = Some(UtcMicros(now.0 + OPEN_US));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_tries_one_and_closes() {
        let (breaker, at) = (Breaker::default(), |seconds: i64| UtcMicros(seconds * SECOND_US));
        for _ in 0..4 {
            breaker.failed(at(0));
        }
        assert_eq!(breaker.pass(at(0)), Ok(()));
        breaker.failed(at(1));
        assert_eq!(breaker.pass(at(1)), Err(30));
        assert_eq!(breaker.pass(at(30)), Err(1));
        // One is let through; whoever comes meanwhile is not.
        assert_eq!(breaker.pass(at(31)), Ok(()));
        assert_eq!(breaker.pass(at(31)), Err(30));
        breaker.failed(at(32));
        assert_eq!(breaker.pass(at(61)), Err(1));
        assert_eq!(breaker.pass(at(62)), Ok(()));
        breaker.succeeded();
        assert_eq!((breaker.pass(at(62)), breaker.pass(at(62))), (Ok(()), Ok(())));
        // A success in between begins the count anew.
        for _ in 0..4 {
            breaker.failed(at(63));
        }
        breaker.succeeded();
        breaker.failed(at(64));
        assert_eq!(breaker.pass(at(64)), Ok(()));
    }
}
