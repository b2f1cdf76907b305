//! `vitals sql`: a tenant's own rows, in its own days, with nothing running and through a running `up`.

use crate::world::World;

/// Two visits around midnight in Berlin, which is an hour before UTC's.
const RECORDS: &str = r#"{"kind":"customer","source":"csv","id":"1","body":{"first_name":"=1+1","last_name":"Roe"}}
{"kind":"visit","source":"csv","id":"late","body":{"customer_id":"1","visited_at":"2026-01-10T22:59:59Z"}}
{"kind":"visit","source":"csv","id":"early","body":{"customer_id":"1","visited_at":"2026-01-10T23:00:00Z"}}
"#;

const FROM_MIDNIGHT: &str =
    "SELECT source_id, visited_at FROM visits WHERE visited_at >= DATE '2026-01-11'";

fn import(world: &World, tenant: &str, records: &str) {
    let file = world.write(&format!("{tenant}.jsonl"), records);
    let into = ["--tenant", tenant, "--create-tenant", "--time-zone", "Europe/Berlin"];
    world.run(&[&["import", "jsonl", file.to_str().unwrap()], &into[..]].concat()).expect(0);
}

#[test]
fn a_tenant_is_answered_about_itself_and_in_its_own_days() {
    let world = World::new();
    import(&world, "studio", RECORDS);
    import(&world, "other", &RECORDS.replace("Roe", "CANARY").replace("late", "CANARY"));
    let sql = |args: &[&str]| world.run(&[&["sql"], args].concat());

    let run = sql(&[FROM_MIDNIGHT, "--tenant", "studio"]).expect(0);
    assert_eq!(run.stdout, "source_id  visited_at\nearly      2026-01-11 00:00:00+01:00\n");
    assert!(
        run.stderr.contains("1 row as_of ") && run.stderr.contains(" committed_at "),
        "{}",
        run.stderr
    );

    let up = world.up(&[]);
    let run = sql(&[FROM_MIDNIGHT, "--tenant", "studio", "--format", "json"]).expect(0);
    let answer = run.json();
    assert_eq!(answer["rows"], serde_json::json!([["early", "2026-01-11 00:00:00+01:00"]]));
    assert_eq!(answer["time_zone"], "Europe/Berlin");
    assert!(answer["as_of"].as_u64().unwrap() > 0, "{answer}");

    let names = "SELECT first_name, NULL AS none FROM customers";
    let run = sql(&[names, "--tenant", "studio", "--format", "csv"]).expect(0);
    assert_eq!(run.stdout, "first_name,none\r\n'=1+1,\r\n");

    let vitals = "SELECT h.metric, r.level FROM health_metrics h JOIN churn_risk r ON r.customer_id = 'csv:1' \
                  WHERE h.metric = 'nps'";
    sql(&[vitals, "--tenant", "studio"]).expect(0);
    let run =
        sql(&["SELECT count(*) > 0 AS any FROM vital_changes", "--tenant", "studio"]).expect(0);
    assert_eq!(run.stdout, "any\ntrue\n");

    for (question, word) in [
        ("DELETE FROM visits", "25006"),
        ("SELECT * FROM other.visits", "42P01"),
        ("SELECT nothing FROM visits", "42703"),
        ("SELECT 1/0", "22012"),
    ] {
        let run = sql(&[question, "--tenant", "studio"]).expect(1);
        assert!(run.stdout.is_empty() && run.stderr.contains(word), "{question}: {}", run.stderr);
        assert!(!run.stderr.contains("CANARY"), "{}", run.stderr);
    }
    let run = sql(&["SELECT 1", "--tenant", "nobody"]).expect(1);
    assert!(run.stderr.contains("'nobody'"), "{}", run.stderr);
    sql(&["SELECT 1", "--tenant", "studio", "--format", "xml"]).expect(2);
    assert_eq!(up.stop(), 0);
}
