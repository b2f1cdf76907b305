//! `vitals up`: every role in one process, or those it is given, until it is told to stop.
//!
//! Promises one line on standard output, `ready http://...`, once it serves; an orderly stop at SIGTERM
//! and SIGINT (no more intake, the batch under way is committed, PostgreSQL is stopped, exit 0); and exit
//! 75 when another engine took over. Health is served from the first moment, readiness when it is true.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use vitals_api::{ControlToken, Operator, control, health};
use vitals_query::Answers;

use crate::backend::Backend;
use crate::cli::Up;
use crate::config::{Role, Settings};
use crate::data_dir::{DataDir, Held, Hold, RunFile};
use crate::desk;
use crate::failure::{Failure, Outcome};
use crate::lake_keeper::LakeKeeper;
use crate::local::Local;
use crate::maintenance::Maintenance;
use crate::questions::FromTheLog;
use crate::readiness::Ready;
use crate::start::{self, Start};
use crate::status::Status;
use crate::supervisor::{Supervisor, signalled};
use crate::{demo, http, output, telemetry};

/// Runs `vitals up`.
pub(crate) async fn run(settings: &Settings, it: &Up) -> Outcome {
    if it.demo && !settings.has(Role::Ingest) {
        return Err(Failure::usage(
            "a demonstration publishes records, and this process has not the role ingest",
            "add ingest to --roles, or leave --demo out",
        ));
    }
    let dir = DataDir::new(settings.data_dir());
    let held = match dir.hold("up")? {
        Hold::Ours(held) => held,
        Hold::Theirs(holder) => return Err(holder.refuse(&dir)),
    };
    // Before the slow part: a wrong address is said at once.
    let public = http::bind(settings.listen).await?;
    let backend = Backend::open(settings, held.dir()).await?;
    let result = serve(settings, it, (&held, &backend), public).await;
    backend.close().await;
    result
}

type Bound = (tokio::net::TcpListener, SocketAddr);

async fn serve(
    settings: &Settings,
    it: &Up,
    (held, backend): (&Held, &Backend),
    (listener, address): Bound,
) -> Outcome {
    let status = Status::new();
    let mut supervisor = Supervisor::new();
    let engine = settings.has(Role::Engine).then(|| status.clone());
    let answers: Arc<dyn Answers> =
        Arc::new(FromTheLog::new(backend.log.clone(), backend.store.clone()));
    let desk = desk::open(desk::helper(settings)?, backend, &answers);
    let local = Arc::new(Local {
        log: backend.log.clone(),
        store: backend.store.clone(),
        engine: engine.clone(),
        ingests: settings.has(Role::Ingest),
        answers: Arc::clone(&answers),
        desk: Arc::clone(&desk),
    });
    let ready = Arc::new(Ready {
        log: backend.log.clone(),
        store: backend.store.clone(),
        engine: engine.clone(),
    });
    let mut routes = health::routes(ready, telemetry::metrics()?);
    if settings.has(Role::Api) {
        routes = routes.merge(desk::routes(backend, &desk));
    }
    supervisor.start("http", http::serve(listener, routes, supervisor.stop()));

    let token = ControlToken::random();
    let (door, control) = http::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    let operator: Arc<dyn Operator> = local.clone();
    let routes = control::routes(operator.clone(), token.clone());
    supervisor.start("control", http::serve(door, routes, supervisor.stop()));

    if engine.is_some() {
        start_engine(&mut supervisor, (settings, it), (held, backend), &status).await?;
    }
    if settings.has(Role::Query) {
        let scheduler = desk::scheduler(settings, backend, &desk);
        supervisor.start("schedules", scheduler.run(supervisor.stop()));
    }
    if it.demo {
        let waits = engine.clone();
        supervisor.start("demo", demo::run(operator, waits, supervisor.stop()));
    }
    let run = RunFile { pid: std::process::id(), http: address, control, token };
    let work = async {
        let serving = async {
            if let Some(status) = &engine {
                status.hydrated().await;
            }
            held.announce(&run)?;
            output::line(format_args!("ready http://{address}"))?;
            std::future::pending::<Outcome>().await
        };
        tokio::select! {
            ended = serving => ended,
            signal = signalled() => signal,
        }
    };
    supervisor.run_while(work).await
}

/// Starts the engine, and what keeps its log, history and lake.
async fn start_engine(
    supervisor: &mut Supervisor,
    (settings, it): (&Settings, &Up),
    (held, backend): (&Held, &Backend),
    status: &Status,
) -> Outcome {
    let start = Start {
        log: backend.log.clone(),
        store: backend.store.clone(),
        status: status.clone(),
        patient: settings.database_url.is_some(),
        repair: it.repair,
    };
    supervisor.start("engine", start::run(start, supervisor.stop()));
    if let Some(interval) = settings.maintenance_interval() {
        let maintenance = Maintenance {
            log: backend.log.clone(),
            store: backend.store.clone(),
            status: status.clone(),
            interval,
        };
        supervisor.start("maintenance", maintenance.run(supervisor.stop()));
    }
    if let Some(interval) = settings.lake_flush_interval() {
        let sources = (backend.log.clone(), backend.store.clone());
        let keeper = LakeKeeper::open(sources, held.dir(), status.clone(), interval).await?;
        supervisor.start("lake", keeper.run(supervisor.stop()));
    }
    Ok(())
}
