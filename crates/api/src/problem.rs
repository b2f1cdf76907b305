//! Errors as RFC 9457 has them: `application/problem+json`, with an id that is in the log too.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use vitals_query::{QueryError, SqlState};

/// Seconds after which it is worth trying again when there was no room.
const RETRY_AFTER_S: u64 = 1;

/// An error of a request.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    #[serde(serialize_with = "number")]
    pub(crate) status: StatusCode,
    /// The kind as one word.
    pub(crate) code: &'static str,
    detail: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    mend: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sqlstate: Option<&'static str>,
    request_id: String,
    #[serde(skip)]
    retry_after_s: Option<u64>,
}

fn number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

impl Problem {
    /// A problem of a request.
    pub(crate) fn new(
        status: StatusCode,
        code: &'static str,
        (detail, mend): (&str, &str),
        request_id: &str,
    ) -> Self {
        Self {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status,
            code,
            detail: detail.to_owned(),
            mend: mend.to_owned(),
            sqlstate: None,
            request_id: request_id.to_owned(),
            retry_after_s: None,
        }
    }

    /// Worth trying again after so long.
    pub(crate) fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after_s: Some(seconds), ..self }
    }

    /// A question that was not answered.
    pub(crate) fn of_query(error: &QueryError, request_id: &str) -> Self {
        let (status, retry) = match error.state {
            SqlState::NoTable => (StatusCode::NOT_FOUND, None),
            SqlState::TooSlow => (StatusCode::REQUEST_TIMEOUT, None),
            SqlState::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, None),
            SqlState::Busy | SqlState::Internal | SqlState::Crashed => {
                (StatusCode::SERVICE_UNAVAILABLE, Some(RETRY_AFTER_S))
            }
            SqlState::Syntax
            | SqlState::NotReadOnly
            | SqlState::NotSupported
            | SqlState::NoColumn
            | SqlState::NoFunction
            | SqlState::Ambiguous
            | SqlState::Types
            | SqlState::TooComplex
            | SqlState::Quarantined
            | SqlState::Params
            | SqlState::Overflow
            | SqlState::DivisionByZero
            | SqlState::BadValue => (StatusCode::BAD_REQUEST, None),
        };
        let said = (error.detail.as_str(), error.mend.as_str());
        let problem = Self::new(status, error.state.slug(), said, request_id);
        Self { sqlstate: Some(error.state.code()), retry_after_s: retry, ..problem }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, retry) = (self.status, self.retry_after_s);
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = retry {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
