//! The PostgreSQL protocol: the listener, and what a connection is.
//!
//! One task a connection, which ends with the connection or with the listener. See [`serve`].

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use vitals_access::Places;

use crate::Doors;

mod cancels;
mod command;
mod commands;
mod connection;
mod extended;
mod frames;
mod params;
mod portal;
mod refusal;
mod script;
mod settings;
mod startup;
mod types;
pub(crate) mod values;

use cancels::Cancels;

/// How long a listener that fails waits before it tries again: it fails when files run out.
const PAUSE: Duration = Duration::from_millis(100);

/// What the connections of one listener share.
#[derive(Debug)]
struct House {
    doors: Doors,
    places: Places,
    cancels: Cancels,
}

/// Serves the PostgreSQL protocol until `stopped` ends; then every connection ends.
///
/// User is a tenant's slug, password one of its keys, database `vitals` (or the slug again). The
/// password is asked for in clear text: over TLS when there is a certificate, which is then demanded of
/// everyone who is not on this machine.
pub async fn serve(listener: TcpListener, doors: Doors, mut stopped: BoxFuture<'static, ()>) {
    let house = Arc::new(House { doors, places: Places::default(), cancels: Cancels::default() });
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = &mut stopped => break,
            Some(ended) = connections.join_next(), if !connections.is_empty() => {
                if let Err(error) = ended
                    && error.is_panic()
                {
                    tracing::error!("a connection of the PostgreSQL protocol ended in a panic");
                }
            }
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(one(Arc::clone(&house), stream, peer));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(PAUSE).await;
                }
            },
        }
    }
}

async fn one(house: Arc<House>, stream: TcpStream, peer: SocketAddr) {
    // Whoever went away has nothing to be told; everyone else was.
    if let Err(error) = startup::receive(&house, stream, peer).await {
        tracing::debug!(%error, "a connection broke off");
    }
}
