//! The house rules. A rule is a function from what it looks at to its complaints, so that each can be shown to complain.

#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

use std::path::{Path, PathBuf};

mod deployment;
mod licences;
mod migrations;
mod papers;
mod prose;
mod walls;

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the root is there")
}

/// Folders that hold what tools made.
const NOT_OURS: [&str; 4] = ["target", "node_modules", "dist", "vitals-data"];

/// The files whose names end so, by path from the root, with their text, sorted.
fn files(ending: &str) -> Vec<(String, String)> {
    let (root, mut found) = (root(), Vec::new());
    walk(&root, &mut |path| {
        let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        if name.ends_with(ending) {
            found.push((name, std::fs::read_to_string(path).unwrap()));
        }
    });
    found.sort();
    assert!(!found.is_empty(), "no file ends in {ending}: the rules would look at nothing");
    found
}

fn walk(folder: &Path, found: &mut impl FnMut(&Path)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.starts_with('.') && !NOT_OURS.contains(&name.as_str()) {
                walk(&path, found);
            }
        } else {
            found(&path);
        }
    }
}

/// One file, by its path from the root.
fn text(path: &str) -> String {
    let read = std::fs::read_to_string(root().join(path));
    read.unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Fails with every complaint, one a line.
fn no_complaints(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}
