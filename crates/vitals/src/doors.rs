//! The doors of `vitals up`: HTTP questions, the PostgreSQL protocol, Flight SQL.
//!
//! Promises that an address which is taken is said at once with the flag to change, and that a certificate
//! which was given and cannot be used keeps every door shut.

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::net::TcpListener;
use vitals_access::{Caller, Gate, Keys, Unreachable};
use vitals_api::{QueryDoor, Router, query};
use vitals_query::Answers;
use vitals_store::Store;
use vitals_wire::{Doors, Identity, flight, pg};

use crate::config::{Listen, Role, Settings};
use crate::failure::{Failure, OrFail, Outcome};
use crate::supervisor::Supervisor;

/// The keys of the store.
#[derive(Debug)]
struct StoreKeys(Store);

#[async_trait]
impl Keys for StoreKeys {
    async fn caller_of(&self, token: &str) -> Result<Option<Caller>, Unreachable> {
        let found = self.0.tenant_of_key(token).await.map_err(|error| {
            tracing::warn!(%error, "a key could not be looked up");
            Unreachable
        })?;
        Ok(found.map(|(tenant, slug)| Caller { tenant, slug }))
    }
}

type Bound = Option<(TcpListener, SocketAddr)>;

/// Doors whose addresses are taken, and which nobody goes through yet.
#[derive(Debug)]
pub(crate) struct Shut {
    pg: Bound,
    flight: Bound,
    identity: Option<Identity>,
    answers_http: bool,
}

/// Where the doors are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    /// The PostgreSQL protocol.
    pub(crate) pg: Option<SocketAddr>,
    /// Flight SQL.
    pub(crate) flight: Option<SocketAddr>,
}

/// Takes the addresses of the doors that this process has the roles for.
pub(crate) async fn bind(settings: &Settings) -> Outcome<Shut> {
    let identity = identity(settings)?;
    let (pg, flight) = match settings.has(Role::Query) {
        true => (
            one(settings.pg_listen, "--pg-listen", "the PostgreSQL protocol").await?,
            one(settings.flight_listen, "--flight-listen", "Flight SQL").await?,
        ),
        false => (None, None),
    };
    for (_, address) in [&pg, &flight].into_iter().flatten() {
        if identity.is_none() && !address.ip().is_loopback() {
            tracing::warn!(%address, "API keys cross the network in clear text; give --tls-certificate and --tls-key");
        }
    }
    Ok(Shut { pg, flight, identity, answers_http: settings.has(Role::Api) })
}

fn identity(settings: &Settings) -> Outcome<Option<Identity>> {
    match (&settings.tls_certificate, &settings.tls_key) {
        (Some(certificate), Some(key)) => {
            let read = Identity::read(certificate, key);
            let mend = "check --tls-certificate and --tls-key; without them nothing is encrypted";
            read.map(Some).or_fail("the doors cannot be encrypted", mend)
        }
        (None, None) => Ok(None),
        _ => Err(Failure::usage(
            "a certificate without its key, or a key without its certificate, is no use",
            "give --tls-certificate and --tls-key, or neither",
        )),
    }
}

async fn one(listen: Listen, flag: &str, what: &str) -> Outcome<Bound> {
    let Listen::At(address) = listen else { return Ok(None) };
    let failed = format!("{what} cannot be served at {address}");
    let mend =
        format!("choose another address with {flag}, 'off' for none, or stop what uses this one");
    let listener = TcpListener::bind(address).await.or_fail(&failed, &mend)?;
    let bound = listener.local_addr().or_fail(&failed, &mend)?;
    Ok(Some((listener, bound)))
}

impl Shut {
    /// Where the doors are.
    pub(crate) fn addresses(&self) -> Addresses {
        let address = |bound: &Bound| bound.as_ref().map(|(_, address)| *address);
        Addresses { pg: address(&self.pg), flight: address(&self.flight) }
    }

    /// Opens the doors; gives the routes of the one that is HTTP's.
    pub(crate) fn open(
        self,
        (answers, store): (Arc<dyn Answers>, Store),
        supervisor: &mut Supervisor,
    ) -> Router {
        let gate = Arc::new(Gate::new(Arc::new(StoreKeys(store))));
        let doors = Doors {
            answers: Arc::clone(&answers),
            gate: Arc::clone(&gate),
            identity: self.identity,
        };
        if let Some((listener, address)) = self.pg {
            tracing::info!(%address, "the PostgreSQL protocol is served");
            let (doors, stop) = (doors.clone(), supervisor.stop());
            supervisor.start("pg", async move {
                pg::serve(listener, doors, Box::pin(async move { stop.stopped().await })).await;
                Ok(())
            });
        }
        if let Some((listener, address)) = self.flight {
            tracing::info!(%address, "Flight SQL is served");
            let stop = supervisor.stop();
            supervisor.start("flight", async move {
                let stopped = Box::pin(async move { stop.stopped().await });
                let serving = flight::serve(listener, doors, stopped);
                serving.await.or_fail("Flight SQL cannot be served", "")
            });
        }
        if self.answers_http { query::routes(QueryDoor { answers, gate }) } else { Router::new() }
    }
}
