//! `POST /api/v1/ask`: a question in plain language over one tenant's records and vitals.
//!
//! Promises an answer with all it rests on, or a problem whose code says why not; `cannot_answer` comes with the
//! nearest questions that are answered.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use vitals_desk::{Desk, NotAnswered};
use vitals_model::limits::QUESTION_BYTES_MAX;

use crate::door::{self, Keys, Problem};

/// A question as JSON: every character may be written as an escape of six.
const BODY_BYTES_MAX: usize = 6 * QUESTION_BYTES_MAX + 1_024;

#[derive(Clone)]
struct Door {
    desk: Arc<Desk>,
    keys: Arc<dyn Keys>,
}

/// The route, behind the tenants' keys.
pub fn routes(desk: Arc<Desk>, keys: Arc<dyn Keys>) -> Router {
    Router::new()
        .route("/api/v1/ask", post(ask))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(Door { desk, keys })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    question: String,
}

async fn ask(
    State(door): State<Door>,
    headers: HeaderMap,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let tenant = door::tenant(door.keys.as_ref(), &headers).await?;
    let Question { question } = door::body(bytes)?;
    let asked = door.desk.ask(tenant, &question).await.map_err(|it| Problem::from(&it))?;
    Ok(door::private(Json(asked).into_response()))
}

impl From<&NotAnswered> for Problem {
    fn from(it: &NotAnswered) -> Self {
        match it {
            NotAnswered::Cannot { nearest, .. } => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "cannot_answer", it)
                    .with("nearest", nearest.clone())
            }
            NotAnswered::Query(error) => error.into(),
            NotAnswered::Unavailable { retry_after_s, .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "assistant_unavailable", it)
                    .retry_after(*retry_after_s)
            }
            NotAnswered::TooMany { retry_after_s, .. } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_questions", it)
                    .retry_after(*retry_after_s)
            }
        }
    }
}
