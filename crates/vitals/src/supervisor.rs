//! The only place that starts tasks and threads, and the one that decides when all of them end.
//!
//! Promises that when one part of the process ends, for whatever reason, the others are told to stop and
//! are waited for, and that the first failure is the one reported. Does not restart parts: a restart of
//! the process is the recovery, and fencing makes it safe.

use std::future::Future;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::failure::{Failure, OrFail, Outcome};

/// Told to every part: stop when this is true.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Whether it is time to stop.
    pub(crate) fn stopping(&self) -> bool {
        *self.0.borrow()
    }

    /// Ends when it is time to stop.
    pub(crate) async fn stopped(&self) {
        let mut receiver = self.0.clone();
        // An error means that the supervisor is gone: that is a stop too.
        if receiver.wait_for(|stop| *stop).await.is_err() {
            tracing::debug!("the supervisor is gone");
        }
    }
}

/// The parts of one process.
#[derive(Debug)]
pub(crate) struct Supervisor {
    parts: JoinSet<(&'static str, Outcome)>,
    stop: watch::Sender<bool>,
}

impl Supervisor {
    /// One without parts.
    pub(crate) fn new() -> Self {
        Self { parts: JoinSet::new(), stop: watch::channel(false).0 }
    }

    /// What tells a part to stop.
    pub(crate) fn stop(&self) -> Stop {
        Stop(self.stop.subscribe())
    }

    /// Starts a part.
    pub(crate) fn start(
        &mut self,
        name: &'static str,
        part: impl Future<Output = Outcome> + Send + 'static,
    ) {
        self.parts.spawn(async move { (name, part.await) });
    }

    /// Does `work` while the parts run. When it ends, or a part does before it, the others are stopped and
    /// waited for. The first failure is the result.
    pub(crate) async fn run_while<T>(
        mut self,
        work: impl Future<Output = Outcome<T>>,
    ) -> Outcome<T> {
        let mut result = tokio::select! {
            done = work => done,
            ended = self.parts.join_next(), if !self.parts.is_empty() => {
                let ended_early = || Failure::new("a part of the process ended by itself", BUG);
                Self::outcome(ended).and_then(|()| Err(ended_early()))
            }
        };
        self.stop.send_replace(true);
        while let Some(ended) = self.parts.join_next().await {
            if let Err(later) = Self::outcome(Some(ended)) {
                match &result {
                    Ok(_) => result = Err(later),
                    Err(_) => tracing::error!("{later}"),
                }
            }
        }
        result
    }

    fn outcome(ended: Option<Result<(&'static str, Outcome), tokio::task::JoinError>>) -> Outcome {
        match ended {
            None => Ok(()),
            Some(Ok((name, outcome))) => {
                tracing::debug!(part = name, "ended");
                outcome
            }
            Some(Err(error)) => {
                Err(Failure::new(format_args!("a part of the process broke: {error}"), BUG))
            }
        }
    }
}

/// What to do about our own mistakes.
pub(crate) const BUG: &str = "this is a mistake in vitals: please report it with the lines above; \
                              starting again is safe";

/// Starts a thread of its own for what must not share one. The thread ends when its work does.
pub(crate) fn thread(
    name: &str,
    work: impl FnOnce() + Send + 'static,
) -> Outcome<std::thread::JoinHandle<()>> {
    std::thread::Builder::new()
        .name(name.to_owned())
        // The dataflow's operators nest deeply while they are built.
        .stack_size(16 * 1024 * 1024)
        .spawn(work)
        .or_fail(
            format_args!("the thread '{name}' cannot be started"),
            "check the limits of the system",
        )
}

/// Does work on a thread and a runtime of its own, where it may compute for long without keeping anybody
/// waiting. The work has to end by itself: dropping what waits for it does not end it.
pub(crate) async fn aside<T: Send + 'static, F: Future<Output = Outcome<T>>>(
    name: &'static str,
    work: impl FnOnce() -> F + Send + 'static,
) -> Outcome<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .or_fail(format_args!("the runtime '{name}' cannot be started"), "")?;
    let (done, result) = tokio::sync::oneshot::channel();
    // Whoever asked may have stopped waiting: then the process is ending.
    drop(thread(name, move || drop(done.send(runtime.block_on(work()))))?);
    result.await.map_err(|_| Failure::new(format_args!("the thread '{name}' broke"), BUG))?
}

/// Ends at SIGTERM or SIGINT.
pub(crate) async fn signalled() -> Outcome {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).or_fail("signals cannot be watched", "")?;
    let mut interrupt = signal(SignalKind::interrupt()).or_fail("signals cannot be watched", "")?;
    let name = tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    };
    tracing::info!(signal = name, "stopping");
    Ok(())
}
