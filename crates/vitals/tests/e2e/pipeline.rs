//! Records in at one end, the same numbers out at the other, and nothing lost on the way.

use crate::shared::until;
use crate::world::{PORTS, Up, World, online_retail};

#[test]
fn import_read_verify_import_again_and_stop() {
    let world = World::new();
    let file = world.path("retail.csv");
    online_retail(&file, 400);
    // One line in the middle is broken: it costs itself.
    let mut text = std::fs::read_to_string(&file).unwrap();
    text.push_str("999999,1,\"OPEN QUOTE,1,2011-03-28 10:00:00,1.00,12000,United Kingdom\n");
    std::fs::write(&file, text).unwrap();
    let file = file.to_str().unwrap();

    let up = world.up(&[]);
    assert!(up.get("/healthz").starts_with("HTTP/1.1 200"), "{}", up.get("/healthz"));
    let ready = up.get("/readyz?verbose");
    assert!(ready.starts_with("HTTP/1.1 200") && ready.contains("\"engine\""), "{ready}");

    let import = ["import", "csv", file, "--preset", "online-retail", "--tenant", "shop"];
    let first = world.run(&[&import[..], &["--clock", "data", "--json"]].concat()).expect(0).json();
    assert_eq!(first["tenant"]["created"], true);
    assert_eq!(first["bad_lines"], 1);
    let applied = first["committed"]["applied"].as_u64().unwrap();
    assert_eq!(first["committed"]["received"], applied, "{first}");
    assert!(applied >= 400, "{first}");

    // Twenty cancellations of 400 invoices are refunds, the others orders.
    let orders =
        "select sum(orders) from revenue_trend where grain = 'month' and location_id is null";
    assert_eq!(world.psql(orders), "380");
    let refunds =
        "select sum(refund_count) from revenue_trend where grain = 'month' and location_id is null";
    assert_eq!(world.psql(refunds), "20");
    assert_eq!(world.psql("select line, reason like '%quote%' from quarantined_lines"), "801|t");
    assert_eq!(world.psql("select count(*) from health_score"), "1");

    let verified = world.run(&["verify", "--json"]).expect(0).json();
    assert!(verified["vitals"]["revenue_trend"]["rows"].as_u64().unwrap() > 0, "{verified}");

    let rows = world.rows();
    let second = world.run(&[&import[..], &["--json"]].concat()).expect(0).json();
    assert_eq!(second["committed"]["duplicate"], applied, "{second}");
    assert_eq!(second["committed"]["applied"], 0, "{second}");
    assert_eq!(world.rows(), rows);

    let metrics = up.get("/metrics");
    let line = format!("vitals_records_total{{outcome=\"duplicate\"}} {applied}");
    assert!(metrics.contains(&line), "{metrics}");

    assert_eq!(up.stop(), 0);
    // Without it, the command starts what it needs, and finds the same.
    world.run(&["verify", "--tenant", "shop"]).expect(0);
    assert_eq!(world.rows(), rows);
}

#[test]
fn a_second_up_says_who_runs_there() {
    let world = World::new();
    let up = world.up(&[]);
    let run = world.run(&[&["up"], &PORTS[..]].concat()).expect(1);
    let text = run.stderr;
    assert!(text.contains(&format!("process {}", up.pid())) && text.contains(&up.http), "{text}");
    assert!(up.stdout.try_recv().is_err(), "one line on standard output, and no other");
    assert_eq!(up.stop(), 0);
    assert!(!world.data_dir().join("run.json").exists());
}

