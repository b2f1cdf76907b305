//! What is said when something is wrong, and how the command ends.

use crate::world::{Run, World};

/// One plain sentence on standard error, nothing on standard output.
#[track_caller]
fn refused(run: Run, code: i32, words: &[&str]) {
    let run = run.expect(code);
    assert_eq!(run.stdout, "");
    let text = run.stderr.trim_end();
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.starts_with("error: ") && !text.contains('\u{1b}'), "{text}");
    for word in words {
        assert!(text.contains(word), "{text:?} should contain {word:?}");
    }
}

#[test]
fn wrong_usage_exits_2() {
    let world = World::new();
    let run = world.run(&["import", "csv"]).expect(2);
    assert!(run.stderr.contains("Usage:"), "{}", run.stderr);
    world.run(&["no-such-command"]).expect(2);
    let file = world.write("a.csv", "x\n");
    let file = file.to_str().unwrap();
    let run = world.run(&["import", "csv", file, "--preset", "nope", "--tenant", "a"]);
    refused(run, 2, &["'nope'", "online-retail"]);
    let zone = ["--slug", "a", "--name", "A", "--time-zone", "Mars/Base", "--currency", "EUR"];
    let run = world.run(&[&["tenants", "create"], &zone[..]].concat());
    refused(run, 2, &["'Mars/Base'", "Europe/Berlin"]);
    assert!(!world.data_dir().exists(), "nothing was started for a command used wrongly");
}

#[test]
fn a_missing_file_is_named_before_anything_is_started() {
    let world = World::new();
    let args = ["import", "csv", "none.csv", "--preset", "online-retail", "--tenant", "shop"];
    refused(world.run(&args), 1, &["none.csv", "No such file"]);
    assert!(!world.data_dir().exists());
}

#[test]
fn a_wrong_settings_file_is_named_with_its_key() {
    let world = World::new();
    let file = world.write("vitals.toml", "listne = \"127.0.0.1:1\"\n");
    let run = world.run(&["doctor", "--config", file.to_str().unwrap()]);
    refused(run, 1, &["vitals.toml", "'listne'", "listen"]);
    let file = world.write("broken.toml", "listen = [\n");
    let run = world.run(&["doctor", "--config", file.to_str().unwrap()]);
    refused(run, 1, &["broken.toml", "not valid TOML"]);
    refused(world.run(&["doctor", "--config", "absent.toml"]), 1, &["absent.toml", "--config"]);
}

#[test]
fn the_environment_is_read_and_flags_win() {
    let world = World::new();
    let mut command = world.command(&["tenants", "list"]);
    command.env("VITALS_DATABASE_URL", "mysql://root:hunter2@nowhere/x");
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("postgres://") && !text.contains("hunter2"), "{text}");
    let url = "postgres://u:hunter3@127.0.0.1:1/x";
    let mut command = world.command(&["tenants", "list", "--database-url", url]);
    command.env("VITALS_DATABASE_URL", "mysql://root:hunter2@nowhere/x");
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("cannot reach the database"), "{text}");
    assert!(text.contains("--database-url") && !text.contains("hunter"), "{text}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn an_unreachable_broker_is_said_with_its_address() {
    let world = World::new();
    let url = "postgres://u:p@127.0.0.1:1/x";
    let args = ["tenants", "list", "--kafka", "127.0.0.1:1", "--database-url", url];
    refused(world.run(&args), 1, &["127.0.0.1:1", "does not answer"]);
}

#[test]
fn roles_are_split_only_around_a_shared_log_and_database() {
    let world = World::new();
    let run = world.run(&["up", "--roles", "engine"]);
    refused(run, 2, &["--kafka and --database-url"]);
    refused(world.run(&["up", "--roles", "cook"]), 2, &["cook"]);
}

#[test]
fn doctor_finds_nothing_to_mend_here() {
    let world = World::new();
    let run = world.run(&["doctor", "--listen", "x"]);
    assert_eq!(run.code, 2, "doctor serves nothing: {}", run.stderr);
    let run = world.run(&["doctor", "--json"]);
    let findings = run.json();
    let database = findings.as_array().unwrap().iter().find(|it| it["what"] == "database");
    assert_eq!(database.unwrap()["ok"], true, "{findings}");
    assert!(!world.data_dir().exists(), "doctor changes nothing");
}
