//! Questions in plain language, through the command line and over HTTP, of the real thing.

use std::process::Command;

use serde_json::{Value, json};

use crate::world::{Up, World};

/// A small shop in Berlin that lives by its data: today is 1 April 2026, three days after the clocks changed.
/// The second sale is on 1 March there, and on the last of February in UTC.
const RECORDS: &str = r#"{"kind":"location","source":"csv","id":"l","body":{"name":"Kreuzberg"}}
{"kind":"customer","source":"csv","id":"1","body":{"display_name":"Maeve O'Brien"}}
{"kind":"order","source":"csv","id":"1","body":{"ordered_at":"2026-02-28T22:59:59Z","currency":"EUR","customer_id":"1","lines":[{"quantity":"1","unit_price":"100.00"}]}}
{"kind":"order","source":"csv","id":"2","body":{"ordered_at":"2026-02-28T23:00:00Z","currency":"EUR","customer_id":"1","location_id":"l","lines":[{"quantity":"3","unit_price":"0.10"}]}}
{"kind":"order","source":"csv","id":"3","body":{"ordered_at":"2026-03-31T21:59:59Z","currency":"EUR","lines":[{"quantity":"1","unit_price":"20.00"}]}}
{"kind":"order","source":"csv","id":"4","body":{"ordered_at":"2026-03-31T22:00:00Z","currency":"EUR","lines":[{"quantity":"1","unit_price":"7.00"}]}}
{"kind":"visit","source":"csv","id":"1","body":{"customer_id":"1","visited_at":"2026-04-01T06:00:00Z"}}
"#;

/// Status and body of a POST.
fn post(up: &Up, path: &str, key: &str, body: &Value) -> (u16, Value) {
    let output = Command::new("curl")
        .args(["--silent", "--max-time", "60", "--write-out", "\n%{http_code}", "--data"])
        .args([&body.to_string(), "--header", &format!("Authorization: Bearer {key}")])
        .args(["--header", "Content-Type: application/json", &format!("{}{path}", up.http)])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, status) = said.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), serde_json::from_str(body).unwrap_or(Value::Null))
}

#[test]
fn a_question_is_answered_with_what_it_rests_on() {
    let world = World::new();
    world.import_berlin("laden", RECORDS);
    world.import_berlin(
        "other",
        &RECORDS.replace("Maeve O'Brien", "Nora Canary").replace("100.00", "999.00"),
    );
    let ask = |args: &[&str]| world.run(&[&["ask"], args].concat());

    // With nothing running.
    let run = ask(&["What was our net revenue last month?", "--tenant", "laden"]).expect(0);
    assert!(
        run.stdout.starts_with("Net revenue, last month: EUR 20.3.\n\nnet\n20.300000\n"),
        "{}",
        run.stdout
    );
    for part in [
        "dates       2026-03-01 to 2026-03-31",
        "by records: the same rows",
        "as_of ",
        "FROM revenue_trend",
        "translator  builtin",
    ] {
        assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
    }

    let up = world.up(&[]);
    let by_day = ["Revenue by day in March 2026", "--tenant", "laden", "--format", "json"];
    let answer = ask(&by_day).expect(0).json();
    assert_eq!(answer["rows"], json!([["2026-03-01", "0.300000"], ["2026-03-31", "20.000000"]]));
    assert_eq!(answer["chart"], json!({"kind": "line", "x": "day", "y": ["net"], "series": null}));
    assert_eq!(answer["check"]["agrees"], json!(true));
    assert_eq!(
        (&answer["dates"]["from"], &answer["time_zone"]),
        (&json!("2026-03-01"), &json!("Europe/Berlin"))
    );

    // A vital with a definition of its own is computed anew by it.
    let health = ask(&["What is our health score?", "--tenant", "laden", "--format", "json"])
        .expect(0)
        .json();
    assert_eq!(
        (&health["check"]["by"], &health["check"]["agrees"]),
        (&json!("definition"), &json!(true)),
        "{health}"
    );

    // Nothing found is nothing, not zero; and a name is known to its own tenant only.
    let empty =
        ask(&["Top 5 products by revenue last week", "--tenant", "laden", "--format", "json"])
            .expect(0)
            .json();
    assert!(empty["answer"].as_str().unwrap().ends_with("nothing was found."), "{empty}");
    let own = ask(&["How many visits did Maeve O'Brien make?", "--tenant", "laden"]).expect(0);
    assert!(own.stdout.contains(": 1."), "{}", own.stdout);
    let none = ask(&["How many visits did Nora Canary make?", "--tenant", "laden"]).expect(1);
    assert!(
        none.stderr.contains("I can't answer that") && none.stderr.contains("ask something like"),
        "{}",
        none.stderr
    );
    assert!(none.stdout.is_empty());

    over_http(&world, &up);
    assert_eq!(up.stop(), 0);
}

fn over_http(world: &World, up: &Up) {
    let key = |tenant| {
        world.run(&["keys", "create", "--tenant", tenant]).expect(0).stdout.trim().to_owned()
    };
    let (laden, other) = (key("laden"), key("other"));
    let question = |text: &str| json!({ "question": text });
    let revenue = question("reve\u{200b}nue in February 2026");
    let (status, answer) = post(up, "/api/v1/ask", &laden, &revenue);
    assert_eq!((status, &answer["rows"]), (200, &json!([["100.000000"]])), "{answer}");
    assert_eq!(answer["answer"], json!("Net revenue, February 2026: EUR 100."));
    let (status, answer) = post(up, "/api/v1/ask", &other, &revenue);
    assert_eq!((status, &answer["rows"]), (200, &json!([["999.000000"]])), "{answer}");

    let (status, problem) =
        post(up, "/api/v1/ask", &laden, &question("What will revenue be next month?"));
    assert_eq!((status, &problem["code"]), (422, &json!("cannot_answer")), "{problem}");
    assert_eq!(problem["nearest"].as_array().unwrap().len(), 3);
    assert!(
        problem["request_id"].is_string()
            && problem["detail"].as_str().unwrap().starts_with("I can't answer that")
    );
    for (key, body, status) in [
        ("vt_0_0", revenue.clone(), 401),
        (laden.as_str(), json!({ "question": "x", "tenant": "other" }), 400),
        (laden.as_str(), question(&"x".repeat(9_000)), 413),
        (laden.as_str(), question(&"x".repeat(1_001)), 422),
    ] {
        assert_eq!(post(up, "/api/v1/ask", key, &body).0, status, "{body:.80}");
    }
}