#[test]
fn tenants_users_and_keys() {
    let world = World::new();
    let up = world.up(&[]);
    let zone = ["--time-zone", "Africa/Cairo", "--currency", "EGP"];
    let create = ["tenants", "create", "--slug", "cairo-yoga", "--name", "Cairo Yoga"];
    world.run(&[&create[..], &zone[..]].concat()).expect(0);
    let again = world.run(&[&create[..], &zone[..]].concat());
    // Its record may not be committed yet: then creating it again is the same thing once more.
    assert!(again.code == 0 || again.stderr.contains("taken"), "{}", again.stderr);
    let list = world.run(&["tenants", "list", "--json"]).expect(0).json();
    assert_eq!(list[0]["slug"], "cairo-yoga");
    let user = ["users", "create", "--tenant", "cairo-yoga", "--email", "a@b.example"];
    world.run(&user).expect(0);
    let text = world.run(&user).expect(1).stderr;
    assert!(text.contains("a@b.example") && text.contains("taken"), "{text}");
    let key = world.run(&["keys", "create", "--tenant", "cairo-yoga"]).expect(0).stdout;
    assert!(key.starts_with("vt_"), "a key is shown once");
    let text = world.run(&["keys", "create", "--tenant", "nobody"]).expect(1).stderr;
    assert!(text.contains("'nobody'") && text.contains("tenants list"), "{text}");
    let file = world.write("empty.jsonl", "{}\n");
    let args = ["import", "jsonl", file.to_str().unwrap(), "--tenant", "nobody"];
    let text = world.run(&args).expect(1).stderr;
    assert!(text.contains("'nobody'") && text.contains("tenants create"), "{text}");
    assert_eq!(up.stop(), 0);
}

#[test]
fn a_difference_is_found_refused_and_repaired() {
    let world = World::new();
    let simulate = ["simulate", "--tenants", "1", "--customers", "10", "--days", "20", "--json"];
    let report = world.run(&simulate).expect(0).json();
    assert!(report["committed"]["applied"].as_u64().unwrap() > 0, "{report}");
    world.run(&["verify"]).expect(0);
    let rows = world.rows();
    let touched = world.psql(
        "with touched as (update revenue_trend set orders = orders + 1 \
         where grain = 'month' and location_id is null returning 1) select count(*) from touched",
    );
    assert_ne!(touched, "0");
    let run = world.run(&["verify"]).expect(1);
    assert!(run.stdout.contains("DIFFERENT") && run.stdout.contains("stored"), "{}", run.stdout);
    let run = world.run(&[&["up"], &PORTS[..]].concat()).expect(1);
    assert!(
        run.stderr.contains("--repair") && run.stderr.contains("revenue_trend"),
        "{}",
        run.stderr
    );
    assert_eq!(run.stdout, "", "what does not serve is not ready");
    let up = world.up(&["--repair"]);
    world.run(&["verify"]).expect(0);
    assert_eq!(up.stop(), 0);
    assert_eq!(world.rows(), rows);
}

#[test]
fn maintenance_puts_away_what_no_start_needs() {
    let world = World::new();
    let file = world.path("retail.csv");
    online_retail(&file, 300);
    let file = file.to_str().unwrap();
    let start = || {
        let mut command = world.command(&[&["up"], &PORTS[..]].concat());
        command.env("VITALS_MAINTENANCE_INTERVAL_S", "1");
        Up::start(command)
    };
    let up = start();
    let import = ["import", "csv", file, "--preset", "online-retail", "--tenant", "shop"];
    let first = world.run(&[&import[..], &["--clock", "data", "--json"]].concat()).expect(0).json();
    let applied = first["committed"]["applied"].as_u64().unwrap();
    let rows = world.rows();
    // The same once more: whatever was there is superseded by its own repetition.
    world.run(&import).expect(0);
    until("the log is compacted", || up.metric("vitals_log_compacted_messages_total") >= applied);
    assert_ne!(world.psql("select count(*) from vital_changes"), "0");
    world.psql("update vital_changes set committed_at = committed_at - interval '500 days'");
    until("history is forgotten", || world.psql("select count(*) from vital_changes") == "0");
    until("it says so", || up.metric("vitals_history_forgotten_rows_total") > 0);
    let verified = world.run(&["verify", "--json"]).expect(0).json();
    assert_eq!(
        verified["records"],
        applied + 1,
        "the log has each record once, and the tenant's own"
    );
    assert_eq!(up.stop(), 0);

    // A start that found a difference would refuse.
    let up = start();
    world.run(&["verify"]).expect(0);
    assert_eq!(world.rows(), rows);
    assert_eq!(up.stop(), 0);
}
