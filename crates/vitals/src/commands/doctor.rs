//! `vitals doctor`: checks every dependency and setting, and says what to mend.
//!
//! Promises to change nothing and to start nothing. Every finding that is not well says what to do.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use vitals_api::Operator;
use vitals_api::operator::chain;
use vitals_log::Topic;
use vitals_model::Offsets;
use vitals_model::local_time::Zone;
use vitals_store::{EmbeddedPostgres, Store};

use crate::backend;
use crate::cli::Doctor;
use crate::config::{Listen, Settings};
use crate::data_dir::DataDir;
use crate::failure::{Failure, Outcome};
use crate::lake;
use crate::output;
use crate::pipeline::lag;
use crate::remote::Remote;

/// Free space below which a finding is not well, in bytes.
const FREE_BYTES_MIN: u64 = 1 << 30;
/// Longest wait for a listener of another process.
const PORT_TIMEOUT: Duration = Duration::from_secs(2);

/// One thing looked at.
#[derive(Clone, Debug, Serialize)]
struct Finding {
    what: &'static str,
    ok: bool,
    detail: String,
}

fn well(what: &'static str, detail: impl std::fmt::Display) -> Finding {
    Finding { what, ok: true, detail: detail.to_string() }
}

fn ill(what: &'static str, detail: impl std::fmt::Display) -> Finding {
    Finding { what, ok: false, detail: detail.to_string() }
}

/// Runs `vitals doctor`.
pub(crate) async fn run(settings: &Settings, it: &Doctor) -> Outcome {
    let dir = DataDir::new(settings.data_dir());
    if it.psql {
        return psql(settings, &dir);
    }
    let mut findings = vec![well("settings", "read"), data_dir(dir.path())];
    findings.extend(space(dir.path()));
    findings.push(zones());
    let running = running(&dir).await;
    let runs = running.as_ref().is_some_and(|it| it.ok);
    findings.extend(running);
    findings.push(database(settings).await);
    findings.push(log(settings, &dir).await);
    findings.push(self::lake(settings, &dir).await);
    if !runs {
        findings.push(port("listen", settings.listen, "--listen").await);
        let doors = [
            ("pg_listen", settings.pg_listen, "--pg-listen"),
            ("flight_listen", settings.flight_listen, "--flight-listen"),
        ];
        for (what, listen, flag) in doors {
            findings.push(match listen {
                Listen::Off => well(what, "off"),
                Listen::At(address) => port(what, address, flag).await,
            });
        }
    }
    if it.json {
        output::json(&findings)?;
    } else {
        let rows: Vec<[String; 3]> = findings
            .iter()
            .map(|it| {
                let verdict = if it.ok { "ok" } else { "MEND" };
                [verdict.to_owned(), it.what.to_owned(), it.detail.clone()]
            })
            .collect();
        output::table(["", "WHAT", "FOUND"], &rows)?;
    }
    let ill: Vec<&str> = findings.iter().filter(|it| !it.ok).map(|it| it.what).collect();
    if ill.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        format_args!("not well: {}", ill.join(", ")),
        "do what the lines marked MEND say, then run 'vitals doctor' again",
    ))
}

/// Where psql finds the vitals.
fn psql(settings: &Settings, dir: &DataDir) -> Outcome {
    let running = || EmbeddedPostgres::running(&dir.postgres());
    let url = settings.database_url.clone().or_else(running).ok_or_else(|| {
        Failure::new(
            format_args!("no database runs in {}", dir.path().display()),
            "start 'vitals up', or name the data directory with --data-dir",
        )
    })?;
    output::line(url)
}

/// Whether the directory, or the first of its parents that exists, can be written.
fn data_dir(dir: &Path) -> Finding {
    let what = "data directory";
    let existing = existing(dir);
    match tempfile_in(&existing) {
        Ok(()) => well(what, format_args!("{} can be written", existing.display())),
        Err(error) => ill(
            what,
            format_args!("{} cannot be written: {error}; check --data-dir", existing.display()),
        ),
    }
}

fn existing(dir: &Path) -> std::path::PathBuf {
    let absolute = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let found = absolute.ancestors().find(|it| it.exists());
    found.unwrap_or_else(|| Path::new("/")).to_owned()
}

fn tempfile_in(dir: &Path) -> std::io::Result<()> {
    let probe = dir.join(format!(".vitals-doctor-{}", std::process::id()));
    std::fs::File::create_new(&probe)?;
    std::fs::remove_file(&probe)
}

/// Free space, where `df` is there to say it.
fn space(dir: &Path) -> Option<Finding> {
    let out = std::process::Command::new("df")
        .args(["--output=avail", "-B1"])
        .arg(existing(dir))
        .output()
        .ok()?;
    let text = String::from_utf8(out.stdout).ok()?;
    let free: u64 = text.lines().nth(1)?.trim().parse().ok()?;
    let gibibytes = free >> 30;
    Some(if free < FREE_BYTES_MIN {
        ill("disk", format_args!("less than 1 GiB is free; make room for the log and the database"))
    } else {
        well("disk", format_args!("{gibibytes} GiB are free"))
    })
}

