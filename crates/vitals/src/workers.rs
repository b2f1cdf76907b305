//! The workers of this process: how they are started, counted, and what they are themselves.

use std::sync::Arc;

use vitals_query::Answers;
use vitals_workers::{Event, Options, Workers, child};

use crate::catalogue::Catalogues;
use crate::failure::{OrFail, Outcome};
use crate::supervisor::Supervisor;
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
pub(crate) fn for_serving(warm: bool) -> Options {
    Options { warm, watch: Arc::new(count), ..Options::new(COMMAND) }
}

/// One worker for a command, started when it is needed.
pub(crate) fn for_a_command() -> Options {
    Options { workers: 1, ..for_serving(false) }
}

/// Answers by workers, which run while the supervisor's parts do.
pub(crate) fn start(
    supervisor: &mut Supervisor,
    options: Options,
    catalogues: Catalogues,
) -> Outcome<Arc<dyn Answers>> {
    let workers = Workers::new(options, Arc::new(catalogues))
        .or_fail("the query workers cannot be started", "check the limits of the system")?;
    let (answers, stop) = (Arc::new(workers.clone()), supervisor.stop());
    supervisor.start("workers", async move {
        workers.run(stop.stopped()).await;
        Ok(())
    });
    Ok(answers)
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
