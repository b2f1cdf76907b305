//! `POST /api/v1/query`: one question in SQL, its rows streamed as JSON, CSV, Arrow or Parquet.
//!
//! Promises that a question is its key's tenant's; that rows are sent as they come, in memory for one batch
//! (of Parquet: one row group); that the work ends when the client goes away; and that an answer which
//! breaks off breaks the transfer, so that nobody takes a part for the whole. Logs neither the question nor
//! the key.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::Instant;
use vitals_access::{Caller, Gate, Refused};
use vitals_model::limits::{
    DOOR_BYTES_MAX, DOOR_ROWS_MAX, QUESTION_BODY_BYTES_MAX, QUESTION_PARAMS_MAX,
};
use vitals_query::answers::{Param, Size, Surface};
use vitals_query::formats::{About, Streamed};
use vitals_query::{Answers, Format, Question, Rows};

use crate::body::{Piece, Trailed};
use crate::problem::Problem;

/// What the route stands on.
#[derive(Clone, Debug)]
pub struct QueryDoor {
    /// Who computes answers.
    pub answers: Arc<dyn Answers>,
    /// Who may ask.
    pub gate: Arc<Gate>,
}

/// The forms an answer may take here, with their media types.
const FORMS: [(Format, &str); 4] = [
    (Format::Json, "application/json"),
    (Format::Csv, "text/csv"),
    (Format::Arrow, "application/vnd.apache.arrow.stream"),
    (Format::Parquet, "application/vnd.apache.parquet"),
];

/// Whether there were more rows, behind the last of them.
const TRUNCATED: &str = "vitals-truncated";

/// The route.
pub fn routes(door: QueryDoor) -> Router {
    let other = |_: Request| async {
        let id = request_id();
        let said = ("this path knows POST alone", "POST a question");
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", said, &id)
    };
    Router::new().route("/api/v1/query", post(query).fallback(other)).with_state(door)
}

fn request_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    sql: String,
    #[serde(default)]
    params: Vec<Box<RawValue>>,
    format: Option<String>,
}

async fn query(
    State(door): State<QueryDoor>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let id = request_id();
    let mut response = match answer(&door, peer, request, &id).await {
        Ok(response) => response,
        Err(problem) => {
            tracing::info!(request_id = id, code = problem.code, "a question was not answered");
            problem.into_response()
        }
    };
    put(response.headers_mut(), "x-request-id", &id);
    response
}

async fn answer(
    door: &QueryDoor,
    peer: SocketAddr,
    request: Request,
    id: &str,
) -> Result<Response, Problem> {
    let (head, body) = request.into_parts();
    let caller = caller(door, peer, &head.headers, id).await?;
    let body = axum::body::to_bytes(body, QUESTION_BODY_BYTES_MAX).await.map_err(|_| {
        let said = ("the body is too large, or broke off", "send a shorter question");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", said, id)
    })?;
    let bad = |code, detail: &str, mend: &str| {
        Problem::new(StatusCode::BAD_REQUEST, code, (detail, mend), id)
    };
    let asked: Asked = serde_json::from_slice(&body).map_err(|_| {
        let detail = "the body is not a JSON object of sql, params and format";
        bad("malformed_body", detail, "see docs/connect.md")
    })?;
    let (format, kind) = form(asked.format.as_deref(), &head.headers).ok_or_else(|| {
        bad("no_such_format", "there is no such format", "choose json, csv, arrow or parquet")
    })?;
    let params = asked.params.iter().take(QUESTION_PARAMS_MAX + 1).map(|it| param(it));
    let params: Option<Vec<Param>> = params.collect();
    let params = params.filter(|it| it.len() <= QUESTION_PARAMS_MAX).ok_or_else(|| {
        let mend = "params is a list of numbers, texts, truths, nulls or {type, value}";
        bad("bad_parameter", "a parameter is nothing that can be bound", mend)
    })?;
    let question = Question {
        tenant: caller.tenant,
        sql: asked.sql,
        params,
        surface: Surface::Data,
        size: Size { rows: DOOR_ROWS_MAX, bytes: DOOR_BYTES_MAX },
    };
    let rows = door.answers.answer(question).await;
    let rows = rows.map_err(|error| Problem::of_query(&error, id))?;
    tracing::info!(request_id = id, tenant = %caller.tenant, tick = rows.as_of.tick, "answering");
    begin(rows, (format, kind)).await.map_err(|error| Problem::of_query(&error, id))
}

