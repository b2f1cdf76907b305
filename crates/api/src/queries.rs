//! `/api/v1/queries`: a tenant's saved queries, listed, kept, shown, run and forgotten.
//!
//! Promises that another tenant's query is 404, and that a query which the guard does not pass is not kept.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use vitals_model::limits::QUERY_TEXT_BYTES_MAX;

use crate::door::{self, Keys, Problem};
use crate::reports::{asked_for, file};
use crate::shelf::{KeptQuery, NewQuery, NotKept, Shelf};

/// A query as JSON: every character may be written as an escape of six.
const BODY_BYTES_MAX: usize = 6 * QUERY_TEXT_BYTES_MAX + 16 * 1_024;
/// Queries of one page.
const PAGE: u16 = 100;

#[derive(Clone)]
struct Door {
    shelf: Shelf,
    keys: Arc<dyn Keys>,
}

/// The routes, behind the tenants' keys.
pub fn routes(shelf: Shelf, keys: Arc<dyn Keys>) -> Router {
    Router::new()
        .route("/api/v1/queries", get(list).post(save))
        .route("/api/v1/queries/{name}", get(show).delete(delete))
        .route("/api/v1/queries/{name}/rows", get(run))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(Door { shelf, keys })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    limit: Option<u16>,
    cursor: Option<String>,
}

#[derive(Serialize)]
struct List {
    queries: Vec<KeptQuery>,
    next_cursor: Option<String>,
}

async fn list(
    State(door): State<Door>,
    Query(page): Query<Page>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let tenant = door::tenant(door.keys.as_ref(), &headers).await?;
    let limit = page.limit.unwrap_or(PAGE).clamp(1, PAGE);
    let after = page.cursor.unwrap_or_default();
    let mut queries = door.shelf.queries(tenant, &after, limit + 1).await?;
    let more = queries.len() > usize::from(limit);
    queries.truncate(usize::from(limit));
    let next_cursor = queries.last().filter(|_| more).map(|it| it.name.clone());
    Ok(door::private(Json(List { queries, next_cursor }).into_response()))
}

async fn save(
    State(door): State<Door>,
    headers: HeaderMap,
    bytes: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let tenant = door::tenant(door.keys.as_ref(), &headers).await?;
    let query: NewQuery = door::body(bytes)?;
    let name = query.name.clone();
    let is_new = door.shelf.save(tenant, query).await?;
    let kept = door.shelf.query(tenant, &name).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(door::private((status, Json(kept)).into_response()))
}

async fn show(
    State(door): State<Door>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let tenant = door::tenant(door.keys.as_ref(), &headers).await?;
    Ok(door::private(Json(door.shelf.query(tenant, &name).await?).into_response()))
}

async fn delete(
    State(door): State<Door>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let tenant = door::tenant(door.keys.as_ref(), &headers).await?;
    door.shelf.delete(tenant, &name).await?;
    Ok(door::private(StatusCode::NO_CONTENT.into_response()))
}

async fn run(
    State(door): State<Door>,
    Path(name): Path<String>,
    Query(words): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let tenant = door::tenant(door.keys.as_ref(), &headers).await?;
    let (format, given) = asked_for(words)?;
    let ran = door.shelf.run(tenant, &name, &given).await?;
    file(&name, &ran, format)
}

impl From<NotKept> for Problem {
    fn from(it: NotKept) -> Self {
        use vitals_store::Error;
        match &it {
            NotKept::Missing(..) => Self::missing(it),
            NotKept::Invalid(_) | NotKept::Store(Error::Refused { .. }) => Self::invalid(it),
            NotKept::NotRun(why) => why.into(),
            NotKept::Store(Error::Taken { .. }) => Self::new(StatusCode::CONFLICT, "taken", it),
            NotKept::Store(_) => {
                tracing::warn!(error = %it, "the shelf failed");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "unavailable",
                    "the database does not answer",
                )
            }
        }
    }
}
