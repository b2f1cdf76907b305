//! What the papers say is so: paths exist, limits are listed, invariants are kept by something, vitals are whole.

use std::collections::BTreeSet;

use super::{files, no_complaints, root, text};

const ARCHITECTURE: &str = "ARCHITECTURE.md";

/// What stands between backticks.
fn quoted(paper: &str) -> Vec<&str> {
    let prose = paper.split("```").step_by(2);
    prose.flat_map(|part| part.split('`').skip(1).step_by(2)).collect()
}

/// Which of the quoted texts are paths of ours: they begin with a folder or file at the root.
fn paths<'a>(paper: &'a str, at_root: &BTreeSet<String>) -> Vec<&'a str> {
    quoted(paper)
        .into_iter()
        .filter(|it| !it.contains([' ', '*', '{', '<', '(']))
        .filter(|it| at_root.contains(it.split('/').next().unwrap_or_default()))
        .collect()
}

/// Folders that papers may speak of whether or not they are there yet.
fn at_root() -> BTreeSet<String> {
    let entries = std::fs::read_dir(root()).unwrap();
    let mut names: BTreeSet<String> =
        entries.map(|it| it.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names
        .extend(["crates", "dataflows", "sql", "migrations", "benches", "docs"].map(str::to_owned));
    names
}

fn numbers_of_invariants(paper: &str) -> BTreeSet<u8> {
    let mut found = BTreeSet::new();
    for (at, _) in paper.match_indices('I') {
        let before = paper[..at].chars().next_back().unwrap_or(' ');
        let digits: String = paper[at + 1..].chars().take_while(char::is_ascii_digit).collect();
        let after = paper[at + 1 + digits.len()..].chars().next().unwrap_or(' ');
        if !before.is_alphanumeric() && !"-_".contains(before) && !after.is_alphanumeric() {
            found.extend(digits.parse::<u8>());
        }
    }
    found
}

/// Names of the limits that a source declares.
fn limits(source: &str) -> Vec<&str> {
    let names = source.lines().filter_map(|line| line.strip_prefix("pub const "));
    let names = names.filter_map(|rest| rest.split(':').next());
    names.filter(|name| name.ends_with("_MAX") || name.ends_with("_MIN")).collect()
}

fn unlisted<'a>(limits: &[&'a str], paper: &str) -> Vec<&'a str> {
    let listed = |name: &str| {
        let cell = format!("| `{name}` |");
        paper.lines().any(|line| line.starts_with(&cell))
    };
    limits.iter().filter(|name| !listed(name)).copied().collect()
}

/// Each vital's name, the file of its dataflow, and the stories that tell its numbers by hand.
const VITALS: [(&str, &str, &str); 4] = [
    ("revenue_trend", "dataflows/src/revenue.rs", "crates/query/tests/golden/revenue.rs"),
    ("attendance_heatmap", "dataflows/src/attendance.rs", "crates/query/tests/golden/heatmap.rs"),
    ("churn_risk", "dataflows/src/churn.rs", "crates/query/tests/golden/churn.rs"),
    ("health_score", "dataflows/src/health_score.rs", "crates/query/tests/golden/health.rs"),
];

#[test]
fn every_path_in_the_architecture_exists() {
    let complaints: Vec<String> = paths(&text(ARCHITECTURE), &at_root())
        .into_iter()
        .filter(|path| !root().join(path).exists())
        .map(|path| format!("{ARCHITECTURE}: `{path}` does not exist"))
        .collect();
    no_complaints(&complaints);
    let at_root = BTreeSet::from(["crates".to_owned()]);
    let found = paths("`crates/a/b.rs` `x/y` ```\n`crates/c`\n``` `crates/*/d`", &at_root);
    assert_eq!(found, ["crates/a/b.rs"]);
}

#[test]
fn every_invariant_is_named_where_it_is_kept() {
    let sources: Vec<_> = files(".rs")
        .into_iter()
        .filter(|(path, _)| !path.starts_with("crates/tidy/"))
        .map(|(_, text)| numbers_of_invariants(&text))
        .collect();
    let complaints: Vec<String> = numbers_of_invariants(&text(ARCHITECTURE))
        .into_iter()
        .filter(|number| !sources.iter().any(|named| named.contains(number)))
        .map(|number| format!("I{number}: named by no assert, test or comment"))
        .collect();
    no_complaints(&complaints);
    assert_eq!(numbers_of_invariants("I1: (I12) S3-I4 UTF I5x"), BTreeSet::from([1, 12]));
}

#[test]
fn every_limit_is_in_the_table() {
    let source = text("crates/model/src/limits.rs");
    assert!(!limits(&source).is_empty(), "there are no limits: the rule looks at nothing");
    let complaints: Vec<String> = unlisted(&limits(&source), &text(ARCHITECTURE))
        .into_iter()
        .map(|name| format!("{ARCHITECTURE}: the table of limits lacks {name}"))
        .collect();
    no_complaints(&complaints);
    let names = limits("pub const A_MAX: u8 = 1;\nconst B_MAX: u8 = 1;\npub const C: u8 = 1;");
    assert_eq!(names, ["A_MAX"]);
    assert!(unlisted(&["A_MAX"], "| `A_MAX` | 1 |").is_empty());
    assert_eq!(unlisted(&["A_MAX"], "`A_MAX`"), ["A_MAX"]);
}

#[test]
fn every_vital_is_whole() {
    let vital = text("crates/model/src/vital.rs");
    let list = vital.split_once("VITALS: [&str;").expect("the list of vitals").1;
    let list = list.split_once(';').expect("its end").0;
    let names: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
    assert_eq!(names, VITALS.map(|(name, ..)| name), "a vital's files are listed here");
    let agreement: String = files(".rs")
        .into_iter()
        .filter(|(path, _)| path.contains("tests/agreement"))
        .map(|(_, text)| text)
        .collect();
    for (name, dataflow, stories) in VITALS {
        let sql = format!("sql/vitals/{name}.sql");
        for file in [dataflow, stories, &sql] {
            assert!(root().join(file).is_file(), "{name}: {file} is missing");
        }
        assert!(text(stories).contains("::test]"), "{name}: {stories} tells no story");
        assert!(agreement.contains(name), "{name}: the agreement test does not name it");
    }
}
