//! The HTTP edge: health, readiness and metrics for everyone, a control door for the operator, and what tenants'
//! own programs ask.
//!
//! Promises that the control door answers only those who show its token, and that every body has a limit.
//! Knows nothing of how an order is carried out: that is the [`Operator`]'s.

pub mod ask;
pub mod control;
pub mod door;
pub mod frames;
pub mod health;
pub mod operator;
pub mod queries;
pub mod reports;
pub mod shelf;
pub mod token;

pub use axum::Router;
pub use operator::{Operator, Refusal, RefusalKind};
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
    axum::serve(listener, routes).with_graceful_shutdown(stopped).await
}
