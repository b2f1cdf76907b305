//! PostgreSQL with the same rows, and its answers to the same questions.

use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::DataType;
use vitals_model::local_time::Zone;
use vitals_query::RecordTables;
use vitals_store::EmbeddedPostgres;

use crate::studio;

/// Between two answers.
const MARK: &str = "@@next@@";

pub(crate) struct Postgres {
    server: EmbeddedPostgres,
    _dir: tempfile::TempDir,
}

impl Postgres {
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
        let server = EmbeddedPostgres::start(&dir.path().join("postgres")).await.unwrap();
        Self { server, _dir: dir }
    }

    pub(crate) async fn stop(self) {
        self.server.stop().await;
    }

    /// Loads the tables anew.
    pub(crate) fn load(&self, tables: &RecordTables) {
        let mut script = "set client_min_messages = error; set time zone 'UTC';\n".to_owned();
        for name in RecordTables::names() {
            script.push_str(&insert(name, tables.get(name).unwrap()));
        }
        self.psql(&script);
    }

    /// What PostgreSQL answers to each question, in a zone: rows as lines, or its error.
    pub(crate) fn answers(&self, zone: &str, questions: &[&str]) -> Vec<Vec<String>> {
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
                answers.last_mut().unwrap().push(line.to_owned());
            }
        }
        answers.pop();
        assert_eq!(answers.len(), questions.len(), "one answer a question");
        answers
    }

    fn psql(&self, script: &str) -> String {
        let mut psql = Command::new("psql")
            .args([self.server.url(), "-XAtq", "-P", "null=NULL"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = psql.stdin.take().unwrap();
        let script = script.to_owned();
        let writer = std::thread::spawn(move || stdin.write_all(script.as_bytes()).unwrap());
        let output = psql.wait_with_output().unwrap();
        writer.join().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(errors.is_empty(), "PostgreSQL does not understand: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }
}

fn insert(name: &str, batch: &RecordBatch) -> String {
    let schema = batch.schema();
    let columns =
        schema.fields().iter().map(|it| format!("{} {}", it.name(), sql_type(it.data_type())));
    let columns = columns.collect::<Vec<_>>().join(", ");
    let mut script = format!("drop table if exists {name}; create table {name} ({columns});\n");
    let quoted = |column: usize, row: usize| {
        let array = batch.column(column);
        if array.is_null(row) {
            return "NULL".to_owned();
        }
        format!("'{}'", studio::cell(array, row, Zone::utc()).replace('\'', "''"))
    };
    for row in 0..batch.num_rows() {
        let values = (0..batch.num_columns()).map(|column| quoted(column, row));
        let values = values.collect::<Vec<_>>().join(", ");
        writeln!(script, "insert into {name} values ({values});").unwrap();
    }
    script
}

fn sql_type(of: &DataType) -> String {
    match of {
        DataType::Utf8 => "text".to_owned(),
        DataType::Int64 => "bigint".to_owned(),
        DataType::Boolean => "boolean".to_owned(),
        DataType::Date32 => "date".to_owned(),
        DataType::Timestamp(..) => "timestamptz".to_owned(),
        DataType::Decimal128(digits, decimals) => format!("numeric({digits},{decimals})"),
        DataType::List(_) => "text[]".to_owned(),
        other => panic!("no column has the type {other}"),
    }
}
