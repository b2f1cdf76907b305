//! Kafka and a PostgreSQL of somebody's own: the product around what several processes share.
//!
//! The broker is the one that `VITALS_KAFKA` names, as `scripts/test.sh` always does; each test has topics of
//! its own there. Without it these tests say that they try nothing.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use vitals_store::EmbeddedPostgres;

use crate::world::{PATIENCE, PORTS, Up, World, online_retail, wait};

const IMPORT: [&str; 6] = ["import", "csv", "retail.csv", "--preset", "online-retail", "--json"];

/// A broker's topics and a database, and a world that uses both.
struct Shared {
    world: World,
    /// Other processes of the same: each has a data directory of its own.
    other: World,
    settings: Vec<(&'static str, String)>,
    url: String,
    server: Option<EmbeddedPostgres>,
    runtime: tokio::runtime::Runtime,
}

/// The broker of this run of tests.
#[allow(clippy::print_stdout, reason = "a test that tries nothing says so")]
fn broker() -> Option<String> {
    let broker = std::env::var("VITALS_KAFKA").ok().filter(|it| !it.is_empty());
    if broker.is_none() {
        println!("SKIPPED: VITALS_KAFKA is not set; scripts/test.sh starts a broker and sets it");
    }
    broker
}

impl Shared {
    fn around(kafka: &str) -> Self {
        let (world, other) = (World::new(), World::new());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let server = runtime.block_on(EmbeddedPostgres::start(&world.path("postgres"))).unwrap();
        let url = server.url().to_owned();
        let prefix = format!("test-{}-{}", std::process::id(), world.name());
        let settings = vec![
            ("VITALS_KAFKA", kafka.to_owned()),
            ("VITALS_KAFKA_TOPIC_PREFIX", prefix),
            ("VITALS_DATABASE_URL", url.clone()),
        ];
        Self { world, other, settings, url, server: Some(server), runtime }
    }

    /// A command around the shared log and database, in the world's directory or the other's.
    fn command(&self, world: &World, args: &[&str]) -> Command {
        let mut command = world.command(args);
        command.envs(self.settings.iter().map(|(name, value)| (*name, value)));
        command
    }

    fn up(&self, world: &World) -> Up {
        Up::start(self.command(world, &[&["up"], &PORTS[..]].concat()))
    }

    /// Starts the import of `retail.csv`; it waits for an engine to commit what it publishes.
    fn import(&self) -> Child {
        let mut command = self.command(&self.world, &IMPORT);
        command.args(["--tenant", "shop", "--clock", "data"]);
        command.stdout(Stdio::piped()).spawn().unwrap()
    }

    fn verify(&self) {
        let output = self.command(&self.world, &["verify"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(0), "{said}");
    }

    fn psql(&self, query: &str) -> String {
        World::psql_at(&self.url, query)
    }

    fn tick(&self) -> u64 {
        self.psql("select coalesce(max(tick), 0) from progress").parse().unwrap()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.stop());
        }
    }
}

/// Waits, within a bound, for something to become true.
#[track_caller]
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "never true: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_import_through_kafka_survives_kill_9_of_the_engine() {
    let Some(kafka) = broker() else { return };
    let shared = Shared::around(&kafka);
    online_retail(&shared.world.path("retail.csv"), 9_000);
    // An undisturbed run on an embedded log and database: what must come out.
    let calm = World::new();
    online_retail(&calm.path("retail.csv"), 9_000);
    let embedded = [&IMPORT[..], &["--tenant", "shop", "--clock", "data"]].concat();
    let expected = calm.run(&embedded).expect(0).json();

    let mut up = shared.up(&shared.other);
    let mut import = shared.import();
    let mut killed = 0;
    for _ in 0..3 {
        let tick = shared.tick();
        until("the engine commits, or the import has ended", || {
            shared.tick() > tick || import.try_wait().unwrap().is_some()
        });
        if import.try_wait().unwrap().is_some() {
            break;
        }
        up.kill_9();
        killed += 1;
        up = shared.up(&shared.other);
    }
    assert!(killed > 0, "no kill landed inside the work");
    assert_eq!(wait(&mut import), 0);
    let counts =
        shared.psql("select applied, superseded, quarantined from counts where tenant is not null");
    let committed = &expected["committed"];
    // One more than the file has: the tenant's own record, which an import does not count as its own.
    let applied = committed["applied"].as_u64().unwrap() + 1;
    assert_eq!(counts, format!("{applied}|0|0"));
    shared.verify();
    assert_eq!(World::rows_at(&shared.url), calm.rows());
    assert_eq!(up.stop(), 0);
    shared.verify();
}

