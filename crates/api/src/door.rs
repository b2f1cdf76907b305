//! What the routes of tenants' own programs share: whose key is shown, and what a refusal looks like.
//!
//! Promises that nothing is answered without a key, that an unknown, revoked or malformed key is told alike, and
//! that every refusal is a problem document (RFC 9457) with a code to decide by and an id to find it by.

use async_trait::async_trait;
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use vitals_model::TenantId;
use vitals_query::{QueryError, SqlState};
use vitals_store::Store;

/// Whoever knows the tenants' keys.
#[async_trait]
pub trait Keys: Send + Sync {
    /// The tenant a key acts for; `None` for a key that nobody has.
    async fn tenant_of(&self, key: &str) -> Result<Option<TenantId>, Problem>;
}

#[async_trait]
impl Keys for Store {
    async fn tenant_of(&self, key: &str) -> Result<Option<TenantId>, Problem> {
        let found = self.tenant_of_key(key).await;
        found.map(|it| it.map(|(tenant, _)| tenant)).map_err(|error| {
            tracing::warn!(error = crate::operator::chain(&error), "a key could not be looked up");
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "the database does not answer",
            )
        })
    }
}

/// A refusal.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    more: Map<String, Value>,
    retry_after_s: Option<u64>,
}

impl Problem {
    /// A refusal with a status, a word, and one plain sentence.
    pub(crate) fn new(status: StatusCode, code: &'static str, detail: impl ToString) -> Self {
        let (detail, more) = (detail.to_string(), Map::new());
        Self { status, code, detail, more, retry_after_s: None }
    }

    /// What the caller sent makes no sense.
    pub(crate) fn invalid(detail: impl ToString) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail)
    }

    /// There is no such thing, or it is another's.
    pub(crate) fn missing(detail: impl ToString) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// With a member of its own.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    /// With the seconds after which it makes sense to try again.
    pub(crate) fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after_s: Some(seconds), ..self }
    }
}

impl From<&QueryError> for Problem {
    fn from(it: &QueryError) -> Self {
        let status = match it.state {
            SqlState::Busy => StatusCode::TOO_MANY_REQUESTS,
            SqlState::TooSlow => StatusCode::REQUEST_TIMEOUT,
            SqlState::Internal => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self::new(status, it.state.slug(), &it.detail)
            .with("sqlstate", it.state.code())
            .with("mend", it.mend.as_str())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = self.more;
        let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
        put("type", "about:blank".into());
        put("title", self.status.canonical_reason().unwrap_or("error").into());
        put("status", self.status.as_u16().into());
        put("code", self.code.into());
        put("detail", self.detail.into());
        put("request_id", uuid::Uuid::now_v7().to_string().into());
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        private(response)
    }
}

/// An answer that is one tenant's: kept by no cache, and taken for nothing but what it says it is.
pub(crate) fn private(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let nosniff = HeaderName::from_static("x-content-type-options");
    headers.insert(nosniff, HeaderValue::from_static("nosniff"));
    response
}

/// The tenant whose key a request shows.
pub(crate) async fn tenant(keys: &dyn Keys, headers: &HeaderMap) -> Result<TenantId, Problem> {
    let shown = headers.get(header::AUTHORIZATION).and_then(|it| it.to_str().ok());
    let key = shown.and_then(|it| it.strip_prefix("Bearer ")).map(str::trim);
    let tenant = match key {
        Some(key) => keys.tenant_of(key).await?,
        None => None,
    };
    tenant.ok_or_else(|| {
        let what = "show an API key as 'Authorization: Bearer vt_..'";
        Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", what)
    })
}

/// A body of JSON, strictly read.
pub(crate) fn body<T: DeserializeOwned>(
    bytes: Result<Bytes, BytesRejection>,
) -> Result<T, Problem> {
    let bytes = bytes.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(error.status(), "too_large", "the body is longer than it may be here")
        }
        _ => Problem::new(StatusCode::BAD_REQUEST, "bad_request", "the body cannot be read"),
    })?;
    serde_json::from_slice(&bytes).map_err(|error| {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "bad_request",
            format_args!("the body is not as asked for: {error}"),
        )
    })
}
