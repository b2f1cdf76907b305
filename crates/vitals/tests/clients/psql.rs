//! psql: its commands, a cursor, a cancel, and what it is refused.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::house::{Said, house};

#[test]
fn rows_are_exact_and_in_the_tenants_zone() {
    let house = house();
    let visits = house.rows("SELECT source_id, visited_at FROM visits ORDER BY visited_at");
    assert_eq!(
        visits,
        "late|2026-01-10 23:59:59+01\nearly|2026-01-11 00:00:00.25+01\nsummer|2026-07-01 12:00:00+02"
    );
    let money = house.rows("SELECT amount FROM expenses ORDER BY amount");
    assert_eq!(money, "-0.001000\n12345678901.123456");
    let sum = house.rows("SELECT sum(amount), count(*), min(incurred_at) FROM expenses");
    assert_eq!(sum, "12345678901.122456|2|2026-01-05 09:00:00+01");
    let row = "SELECT first_name || coalesce(' ' || last_name, ''), tags, status = 'active', NULL \
               FROM customers ORDER BY id";
    assert_eq!(house.rows(row), "Zoë O'Neil|{gold,\"a b\"}|t|\n=1+1|{}|f|");
    assert_eq!(house.rows("SELECT on_date, compliance FROM programs"), "2026-03-18|0.500000");
    assert_eq!(house.rows("SELECT 1; SELECT ';' ; "), "1\n;");
}

#[test]
fn the_catalogue_is_shown_by_its_commands() {
    let house = house();
    let said = house.psql(&["-c", "\\dt"]);
    assert!(said.code == 0 && said.err.is_empty(), "{said:?}");
    assert!(
        said.out.contains(" public | visits ") && !said.out.contains("pg_class"),
        "{}",
        said.out
    );
    assert!(said.out.contains("rows)"), "{}", said.out);
    let said = house.psql(&["-c", "\\d"]);
    assert!(said.code == 0 && said.out.contains("revenue_trend"), "{said:?}");
    let said = house.psql(&["-c", "\\d orders"]);
    assert!(said.code == 0 && said.err.is_empty(), "{said:?}");
    for column in ["id ", "ordered_at ", "timestamp with time zone", "numeric(20,6)"] {
        assert!(said.out.contains(column), "{column}: {}", said.out);
    }
    let said = house.psql(&["-c", "\\d visits"]);
    let columns = said.out.lines().filter(|line| line.matches('|').count() == 4).count();
    assert_eq!((said.code, columns - 1), (0, 10), "{said:?}");
    for (command, word) in [("\\l", "vitals"), ("\\dn", "public")] {
        let said = house.psql(&["-c", command]);
        assert!(said.code == 0 && said.out.contains(word), "{command}: {said:?}");
    }
    let said = house.psql(&["-c", "\\d nothing"]);
    assert!(said.err.contains("Did not find any relation"), "{said:?}");
}

#[test]
fn a_cursor_gives_rows_a_few_at_a_time() {
    let house = house();
    let script = "BEGIN; DECLARE c CURSOR FOR SELECT source_id FROM visits ORDER BY visited_at; \
                  FETCH 2 FROM c; FETCH ALL FROM c; FETCH NEXT FROM c; CLOSE c; COMMIT";
    assert_eq!(
        house.rows(script),
        "BEGIN\nDECLARE CURSOR\nlate\nearly\nsummer\nCLOSE CURSOR\nCOMMIT"
    );
    let script = "DECLARE c CURSOR WITH HOLD FOR SELECT 1; FETCH 1 FROM c";
    assert_eq!(house.rows(script), "DECLARE CURSOR\n1");
    for (script, code) in [
        ("DECLARE c CURSOR FOR SELECT 1", "25P01"),
        ("BEGIN; FETCH 1 FROM nothing", "34000"),
        ("BEGIN; DECLARE c CURSOR FOR SELECT 1; COMMIT; FETCH 1 FROM c", "34000"),
        ("BEGIN; SELECT nothing FROM visits; SELECT 1", "42703"),
    ] {
        let said = house.psql(&["-c", script]);
        assert!(said.code != 0 && said.err.contains(code), "{script}: {said:?}");
    }
    // Many rows at a time, by psql's own cursor.
    let args =
        ["-At", "-v", "FETCH_COUNT=2", "-c", "SELECT source_id FROM visits ORDER BY visited_at"];
    assert_eq!(house.psql(&args).out, "late\nearly\nsummer\n");
}