#[test]
fn an_engine_that_was_taken_over_exits_75() {
    let Some(kafka) = broker() else { return };
    let shared = Shared::around(&kafka);
    online_retail(&shared.world.path("retail.csv"), 300);
    let first = shared.up(&shared.world);
    let second = shared.up(&shared.other);
    // The first learns of it when it next has something to commit.
    let mut import = shared.import();
    let (code, said) = first.ended();
    assert_eq!(code, 75, "{said}");
    assert!(said.contains("error: ") && said.contains("only one engine may write"), "{said}");
    assert_eq!(wait(&mut import), 0, "the second goes on");
    shared.verify();
    assert_eq!(second.stop(), 0);
}

#[test]
fn a_broker_that_is_away_for_a_while_is_waited_for() {
    if broker().is_none() {
        return;
    }
    // A broker of this test's own: it is stopped in the middle.
    let (script, dir) =
        (concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/kafka.sh"), World::new());
    let kafka_sh = |args: &[&str]| {
        let output = Command::new(script)
            .args(args)
            .env("VITALS_KAFKA_DIR", dir.path("kafka"))
            .env("VITALS_KAFKA_FOLLOW", std::process::id().to_string())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    let shared = Shared::around(&kafka_sh(&["start"]));
    online_retail(&shared.world.path("retail.csv"), 300);
    let up = shared.up(&shared.other);
    assert_eq!(wait(&mut shared.import()), 0);
    let metric = |name: &str| up.metric(name);
    assert_eq!(metric("vitals_log_away"), 0);

    kafka_sh(&["halt"]);
    until("it says that the log is away", || metric("vitals_log_away") == 1);
    let ready = up.get("/readyz?verbose");
    assert!(ready.starts_with("HTTP/1.1 503") && ready.contains("\"log\",\"ok\":false"), "{ready}");
    assert!(up.get("/healthz").starts_with("HTTP/1.1 200"), "it lives all the while");
    kafka_sh(&["resume"]);
    until("it is ready again", || up.get("/readyz").starts_with("HTTP/1.1 200"));
    assert!(metric("vitals_log_retries_total") >= 1);
    assert_eq!(metric("vitals_log_away"), 0);

    online_retail(&shared.world.path("retail.csv"), 500);
    assert_eq!(wait(&mut shared.import()), 0, "and it goes on");
    shared.verify();
    assert_eq!(up.stop(), 0);
    drop(shared);
    kafka_sh(&["stop"]);
}

#[test]
fn roles_split_the_work_and_none_does_anothers() {
    let Some(kafka) = broker() else { return };
    let shared = Shared::around(&kafka);
    online_retail(&shared.world.path("retail.csv"), 300);
    let up = |world: &World, roles: &str| {
        Up::start(shared.command(world, &[&["up", "--roles", roles], &PORTS[..]].concat()))
    };
    let engine = up(&shared.other, "engine,query");
    // Without its addresses a command turns to the process of its data directory.
    let import = [&IMPORT[..], &["--tenant", "shop", "--clock", "data"]].concat();
    let file = shared.world.path("retail.csv");
    std::fs::copy(&file, shared.other.path("retail.csv")).unwrap();
    let refused = shared.other.run(&import).expect(1).stderr;
    assert!(refused.contains("has not the role ingest"), "{refused}");
    assert_eq!(shared.psql("select count(*) from counts where tenant is not null"), "0");

    let ingest = up(&shared.world, "ingest,api");
    assert!(!ingest.get("/readyz?verbose").contains("\"engine\""), "there is none in it");
    shared.world.run(&import).expect(0);
    shared.verify();
    assert_eq!((ingest.stop(), engine.stop()), (0, 0));
    let demo = ["up", "--demo", "--roles", "engine"];
    let output = shared.command(&shared.world, &demo).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("add ingest to --roles"), "{said}");
}
