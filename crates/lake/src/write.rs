//! From sorted rows to files.
//!
//! Promises files of bounded size under names that were never used, whole and durable when they are reported,
//! with their sort order declared and statistics of every page, so that one tenant's range of time touches few
//! row groups, and few pages of those.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::partition;
use arrow::datatypes::Date32Type;
use datafusion::execution::SendableRecordBatchStream;
use futures::TryStreamExt;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use parquet::arrow::AsyncArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use uuid::Uuid;
use vitals_model::lake::Segment;
use vitals_model::limits::{LAKE_FILE_ROWS_MAX, LAKE_ROW_GROUP_ROWS_MAX};
use vitals_model::{Date, TenantId};

use crate::error::LakeError;
use crate::layout::{BODY, DAY, SORT, TENANT, Table};
use crate::objects::Objects;

/// Rows of one page: what a filter on a range of time or a few ids has to read.
const PAGE_ROWS: usize = 8_192;

/// A row group that is this share full is not shared with the next tenant.
const CUT_SHARE: usize = 4;

/// How large files and row groups become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileShape {
    /// Most rows of a file.
    pub file_rows: usize,
    /// Most rows of a row group.
    pub row_group_rows: usize,
}

impl Default for FileShape {
    fn default() -> Self {
        Self { file_rows: LAKE_FILE_ROWS_MAX, row_group_rows: LAKE_ROW_GROUP_ROWS_MAX }
    }
}

/// Writes rows, sorted as files are, into as many files as it takes; none when there are no rows.
pub(crate) async fn write(
    objects: &Objects,
    (table, level): (&Table, u8),
    shape: FileShape,
    mut rows: SendableRecordBatchStream,
) -> Result<Vec<Segment>, LakeError> {
    let unique = Uuid::new_v4().simple();
    let mut segments = Vec::new();
    let mut open: Option<OpenFile> = None;
    while let Some(mut batch) = rows.try_next().await? {
        while batch.num_rows() > 0 {
            let file = match &mut open {
                Some(file) => file,
                None => {
                    // NB: the files of one writing sort by name as their rows do.
                    let path = format!("{}/{unique}-{:06}.parquet", table.name, segments.len());
                    open.insert(OpenFile::create(objects, (table, level), shape, path)?)
                }
            };
            let room = shape.file_rows - file.rows;
            let fits = batch.num_rows().min(room);
            file.write(&batch.slice(0, fits)).await?;
            batch = batch.slice(fits, batch.num_rows() - fits);
            if file.rows >= shape.file_rows
                && let Some(full) = open.take()
            {
                segments.push(full.close(objects).await?);
            }
        }
    }
    if let Some(last) = open {
        segments.push(last.close(objects).await?);
    }
    Ok(segments)
}

/// A file that is being written: not there for anybody else until it is closed.
struct OpenFile {
    writer: AsyncArrowWriter<BufWriter>,
    table: &'static str,
    level: u8,
    path: String,
    rows: usize,
    /// A row group of so many rows ends where the next tenant begins.
    cut_rows: usize,
    tenants: Option<(TenantId, TenantId)>,
    days: Option<(Date, Date)>,
}

impl OpenFile {
    fn create(
        objects: &Objects,
        (table, level): (&Table, u8),
        shape: FileShape,
        path: String,
    ) -> Result<Self, LakeError> {
        let to = BufWriter::new(objects.store(), Path::from(path.as_str()));
        let properties = Some(properties(table, shape));
        let writer = AsyncArrowWriter::try_new(to, Arc::clone(&table.schema), properties)?;
        Ok(Self {
            writer,
            table: table.name,
            level,
            path,
            rows: 0,
            cut_rows: (shape.row_group_rows / CUT_SHARE).max(1),
            tenants: None,
            days: None,
        })
    }

    async fn write(&mut self, rows: &RecordBatch) -> Result<(), LakeError> {
        let days = rows.column_by_name(DAY).and_then(|it| it.as_primitive_opt::<Date32Type>());
        for day in days.into_iter().flatten().flatten().map(Date) {
            let (first, last) = self.days.unwrap_or((day, day));
            self.days = Some((first.min(day), last.max(day)));
        }
        self.rows += rows.num_rows();
        let tenants = rows.column_by_name(TENANT).expect("a column of every file");
        for run in partition(&[Arc::clone(tenants)])?.ranges() {
            let owner = tenants.as_string::<i32>().value(run.start);
            let owner = TenantId(owner.parse().expect("a tenant is written as one"));
            let is_next = self.tenants.is_some_and(|(_, last)| last != owner);
            // NB: a group that ends in one tenant and begins in another spans all days: nothing skips it.
            if is_next && self.writer.in_progress_rows() >= self.cut_rows {
                self.writer.flush().await?;
            }
            // Sorted: the first of all is the least.
            self.tenants = Some((self.tenants.map_or(owner, |(least, _)| least), owner));
            self.writer.write(&rows.slice(run.start, run.len())).await?;
        }
        Ok(())
    }

    async fn close(self, objects: &Objects) -> Result<Segment, LakeError> {
        self.writer.close().await?;
        let bytes = objects.settle(&self.path).await?;
        let nobody = TenantId(Uuid::nil());
        Ok(Segment {
            path: self.path,
            table: self.table.to_owned(),
            level: self.level,
            rows: self.rows.try_into().unwrap_or(u64::MAX),
            bytes,
            tenants: self.tenants.unwrap_or((nobody, nobody)),
            days: self.days,
        })
    }
}

fn properties(table: &Table, shape: FileShape) -> WriterProperties {
    let sorted_by = table.sorted_by().map(|at| SortingColumn {
        column_idx: at.try_into().unwrap_or(i32::MAX),
        descending: SORT.descending,
        nulls_first: SORT.nulls_first,
    });
    // Bodies are as large as all other columns together, and only a rebuilding reads them.
    let body = ColumnPath::from(BODY);
    WriterProperties::builder()
        .set_compression(Compression::LZ4_RAW)
        .set_column_compression(body.clone(), Compression::ZSTD(ZstdLevel::default()))
        .set_column_dictionary_enabled(body.clone(), false)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_column_statistics_enabled(body, EnabledStatistics::None)
        .set_sorting_columns(Some(sorted_by.into()))
        .set_max_row_group_row_count(Some(shape.row_group_rows))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(PAGE_ROWS.min(shape.row_group_rows))
        .build()
}
