//! What can go wrong with a file as a whole. A single bad line is not an error: it is quarantined.

use std::io;
use std::path::PathBuf;

/// Why a file was not imported, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No preset has this name.
    #[error("there is no preset '{found}': the presets are {known}")]
    UnknownPreset {
        /// What was asked for.
        found: String,
        /// The names there are.
        known: String,
    },
    /// Nothing is at this path.
    #[error("there is no file {}", path.display())]
    Missing {
        /// Where it was expected.
        path: PathBuf,
    },
    /// The path is no file, or may not be read.
    #[error("{} cannot be opened", path.display())]
    Open {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// The path is a directory.
    #[error("{} is not a file but a directory", path.display())]
    Directory {
        /// Which one.
        path: PathBuf,
    },
    /// The file has no line at all.
    #[error("{} is empty: preset '{preset}' expects {expected}", path.display())]
    Empty {
        /// Which file.
        path: PathBuf,
        /// What was to read it.
        preset: &'static str,
        /// What it needs to see.
        expected: String,
    },
    /// The file is of another form than the preset reads.
    #[error("{} does not fit preset '{preset}': expected {expected}, found {found}", path.display())]
    WrongForm {
        /// Which file.
        path: PathBuf,
        /// What was to read it.
        preset: &'static str,
        /// What it needs to see.
        expected: String,
        /// What is there.
        found: String,
    },
    /// The compressed data breaks off or is damaged.
    #[error(
        "{} is damaged or incomplete after line {line}: everything before was imported; fetch it again",
        path.display()
    )]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// The last line that could be read.
        line: u64,
        /// What the reader said.
        #[source]
        cause: io::Error,
    },
    /// The file has more lines than can be grouped in memory.
    #[error("{} has more than {lines_max} lines to group: split it", path.display())]
    TooLong {
        /// Which file.
        path: PathBuf,
        /// The limit.
        lines_max: u64,
    },
    /// The file holds less than was imported from it before.
    #[error(
        "{} holds {items} items but {checkpoint} were imported from it before: it is another file",
        path.display()
    )]
    OtherFile {
        /// Which file.
        path: PathBuf,
        /// How many it holds.
        items: u64,
        /// How many were imported.
        checkpoint: u64,
    },
}
