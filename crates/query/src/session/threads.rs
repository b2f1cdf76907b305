//! The threads of one question, with stacks that a planner needs, given back without waiting for them.

use std::fmt;
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};

use super::failure;
use crate::error::QueryError;

/// Stack of a thread that parses, plans and computes.
const STACK_BYTES: usize = 16 * 1024 * 1024;
/// Threads of one question.
pub(super) const THREADS: usize = 2;

/// Is told of a question's threads, on these threads.
pub trait ThreadWatch: Send + Sync {
    /// The thread that calls begins to work for a question.
    fn begin(&self);
    /// It ends.
    fn end(&self);
}

/// Threads that belong to one question.
pub(super) struct Threads(Option<Runtime>);

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Threads")
    }
}

impl Threads {
    pub(super) fn start(watch: Option<Arc<dyn ThreadWatch>>) -> Result<Self, QueryError> {
        let mut builder = Builder::new_multi_thread();
        builder
            .worker_threads(THREADS)
            .max_blocking_threads(THREADS)
            .thread_stack_size(STACK_BYTES)
            .thread_name("query")
            .enable_time();
        if let Some(watch) = watch {
            let ending = Arc::clone(&watch);
            builder.on_thread_start(move || watch.begin()).on_thread_stop(move || ending.end());
        }
        let runtime = builder.build();
        let runtime = runtime.map_err(|_| QueryError::unavailable("no thread could be started"))?;
        Ok(Self(Some(runtime)))
    }

    /// Starts `work` on these threads. It ends when they are dropped, once it yields.
    pub(super) fn spawn(
        &self,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), QueryError> {
        let Some(runtime) = &self.0 else { return Err(failure::bug("its threads have ended")) };
        drop(runtime.spawn(work));
        Ok(())
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
