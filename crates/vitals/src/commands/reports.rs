//! `vitals reports`: the reports that come with the program.
//!
//! Rows go to standard output, or into the file of `--out`, which appears whole or not at all; what moment they are
//! about goes to standard error.

use std::collections::BTreeMap;
use std::path::Path;

use vitals_api::operator::ReportQuestion;
use vitals_desk::reports;

use crate::cli::{ReportRun, Reports};
use crate::commands::sql::about;
use crate::config::Settings;
use crate::failure::{Failure, OrFail, Outcome};
use crate::output;
use crate::session::{self, Needs, SharedOperator};

/// Runs `vitals reports ...`.
pub(crate) async fn run(settings: &Settings, command: Reports) -> Outcome {
    match command {
        Reports::List { json } => list(json),
        Reports::Run(it) => run_one(settings, it).await,
    }
}

fn list(json: bool) -> Outcome {
    let all: Vec<reports::About> = reports::all().iter().map(reports::Report::about).collect();
    if json {
        return output::json(&all);
    }
    for report in all {
        output::line(format_args!("{}: {}", report.name, report.title))?;
        output::line(format_args!("  {}", report.shows))?;
        for param in report.params {
            output::line(format_args!(
                "  --param {}={}  {} ({})",
                param.name, param.default, param.says, param.kind
            ))?;
        }
    }
    Ok(())
}

async fn run_one(settings: &Settings, it: ReportRun) -> Outcome {
    let question = ReportQuestion {
        tenant: it.tenant,
        name: it.name,
        is_saved: false,
        params: params(&it.param)?,
        format: it.format,
    };
    let work = |operator: SharedOperator| async move {
        operator.report(question).await.map_err(Failure::from)
    };
    let answer = session::with(settings, ("reports run", Needs::Store), work).await?;
    hand_over(&answer.body, it.out.as_deref())?;
    crate::say(format_args!("{}", about(&answer.head)));
    Ok(())
}

/// `name=value`, each once.
pub(crate) fn params(given: &[String]) -> Outcome<BTreeMap<String, String>> {
    let mut params = BTreeMap::new();
    for pair in given {
        let named = pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        let (name, value) = named.ok_or_else(|| {
            Failure::usage(format_args!("'{pair}' is no parameter"), "give --param name=value")
        })?;
        if params.insert(name.clone(), value).is_some() {
            return Err(Failure::usage(
                format_args!("parameter '{name}' is given twice"),
                "give it once",
            ));
        }
    }
    Ok(params)
}

/// Prints rows, or puts them into a file.
pub(crate) fn hand_over(body: &[u8], out: Option<&Path>) -> Outcome {
    let Some(path) = out else { return output::bytes(body) };
    let what = format!("{} cannot be written", path.display());
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = folder.join(name);
    let written = std::fs::write(&part, body).and_then(|()| std::fs::rename(&part, path));
    if written.is_err() {
        std::fs::remove_file(&part).ok();
    }
    written.or_fail(what, "check --out")
}
