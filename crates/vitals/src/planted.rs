//! The two mistakes that exactly once forbids, planted on purpose: what the kill harness must be seen to find.
//!
//! Promises that no program of ours makes them: neither flag, variable nor setting leads here, and the
//! program `vitals` never calls [`main`]. `tests/kill.rs` does, in a child of its own.

use std::ffi::OsString;
use std::sync::OnceLock;
use std::time::Duration;

use vitals_model::{CommitBatch, VitalChanges};
use vitals_store::{Committed, Error, Writer};

/// A mistake in the order of what a commit does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// The offsets are committed, and then the rows: a kill between the two loses records.
    OffsetsBeforeRows,
    /// The rows are committed, and then the offsets: a kill between the two counts records twice.
    OffsetsAfterRows,
}

/// Set once, by [`main`], in a process that makes the mistake.
static PLANTED: OnceLock<Bug> = OnceLock::new();

/// Between the two halves of a commit: about as long as the rest of it, so that few kills find it.
const BETWEEN: Duration = Duration::from_millis(250);

/// Does what [`crate::main`] does, with a mistake. The exit code.
pub fn main(bug: Bug, args: impl IntoIterator<Item = OsString>) -> u8 {
    let bug = PLANTED.get_or_init(|| bug);
    crate::say(format_args!("a bug is planted in this process: {bug:?}"));
    crate::main(args)
}

/// Commits a tick; in two halves where a bug is planted.
pub(crate) async fn commit(writer: &mut Writer, batch: &CommitBatch) -> Result<Committed, Error> {
    match PLANTED.get() {
        None => writer.commit(batch).await,
        Some(bug) => commit_in_halves(writer, batch, *bug).await,
    }
}

async fn commit_in_halves(
    writer: &mut Writer,
    batch: &CommitBatch,
    bug: Bug,
) -> Result<Committed, Error> {
    let tick = writer.position().tick;
    // One half has the rows and what became of the messages, the other the offsets.
    let rows = CommitBatch { upper: batch.lower.clone(), ..batch.clone() };
    let offsets = CommitBatch {
        changes: VitalChanges::default(),
        quarantined: Vec::new(),
        counts: Default::default(),
        ..batch.clone()
    };
    let (first, second) = match bug {
        Bug::OffsetsBeforeRows => (
            offsets,
            CommitBatch { lower: batch.upper.clone(), upper: batch.upper.clone(), ..rows },
        ),
        Bug::OffsetsAfterRows => (rows, offsets),
    };
    writer.commit(&CommitBatch { tick: tick + 1, ..first }).await?;
    tokio::time::sleep(BETWEEN).await;
    writer.commit(&CommitBatch { tick: tick + 2, ..second }).await
}
