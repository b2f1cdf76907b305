//! Merging: fewer files, and each record once.
//!
//! Promises that what a view shows is the same before and after, that the base holds each key once over all its
//! files, and that memory holds the keys in doubt and one batch a file, however large the base is. The newest
//! version of a record stays, tombstone or not, for ever: an older version may always come, and must find it.

use std::sync::Arc;

use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use vitals_model::lake::{LEVEL_BASE, LEVEL_FRESH, Manifest, ManifestChange, Segment};
use vitals_model::limits::{LAKE_FRESH_FILES_MAX, LAKE_FRESH_ROWS_MAX};

use crate::error::LakeError;
use crate::lake::Lake;
use crate::layout::Table;
use crate::reader::Doubt;
use crate::scan::{Files, Wanted, ordering};
use crate::write::write;

/// When files are merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MergePolicy {
    /// So many fresh files of a table are merged into one.
    pub fresh_files: usize,
    /// Fresh files of a table that hold fewer rows are not worth a merge into its base.
    pub fresh_rows_min: u64,
    /// They are merged into the base once they hold one row for so many of the base: what a row is rewritten,
    /// over its life, and what a reader must hold in doubt, are two ends of this number.
    pub base_rows_per_fresh: u64,
    /// Or once they hold so many, however large the base is.
    pub fresh_rows: u64,
}

impl Default for MergePolicy {
    fn default() -> Self {
        Self {
            fresh_files: LAKE_FRESH_FILES_MAX,
            fresh_rows_min: LAKE_FRESH_ROWS_MAX / 20,
            base_rows_per_fresh: 4,
            fresh_rows: LAKE_FRESH_ROWS_MAX,
        }
    }
}

/// What a merge did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Merged {
    /// Of which table.
    pub table: &'static str,
    /// Into which level.
    pub level: u8,
    /// Files read.
    pub files: usize,
    /// Rows that stay.
    pub kept: u64,
    /// Rows that were superseded, and are gone.
    pub removed: u64,
}

/// A merge that is due.
struct Due<'m> {
    table: &'static Table,
    level: u8,
    fresh: Vec<&'m Segment>,
    base: Vec<&'m Segment>,
}

impl MergePolicy {
    fn due<'m>(&self, table: &'static Table, manifest: &'m Manifest) -> Option<Due<'m>> {
        let of_table = || manifest.segments.iter().filter(|it| it.table == table.name);
        let fresh: Vec<&Segment> = of_table().filter(|it| it.level == LEVEL_FRESH).collect();
        let base: Vec<&Segment> = of_table().filter(|it| it.level == LEVEL_BASE).collect();
        let rows = |of: &[&Segment]| of.iter().map(|it| it.rows).sum::<u64>();
        let enough = self.fresh_rows_min.max(rows(&base) / self.base_rows_per_fresh);
        if !fresh.is_empty() && rows(&fresh) >= enough.min(self.fresh_rows) {
            Some(Due { table, level: LEVEL_BASE, fresh, base })
        } else if fresh.len() >= self.fresh_files.max(2) {
            Some(Due { table, level: LEVEL_FRESH, fresh, base: Vec::new() })
        } else {
            None
        }
    }
}

impl Lake {
    /// Does the first merge that is due; `None` when none is. The log may be followed and flushed meanwhile.
    ///
    /// # Errors
    /// [`LakeError::Moved`] when another process merged the same files; files or manifest fail.
    pub async fn merge(&self, policy: &MergePolicy) -> Result<Option<Merged>, LakeError> {
        let manifest = self.manifest();
        let Some(due) = Table::all().find_map(|table| policy.due(table, &manifest)) else {
            return Ok(None);
        };
        let doubt = Doubt { table: due.table, tenant: None, fresh: &due.fresh, settled: &due.base };
        let winners = Arc::new(self.reader.winners(&doubt).await?);
        let inputs: Vec<&Segment> = due.fresh.iter().chain(&due.base).copied().collect();
        // The base is one run: its files follow each other as their names do.
        let mut runs: Vec<Vec<&Segment>> = due.fresh.iter().map(|it| vec![*it]).collect();
        if !due.base.is_empty() {
            runs.push(due.base.clone());
        }
        let files = Files {
            objects: &self.reader.objects,
            footers: self.reader.footers(),
            table: due.table,
            runs,
            sorted: true,
            optimised: false,
        };
        let columns = (0..due.table.schema.fields().len()).collect();
        let plan = files.plan(&Wanted { winners: Some(winners), columns, ..Wanted::default() })?;
        let by = ordering(due.table, &plan.schema())?;
        let plan: Arc<dyn ExecutionPlan> = Arc::new(SortPreservingMergeExec::new(by, plan));
        let rows = execute_stream(plan, self.reader.task())?;
        let add = write(&self.reader.objects, (due.table, due.level), self.shape, rows).await?;
        let rows = |of: &mut dyn Iterator<Item = u64>| of.sum::<u64>();
        let read = rows(&mut inputs.iter().map(|it| it.rows));
        let kept = rows(&mut add.iter().map(|it| it.rows));
        let merged = Merged {
            table: due.table.name,
            level: due.level,
            files: inputs.len(),
            kept,
            removed: read.saturating_sub(kept),
        };
        let remove = inputs.iter().map(|it| it.path.clone()).collect();
        self.adopt(self.manifests.change(ManifestChange { offsets: None, remove, add }).await?);
        Ok(Some(merged))
    }
}
