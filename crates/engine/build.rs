//! Names the layout of the engine's state after everything it follows from: these sources and the lock file.

use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// Whose types and hashes the state is made of.
const SOURCES: [&str; 4] = ["crates/engine/src", "dataflows/src", "crates/model/src", "Cargo.lock"];

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").unwrap_or_default()).join("../..");
    let mut files = Vec::new();
    for source in SOURCES.map(|it| root.join(it)) {
        println!("cargo::rerun-if-changed={}", source.display());
        gather(&source, &mut files)?;
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        hasher.write(&fs::read(file)?);
    }
    println!("cargo::rustc-env=VITALS_STATE_LAYOUT={:016x}", hasher.finish());
    Ok(())
}

fn gather(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            gather(&entry?.path(), files)?;
        }
    } else if path.is_file() {
        files.push(path.to_owned());
    }
    Ok(())
}
