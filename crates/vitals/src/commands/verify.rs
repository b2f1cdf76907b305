//! `vitals verify`: does the store say what the definitions say of the log?

use vitals_api::operator::VerifyReport;

use crate::cli::Verify;
use crate::config::Settings;
use crate::failure::{Failure, Outcome};
use crate::output;
use crate::session::{self, Needs, SharedOperator};

/// Runs `vitals verify`: exits 0 only when every row is equal.
pub(crate) async fn run(settings: &Settings, it: Verify) -> Outcome {
    let tenant = it.tenant;
    let work = |operator: SharedOperator| async move {
        operator.verify(tenant).await.map_err(Failure::from)
    };
    let report = session::with(settings, ("verify", Needs::Store), work).await?;
    if it.json {
        output::json(&report)?
    } else {
        print(&report)?
    }
    if report.equal() {
        return Ok(());
    }
    let different: u64 = report.vitals.values().map(|it| it.different).sum();
    Err(Failure::new(
        format_args!("{different} rows differ from their definition at tick {}", report.tick),
        "'vitals up --repair' restates what the log says; if the differences stay, report them",
    ))
}

fn print(report: &VerifyReport) -> Outcome {
    let rows: Vec<[String; 3]> = report
        .vitals
        .iter()
        .map(|(vital, it)| [vital.clone(), it.rows.to_string(), it.different.to_string()])
        .collect();
    output::table(["VITAL", "ROWS", "DIFFERENT"], &rows)?;
    for line in &report.differences {
        output::line(line)?;
    }
    let verdict = if report.equal() { "equal" } else { "DIFFERENT" };
    output::line(format_args!(
        "{verdict} at tick {}, from {} messages of the log",
        report.tick, report.records
    ))
}
