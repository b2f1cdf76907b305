//! Where a command finds its operator: in the running `vitals up` of its data directory, or in itself.
//!
//! Promises the order of contracts section 7: with a log and a database given by address, those are used.
//! Otherwise a `vitals up` of the data directory is asked. Otherwise what is needed is started here, and
//! stopped when the command ends. Two commands never use one data directory at a time.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use vitals_api::Operator;
use vitals_query::Answers;

use crate::backend::Backend;
use crate::catalogue::{Catalogues, Records};
use crate::clock::Stopwatch;
use crate::config::Settings;
use crate::data_dir::{DataDir, Hold};
use crate::desk;
use crate::failure::{Failure, Outcome};
use crate::lake_follower::LakeFollower;
use crate::local::Local;
use crate::pipeline::checkpointing::Checkpointing;
use crate::remote::Remote;
use crate::start::{self, Start};
use crate::status::Status;
use crate::supervisor::{Supervisor, signalled};
use crate::workers;

/// How long a command waits for a `vitals up` that is starting, or another command that is ending.
const HOLDER_WAIT: Duration = Duration::from_secs(60);
const HOLDER_POLL: Duration = Duration::from_millis(100);

/// An operator that work can be given to.
pub(crate) type SharedOperator = Arc<dyn Operator>;

/// Whether a command waits for what it publishes to be committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// It does not: the log and the store are enough.
    Store,
    /// It does: an engine must run somewhere.
    Engine,
}

/// Does `work` with an operator.
pub(crate) async fn with<T, F: Future<Output = Outcome<T>>>(
    settings: &Settings,
    (command, needs): (&str, Needs),
    work: impl FnOnce(SharedOperator) -> F,
) -> Outcome<T> {
    let helper = desk::helper(settings)?;
    let dir = DataDir::new(settings.data_dir());
    if settings.external() {
        // The engine is a `vitals up` elsewhere; starting a second one would fence it.
        let backend = Backend::open(settings, &dir).await?;
        let mut supervisor = Supervisor::new();
        let answers = answers(&mut supervisor, &backend, (&dir, false))?;
        let local = Local {
            log: backend.log.clone(),
            store: backend.store.clone(),
            engine: None,
            ingests: true,
            desk: desk::open(helper, &backend, &answers),
            answers,
        };
        let result = supervisor.run_while(interruptible(work(Arc::new(local)))).await;
        backend.close().await;
        return result;
    }
    let waited = Stopwatch::start();
    let held = loop {
        match dir.hold(command)? {
            Hold::Ours(held) => break held,
            Hold::Theirs(holder) => {
                if let Some(run) = dir.run() {
                    let remote = Remote::connect(&run).await?;
                    return interruptible(work(Arc::new(remote))).await;
                }
                if waited.elapsed() > HOLDER_WAIT {
                    return Err(holder.refuse(&dir));
                }
            }
        }
        tokio::time::sleep(HOLDER_POLL).await;
    };
    let backend = Backend::open(settings, held.dir()).await?;
    let status = Status::new();
    let mut supervisor = Supervisor::new();
    let engine = (needs == Needs::Engine).then(|| status.clone());
    if engine.is_some() {
        let start = Start {
            log: backend.log.clone(),
            store: backend.store.clone(),
            status: status.clone(),
            patient: settings.database_url.is_some(),
            repair: false,
            checkpoints: Checkpointing::of(settings, held.dir(), &backend),
        };
        supervisor.start("engine", start::run(start, supervisor.stop()));
    }
    let answers = answers(&mut supervisor, &backend, (held.dir(), true))?;
    let local = Local {
        log: backend.log.clone(),
        store: backend.store.clone(),
        engine,
        ingests: true,
        desk: desk::open(helper, &backend, &answers),
        answers,
    };
    let work = async {
        if needs == Needs::Engine {
            status.hydrated().await;
        }
        work(Arc::new(local)).await
    };
    let result = supervisor.run_while(interruptible(work)).await;
    backend.close().await;
    result
}

/// Who answers the command's questions, while the supervisor's parts run.
fn answers(
    supervisor: &mut Supervisor,
    backend: &Backend,
    (dir, holds): (&DataDir, bool),
) -> Outcome<Arc<dyn Answers>> {
    let sources = (backend.log.clone(), backend.store.clone());
    let records = Records::Followed(LakeFollower::new(sources, dir, holds));
    let catalogues = Catalogues::new(records, backend.store.clone());
    workers::start(supervisor, workers::for_a_command(), catalogues)
}

/// Work that a signal ends.
async fn interruptible<T>(work: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    tokio::select! {
        done = work => done,
        signal = signalled() => {
            Err(signal.err().unwrap_or_else(Failure::interrupted))
        }
    }
}
