//! Who may depend on whom, and on what from outside. A crate is a wall; this is where its doors are listed.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

use super::{no_complaints, root, text};

/// Allowed arrows: a crate and which of ours it may depend on. The same table stands in ARCHITECTURE.md. Dev-dependencies are free.
const ARROWS: [(&str, &[&str]); 19] = [
    ("model", &[]),
    ("dataflows", &["model"]),
    ("engine", &["model", "dataflows"]),
    ("log", &["model"]),
    ("store", &["model"]),
    ("connect", &["model"]),
    ("ask", &["model"]),
    ("llm", &["model"]),
    ("desk", &["model", "ask", "query", "llm"]),
    ("query", &["model"]),
    ("access", &["model"]),
    ("lake", &["model", "query"]),
    ("workers", &["model", "query"]),
    ("wire", &["model", "access", "query"]),
    ("api", &["model", "log", "store", "access", "query", "connect", "desk"]),
    (
        "vitals",
        &[
            "model",
            "dataflows",
            "engine",
            "log",
            "store",
            "connect",
            "access",
            "query",
            "llm",
            "desk",
            "lake",
            "workers",
            "wire",
            "api",
            "testkit",
        ],
    ),
    ("testkit", &["model"]),
    ("tidy", &[]),
    ("bench", &["model", "dataflows", "engine", "log", "store", "query", "workers"]),
];

/// Rooms: an outside crate and the only ones of ours that may depend on it.
const ROOMS: [(&str, &[&str]); 21] = [
    ("rdkafka", &["log"]),
    ("fjall", &["log"]),
    ("sqlx", &["store"]),
    ("postgresql_embedded", &["store"]),
    ("datafusion", &["query", "lake"]),
    ("datafusion-pg-catalog", &["query"]),
    ("arrow", &["query", "lake", "workers", "wire"]),
    ("arrow-flight", &["wire"]),
    ("pgwire", &["wire"]),
    ("tonic", &["wire"]),
    ("parquet", &["lake", "query"]),
    ("object_store", &["lake"]),
    ("axum", &["api"]),
    ("timely", &["dataflows", "engine"]),
    ("differential-dataflow", &["dataflows", "engine"]),
    ("clap", &["vitals", "bench"]),
    ("anyhow", &["vitals", "bench"]),
    ("figment", &["vitals", "bench"]),
    ("reqwest", &["connect", "llm", "vitals"]),
    ("rustix", &["workers", "vitals"]),
    (
        "tokio",
        &[
            "log", "store", "query", "lake", "llm", "workers", "wire", "desk", "api", "connect",
            "vitals", "bench",
        ],
    ),
];

type Arrows = BTreeMap<String, BTreeSet<String>>;

