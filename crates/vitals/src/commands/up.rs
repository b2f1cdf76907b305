//! `vitals up`: every role in one process, or those it is given, until it is told to stop.
//!
//! Promises one line on standard output, `ready http://...`, once it serves; an orderly stop at SIGTERM
//! and SIGINT (no more intake, the batch under way is committed, PostgreSQL is stopped, exit 0); and exit
//! 75 when another engine took over. Health is served from the first moment, readiness when it is true.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use vitals_api::{ControlToken, Operator, control, health};

use crate::backend::Backend;
use crate::catalogue::{Catalogues, Records};
use crate::cli::Up;
use crate::config::{Role, Settings};
use crate::data_dir::{DataDir, Held, Hold, RunFile};
use crate::desk;
use crate::doors::{Addresses, Shut};
use crate::failure::{Failure, Outcome};
use crate::lake;
use crate::lake_follower::LakeFollower;
use crate::lake_keeper::LakeKeeper;
use crate::local::Local;
use crate::maintenance::Maintenance;
use crate::pipeline::checkpointing::Checkpointing;
use crate::readiness::Ready;
use crate::start::{self, Start};
use crate::status::Status;
use crate::supervisor::{Supervisor, signalled};
use crate::{demo, doors, http, output, telemetry, workers};

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
    let shut = doors::bind(settings).await?;
    let backend = Backend::open(settings, held.dir()).await?;
    let result = serve((settings, it), (&held, &backend), public, shut).await;
    backend.close().await;
    result
}

type Bound = (tokio::net::TcpListener, SocketAddr);

async fn serve(
    (settings, it): (&Settings, &Up),
    (held, backend): (&Held, &Backend),
    (listener, address): Bound,
    shut: Shut,
) -> Outcome {
    let status = Status::new();
    let mut supervisor = Supervisor::new();
    let engine = settings.has(Role::Engine).then(|| status.clone());
    let keeper = keeper(settings, (held, backend), &status).await?;
    let catalogues = catalogues((held, backend), keeper.as_ref());
    let options = workers::for_serving(settings.has(Role::Query));
    let answers = workers::start(&mut supervisor, options, catalogues)?;
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
    let addresses = shut.addresses();
    let questions = shut.open((answers, backend.store.clone()), &mut supervisor);
    let mut routes = health::routes(ready, telemetry::metrics()?).merge(questions);
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
        start_engine((settings, it), (held, backend), &status, &mut supervisor);
    }
    if let Some(keeper) = keeper {
        supervisor.start("lake", keeper.run(supervisor.stop()));
    }
    if settings.has(Role::Query) {
        let scheduler = desk::scheduler(settings, backend, &desk);
        supervisor.start("schedules", scheduler.run(supervisor.stop()));
    }
    if it.demo {
        let waits = engine.clone();
        supervisor.start("demo", demo::run(operator, waits, supervisor.stop()));
    }
    let Addresses { pg, flight } = addresses;
    let run = RunFile { pid: std::process::id(), http: address, pg, flight, control, token };
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

/// The engine, and what runs beside it.
fn start_engine(
    (settings, it): (&Settings, &Up),
    (held, backend): (&Held, &Backend),
    status: &Status,
    supervisor: &mut Supervisor,
) {
    let start = Start {
        log: backend.log.clone(),
        store: backend.store.clone(),
        status: status.clone(),
        patient: settings.database_url.is_some(),
        repair: it.repair,
        checkpoints: Checkpointing::of(settings, held.dir(), backend),
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
}

/// The keeper of this directory's lake, where one is wanted: questions are answered from it.
async fn keeper(
    settings: &Settings,
    (held, backend): (&Held, &Backend),
    status: &Status,
) -> Outcome<Option<LakeKeeper>> {
    let Some(interval) = settings.lake_flush_interval() else { return Ok(None) };
    if !settings.has(Role::Engine) && !settings.has(Role::Query) {
        return Ok(None);
    }
    let lake = lake::keep(&backend.log, &backend.store, held.dir()).await?;
    Ok(Some(LakeKeeper::new((backend.log.clone(), lake), status.clone(), interval)))
}

fn catalogues((held, backend): (&Held, &Backend), keeper: Option<&LakeKeeper>) -> Catalogues {
    let records = match keeper {
        Some(keeper) => {
            let (lake, caught_up) = keeper.kept();
            Records::Kept(lake, caught_up)
        }
        None => {
            let sources = (backend.log.clone(), backend.store.clone());
            Records::Followed(LakeFollower::new(sources, held.dir(), false))
        }
    };
    Catalogues::new(records, backend.store.clone())
}
