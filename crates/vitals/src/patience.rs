//! Patience with a log that went away: an act is tried again, later and later, and not for ever.
//!
//! Promises that brokers which restart, or are away for less than [`AWAY_MAX`], cost nobody a restart; that
//! all the while this process says that it is not ready; and that a log which stays away ends the process
//! with the reason. What would fail again for the same reason is not tried again.

use std::time::Duration;

use futures::future::BoxFuture;
use metrics::{counter, gauge};
use vitals_api::operator::chain;
use vitals_log::Error as LogError;

use crate::clock::Stopwatch;
use crate::failure::{Failure, Outcome};
use crate::status::Status;
use crate::supervisor::Stop;
use crate::telemetry::{LOG_AWAY, LOG_RETRIES};

/// How long a log may be away before the process ends. Longer than a broker takes to start; short enough
/// that whoever watches processes learns of it.
const AWAY_MAX: Duration = Duration::from_secs(300);
/// Pauses between two tries double from the first to the longest.
const PAUSE_FIRST: Duration = Duration::from_millis(250);
const PAUSE_LONGEST: Duration = Duration::from_secs(5);

/// Tries until it works, may not be tried again, is given up, or it is time to stop (`None`).
///
/// Safe to retry because: a fetch changes nothing, and what is published is known by its key.
pub(crate) async fn with_log<'a, T>(
    (status, stop): (&Status, &Stop),
    what: &str,
    mut attempt: impl FnMut() -> BoxFuture<'a, Result<T, LogError>>,
) -> Outcome<Option<T>> {
    let began = Stopwatch::start();
    let mut pause = PAUSE_FIRST;
    loop {
        let error = match attempt().await {
            Ok(done) => {
                if pause != PAUSE_FIRST {
                    tracing::info!(seconds = began.seconds(), "the log is back");
                    gauge!(LOG_AWAY).set(0.0);
                    status.waits_for(None);
                }
                return Ok(Some(done));
            }
            Err(error) => error,
        };
        if !error.may_pass() {
            return Err(Failure::new(format_args!("{what}: {}", chain(&error)), ""));
        }
        if began.elapsed() > AWAY_MAX {
            let away = AWAY_MAX.as_secs();
            return Err(Failure::new(
                format_args!("{what}, for {away} seconds: {}", chain(&error)),
                "see to the brokers and start again: it goes on where it was",
            ));
        }
        tracing::warn!(error = chain(&error), "{what}, trying again");
        counter!(LOG_RETRIES).increment(1);
        gauge!(LOG_AWAY).set(1.0);
        status.waits_for(Some(format!("{what}: {}", chain(&error))));
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.stopped() => return Ok(None),
        }
        pause = (pause * 2).min(PAUSE_LONGEST);
    }
}