/// What cargo knows of the workspace, for this machine's target and without a network.
pub(crate) fn metadata() -> Metadata {
    let version = std::process::Command::new("rustc").arg("-vV").output().expect("rustc runs");
    let version = String::from_utf8(version.stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host");
    MetadataCommand::new()
        .current_dir(root())
        .other_options(["--filter-platform", host, "--offline", "--locked"].map(str::to_owned))
        .exec()
        .expect("cargo metadata answers (run `cargo fetch` once if it says it is offline)")
}

/// A package's name as the papers have it.
fn short(package: &str) -> &str {
    package.strip_prefix("vitals-").unwrap_or(package)
}

/// Every dependency of ours that is not for development alone, on crates of ours and of others.
fn dependencies(metadata: &Metadata) -> (Arrows, Arrows) {
    let (mut arrows, mut rooms) = (Arrows::new(), Arrows::new());
    for package in metadata.workspace_packages() {
        let from = short(&package.name);
        arrows.entry(from.to_owned()).or_default();
        for dependency in &package.dependencies {
            if dependency.kind == DependencyKind::Development {
                continue;
            }
            if dependency.path.is_some() {
                arrows.get_mut(from).unwrap().insert(short(&dependency.name).to_owned());
            } else {
                rooms.entry(dependency.name.clone()).or_default().insert(from.to_owned());
            }
        }
    }
    (arrows, rooms)
}

fn forbidden_arrows(arrows: &Arrows) -> Vec<String> {
    let allowed: BTreeMap<_, _> = ARROWS.into_iter().collect();
    let mut complaints = Vec::new();
    for (from, to) in arrows {
        let Some(allowed) = allowed.get(from.as_str()) else {
            complaints.push(format!("{from}: a new crate: list it in ARROWS and ARCHITECTURE.md"));
            continue;
        };
        for to in to.iter().filter(|to| !allowed.contains(&to.as_str())) {
            complaints.push(format!(
                "{from} -> {to}: not an allowed arrow. If it must be, argue for it in ARCHITECTURE.md"
            ));
        }
    }
    complaints
}

fn strangers(dependants: &Arrows) -> Vec<String> {
    let mut complaints = Vec::new();
    for (outside, rooms) in ROOMS {
        for from in dependants.get(outside).into_iter().flatten() {
            if !rooms.contains(&from.as_str()) {
                complaints.push(format!("{from}: {outside} lives in {rooms:?}; go through there"));
            }
        }
    }
    complaints
}

/// The rows of the table of arrows: crate, and what it may use.
fn table(paper: &str) -> Vec<(String, String)> {
    paper
        .lines()
        .skip_while(|line| !line.starts_with("| crate | may use of ours |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let mut cells = line.trim_matches('|').split('|').map(str::trim);
            let mut next = || cells.next().unwrap_or_default().replace('`', "");
            (next(), next())
        })
        .collect()
}

fn expected_table() -> Vec<(String, String)> {
    let row = |(from, to): (&str, &[&str])| {
        let to = if to.is_empty() { "-".to_owned() } else { to.join(", ") };
        (from.to_owned(), to)
    };
    ARROWS.into_iter().map(row).collect()
}

/// Packages of these families must be there once: batches of two versions do not unify.
fn doubled(lock: &str) -> Vec<String> {
    let mut versions: BTreeMap<String, usize> = BTreeMap::new();
    let lock: toml::Table = lock.parse().expect("Cargo.lock is TOML");
    for package in lock["package"].as_array().expect("a list") {
        let name = package["name"].as_str().expect("a name");
        if ["arrow", "datafusion", "parquet"].iter().any(|family| name.starts_with(family)) {
            *versions.entry(name.to_owned()).or_default() += 1;
        }
    }
    let doubled = versions.into_iter().filter(|(_, count)| *count > 1);
    doubled.map(|(name, count)| format!("{name}: {count} versions in Cargo.lock")).collect()
}

fn one(from: &str, to: &str) -> Arrows {
    Arrows::from([(from.to_owned(), BTreeSet::from([to.to_owned()]))])
}

#[test]
fn no_arrow_is_forbidden() {
    no_complaints(&forbidden_arrows(&dependencies(&metadata()).0));
    assert!(forbidden_arrows(&one("engine", "model")).is_empty());
    assert_eq!(forbidden_arrows(&one("engine", "store")).len(), 1);
    assert_eq!(forbidden_arrows(&one("pond", "model")).len(), 1);
}

#[test]
fn every_outside_crate_stays_in_its_room() {
    no_complaints(&strangers(&dependencies(&metadata()).1));
    assert!(strangers(&one("sqlx", "store")).is_empty());
    assert_eq!(strangers(&one("sqlx", "api")).len(), 1);
    assert_eq!(strangers(&one("tokio", "engine")).len(), 1);
}

#[test]
fn the_architecture_has_the_same_arrows() {
    assert_eq!(table(&text("ARCHITECTURE.md")), expected_table(), "ARCHITECTURE.md, code map");
    let paper = "x\n| crate | may use of ours | z |\n|---|---|---|\n| `a` | - | z |\nend";
    assert_eq!(table(paper), [("a".to_owned(), "-".to_owned())]);
}

#[test]
fn arrow_and_datafusion_are_there_once() {
    no_complaints(&doubled(&text("Cargo.lock")));
    let package = "[[package]]\nname = \"arrow\"\nversion = \"1\"\n";
    assert!(doubled(package).is_empty());
    assert_eq!(doubled(&package.repeat(2)).len(), 1);
}
