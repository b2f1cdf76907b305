//! What every file must look like.

use super::{files, no_complaints};

/// Lines a file may have. It should have fewer than half of these.
const LINES_MAX: usize = 800;

fn opens_with_what_it_is(path: &str, text: &str) -> Vec<String> {
    let first = text.lines().next().unwrap_or_default();
    let says = first.strip_prefix("//! ").is_some_and(|rest| rest.len() > 10);
    if says {
        return Vec::new();
    }
    vec![format!("{path}: open it with `//! ` and one sentence that says what it is")]
}

fn is_short_enough(path: &str, text: &str) -> Vec<String> {
    let lines = text.lines().count();
    if lines <= LINES_MAX {
        return Vec::new();
    }
    vec![format!("{path}: {lines} lines, at most {LINES_MAX}: it holds more than one idea")]
}

/// Words that promise to come back. Put together here, so that this file does not hold them.
const LOOSE_ENDS: [&str; 4] =
    [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X"), concat!("db", "g!")];

fn has_no_loose_ends(path: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        for word in LOOSE_ENDS {
            if says(line, word) {
                complaints.push(format!("{path}:{number}: `{word}`: do it, or open an issue"));
            }
        }
    }
    complaints
}

/// Whether a line says a word. In quotes it is spoken of, and where ISO 4217 is named it is the currency of that name.
fn says(line: &str, word: &str) -> bool {
    !line.contains("ISO 4217")
        && line.match_indices(word).any(|(at, _)| {
            let before = line[..at].chars().next_back().unwrap_or(' ');
            let after = line[at + word.len()..].chars().next().unwrap_or(' ');
            !before.is_alphanumeric() && !"\"'`_".contains(before) && !after.is_alphanumeric()
        })
}

/// Titles outside of code fences.
fn has_one_title(path: &str, text: &str) -> Vec<String> {
    let mut in_fence = false;
    let mut titles = 0;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_fence = !in_fence;
        } else if !in_fence && line.starts_with("# ") {
            titles += 1;
        }
    }
    if titles == 1 { Vec::new() } else { vec![format!("{path}: {titles} titles (`# `), not one")] }
}

fn each(ending: &str, rule: impl Fn(&str, &str) -> Vec<String>) {
    let complaints: Vec<String> =
        files(ending).iter().flat_map(|(path, text)| rule(path, text)).collect();
    no_complaints(&complaints);
}

#[test]
fn every_file_opens_with_what_it_is() {
    each(".rs", opens_with_what_it_is);
    assert!(opens_with_what_it_is("a.rs", "//! Counts sheep by night.\n").is_empty());
    assert_eq!(opens_with_what_it_is("a.rs", "use std::fmt;\n").len(), 1);
    assert_eq!(opens_with_what_it_is("a.rs", "//!\n").len(), 1);
    assert_eq!(opens_with_what_it_is("a.rs", "").len(), 1);
}

#[test]
fn no_file_is_too_long() {
    each(".rs", is_short_enough);
    each(".sql", is_short_enough);
    assert!(is_short_enough("a.rs", &"x\n".repeat(LINES_MAX)).is_empty());
    assert_eq!(is_short_enough("a.rs", &"x\n".repeat(LINES_MAX + 1)).len(), 1);
}

#[test]
fn there_are_no_loose_ends() {
    each(".rs", has_no_loose_ends);
    each(".sql", has_no_loose_ends);
    let line = format!("let x = 1; // {}: later", LOOSE_ENDS[0]);
    assert_eq!(has_no_loose_ends("a.rs", &line).len(), 1);
    assert_eq!(has_no_loose_ends("a.rs", &format!("{}(x)", LOOSE_ENDS[3])).len(), 1);
    assert!(has_no_loose_ends("a.rs", &format!("Currency(*b\"{}\")", LOOSE_ENDS[2])).is_empty());
}

#[test]
fn every_paper_has_one_title() {
    each(".md", has_one_title);
    assert!(has_one_title("a.md", "# A\n\n```sh\n# not one\n```\n## B\n").is_empty());
    assert_eq!(has_one_title("a.md", "# A\n# B\n").len(), 1);
    assert_eq!(has_one_title("a.md", "A\n").len(), 1);
}
