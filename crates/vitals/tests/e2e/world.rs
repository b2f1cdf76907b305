//! A data directory, the binary, and what a test wants to know of them.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use vitals_model::vital::{VitalKey, VitalRow};
use vitals_model::{TenantId, VitalTables};
use vitals_store::{EmbeddedPostgres, Store};

/// Longest wait for anything. Generous: the machine may be busy with a compiler.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

/// Ports of a `vitals up` that is in nobody's way.
pub(crate) const PORTS: [&str; 6] =
    ["--listen", "127.0.0.1:0", "--pg-listen", "off", "--flight-listen", "off"];

/// A temporary directory that PostgreSQL's user can reach, and the binary.
pub(crate) struct World {
    root: tempfile::TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        // As root, PostgreSQL runs as another user: it must get through, and need see nothing.
        std::fs::set_permissions(root.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
        Self { root }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.path("data")
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The binary, with this world's data directory and none of the caller's settings.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vitals"));
        for (name, _) in std::env::vars_os() {
            let ours = name.to_string_lossy().starts_with("VITALS_");
            if ours || name == "RUST_LOG" {
                command.env_remove(name);
            }
        }
        command.args(args).arg("--data-dir").arg(self.data_dir()).current_dir(self.root.path());
        command.stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Run {
        Run::of(&self.command(args).output().unwrap())
    }

    /// Imports records of a tenant in Berlin that lives by its data, and is created if it is not there.
    pub(crate) fn import_berlin(&self, tenant: &str, records: &str) {
        let file = self.write(&format!("{tenant}.jsonl"), records);
        let into = ["--create-tenant", "--time-zone", "Europe/Berlin", "--currency", "EUR"];
        let from =
            ["import", "jsonl", file.to_str().unwrap(), "--tenant", tenant, "--clock", "data"];
        self.run(&[&from[..], &into].concat()).expect(0);
    }

    /// Starts `vitals up` on a free port and waits until it is ready.
    pub(crate) fn up(&self, args: &[&str]) -> Up {
        let mut all = [&["up"], &PORTS[..]].concat();
        all.extend(args);
        Up::start(self.command(&all))
    }

    /// A name no other world has at the time.
    pub(crate) fn name(&self) -> String {
        self.root.path().file_name().unwrap().to_string_lossy().replace('.', "")
    }

    /// Reads with the database running: that of a running `up`, or one started for the purpose.
    pub(crate) fn with_store<T>(&self, read: impl AsyncFnOnce(&Store, &str) -> T) -> T {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let dir = self.data_dir().join("postgres");
            let (url, started) = match EmbeddedPostgres::running(&dir) {
                Some(url) => (url, None),
                None => {
                    let started = EmbeddedPostgres::start(&dir).await.unwrap();
                    (started.url().to_owned(), Some(started))
                }
            };
            let store = Store::connect(&url).await.unwrap();
            let result = read(&store, &url).await;
            store.close().await;
            if let Some(started) = started {
                started.stop().await;
            }
            result
        })
    }

    /// The vitals of a database that runs.
    pub(crate) fn rows_at(url: &str) -> BTreeSet<String> {
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let store = Store::connect(url).await.unwrap();
            let rows = texts(&store.vitals(None).await.unwrap());
            store.close().await;
            rows
        })
    }

    /// What a query says, by PostgreSQL's own client, of a database that runs.
    pub(crate) fn psql_at(url: &str, query: &str) -> String {
        let output = Command::new("psql").args([url, "-XAtc", query]).output().unwrap();
        let run = Run::of(&output);
        assert_eq!(run.code, 0, "{query}: {}", run.stderr);
        run.stdout.trim().to_owned()
    }

    /// The vitals, as text without the tenants' ids: these are random.
    pub(crate) fn rows(&self) -> BTreeSet<String> {
        self.with_store(async |store, _| texts(&store.vitals(None).await.unwrap()))
    }

    /// What a query says, by PostgreSQL's own client.
    pub(crate) fn psql(&self, query: &str) -> String {
        self.with_store(async |_, url| Self::psql_at(url, query))
    }

    pub(crate) fn tenants(&self) -> Vec<TenantId> {
        self.with_store(async |store, _| {
            store.tenants().await.unwrap().into_iter().map(|it| it.id).collect()
        })
    }
}

