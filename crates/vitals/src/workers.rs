//! The workers of this process: how they are started, counted, and what they are themselves.

use std::sync::Arc;

use vitals_workers::{Event, Options, Workers, child};

use crate::catalogue::Catalogues;
use crate::failure::{OrFail, Outcome};
use crate::telemetry;

/// The command that makes a worker of this program. Nobody but it calls it.
pub(crate) const COMMAND: &str = "query-worker";

/// Is a worker, until the process that started it is gone.
pub(crate) fn work() -> Outcome {
    child::run().or_fail(
        "a query worker is started by vitals alone",
        "use 'vitals sql', or one of the doors of 'vitals up'",
    )
}

/// Workers for a process that serves: as many as the machine has processors for, and ready at once when
/// questions are what the process is for.
pub(crate) fn for_serving(catalogues: Catalogues, warm: bool) -> Outcome<Workers> {
    open(Options { warm, ..Options::new(COMMAND) }, catalogues)
}

/// One worker for a command, started when it is needed.
pub(crate) fn for_a_command(catalogues: Catalogues) -> Outcome<Workers> {
    open(Options { workers: 1, warm: false, ..Options::new(COMMAND) }, catalogues)
}

fn open(options: Options, catalogues: Catalogues) -> Outcome<Workers> {
    let options = Options { watch: Arc::new(count), ..options };
    Workers::new(options, Arc::new(catalogues))
        .or_fail("the query workers cannot be started", "check the limits of the system")
}

fn count(event: Event) {
    match event {
        Event::Started => metrics::counter!(telemetry::WORKERS_STARTED).increment(1),
        Event::Crashed => {
            metrics::counter!(telemetry::WORKERS_CRASHED).increment(1);
            tracing::warn!("a query worker ended by itself and is replaced");
        }
        Event::Killed => {
            metrics::counter!(telemetry::WORKERS_KILLED).increment(1);
            tracing::warn!("a query worker did not stop in time, and was killed and replaced");
        }
        #[expect(clippy::cast_precision_loss, reason = "a queue is short")]
        Event::Waiting(questions) => {
            metrics::gauge!(telemetry::QUERIES_WAITING).set(questions as f64);
        }
        Event::Answered(time) => {
            metrics::histogram!(telemetry::QUERY).record(time.as_secs_f64());
        }
    }
}