/// The zones are compiled in: this finds a broken build.
fn zones() -> Finding {
    match Zone::named("Europe/London") {
        Some(_) => well("time zones", "known"),
        None => ill("time zones", "unknown to this build; install another one"),
    }
}

/// Who runs in this directory.
async fn running(dir: &DataDir) -> Option<Finding> {
    let run = dir.run()?;
    Some(match Remote::connect(&run).await {
        Ok(_) => {
            let mut text = format!("process {} serves http://{}", run.pid, run.http);
            let doors = [("the PostgreSQL protocol", run.pg), ("Flight SQL", run.flight)];
            for (what, at) in doors.into_iter().filter_map(|(what, at)| Some((what, at?))) {
                text.push_str(&format!(", {what} at {at}"));
            }
            well("vitals up", format_args!("{text} from this directory"))
        }
        // After a kill nobody has removed it yet; the next command does.
        Err(_) => well("vitals up", "does not run here (an earlier one was killed)"),
    })
}

async fn database(settings: &Settings) -> Finding {
    let what = "database";
    let Some(url) = &settings.database_url else {
        return match postgres_programs() {
            Some(bin) => well(
                what,
                format_args!(
                    "embedded, of the programs in {bin}; 'vitals doctor --psql' prints its address while it runs"
                ),
            ),
            None => ill(
                what,
                "PostgreSQL's programs are not installed; install them with: apt-get install postgresql",
            ),
        };
    };
    let asked = async {
        let store = Store::connect(url).await?;
        let schema = store.check().await;
        store.close().await;
        Ok::<bool, vitals_store::Error>(schema.is_ok())
    };
    match asked.await {
        Ok(true) => well(what, "answers and has our schema"),
        Ok(false) => well(what, "answers; its schema is made by the first 'vitals up'"),
        Err(error) => ill(what, chain(&error)),
    }
}

fn postgres_programs() -> Option<String> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<_> = versions
        .filter_map(|it| Some(it.ok()?.path().join("bin")))
        .filter(|bin| bin.join("initdb").exists())
        .collect();
    found.sort();
    found.pop().map(|bin| bin.display().to_string())
}

async fn log(settings: &Settings, dir: &DataDir) -> Finding {
    let what = "log";
    let Some(brokers) = &settings.kafka else {
        return well(what, format_args!("embedded, in {}", dir.log().display()));
    };
    match backend::log(settings, dir).await {
        Ok(log) => well(what, format_args!("{brokers} answer, {} partitions", log.partitions())),
        Err(failure) => ill(what, failure),
    }
}

/// Where the lake is, whether its files can be written, what is in them, and how far they are behind the log.
async fn lake(settings: &Settings, dir: &DataDir) -> Finding {
    let what = "lake";
    let folder = dir.lake();
    if settings.lake_flush_interval().is_none() {
        return well(what, "switched off by lake_flush_interval_s");
    }
    if let Err(error) = tempfile_in(&existing(&folder)) {
        return ill(
            what,
            format_args!("{} cannot be written: {error}; check --data-dir", folder.display()),
        );
    }
    // Asking about a server that never was would make its directory.
    let postgres = dir.postgres();
    let running = || postgres.is_dir().then(|| EmbeddedPostgres::running(&postgres)).flatten();
    let Some(url) = settings.database_url.clone().or_else(running) else {
        return well(what, format_args!("Parquet files, in {}", folder.display()));
    };
    let found = async {
        let store = Store::connect(&url).await?;
        let manifest = lake::manifest(&store, dir).await;
        store.close().await;
        Ok::<_, Box<dyn std::error::Error>>(manifest?)
    };
    match found.await {
        Ok(Some(manifest)) => {
            let rows: u64 = manifest.segments.iter().map(|it| it.rows).sum();
            let behind = match log_ends(settings, dir).await {
                Some(ends) => format!("{} records behind the log", lag(&ends, &manifest.offsets)),
                None => "how far behind the log is not known while nothing runs".to_owned(),
            };
            let (files, folder) = (manifest.segments.len(), folder.display());
            well(what, format_args!("{rows} rows in {files} files, {behind}; in {folder}"))
        }
        Ok(None) => well(what, format_args!("is begun by 'vitals up', in {}", folder.display())),
        Err(error) => ill(what, chain(error.as_ref())),
    }
}

/// Where the log ends, as whoever has it open says.
async fn log_ends(settings: &Settings, dir: &DataDir) -> Option<Offsets> {
    if settings.kafka.is_some() {
        return backend::log(settings, dir).await.ok()?.ends(Topic::Records).await.ok();
    }
    Remote::connect(&dir.run()?).await.ok()?.log_ends().await.ok()
}

/// Whether an address of `vitals up` is free.
async fn port(what: &'static str, address: SocketAddr, flag: &str) -> Finding {
    let connected = tokio::net::TcpStream::connect(address);
    match tokio::time::timeout(PORT_TIMEOUT, connected).await {
        Ok(Ok(_)) => {
            ill(what, format_args!("something else serves {address}; choose another {flag}"))
        }
        _ => well(what, format_args!("{address} is free")),
    }
}