fn texts(tables: &VitalTables) -> BTreeSet<String> {
    fn lines<'a, K: VitalKey, R: VitalRow>(
        vital: &'a str,
        rows: &'a std::collections::BTreeMap<K, R>,
    ) -> impl Iterator<Item = String> + 'a {
        rows.iter().map(move |(key, row)| format!("{vital} {} {}", key.to_json(), row.to_json()))
    }
    lines("revenue", &tables.revenue)
        .chain(lines("heatmap", &tables.heatmap))
        .chain(lines("churn", &tables.churn))
        .chain(lines("health", &tables.health))
        .collect()
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    /// The command's answer.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|_| panic!("no JSON: {}", self.stdout))
    }
}

/// A running `vitals up`, stopped when dropped.
pub(crate) struct Up {
    child: Option<Child>,
    pub(crate) http: String,
    pub(crate) stdout: mpsc::Receiver<String>,
    /// What it has said on standard error so far.
    said: Arc<Mutex<String>>,
}

impl Up {
    /// Starts a `vitals up` and waits until it is ready.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (lines, stdout) = mpsc::sync_channel(100);
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if lines.send(line).is_err() {
                    break;
                }
            }
        });
        let said = Arc::<Mutex<String>>::default();
        let (heard, err) = (Arc::clone(&said), BufReader::new(child.stderr.take().unwrap()));
        std::thread::spawn(move || {
            for line in err.lines().map_while(Result::ok) {
                heard.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        let line = stdout.recv_timeout(PATIENCE);
        let line = line.unwrap_or_else(|_| panic!("not ready: {}", said.lock().unwrap()));
        let http = line.strip_prefix("ready ").expect("the line begins with ready").to_owned();
        Self { child: Some(child), http, stdout, said }
    }

    /// Waits until it has ended by itself; its exit code, and what it said.
    pub(crate) fn ended(mut self) -> (i32, String) {
        let code = wait(&mut self.child.take().unwrap());
        let said = self.said.lock().unwrap().clone();
        (code, said)
    }

    /// What it has said on standard error so far.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Kills it, as nothing can be prepared for.
    pub(crate) fn kill_9(mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// The value of a metric that counts; 0 when there is none of that name.
    pub(crate) fn metric(&self, name: &str) -> u64 {
        let page = self.get("/metrics");
        let mut lines = page.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        lines.next().map_or(0, |value| value.parse().unwrap())
    }

    /// Stops it in good order; its exit code.
    pub(crate) fn stop(mut self) -> i32 {
        let mut child = self.child.take().unwrap();
        terminate(&child);
        wait(&mut child)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }

    /// The body of a page, with its status line.
    pub(crate) fn get(&self, path: &str) -> String {
        let url = format!("{}{path}", self.http);
        let args = ["--silent", "--include", "--max-time", "20", &url];
        let output = Command::new("curl").args(args).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            terminate(&child);
            wait(&mut child);
        }
    }
}

fn terminate(child: &Child) {
    let pid = child.id().to_string();
    Command::new("kill").args(["-TERM", &pid]).status().unwrap();
}

/// Waits for a process of ours, and ends it the hard way when it takes too long.
pub(crate) fn wait(child: &mut Child) -> i32 {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code().unwrap_or(-1);
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("the process did not end within {PATIENCE:?}");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A file in the layout of UCI's Online Retail: so many invoices of one to three lines.
pub(crate) fn online_retail(path: &Path, invoices: u32) {
    let mut text = String::from(
        "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n",
    );
    for n in 0..invoices {
        let (day, hour, minute) = (1 + n / 600 % 28, 8 + n / 60 % 10, n % 60);
        // Every twentieth is a cancellation, and every ninth has no customer.
        let (prefix, sign) = if n % 20 == 19 { ("C", "-") } else { ("", "") };
        let customer = if n % 9 == 8 { String::new() } else { (12_000 + n * 7 % 311).to_string() };
        for line in 0..=(n % 3) {
            let (quantity, pence) = (1 + (n + line) % 12, 5 + (n * 13 + line * 7) % 995);
            text.push_str(&format!(
                "{prefix}{},{},\"THING, NO {line}\",{sign}{quantity},2011-03-{day:02} {hour:02}:{minute:02}:00,{}.{:02},{customer},United Kingdom\n",
                536_000 + n,
                20_000 + (n + line) % 97,
                pence / 100,
                pence % 100,
            ));
        }
    }
    std::fs::write(path, text).unwrap();
}
