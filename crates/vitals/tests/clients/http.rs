//! `POST /api/v1/query` by curl: forms, parameters, refusals, walls.

use std::process::Command;

use serde_json::{Value, json};

use crate::house::{House, Said, house};

/// Asks; gives the status, the head and the body.
fn ask(house: &House, key: Option<&str>, body: &str, more: &[&str]) -> (u16, String, Vec<u8>) {
    let url = format!("{}/api/v1/query", house.http);
    let mut command = Command::new("curl");
    command.args([
        "--header",
        "Expect:",
        "--silent",
        "--include",
        "--max-time",
        "60",
        "--data-binary",
        body,
        &url,
    ]);
    if let Some(key) = key {
        command.arg("--header").arg(format!("Authorization: Bearer {key}"));
    }
    let output = command.args(more).output().unwrap();
    assert!(output.status.success(), "{:?}", Said::of(&output));
    let end = output.stdout.windows(4).position(|it| it == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&output.stdout[..end]).to_ascii_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head, output.stdout[end + 4..].to_vec())
}

fn json_of(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(bytes)))
}

fn asked(house: &House, body: &Value) -> Value {
    let (status, head, body) = ask(house, Some(&house.key), &body.to_string(), &[]);
    assert_eq!(status, 200, "{head} {}", String::from_utf8_lossy(&body));
    json_of(&body)
}

#[test]
fn an_answer_says_its_moment_and_is_exact_in_every_form() {
    let house = house();
    let sql = "SELECT amount, incurred_at, category FROM expenses ORDER BY amount";
    let body = json!({ "sql": sql }).to_string();
    let (status, head, json) = ask(&house, Some(&house.key), &body, &[]);
    assert_eq!(status, 200, "{head}");
    let answer = json_of(&json);
    let rows = json!([
        ["-0.001000", "2026-01-06 09:00:00+01:00", "other"],
        ["12345678901.123456", "2026-01-05 09:00:00+01:00", "rent"]
    ]);
    assert_eq!((&answer["rows"], &answer["truncated"]), (&rows, &json!(false)));
    assert_eq!(answer["columns"][0], json!({ "name": "amount", "type": "numeric(20,6)" }));
    let tick = answer["as_of"].as_u64().unwrap();
    assert!(tick > 0 && head.contains(&format!("vitals-as-of: {tick}")), "{head}");
    assert!(
        head.contains("vitals-time-zone: europe/berlin") && head.contains("x-request-id: "),
        "{head}"
    );

    let accept = ["--header", "Accept: text/csv"];
    let (_, head, csv) = ask(&house, Some(&house.key), &body, &accept);
    assert!(head.contains("content-type: text/csv"), "{head}");
    let csv = String::from_utf8(csv).unwrap();
    assert!(csv.starts_with("amount,incurred_at,category\r\n-0.001000,"), "{csv}");

    for (format, magic) in [("parquet", &b"PAR1"[..]), ("arrow", &[0xff; 4][..])] {
        let body = json!({ "sql": sql, "format": format }).to_string();
        let (status, _, bytes) = ask(&house, Some(&house.key), &body, &[]);
        assert!(status == 200 && bytes.starts_with(magic), "{format}");
        let file = house.world.path(format);
        std::fs::write(&file, &bytes).unwrap();
        let read = "import sys, pyarrow.parquet as p, pyarrow.ipc as i\n\
             f = sys.argv[1]\n\
             t = p.read_table(f) if f.endswith('parquet') else i.open_stream(f).read_all()\n\
             m = p.read_metadata(f).metadata if f.endswith('parquet') else t.schema.metadata\n\
             print(t.column('amount').to_pylist(), t.column('incurred_at').to_pylist()[0].isoformat())\n\
             print(m[b'vitals.as_of'].decode())";
        let said = crate::python::python(read, &[file.to_str().unwrap()]);
        let expected = format!(
            "[Decimal('-0.001000'), Decimal('12345678901.123456')] 2026-01-06T09:00:00+01:00\n{tick}\n"
        );
        assert_eq!((said.out, said.err), (expected, String::new()), "{format}");
    }
}

#[test]
fn parameters_are_values_whatever_they_hold() {
    let house = house();
    let rows = |sql: &str, params: Value| {
        asked(&house, &json!({ "sql": sql, "params": params }))["rows"].clone()
    };
    let by_name = "SELECT source_id FROM customers WHERE last_name = $1";
    assert_eq!(rows(by_name, json!(["O'Neil"])), json!([["1"]]));
    assert_eq!(rows(by_name, json!(["' OR ''='"])), json!([]));
    let by_amount = "SELECT source_id FROM expenses WHERE amount = $1 AND incurred_at >= $2";
    let instant = json!({ "type": "instant", "value": "2026-01-05T09:00:00+01:00" });
    let number = json!({ "type": "number", "value": "12345678901.123456" });
    assert_eq!(rows(by_amount, json!([number, instant])), json!([["rent"]]));
    assert_eq!(
        rows("SELECT $1 + 1, $2, $3 IS NULL", json!([41, true, null])),
        json!([[42, true, true]])
    );
}

#[test]
fn what_is_wrong_is_said_as_a_problem() {
    let house = house();
    let own = Some(house.key.as_str());
    let sql = |text: &str| json!({ "sql": text }).to_string();
    let huge = sql(&"x".repeat(2_000_000));
    let huge_file = house.world.write("huge", &huge);
    let huge = format!("@{}", huge_file.display());
    for (key, body, expected) in [
        (None, sql("SELECT 1"), (401, "unauthorized")),
        (Some("vt_0_0"), sql("SELECT 1"), (401, "unauthorized")),
        (own, "{".to_owned(), (400, "malformed_body")),
        (own, r#"{"sql":"SELECT 1","tenant":"other"}"#.to_owned(), (400, "malformed_body")),
        (own, r#"{"sql":"SELECT 1","format":"table"}"#.to_owned(), (400, "no_such_format")),
        (own, r#"{"sql":"SELECT $1","params":[[1]]}"#.to_owned(), (400, "bad_parameter")),
        (own, sql("SELEC"), (400, "syntax_error")),
        (own, sql("DELETE FROM visits"), (400, "not_read_only")),
        (own, sql("SELECT * FROM other.visits"), (404, "no_such_table")),
        (own, sql("SELECT * FROM pg_class"), (404, "no_such_table")),
        (own, huge, (413, "body_too_large")),
    ] {
        let (status, head, bytes) = ask(&house, key, &body, &[]);
        let problem = json_of(&bytes);
        assert_eq!((status, problem["code"].as_str().unwrap()), expected, "{problem}");
        assert!(head.contains("content-type: application/problem+json"), "{head}");
        assert_eq!(problem["status"], status, "{problem}");
        let id = problem["request_id"].as_str().unwrap();
        assert!(head.contains(&format!("x-request-id: {id}")), "{head}");
        assert!(!problem.to_string().contains("CANARY"), "{problem}");
        assert_eq!(head.contains("www-authenticate: bearer"), status == 401, "{head}");
    }
    let (status, ..) = ask(&house, own, "", &["--request", "GET"]);
    assert_eq!(status, 405);
}

#[test]
fn a_key_is_its_tenants() {
    let house = house();
    let body =
        json!({ "sql": "SELECT count(*) FROM visits WHERE source_id = 'CANARY'" }).to_string();
    let count = |key: &str| json_of(&ask(&house, Some(key), &body, &[]).2)["rows"][0][0].clone();
    assert_eq!((count(&house.key), count(&house.others_key)), (json!(0), json!(1)));
}
