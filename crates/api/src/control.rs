//! The control door: how commands of the same data directory reach a running `vitals up`.
//!
//! Promises that nothing is answered without the token, and that an order means here what it means in the
//! operator's own process. Is meant for the loopback interface only: whoever binds it sees to that.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use vitals_model::limits::HTTP_BODY_BYTES_MAX;
use vitals_model::{Offsets, TenantId};

use crate::frames;
use crate::operator::{
    AskQuestion, BadLine, Checkpoint, NewTenant, NewUser, Operator, Refusal, RefusalKind,
    ReportQuestion, ShelfOrder, SqlAnswer, SqlQuestion,
};
use crate::token::ControlToken;

/// An operator shared by all requests.
pub type SharedOperator = Arc<dyn Operator>;

/// The door's routes, behind its token.
pub fn routes(operator: SharedOperator, token: ControlToken) -> Router {
    let guard = axum::middleware::from_fn_with_state(Arc::new(token), require_token);
    Router::new()
        .route("/control/log", get(log))
        .route("/control/records", post(records))
        .route("/control/quarantine", post(quarantine))
        .route("/control/tenants", get(tenants).post(create_tenant))
        .route("/control/users", post(create_user))
        .route("/control/keys", post(create_key))
        .route("/control/imports/{tenant}/{file_key}", get(checkpoint).put(save_checkpoint))
        .route("/control/reached/{tenant}", post(reached))
        .route("/control/verify", post(verify))
        .route("/control/sql", post(sql))
        .route("/control/ask", post(ask))
        .route("/control/report", post(report))
        .route("/control/shelf/{tenant}", post(shelf))
        .layer(DefaultBodyLimit::max(HTTP_BODY_BYTES_MAX))
        .layer(guard)
        .with_state(operator)
}

async fn require_token(
    State(token): State<Arc<ControlToken>>,
    request: Request,
    next: Next,
) -> Response {
    let offered = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    if offered.is_some_and(|offered| token.matches(offered)) {
        next.run(request).await
    } else {
        StatusCode::UNAUTHORIZED.into_response()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = match self.kind {
            RefusalKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            RefusalKind::Missing => StatusCode::NOT_FOUND,
            RefusalKind::Conflict => StatusCode::CONFLICT,
            RefusalKind::Failed => StatusCode::SERVICE_UNAVAILABLE,
        };
        (status, Json(self)).into_response()
    }
}

/// Offsets by partition, on the wire.
pub type OffsetsJson = std::collections::BTreeMap<u16, i64>;

/// What the log is: asked first by every client.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LogInfo {
    /// How many partitions the topic of records has.
    pub partitions: u16,
    /// Its ends.
    pub ends: OffsetsJson,
}

async fn log(State(operator): State<SharedOperator>) -> Result<Json<LogInfo>, Refusal> {
    let ends = operator.log_ends().await?.0;
    Ok(Json(LogInfo { partitions: operator.partitions(), ends }))
}

async fn records(State(operator): State<SharedOperator>, body: Bytes) -> Result<(), Refusal> {
    let messages = frames::decode(&body).ok_or_else(|| {
        Refusal::new(RefusalKind::Invalid, "the body is not whole frames of messages", "")
    })?;
    operator.publish(messages).await
}

async fn quarantine(
    State(operator): State<SharedOperator>,
    Json(lines): Json<Vec<BadLine>>,
) -> Result<(), Refusal> {
    operator.quarantine(lines).await
}

async fn tenants(State(operator): State<SharedOperator>) -> Result<impl IntoResponse, Refusal> {
    Ok(Json(operator.tenants().await?))
}

async fn create_tenant(
    State(operator): State<SharedOperator>,
    Json(new): Json<NewTenant>,
) -> Result<impl IntoResponse, Refusal> {
    Ok(Json(operator.create_tenant(new).await?))
}

