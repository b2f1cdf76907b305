//! `vitals ask`: a question in plain language.
//!
//! Prints one sentence, the rows, and what they rest on. A question that cannot be answered is refused with the
//! nearest ones that can, and exits 1.

use vitals_api::operator::AskQuestion;
use vitals_desk::Asked;
use vitals_query::formats;

use crate::cli::{Ask, AskFormat};
use crate::config::Settings;
use crate::failure::{Failure, Outcome};
use crate::output;
use crate::session::{self, Needs, SharedOperator};

/// Runs `vitals ask`.
pub(crate) async fn run(settings: &Settings, it: Ask) -> Outcome {
    let question = AskQuestion { tenant: it.tenant, question: it.question };
    let work = |operator: SharedOperator| async move {
        operator.ask(question).await.map_err(Failure::from)
    };
    let asked = session::with(settings, ("ask", Needs::Store), work).await?;
    match it.format {
        AskFormat::Json => output::json(&asked),
        AskFormat::Table => output::bytes(told(&asked).as_bytes()),
    }
}

fn told(it: &Asked) -> String {
    let mut text = format!("{}\n", printable(&it.answer));
    if !it.rows.is_empty() {
        text.push_str(&format!("\n{}", rows(it)));
    }
    text.push('\n');
    let mut say = |name: &str, what: &str| {
        text.push_str(format!("{name:12}{}", printable(what)).trim_end());
        text.push('\n');
    };
    say("understood", &it.understood.join("; "));
    say("tables", &it.tables.join(", "));
    if let Some(dates) = &it.dates {
        let (from, to) = (dates.from.as_deref(), dates.to.as_deref());
        say("dates", &format!("{} to {}", from.unwrap_or(".."), to.unwrap_or("..")));
    }
    say("as_of", &format!("{} committed_at {}", it.as_of, it.committed_at));
    if let Some(complete_to) = &it.complete_to {
        say("complete_to", complete_to);
    }
    say("translator", &it.translator);
    let axes = it.chart.x.iter().chain(&it.chart.y).chain(&it.chart.series).cloned();
    say("chart", &format!("{} {}", it.chart.kind, axes.collect::<Vec<_>>().join(", ")));
    if let Some(check) = &it.check {
        let how = format!("by {}", check.by);
        match (check.agrees, &check.why_not) {
            (Some(true), _) => say("check", &format!("{how}: the same rows")),
            (Some(false), _) => say("check", &format!("{how}: MISMATCH, see above")),
            (None, why) => {
                let why = why.as_deref().unwrap_or("no reason");
                say("check", &format!("{how}: not computed, {why}"));
            }
        }
    }
    text.push_str(&format!("\n{}\n", it.sql.trim()));
    text
}

fn rows(it: &Asked) -> String {
    let head = it.columns.iter().map(|it| it.name.clone()).collect();
    let shown = |cell: &serde_json::Value| match cell {
        serde_json::Value::Null => "NULL".to_owned(),
        serde_json::Value::String(text) => printable(text),
        other => other.to_string(),
    };
    let lines = it.rows.iter().map(|row| row.iter().map(shown).collect());
    let lines: Vec<Vec<String>> = std::iter::once(head).chain(lines).collect();
    formats::aligned(&lines)
}

/// Text of records, which must not move the terminal's cursor.
fn printable(text: &str) -> String {
    text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect()
}
