//! Arrow Flight SQL: the listener.
//!
//! Statements are prepared and answered by the service; every request carries its key (as a bearer token, or
//! as a name and a key), so that nothing depends on a connection. Promises that a ticket says nothing and
//! opens nothing without its tenant's key, and that nothing is ever written.

use std::io;
use std::time::Duration;

use arrow_flight::flight_service_server::FlightServiceServer;
use futures::future::BoxFuture;
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Server, ServerTlsConfig};
use vitals_model::limits::{CONNECTIONS_PER_TENANT_MAX, WIRE_MESSAGE_BYTES_MAX};

use crate::Doors;

mod caller;
mod catalogue;
mod params;
mod refusal;
mod service;
mod statements;

use service::Service;

/// How often somebody who says nothing is asked whether they are there, and how long they may think.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Serves Flight SQL until `stopped` ends.
///
/// # Errors
/// The certificate cannot be used, or the listener fails.
pub async fn serve(
    listener: TcpListener,
    doors: Doors,
    stopped: BoxFuture<'static, ()>,
) -> io::Result<()> {
    let streams = u32::try_from(CONNECTIONS_PER_TENANT_MAX).unwrap_or(u32::MAX);
    let mut server = Server::builder()
        .max_concurrent_streams(streams)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE));
    if let Some(identity) = &doors.identity {
        let tls = ServerTlsConfig::new().identity(identity.tonic());
        server = server.tls_config(tls).map_err(io::Error::other)?;
    }
    let service = FlightServiceServer::new(Service::new(doors))
        .max_decoding_message_size(WIRE_MESSAGE_BYTES_MAX);
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    server
        .add_service(service)
        .serve_with_incoming_shutdown(incoming, stopped)
        .await
        .map_err(io::Error::other)
}
