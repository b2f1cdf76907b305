//! The threads of the question under way, which yield to everybody else's the longer it runs.
//!
//! A thread's priority can be lowered and never raised again, so each question has threads of its own.
//! Promises that a question that is answered in a moment runs undisturbed, and that one that computes for
//! seconds takes only what the others leave.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::setpriority_process;
use rustix::thread::{Pid, gettid};
use tokio::sync::Notify;
use vitals_query::ThreadWatch;

/// After so long a question's threads are so nice. At 19 a thread has a seventieth of one at 0.
const STEPS: [(Duration, i32); 4] = [
    (Duration::from_millis(50), 5),
    (Duration::from_millis(200), 10),
    (Duration::from_secs(1), 15),
    (Duration::from_secs(3), 19),
];

/// The threads of one question.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    threads: Mutex<Threads>,
    ended: Notify,
}

#[derive(Debug, Default)]
struct Threads {
    alive: Vec<Pid>,
    nice: i32,
}

impl Lane {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    fn threads(&self) -> MutexGuard<'_, Threads> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lowers the threads' priority step by step; never ends.
    pub(crate) async fn slow_down(&self) {
        let began = tokio::time::Instant::now();
        for (after, nice) in STEPS {
            tokio::time::sleep_until(began + after).await;
            let mut threads = self.threads();
            threads.nice = nice;
            for thread in &threads.alive {
                lower(*thread, nice);
            }
        }
        std::future::pending().await
    }

    /// Ends when no thread is left.
    pub(crate) async fn empty(&self) {
        loop {
            let ended = self.ended.notified();
            if self.threads().alive.is_empty() {
                return;
            }
            ended.await;
        }
    }
}

/// A thread that has ended meanwhile, or may not be touched, stays as it is.
fn lower(thread: Pid, nice: i32) {
    setpriority_process(Some(thread), nice).unwrap_or_default();
}

impl ThreadWatch for Lane {
    fn begin(&self) {
        let mut threads = self.threads();
        let this = gettid();
        if threads.nice > 0 {
            lower(this, threads.nice);
        }
        threads.alive.push(this);
    }

    fn end(&self) {
        let this = gettid();
        self.threads().alive.retain(|it| *it != this);
        self.ended.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use rustix::process::getpriority_process;

    use super::*;

    #[tokio::test]
    async fn a_thread_yields_the_longer_its_question_runs() {
        let lane = Lane::new();
        let (begun, begins) = sync_channel(1);
        let (leave, left) = sync_channel::<()>(1);
        let of_thread = Arc::clone(&lane);
        let thread = std::thread::spawn(move || {
            of_thread.begin();
            begun.send(gettid()).unwrap();
            left.recv().unwrap();
            of_thread.end();
        });
        let tid = begins.recv().unwrap();
        let nice = || getpriority_process(Some(tid)).unwrap();
        let before = nice();
        let (step, _) = STEPS[1];
        tokio::time::timeout(step + step / 2, lane.slow_down()).await.unwrap_err();
        assert!(nice() > before.max(4), "{before}, then {}", nice());
        assert_eq!(getpriority_process(None).unwrap(), before, "nobody else's");
        leave.send(()).unwrap();
        lane.empty().await;
        thread.join().unwrap();
    }
}
