//! What is done to a lake from time to time: the tail is flushed to files, files nobody names are swept.
//!
//! Promises that files come first and the manifest after, so that a crash between any two steps leaves the lake
//! as it was, or as it should become.

use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::time::Duration;

use datafusion::physical_plan::memory::MemoryStream;
use vitals_model::UtcMicros;
use vitals_model::lake::{LEVEL_FRESH, ManifestChange};

use crate::error::LakeError;
use crate::lake::Lake;
use crate::layout::Table;
use crate::write::write;

/// Rows handed to a writer at a time.
const BATCH_ROWS: usize = 8_192;

/// What a flush wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flushed {
    /// Files.
    pub files: usize,
    /// Rows in them.
    pub rows: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// What a sweep removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Files.
    pub files: usize,
}

impl Lake {
    /// Writes the tail, as it is now, to fresh files; `None` when there was nothing. The log may be followed
    /// meanwhile.
    ///
    /// # Errors
    /// [`LakeError::Moved`] when another process flushed first; files or manifest fail. [`Lake::refresh`], and go on.
    pub async fn flush(&self) -> Result<Option<Flushed>, LakeError> {
        let state = self.state();
        if state.tail.upper == state.manifest.offsets {
            return Ok(None);
        }
        let mut add = Vec::new();
        for table in Table::all() {
            let rows = table.batch(state.tail.of_kind(table.kind))?;
            let starts = (0..rows.num_rows()).step_by(BATCH_ROWS);
            let slices = starts.map(|at| rows.slice(at, BATCH_ROWS.min(rows.num_rows() - at)));
            let rows = MemoryStream::try_new(slices.collect(), rows.schema(), None)?;
            let objects = &self.reader.objects;
            add.extend(write(objects, (table, LEVEL_FRESH), self.shape, Box::pin(rows)).await?);
        }
        let flushed = Flushed {
            files: add.len(),
            rows: add.iter().map(|it| it.rows).sum(),
            bytes: add.iter().map(|it| it.bytes).sum(),
        };
        let offsets = Some((state.manifest.offsets.clone(), state.tail.upper.clone()));
        let change = ManifestChange { offsets, remove: Vec::new(), add };
        self.adopt(self.manifests.change(change).await?);
        Ok(Some(flushed))
    }

    /// Removes files that the manifest does not name, and did not name at a sweep `grace` ago: what a crash
    /// left, and what was merged and is read by nobody any more. A reader may take as long as `grace`.
    ///
    /// # Errors
    /// The manifest or the storage cannot be read.
    pub async fn sweep(&self, now: UtcMicros, grace: Duration) -> Result<Swept, LakeError> {
        let before = UtcMicros(now.0 - i64::try_from(grace.as_micros()).unwrap_or(i64::MAX));
        // Listed first: a file that is added to the manifest in between is then named by it.
        let files = self.reader.objects.list().await?;
        let manifest = self.manifests.read().await?;
        let named: BTreeSet<&str> = manifest.segments.iter().map(|it| it.path.as_str()).collect();
        let drafts = self.reader.objects.sweep_drafts(before).await?;
        let mut swept = Swept { files: drafts };
        let unnamed = files.into_iter().filter(|(path, _)| !named.contains(path.as_str()));
        // NB: a file that was written long ago may have lost its name a moment ago.
        let unnamed: Vec<_> = {
            let mut known = self.unnamed.lock().unwrap_or_else(PoisonError::into_inner);
            let found = unnamed.map(|(path, written)| {
                let since = known.get(&path).copied().unwrap_or(now);
                (path, written.max(since))
            });
            let found: Vec<_> = found.collect();
            *known = found.iter().cloned().collect();
            found
        };
        for (path, since) in unnamed {
            if since <= before {
                self.reader.objects.delete(&path).await?;
                swept.files += 1;
            }
        }
        Ok(swept)
    }
}
