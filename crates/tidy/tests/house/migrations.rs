//! Migrations are numbered, and what was released is never changed: databases have run it as it was.
//!
//! `migrations/SHA256SUMS` lists every migration with its hash, as `sha256sum` writes it.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::{files, no_complaints, text};

const LIST: &str = "migrations/SHA256SUMS";

/// Every migration: its file's name and its text.
fn migrations() -> Vec<(String, String)> {
    let named = |(path, text): (String, String)| {
        path.strip_prefix("migrations/").map(|name| (name.to_owned(), text))
    };
    let found: Vec<_> = files(".sql").into_iter().filter_map(named).collect();
    assert!(!found.is_empty(), "there are no migrations: the rules would look at nothing");
    found
}

/// Complaints about migrations that are not numbered 0001, 0002 and so on.
fn gaps(names: &[&str]) -> Vec<String> {
    let expected = (1..).map(|number: usize| format!("{number:04}_"));
    names
        .iter()
        .zip(expected)
        .filter(|(name, prefix)| !name.starts_with(prefix))
        .map(|(name, prefix)| format!("migrations/{name}: should be number {prefix}"))
        .collect()
}

fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Complaints about migrations that are not what the list says, and about a list that does not say it.
fn changed(migrations: &[(String, String)], list: &str) -> Vec<String> {
    let mut listed: BTreeMap<&str, &str> =
        list.lines().filter_map(|line| line.split_once("  ")).map(|(sum, it)| (it, sum)).collect();
    let mut complaints = Vec::new();
    for (name, text) in migrations {
        match listed.remove(name.as_str()) {
            Some(sum) if sum == sha256(text) => {}
            Some(_) => complaints.push(format!(
                "migrations/{name}: changed after its release; undo that, and say it in a new migration"
            )),
            None => complaints.push(format!(
                "migrations/{name}: not in {LIST}; once it is as it shall stay: \
                 (cd migrations && sha256sum {name} >> SHA256SUMS)"
            )),
        }
    }
    let gone = listed.into_keys();
    complaints
        .extend(gone.map(|name| format!("{LIST}: {name} is released and must not be removed")));
    complaints
}

#[test]
fn migrations_are_numbered_without_gaps() {
    let migrations = migrations();
    let names: Vec<&str> = migrations.iter().map(|(name, _)| name.as_str()).collect();
    no_complaints(&gaps(&names));
    assert!(gaps(&["0001_a.sql", "0002_b.sql"]).is_empty());
    assert_eq!(gaps(&["0001_a.sql", "0003_b.sql"]).len(), 1);
    assert_eq!(gaps(&["0001_a.sql", "0001_b.sql"]).len(), 1);
}

#[test]
fn what_was_released_is_as_it_was() {
    no_complaints(&changed(&migrations(), &text(LIST)));
    let of = |text: &str| vec![("0001_a.sql".to_owned(), text.to_owned())];
    let list = format!("{}  0001_a.sql\n", sha256("create table a ();"));
    assert!(changed(&of("create table a ();"), &list).is_empty());
    let complaints = changed(&of("create table b ();"), &list);
    assert!(complaints[0].contains("a new migration"), "{complaints:?}");
    let complaints = changed(&of("create table a ();"), "");
    assert!(complaints[0].contains("sha256sum 0001_a.sql >>"), "{complaints:?}");
    let complaints = changed(&[], &list);
    assert!(complaints[0].contains("must not be removed"), "{complaints:?}");
}