async fn caller(
    door: &QueryDoor,
    peer: SocketAddr,
    headers: &HeaderMap,
    id: &str,
) -> Result<Caller, Problem> {
    let offered = headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    let token = offered
        .and_then(|it| it.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let mend = "send 'Authorization: Bearer vt_...'; 'vitals keys create' makes a key";
    let wrong = |detail| Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", (detail, mend), id);
    let Some((_, token)) = token else { return Err(wrong("there is no key")) };
    let now = Instant::now().into_std();
    door.gate.open((peer.ip(), now), None, token.trim()).await.map_err(|refused| match refused {
        Refused::Wrong => wrong("the key opens nothing"),
        Refused::TooOften { retry_after } => {
            let said = ("too many attempts failed", "wait, then use a key that is right");
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", said, id)
                .retry_after(retry_after.as_secs() + 1)
        }
        Refused::Unreachable => {
            let said = ("the keys cannot be read at the moment", "try again");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", said, id).retry_after(5)
        }
    })
}

/// The form that is asked for by name, else by the first media type that is known here.
fn form(name: Option<&str>, headers: &HeaderMap) -> Option<(Format, &'static str)> {
    if let Some(name) = name {
        return FORMS.into_iter().find(|(format, _)| format.as_str() == name);
    }
    let accepted = headers.get(header::ACCEPT).and_then(|it| it.to_str().ok()).unwrap_or("*/*");
    let mut kinds = accepted.split(',').map(|it| it.split(';').next().unwrap_or_default().trim());
    kinds.find_map(|kind| match kind {
        "*/*" | "application/*" => Some(FORMS[0]),
        kind => FORMS.into_iter().find(|(_, it)| *it == kind),
    })
}

/// A parameter: a bare value of JSON, its digits as they stand, or `{type, value}`.
fn param(raw: &RawValue) -> Option<Param> {
    let text = raw.get();
    match text.as_bytes().first()? {
        b'n' => Some(Param::Null),
        b't' | b'f' => serde_json::from_str(text).ok().map(Param::Bool),
        b'"' => serde_json::from_str(text).ok().map(Param::Text),
        b'{' => serde_json::from_str(text).ok(),
        b'[' => None,
        _ => vitals_query::params::number(text),
    }
}

fn put(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// Begins to send an answer. What fails before the first row is still a problem of its own.
async fn begin(
    mut rows: Rows,
    (format, kind): (Format, &'static str),
) -> Result<Response, vitals_query::QueryError> {
    let first = rows.next().await?;
    let (as_of, zone) = (rows.as_of, rows.zone);
    let about = About { as_of, zone, truncated: None };
    let (mut written, mut bytes) = Streamed::begin(format, &rows.schema, about)?;
    let ended = first.is_none();
    if let Some(batch) = &first {
        bytes.extend(written.batch(batch)?);
    }
    let state = (rows, Some(written), Some(bytes), ended);
    let pieces =
        futures::stream::unfold(state, move |(mut rows, written, ready, ended)| async move {
            if let Some(bytes) = ready {
                return Some((Ok(Piece::Data(Bytes::from(bytes))), (rows, written, None, ended)));
            }
            let mut written = written?;
            let next = if ended { Ok(None) } else { rows.next().await };
            let piece = next.and_then(|batch| match batch {
                Some(batch) => {
                    Ok((Piece::Data(Bytes::from(written.batch(&batch)?)), Some(written)))
                }
                None => {
                    let truncated = rows.is_truncated();
                    let last = Bytes::from(written.end(truncated)?);
                    let mut trailers = HeaderMap::new();
                    put(&mut trailers, TRUNCATED, &truncated.to_string());
                    Ok((Piece::Last(last, trailers), None))
                }
            });
            match piece {
                Ok((piece, written)) => Some((Ok(piece), (rows, written, None, false))),
                Err(error) => {
                    tracing::info!(code = error.state.slug(), "an answer broke off");
                    Some((Err(error), (rows, None, None, true)))
                }
            }
        });
    let mut response = Body::new(Trailed::new(pieces)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::TRAILER, HeaderValue::from_static(TRUNCATED));
    put(headers, "vitals-as-of", &as_of.tick.to_string());
    put(headers, "vitals-committed-at", &as_of.committed_at.to_string());
    if let Some(complete_to) = as_of.complete_to {
        put(headers, "vitals-complete-to", &complete_to.to_string());
    }
    put(headers, "vitals-time-zone", zone.name());
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_chosen_by_name_and_else_by_what_is_accepted() {
        let accept = |text: &'static str| {
            HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(text))])
        };
        let chosen = |name, headers: &HeaderMap| form(name, headers).map(|it| it.0);
        assert_eq!(chosen(None, &HeaderMap::new()), Some(Format::Json));
        assert_eq!(chosen(None, &accept("text/html, text/csv;q=0.9, */*")), Some(Format::Csv));
        assert_eq!(chosen(None, &accept("image/png")), None);
        assert_eq!(chosen(Some("parquet"), &accept("text/csv")), Some(Format::Parquet));
        assert_eq!(chosen(Some("table"), &HeaderMap::new()), None);
    }

    #[test]
    fn parameters_keep_their_digits() {
        let read = |text: &str| param(&RawValue::from_string(text.to_owned()).expect("JSON"));
        let number = |text: &str| Some(Param::Number(text.to_owned()));
        assert_eq!(read("12345678901234567890.123456"), number("12345678901234567890.123456"));
        assert_eq!(read("1e3"), number("1000"));
        assert_eq!(read("\"a'b\""), Some(Param::Text("a'b".to_owned())));
        let date = r#"{"type":"date","value":"2026-01-01"}"#;
        assert_eq!(read(date), Some(Param::Date("2026-01-01".to_owned())));
        assert_eq!(
            (read("null"), read("true"), read("[1]")),
            (Some(Param::Null), Some(Param::Bool(true)), None)
        );
    }
}