#[test]
fn what_is_refused_is_refused_with_its_code() {
    let house = house();
    for (text, code) in [
        ("COPY (SELECT 1) TO STDOUT", "0A000"),
        ("DELETE FROM visits", "25006"),
        ("CREATE TABLE x (a INT)", "25006"),
        ("SELECT * FROM other.visits", "42P01"),
        ("SELECT nothing FROM visits", "42703"),
        ("SELEC 1", "42601"),
        ("SELECT 1/0", "22012"),
        ("SELECT v.id FROM visits v, pg_class", "0A000"),
        ("SELECT pg_read_file('/etc/passwd')", "42883"),
        ("SET ROLE other", "42501"),
        ("SET SESSION AUTHORIZATION other", "42501"),
        ("SET vitals.tenant = 'other'", "42704"),
    ] {
        let said = house.psql(&["-c", text]);
        assert!(said.code == 1 && said.err.contains(code), "{text}: {said:?}");
        assert!(!said.err.contains("CANARY"), "{said:?}");
    }
    assert_eq!(house.rows("SET search_path TO other; SELECT count(*) FROM visits"), "SET\n3");
    let script = "SET statement_timeout = '250ms'; SHOW statement_timeout; RESET statement_timeout; \
                  SHOW statement_timeout";
    assert_eq!(house.rows(script), "SET\n250ms\nRESET\n10000ms");
}

#[test]
fn a_key_opens_its_tenant_and_nothing_else() {
    let house = house();
    let (own, others) = (house.key.as_str(), house.others_key.as_str());
    let ask = |who| house.psql_as(who, &["-Atc", "SELECT count(*) FROM visits"]);
    assert_eq!(ask(("other", others, "other")).out, "3\n");
    for (who, code) in [
        (("nobody", own, "vitals"), "authentication failed"),
        (("other", own, "vitals"), "authentication failed"),
        (("studio", others, "vitals"), "authentication failed"),
        (("studio", own, "other"), "there is no database"),
    ] {
        let said = ask(who);
        assert!(said.code == 2 && said.err.contains(code), "{who:?}: {said:?}");
        assert!(!said.err.contains("vt_"), "{said:?}");
    }
}

/// A question that takes seconds: every change of a vital with every other, six times over.
const LONG: &str = "SELECT count(DISTINCT a.tick + g.tick + length(d.key)) FROM vital_changes a \
                    JOIN vital_changes b ON a.vital = b.vital JOIN vital_changes c ON b.vital = c.vital \
                    JOIN vital_changes d ON c.vital = d.vital JOIN vital_changes e ON d.vital = e.vital \
                    JOIN vital_changes f ON e.vital = f.vital JOIN vital_changes g ON f.vital = g.vital";

#[test]
fn a_long_query_is_cancelled_by_its_client() {
    let house = house();
    let (host, port) = house.pg.split_once(':').unwrap();
    let mut psql = Command::new("psql");
    psql.args([
        "-X",
        "-h",
        host,
        "-p",
        port,
        "-U",
        "studio",
        "-d",
        "vitals",
        "-v",
        "VERBOSITY=verbose",
    ]);
    psql.env("PGPASSWORD", &house.key).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut psql = psql.stderr(Stdio::piped()).spawn().unwrap();
    let mut input = psql.stdin.take().unwrap();
    writeln!(input, "{LONG};").unwrap();
    input.flush().unwrap();
    std::thread::sleep(Duration::from_millis(500));
    let asked = Instant::now();
    let pid = psql.id().to_string();
    Command::new("kill").args(["-INT", &pid]).status().unwrap();
    drop(input);
    let said = Said::of(&psql.wait_with_output().unwrap());
    assert!(asked.elapsed() < Duration::from_secs(60), "{said:?}");
    assert!(said.err.contains("57014") && said.err.contains("cancelled by its client"), "{said:?}");
    assert_eq!(house.rows("SELECT 'still here'"), "still here");
}
