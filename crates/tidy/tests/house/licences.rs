//! The closed list of licences: what we ship may be shipped.

use super::no_complaints;
use super::walls::metadata;

/// Licences whose terms a notice file meets. A new one is a decision, not a detail.
const ALLOWED: [&str; 17] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    // Of its files alone, which we do not change: `x509-certificate`, which `pgwire` brings.
    "MPL-2.0",
    "PostgreSQL",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "Zlib",
    // Of `libbz2-rs-sys`, which DataFusion's formats bring: a licence of the BSD kind.
    "bzip2-1.0.6",
];

/// Whether an SPDX expression can be met by allowed licences. The old slash means `OR`.
fn is_allowed(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let allowed = alternatives(&words, &mut at);
    allowed && at == words.len()
}

fn alternatives(words: &[&str], at: &mut usize) -> bool {
    let mut any = conjunction(words, at);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        any |= conjunction(words, at);
    }
    any
}

fn conjunction(words: &[&str], at: &mut usize) -> bool {
    let mut all = licence(words, at);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        all &= licence(words, at);
    }
    all
}

fn licence(words: &[&str], at: &mut usize) -> bool {
    let Some(word) = words.get(*at) else { return false };
    *at += 1;
    if *word == "(" {
        let inside = alternatives(words, at);
        let closed = words.get(*at) == Some(&")");
        *at += 1;
        return inside && closed;
    }
    let mut name = (*word).to_owned();
    if let (Some(&"WITH"), Some(exception)) = (words.get(*at), words.get(*at + 1)) {
        name = format!("{name} WITH {exception}");
        *at += 2;
    }
    ALLOWED.contains(&name.as_str())
}

#[test]
fn every_licence_is_on_the_list() {
    let metadata = metadata();
    let resolved = metadata.resolve.as_ref().expect("a resolution").nodes.iter();
    let used: std::collections::BTreeSet<_> = resolved.map(|node| &node.id).collect();
    let complaints: Vec<String> = metadata
        .packages
        .iter()
        .filter(|package| used.contains(&package.id))
        .filter(|package| !package.license.as_deref().is_some_and(is_allowed))
        .map(|package| {
            format!("{}: licence {:?} is not on the list", package.name, package.license)
        })
        .collect();
    no_complaints(&complaints);
}

#[test]
fn expressions_are_read_as_spdx_means_them() {
    for allowed in [
        "MIT",
        "MIT/Apache-2.0",
        "MIT OR GPL-3.0",
        "(MIT OR GPL-3.0) AND Unicode-3.0",
        "Apache-2.0 WITH LLVM-exception OR MIT",
    ] {
        assert!(is_allowed(allowed), "{allowed}");
    }
    for refused in
        ["GPL-3.0", "MIT AND GPL-3.0", "GPL-2.0 WITH Classpath-exception-2.0", "", "(MIT"]
    {
        assert!(!is_allowed(refused), "{refused}");
    }
}
