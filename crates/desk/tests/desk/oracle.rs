//! PostgreSQL with a tenant's rows, and what it answers to SQL written by hand: a second opinion on every number.

use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use serde_json::Value;
use vitals_query::{Answers, Question, RecordTables, formats};
use vitals_store::EmbeddedPostgres;

use crate::tables::InMemory;

/// Between two cells, and between two answers.
const CELL: char = '\u{1f}';
const MARK: &str = "@@next@@";

pub(crate) struct Oracle {
    server: EmbeddedPostgres,
    _dir: tempfile::TempDir,
}

impl Oracle {
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
        let server = EmbeddedPostgres::start(&dir.path().join("postgres")).await.unwrap();
        Self { server, _dir: dir }
    }

    pub(crate) async fn stop(self) {
        self.server.stop().await;
    }

    /// Loads a tenant's records, and the vitals that the answers may read, anew; then runs `views`.
    pub(crate) async fn load(&self, tables: &InMemory, views: &[&str]) {
        let mut script =
            "set client_min_messages = error; drop schema public cascade; create schema public;\n"
                .to_owned();
        let vitals = ["churn_risk", "health_score", "health_metrics"];
        for name in RecordTables::names().chain(vitals) {
            script.push_str(&insert(tables, name).await);
        }
        for view in views {
            writeln!(script, "set time zone '{}';\n{view};", tables.zone().name()).unwrap();
        }
        self.psql(&script);
    }

    /// The rows of each SELECT in a zone: cells as texts, numbers without the zeros nobody says, sorted.
    pub(crate) fn rows(&self, zone: &str, questions: &[&str]) -> Vec<Vec<String>> {
        let mut script = format!("set time zone '{zone}';\n");
        for sql in questions {
            writeln!(script, "{sql};\n\\echo '{MARK}'").unwrap();
        }
        let said = self.psql(&script);
        let mut answers: Vec<Vec<String>> = vec![Vec::new()];
        for line in said.lines() {
            if line == MARK {
                answers.push(Vec::new());
            } else {
                let cells: Vec<String> = line.split(CELL).map(plain).collect();
                answers.last_mut().unwrap().push(cells.join(" | "));
            }
        }
        answers.pop();
        assert_eq!(answers.len(), questions.len(), "one answer a question");
        answers.iter_mut().for_each(|it| it.sort());
        answers
    }

    fn psql(&self, script: &str) -> String {
        let mut psql = Command::new("psql")
            .args([
                self.server.url(),
                "-XAtq",
                "-v",
                "ON_ERROR_STOP=1",
                "-P",
                "null=NULL",
                "-F",
                &CELL.to_string(),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = psql.stdin.take().unwrap();
        let script = script.to_owned();
        let writer = std::thread::spawn(move || stdin.write_all(script.as_bytes()).ok());
        let output = psql.wait_with_output().unwrap();
        writer.join().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.is_empty(), "PostgreSQL does not understand: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// A cell without the zeros nobody says.
pub(crate) fn plain(text: &str) -> String {
    let number =
        text.contains('.') && text.bytes().all(|it| it.is_ascii_digit() || b".-".contains(&it));
    if !number {
        return text.to_owned();
    }
    match text.trim_end_matches('0').trim_end_matches('.') {
        "-0" => "0".to_owned(),
        short => short.to_owned(),
    }
}

/// The rows of a SELECT in the guarded session, in the same form.
#[allow(dead_code, reason = "each test binary uses its part")]
pub(crate) async fn session_rows(
    answers: &dyn Answers,
    question: Question,
) -> Result<Vec<String>, String> {
    let sql = question.sql.clone();
    let told = |error: vitals_query::QueryError| format!("{error} ({})\n{sql}", error.state.slug());
    let answer = answers.answer(question).await.map_err(told)?.collect().await.map_err(told)?;
    assert!(!answer.truncated);
    Ok(value_rows(&formats::json_value(&answer).unwrap()))
}

/// The rows of an answer as JSON, in the same form.
pub(crate) fn value_rows(answer: &Value) -> Vec<String> {
    let cell = |it: &Value| match it {
        Value::Null => "NULL".to_owned(),
        Value::String(text) => plain(text),
        other => plain(&other.to_string()),
    };
    let rows = answer["rows"].as_array().unwrap().iter();
    let rows =
        rows.map(|row| row.as_array().unwrap().iter().map(cell).collect::<Vec<_>>().join(" | "));
    let mut rows: Vec<String> = rows.collect();
    rows.sort();
    rows
}

async fn insert(tables: &InMemory, name: &str) -> String {
    let answer = tables.everything(name).await;
    let columns = answer["columns"].as_array().unwrap();
    let types: Vec<&str> = columns.iter().map(|it| it["type"].as_str().unwrap()).collect();
    let named = columns
        .iter()
        .map(|it| format!("{} {}", it["name"].as_str().unwrap(), it["type"].as_str().unwrap()));
    let mut script = format!("create table {name} ({});\n", named.collect::<Vec<_>>().join(", "));
    for row in answer["rows"].as_array().unwrap() {
        let cells =
            row.as_array().unwrap().iter().zip(&types).map(|(cell, of)| match (cell, *of) {
                (Value::Null, _) => "NULL".to_owned(),
                (Value::String(text), "text[]") => {
                    format!("'{{{}}}'", text.trim_matches(['[', ']']))
                }
                (Value::String(text), _) => format!("'{}'", text.replace('\'', "''")),
                (other, _) => other.to_string(),
            });
        writeln!(script, "insert into {name} values ({});", cells.collect::<Vec<_>>().join(", "))
            .unwrap();
    }
    script
}
