//! The HTTP edge: health, readiness and metrics for everyone, what those with a key ask, and a control door for the
//! operator.
//!
//! Promises that the control door answers only those who show its token, that a question is its key's
//! tenant's, and that every body has a limit. Knows nothing of how an order is carried out or an answer
//! computed: that is the [`Operator`]'s, and whoever's answers they are.

pub mod ask;
mod body;
pub mod control;
pub mod door;
pub mod frames;
pub mod health;
pub mod operator;
mod problem;
pub mod queries;
pub mod query;
pub mod reports;
pub mod shelf;
pub mod token;

pub use axum::Router;
pub use operator::{Operator, Refusal, RefusalKind};
pub use query::QueryDoor;
pub use token::ControlToken;

/// Serves until `stopped` ends, and until the requests that were under way by then are answered.
///
/// # Errors
/// The listener fails.
pub async fn serve(
    listener: tokio::net::TcpListener,
    routes: Router,
    stopped: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let routes = routes.into_make_service_with_connect_info::<std::net::SocketAddr>();
    axum::serve(listener, routes).with_graceful_shutdown(stopped).await
}
