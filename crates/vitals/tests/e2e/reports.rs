//! Reports, saved queries and schedules of the real thing, by the command line and over HTTP.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::world::{PATIENCE, Up, World};

const RECORDS: &str = r#"{"kind":"customer","source":"csv","id":"1","body":{"display_name":"=HYPERLINK(\"x\")"}}
{"kind":"order","source":"csv","id":"1","body":{"ordered_at":"2026-03-28T23:30:00Z","currency":"EUR","customer_id":"1","lines":[{"quantity":"1","unit_price":"12.50"}]}}
{"kind":"order","source":"csv","id":"2","body":{"ordered_at":"2026-03-29T22:30:00Z","currency":"EUR","customer_id":"1","lines":[{"quantity":"2","unit_price":"0.005"}]}}
"#;

/// Status and body of a request.
fn http(up: &Up, method: &str, path: &str, key: &str, body: Option<&Value>) -> (u16, String) {
    let mut curl = Command::new("curl");
    curl.args([
        "--silent",
        "--max-time",
        "60",
        "--write-out",
        "\n%{http_code}",
        "--request",
        method,
    ]);
    curl.args(["--header", &format!("Authorization: Bearer {key}"), &format!("{}{path}", up.http)]);
    if let Some(body) = body {
        curl.args(["--header", "Content-Type: application/json", "--data", &body.to_string()]);
    }
    let said = String::from_utf8_lossy(&curl.output().unwrap().stdout).into_owned();
    let (body, status) = said.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), body.to_owned())
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| panic!("no JSON: {text}"))
}

fn keys(world: &World) -> (String, String) {
    let key = |tenant| {
        world.run(&["keys", "create", "--tenant", tenant]).expect(0).stdout.trim().to_owned()
    };
    (key("laden"), key("other"))
}

#[test]
fn reports_run_in_every_form() {
    let world = World::new();
    world.import_berlin("laden", RECORDS);
    world.import_berlin("other", &RECORDS.replace("12.50", "999.00"));
    let reports = |args: &[&str]| world.run(&[&["reports"], args].concat());
    let list = reports(&["list", "--json"]).expect(0).json();
    assert_eq!(list.as_array().unwrap().len(), 8);

    let up = world.up(&[]);
    let run =
        ["run", "top_customers", "--tenant", "laden", "--param", "from=2026-03-29", "--format"];
    let csv = reports(&[&run[..], &["csv"]].concat()).expect(0);
    let expected = "customer_id,customer,currency,orders,net,last_order\r\n\
                    csv:1,\"'=HYPERLINK(\"\"x\"\")\",EUR,2,12.510000,2026-03-30\r\n";
    assert_eq!(csv.stdout, expected);
    let out = world.path("top.xlsx");
    reports(&[&run[..], &["xlsx", "--out", out.to_str().unwrap()]].concat()).expect(0);
    let sheet = Command::new("unzip")
        .args(["-p", out.to_str().unwrap(), "xl/worksheets/sheet1.xml"])
        .output()
        .unwrap();
    let sheet = String::from_utf8(sheet.stdout).unwrap();
    assert!(sheet.contains("<v>12.51</v>") && !sheet.contains("<f>"), "{sheet}");
    reports(&["run", "nothing", "--tenant", "laden"]).expect(1);
    reports(&["run", "top_customers", "--tenant", "laden", "--param", "rows=0"]).expect(1);
    reports(&["run", "top_customers", "--tenant", "laden", "--param", "rows"]).expect(2);

    let (laden, other) = keys(&world);
    let path = "/api/v1/reports/monthly_revenue?from=2026-03-01";
    let (status, body) = http(&up, "GET", path, &laden, None);
    assert_eq!((status, &value(&body)["rows"][0][6]), (200, &json!("12.510000")), "{body}");
    assert_eq!(value(&body)["params"]["from"], json!("2026-03-01"));
    let (_, body) = http(&up, "GET", path, &other, None);
    assert_eq!(value(&body)["rows"][0][6], json!("999.010000"));
    for (path, key, status) in [
        ("/api/v1/reports", laden.as_str(), 200),
        ("/api/v1/reports/monthly_revenue", "vt_none", 401),
        ("/api/v1/reports/nothing", laden.as_str(), 404),
        ("/api/v1/reports/monthly_revenue?format=pdf", laden.as_str(), 422),
        ("/api/v1/reports/monthly_revenue?from=soon", laden.as_str(), 422),
        ("/api/v1/reports/monthly_revenue?from=2026-01-01&from=2026-01-02", laden.as_str(), 400),
    ] {
        assert_eq!(http(&up, "GET", path, key, None).0, status, "{path}");
    }
    assert_eq!(up.stop(), 0);
}

