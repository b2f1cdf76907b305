//! Where the real data lies that some tests check against.
//!
//! None of it is part of the project: a test that needs it asks here, and says that it skipped when the
//! folder is absent.

use std::path::{Path, PathBuf};

/// The file `name` of the data folder beside the project (`../shared/data`), or `None`, after saying on
/// standard error that `test` was skipped.
#[must_use]
#[expect(clippy::print_stderr, reason = "a test must say that it skipped")]
pub fn find(test: &str, name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = root.join("../shared/data").join(name);
    if path.is_file() {
        return Some(path);
    }
    eprintln!("skipped {test}: {} is absent", path.display());
    None
}
