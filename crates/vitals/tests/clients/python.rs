//! psycopg, SQLAlchemy and ADBC: scripts of their own, which print what they were given.

use std::process::Command;

use crate::house::{House, Said, house};

/// Runs a script with the clients of `scripts/clients.txt`.
pub(crate) fn python(script: &str, args: &[&str]) -> Said {
    let cache = std::env::var("VITALS_CACHE")
        .unwrap_or_else(|_| format!("{}/.cache/vitals", std::env::var("HOME").unwrap()));
    let python = format!("{cache}/clients/bin/python");
    let output = Command::new(&python).args(["-c", script]).args(args).output();
    Said::of(
        &output.unwrap_or_else(|error| panic!("{python}: {error}; run scripts/install.sh test")),
    )
}

/// Runs a script of this folder against the house; gives what it printed, line by line.
#[track_caller]
fn run(house: &House, script: &str) -> Vec<String> {
    let (host, port) = house.pg.split_once(':').unwrap();
    let flight = format!("grpc://{}", house.flight);
    let said = python(script, &[host, port, &house.key, &house.others_key, &flight]);
    assert!(said.code == 0, "{}\n{}", said.out, said.err);
    said.out.lines().map(ToOwned::to_owned).collect()
}

#[test]
fn psycopg_reads_and_binds_values_exactly() {
    let lines = run(&house(), include_str!("psycopg_client.py"));
    let expected = include_str!("psycopg_client.txt");
    assert_eq!(lines, expected.lines().collect::<Vec<_>>());
}

#[test]
fn sqlalchemy_finds_tables_and_selects_from_them() {
    let lines = run(&house(), include_str!("alchemy_client.py"));
    let expected = include_str!("alchemy_client.txt");
    assert_eq!(lines, expected.lines().collect::<Vec<_>>());
}

#[test]
fn adbc_asks_binds_and_finds_what_there_is() {
    let lines = run(&house(), include_str!("adbc_client.py"));
    let expected = include_str!("adbc_client.txt");
    assert_eq!(lines, expected.lines().collect::<Vec<_>>());
}
