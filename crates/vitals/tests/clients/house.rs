//! Two tenants with known rows, and doors to them.

use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, Weak};

use crate::world::{Up, World};

/// What the studio has. Money has six decimals, a visit stands on either side of a midnight in Berlin.
const RECORDS: &str = r#"{"kind":"customer","source":"csv","id":"1","body":{"first_name":"Zoë","last_name":"O'Neil","tags":["gold","a b"]}}
{"kind":"customer","source":"csv","id":"2","body":{"first_name":"=1+1","status":"paused"}}
{"kind":"visit","source":"csv","id":"late","body":{"customer_id":"1","visited_at":"2026-01-10T22:59:59Z"}}
{"kind":"visit","source":"csv","id":"early","body":{"customer_id":"1","visited_at":"2026-01-10T23:00:00.250Z"}}
{"kind":"visit","source":"csv","id":"summer","body":{"customer_id":"2","visited_at":"2026-07-01T10:00:00Z"}}
{"kind":"expense","source":"csv","id":"rent","body":{"incurred_at":"2026-01-05T08:00:00Z","amount":"12345678901.123456","category":"rent"}}
{"kind":"expense","source":"csv","id":"refund","body":{"incurred_at":"2026-01-06T08:00:00Z","amount":"-0.001","category":"other"}}
{"kind":"program","source":"csv","id":"p","body":{"customer_id":"1","on_date":"2026-03-18","compliance":"0.5"}}
"#;

/// A `vitals up` with the tenants `studio` and `other`.
pub(crate) struct House {
    // Dropped in this order: the process first, its directory last.
    _up: Mutex<Up>,
    pub(crate) http: String,
    pub(crate) pg: String,
    pub(crate) flight: String,
    pub(crate) key: String,
    pub(crate) others_key: String,
    pub(crate) world: World,
}

/// The house all tests share, for as long as one of them is in it.
pub(crate) fn house() -> Arc<House> {
    static HOUSE: OnceLock<Mutex<Weak<House>>> = OnceLock::new();
    let mut kept: MutexGuard<'_, Weak<House>> =
        HOUSE.get_or_init(Mutex::default).lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    kept.upgrade().unwrap_or_else(|| {
        let house = Arc::new(House::new());
        *kept = Arc::downgrade(&house);
        house
    })
}

impl House {
    fn new() -> Self {
        let world = World::new();
        for (tenant, records) in [
            ("studio", RECORDS.to_owned()),
            ("other", RECORDS.replace("Zoë", "CANARY").replace("late", "CANARY")),
        ] {
            let file = world.write(&format!("{tenant}.jsonl"), &records);
            let into = ["--tenant", tenant, "--create-tenant", "--time-zone", "Europe/Berlin"];
            let args = [&["import", "jsonl", file.to_str().unwrap()], &into[..]].concat();
            world.run(&args).expect(0);
        }
        let key = |tenant: &str| {
            let run = world.run(&["keys", "create", "--tenant", tenant, "--json"]).expect(0);
            let said = run.json();
            said["key"].as_str().or_else(|| said["token"].as_str()).unwrap().to_owned()
        };
        let (key, others_key) = (key("studio"), key("other"));
        let ports = ["--pg-listen", "127.0.0.1:0", "--flight-listen", "127.0.0.1:0"];
        let up =
            Up::start(world.command(&[&["up", "--listen", "127.0.0.1:0"], &ports[..]].concat()));
        let run = std::fs::read_to_string(world.data_dir().join("run.json")).unwrap();
        let run: serde_json::Value = serde_json::from_str(&run).unwrap();
        let address = |name: &str| run[name].as_str().unwrap().to_owned();
        let (pg, flight) = (address("pg"), address("flight"));
        let http = up.http.clone();
        Self { _up: Mutex::new(up), http, pg, flight, key, others_key, world }
    }

    /// PostgreSQL's own client, as the tenant `user` with `key`, in the database `database`.
    pub(crate) fn psql_as(&self, (user, key, database): (&str, &str, &str), args: &[&str]) -> Said {
        let (host, port) = self.pg.split_once(':').unwrap();
        let mut command = Command::new("psql");
        command.args([
            "-X",
            "-h",
            host,
            "-p",
            port,
            "-U",
            user,
            "-d",
            database,
            "-v",
            "VERBOSITY=verbose",
        ]);
        command.args(args).env("PGPASSWORD", key).env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
        Said::of(&command.output().unwrap())
    }

    /// PostgreSQL's own client as the studio.
    pub(crate) fn psql(&self, args: &[&str]) -> Said {
        self.psql_as(("studio", &self.key, "vitals"), args)
    }

    /// The rows of a script, unadorned.
    #[track_caller]
    pub(crate) fn rows(&self, script: &str) -> String {
        let said = self.psql(&["-At", "-v", "ON_ERROR_STOP=1", "-c", script]);
        assert_eq!(said.code, 0, "{script}: {}", said.err);
        said.out.trim_end().to_owned()
    }
}

/// What a client said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    pub(crate) fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let code = output.status.code().unwrap_or(-1);
        Self { code, out: text(&output.stdout), err: text(&output.stderr) }
    }
}
