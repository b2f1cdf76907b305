//! `GET /api/v1/reports` and `GET /api/v1/reports/{name}?format=&param=..`: the reports of the program, run over one
//! tenant's records and vitals.
//!
//! Promises rows in the form that was asked for, JSON unless told otherwise; every other word of the query string is
//! a parameter of the report, and one that comes twice or is none of its is refused.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use vitals_desk::Desk;
use vitals_desk::reports::{self, About, NotRun, Ran};
use vitals_model::limits::REPORT_PARAMS_MAX;
use vitals_query::Format;

use crate::door::{self, Keys, Problem};

#[derive(Clone)]
struct Door {
    desk: Arc<Desk>,
    keys: Arc<dyn Keys>,
}

/// The routes, behind the tenants' keys.
pub fn routes(desk: Arc<Desk>, keys: Arc<dyn Keys>) -> Router {
    Router::new()
        .route("/api/v1/reports", get(list))
        .route("/api/v1/reports/{name}", get(run))
        .with_state(Door { desk, keys })
}

/// All of them: so few that there are no pages.
#[derive(Serialize)]
struct List {
    reports: Vec<About>,
    next_cursor: Option<String>,
}

async fn list(State(door): State<Door>, headers: HeaderMap) -> Result<Response, Problem> {
    door::tenant(door.keys.as_ref(), &headers).await?;
    let reports = reports::all().iter().map(reports::Report::about).collect();
    Ok(door::private(Json(List { reports, next_cursor: None }).into_response()))
}

async fn run(
    State(door): State<Door>,
    Path(name): Path<String>,
    Query(words): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let tenant = door::tenant(door.keys.as_ref(), &headers).await?;
    let (format, given) = asked_for(words)?;
    let ran = door.desk.report(tenant, &name, &given).await.map_err(|it| Problem::from(&it))?;
    file(&name, &ran, format)
}

/// The form and the parameters that a query string names.
pub(crate) fn asked_for(
    words: Vec<(String, String)>,
) -> Result<(Format, reports::params::Given), Problem> {
    let mut given = reports::params::Given::new();
    if words.len() > REPORT_PARAMS_MAX {
        return Err(Problem::invalid("there are too many parameters"));
    }
    for (name, value) in words {
        if let Some(before) = given.insert(name, value) {
            let what = format_args!("a parameter comes twice, first as '{before:.40}'");
            return Err(Problem::new(StatusCode::BAD_REQUEST, "bad_request", what));
        }
    }
    let format = given.remove("format");
    let format = Format::parse(format.as_deref().unwrap_or("json")).ok_or_else(|| {
        let all = Format::ALL.map(Format::as_str).join(", ");
        Problem::invalid(format_args!("there is no such form; choose one of {all}"))
    })?;
    Ok((format, given))
}

/// Rows as a response; forms that are kept as files come with a name.
pub(crate) fn file(name: &str, ran: &Ran, format: Format) -> Result<Response, Problem> {
    let body = ran.write(format).map_err(|it| Problem::from(&it))?;
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.media_type()));
    if !matches!(format, Format::Json | Format::Table) {
        let plain: String =
            name.chars().filter(|it| it.is_ascii_alphanumeric() || "-_".contains(*it)).collect();
        let name = format!(
            "attachment; filename=\"{plain}-{}.{}\"",
            ran.answer.as_of.tick,
            format.as_str()
        );
        if let Ok(name) = HeaderValue::from_str(&name) {
            headers.insert(header::CONTENT_DISPOSITION, name);
        }
    }
    Ok(door::private(response))
}

impl From<&NotRun> for Problem {
    fn from(it: &NotRun) -> Self {
        match it {
            NotRun::NoReport(_) => Self::missing(it),
            NotRun::Param(_) => Self::invalid(it),
            NotRun::Query(error) => error.into(),
        }
    }
}
