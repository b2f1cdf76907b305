//! `/healthz`, `/readyz` and `/metrics`: whether the process lives, whether it serves, and how it does.
//!
//! Promises an answer without credentials and without any tenant's data. `/healthz` says only that the
//! process answers; `/readyz` asks the database, the log and the engine each time.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use metrics_exporter_prometheus::PrometheusHandle;
use serde::Serialize;

/// Longest a readiness check may take; then what did not answer counts as failed.
const READY_TIMEOUT: Duration = Duration::from_secs(5);

/// One thing this process needs, and whether it has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What: `database`, `log`, `engine`.
    pub name: &'static str,
    /// Whether it is as it should be.
    pub ok: bool,
    /// What was seen, in a few words.
    pub detail: String,
}

/// One who knows whether this process can serve.
#[async_trait::async_trait]
pub trait Readiness: Send + Sync {
    /// Checks everything this process needs.
    async fn checks(&self) -> Vec<Check>;
}

#[derive(Clone)]
struct Health {
    readiness: Arc<dyn Readiness>,
    metrics: PrometheusHandle,
}

/// The routes anyone may call.
pub fn routes(readiness: Arc<dyn Readiness>, metrics: PrometheusHandle) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(render))
        .with_state(Health { readiness, metrics })
}

async fn healthz() -> &'static str {
    "ok\n"
}

/// 200 when all is well, 503 otherwise; with `?verbose` each check as JSON, else one word.
async fn readyz(State(health): State<Health>, RawQuery(query): RawQuery) -> Response {
    let checks = match tokio::time::timeout(READY_TIMEOUT, health.readiness.checks()).await {
        Ok(checks) => checks,
        Err(_) => vec![Check {
            name: "checks",
            ok: false,
            detail: format!("no answer within {} s", READY_TIMEOUT.as_secs()),
        }],
    };
    let ready = checks.iter().all(|check| check.ok);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let verbose = query.is_some_and(|it| it.split('&').any(|part| part.starts_with("verbose")));
    if verbose {
        #[derive(Serialize)]
        struct Answer {
            ready: bool,
            checks: Vec<Check>,
        }
        return (status, Json(Answer { ready, checks })).into_response();
    }
    let failed: Vec<&str> = checks.iter().filter(|it| !it.ok).map(|it| it.name).collect();
    let text =
        if ready { "ready\n".to_owned() } else { format!("not ready: {}\n", failed.join(", ")) };
    (status, text).into_response()
}

async fn render(State(health): State<Health>) -> Response {
    health.metrics.run_upkeep();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], health.metrics.render())
        .into_response()
}