async fn create_user(
    State(operator): State<SharedOperator>,
    Json(new): Json<NewUser>,
) -> Result<Json<String>, Refusal> {
    Ok(Json(operator.create_user(new).await?))
}

/// Whose key is wanted, by slug.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewKey {
    /// The tenant's slug.
    pub tenant: String,
}

async fn create_key(
    State(operator): State<SharedOperator>,
    Json(new): Json<NewKey>,
) -> Result<Json<String>, Refusal> {
    Ok(Json(operator.create_key(new.tenant).await?))
}

async fn checkpoint(
    State(operator): State<SharedOperator>,
    Path((tenant, file_key)): Path<(TenantId, String)>,
) -> Result<Json<Checkpoint>, Refusal> {
    Ok(Json(operator.checkpoint(tenant, file_key).await?))
}

async fn save_checkpoint(
    State(operator): State<SharedOperator>,
    Path((tenant, file_key)): Path<(TenantId, String)>,
    Json(checkpoint): Json<Checkpoint>,
) -> Result<(), Refusal> {
    operator.save_checkpoint(tenant, file_key, checkpoint).await
}

async fn reached(
    State(operator): State<SharedOperator>,
    Path(tenant): Path<TenantId>,
    Json(target): Json<OffsetsJson>,
) -> Result<impl IntoResponse, Refusal> {
    Ok(Json(operator.reached(tenant, Offsets(target)).await?))
}

/// Which tenant to verify; all when absent.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct VerifyQuery {
    /// The tenant's slug.
    pub tenant: Option<String>,
}

async fn verify(
    State(operator): State<SharedOperator>,
    Query(query): Query<VerifyQuery>,
) -> Result<impl IntoResponse, Refusal> {
    Ok(Json(operator.verify(query.tenant).await?))
}

async fn sql(
    State(operator): State<SharedOperator>,
    Json(question): Json<SqlQuestion>,
) -> Result<Vec<u8>, Refusal> {
    encode_answer(&operator.sql(question).await?)
}

async fn ask(
    State(operator): State<SharedOperator>,
    Json(question): Json<AskQuestion>,
) -> Result<impl IntoResponse, Refusal> {
    Ok(Json(operator.ask(question).await?))
}

async fn report(
    State(operator): State<SharedOperator>,
    Json(question): Json<ReportQuestion>,
) -> Result<Vec<u8>, Refusal> {
    encode_answer(&operator.report(question).await?)
}

async fn shelf(
    State(operator): State<SharedOperator>,
    Path(tenant): Path<String>,
    Json(order): Json<ShelfOrder>,
) -> Result<impl IntoResponse, Refusal> {
    Ok(Json(operator.shelf(tenant, order).await?))
}

/// An answer on the wire: its head as one line of JSON, then its rows as they are.
fn encode_answer(answer: &SqlAnswer) -> Result<Vec<u8>, Refusal> {
    let mut bytes = serde_json::to_vec(&answer.head).map_err(|it| Refusal::failed(&it, ""))?;
    bytes.push(b'\n');
    bytes.extend_from_slice(&answer.body);
    Ok(bytes)
}

/// Reads what [`routes`] write for an answer; `None` when it is none.
#[must_use]
pub fn decode_answer(bytes: &[u8]) -> Option<SqlAnswer> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let head = serde_json::from_slice(&bytes[..end]).ok()?;
    Some(SqlAnswer { head, body: bytes[end + 1..].to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::SqlHead;

    #[test]
    fn an_answer_crosses_the_door_unchanged() {
        let head = SqlHead {
            tick: 7,
            committed_at: "2026-01-01T00:00:00Z".to_owned(),
            complete_to: None,
            rows: 2,
            truncated: true,
        };
        let answer = SqlAnswer { head, body: b"\na\xff\n".to_vec() };
        let bytes = encode_answer(&answer).expect("encoded");
        assert_eq!(decode_answer(&bytes), Some(answer));
        assert_eq!(decode_answer(b"no answer"), None);
    }
}
