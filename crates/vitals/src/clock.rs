//! The only place that reads the time.
//!
//! Promises instants that never go back within a process, so that what is derived from them does not.
//! Everything else gets the time as an argument.

#![expect(clippy::disallowed_methods, reason = "the one place that reads the clocks")]

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use vitals_model::UtcMicros;

static LATEST_US: AtomicI64 = AtomicI64::new(i64::MIN);

/// Now, in UTC; at least what it was at the call before.
pub(crate) fn now() -> UtcMicros {
    let wall = chrono::Utc::now().timestamp_micros();
    UtcMicros(LATEST_US.fetch_max(wall, Ordering::Relaxed).max(wall))
}

/// Measures how long something takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts measuring.
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// The seconds since the start.
    pub(crate) fn seconds(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}