#[test]
fn queries_are_kept_and_run_and_a_schedule_writes_its_file_once() {
    let world = World::new();
    world.import_berlin("laden", RECORDS);
    world.import_berlin("other", RECORDS);
    let up = world.up(&[]);
    let (laden, other) = keys(&world);
    let sql = "SELECT source_id FROM orders WHERE ordered_at >= :since ORDER BY 1";
    let save =
        json!({ "name": "recent", "sql": sql, "params": ["since date = today: the first day"] });
    let (status, body) = http(&up, "POST", "/api/v1/queries", &laden, Some(&save));
    assert_eq!((status, value(&body)["title"].as_str()), (201, Some("recent")), "{body}");
    assert_eq!(
        http(&up, "POST", "/api/v1/queries", &laden, Some(&save)).0,
        200,
        "again: the same one"
    );
    let rows = |path: &str, key: &str| http(&up, "GET", path, key, None);
    assert_eq!(value(&rows("/api/v1/queries/recent/rows", &laden).1)["rows"], json!([["2"]]));
    assert_eq!(
        value(&rows("/api/v1/queries/recent/rows?since=2026-03-01", &laden).1)["rows"],
        json!([["1"], ["2"]])
    );
    for path in ["/api/v1/queries/recent", "/api/v1/queries/recent/rows"] {
        assert_eq!(rows(path, &other).0, 404, "another's is not there");
    }
    assert_eq!(http(&up, "DELETE", "/api/v1/queries/recent", &other, None).0, 404);
    for (sql, status) in [
        ("DELETE FROM orders", 422),
        ("SELECT * FROM api_keys", 422),
        ("SELECT :x", 422),
        ("SELECT nothing FROM orders", 422),
    ] {
        let bad = json!({ "name": "bad", "sql": sql });
        assert_eq!(http(&up, "POST", "/api/v1/queries", &laden, Some(&bad)).0, status, "{sql}");
    }
    let second = json!({ "name": "second", "sql": "SELECT 1 AS one" });
    assert_eq!(http(&up, "POST", "/api/v1/queries", &laden, Some(&second)).0, 201);
    let page = value(&rows("/api/v1/queries?limit=1", &laden).1);
    assert_eq!(
        (page["queries"][0]["name"].as_str(), page["next_cursor"].as_str()),
        (Some("recent"), Some("recent"))
    );
    let page = value(&rows("/api/v1/queries?limit=1&cursor=recent", &laden).1);
    assert_eq!(
        (page["queries"][0]["name"].as_str(), &page["next_cursor"]),
        (Some("second"), &Value::Null)
    );
    let run =
        world.run(&["queries", "run", "recent", "--tenant", "laden", "--format", "csv"]).expect(0);
    assert_eq!(run.stdout, "source_id\r\n2\r\n");
    world.run(&["queries", "run", "recent", "--tenant", "other"]).expect(1);
    assert_eq!(http(&up, "DELETE", "/api/v1/queries/second", &laden, None).0, 204);

    schedules(&world);
    assert_eq!(up.stop(), 0);
}

fn schedules(world: &World) {
    let create = [
        "schedules",
        "create",
        "morning",
        "--tenant",
        "laden",
        "--query",
        "recent",
        "--daily",
        "--at",
        "06:00",
        "--keep",
        "2",
    ];
    let run = world.run(&create).expect(0);
    assert!(run.stdout.contains("due first at"), "{}", run.stdout);
    world.run(&create).expect(1);
    world
        .run(&["schedules", "create", "x", "--tenant", "laden", "--query", "nothing", "--daily"])
        .expect(1);
    world.run(&["schedules", "create", "x", "--tenant", "laden", "--query", "recent"]).expect(2);
    let folder = world.data_dir().join("reports/laden");
    for (number, due) in ["2026-03-29 04:00+00", "2026-03-30 04:00+00", "2026-03-31 04:00+00"]
        .into_iter()
        .enumerate()
    {
        world.psql(&format!("update schedules set next_at = '{due}'"));
        wait(|| {
            world.psql("select count(*) from schedule_runs where file is not null")
                == (number + 1).to_string()
        });
    }
    let mut files: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert!(
        files.len() == 2 && files[0].starts_with("morning.20260330T040000Z.as-of-"),
        "{files:?}"
    );
    assert_eq!(std::fs::read_to_string(folder.join(&files[1])).unwrap(), "source_id\r\n2\r\n");
    // The next one is due at six by Berlin's clocks.
    let next = world
        .psql("select to_char(next_at at time zone 'Europe/Berlin', 'HH24:MI') from schedules");
    assert_eq!(next, "06:00");

    // A run that fails is tried again later, and in the end recorded.
    world.run(&["queries", "delete", "recent", "--tenant", "laden"]).expect(0);
    world.psql("update schedules set next_at = '2026-04-01 04:00+00', tries = 3");
    wait(|| {
        world.psql("select tries from schedules where free_at > now() + interval '5 minutes' and lease is null") == "4"
    });
    world.psql("update schedules set free_at = '-infinity'");
    wait(|| {
        world.psql("select count(*) from schedule_runs where error like 'there is no saved query%' and tries = 5") == "1"
    });
    let list = world.run(&["schedules", "list", "--tenant", "laden", "--json"]).expect(0).json();
    assert!(list[0]["last_error"].as_str().unwrap().contains("no saved query"), "{list}");
    assert_eq!(
        world.run(&["schedules", "list", "--tenant", "other", "--json"]).expect(0).json(),
        json!([])
    );
    world.run(&["schedules", "delete", "morning", "--tenant", "other"]).expect(1);
    world.run(&["schedules", "delete", "morning", "--tenant", "laden"]).expect(0);
}

fn wait(done: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "it did not happen in time");
        std::thread::sleep(Duration::from_millis(200));
    }
}
