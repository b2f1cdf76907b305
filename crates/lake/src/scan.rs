//! Plans over files: which rows of which segments, and how little of them is read.
//!
//! Promises exactly the rows asked for, whatever a session's rules push down: tenant, tombstones and newest
//! versions are filters of the plan itself, on top of the files. That Parquet skips row groups, pages and
//! columns by the same filters is speed, not correctness.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, Literal, NotExpr};
use datafusion::physical_expr::{LexOrdering, PhysicalExpr, PhysicalSortExpr, conjunction};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::filter::FilterExecBuilder;
use datafusion::scalar::ScalarValue;
use vitals_model::TenantId;
use vitals_model::lake::Segment;

use crate::layout::{DELETED, PLACE, SORT, TENANT, Table, VERSION};
use crate::objects::Objects;
use crate::winners::{IsNewest, Winners};

/// What is read of a table's files.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// One tenant's rows only.
    pub(crate) tenant: Option<TenantId>,
    /// Rows of this version and later only.
    pub(crate) version_from: Option<i64>,
    /// No tombstones.
    pub(crate) live: bool,
    /// Only the newest version of each record.
    pub(crate) winners: Option<Arc<Winners>>,
    /// The columns to give, by their place in a file.
    pub(crate) columns: Vec<usize>,
}

/// Files and how to reach them.
pub(crate) struct Files<'a> {
    pub(crate) objects: &'a Objects,
    pub(crate) footers: Arc<FileMetadataCache>,
    pub(crate) table: &'a Table,
    /// Each run is read in order, one file after the other; it becomes a partition of the plan.
    pub(crate) runs: Vec<Vec<&'a Segment>>,
    /// Whether a run is sorted from its first file to its last, and is to be read so.
    pub(crate) sorted: bool,
    /// Whether a session's rules will push filters down to the files; else it is done here.
    pub(crate) optimised: bool,
}

impl Files<'_> {
    /// The rows wanted, as a plan.
    pub(crate) fn plan(&self, wanted: &Wanted) -> Result<Arc<dyn ExecutionPlan>> {
        let mut read = wanted.columns.clone();
        read.extend(self.filtered_by(wanted));
        if self.sorted {
            read.extend(self.table.sorted_by());
        }
        read.sort_unstable();
        read.dedup();
        let schema: SchemaRef = Arc::new(self.table.schema.project(&read)?);
        let mut source = ParquetSource::new(Arc::clone(&self.table.schema))
            .with_pushdown_filters(true)
            .with_reorder_filters(true)
            .with_enable_page_index(true)
            .with_parquet_file_reader_factory(Arc::new(CachedParquetFileReaderFactory::new(
                self.objects.store(),
                Arc::clone(&self.footers),
            )));
        if !self.optimised
            && let Some(predicate) = self.filter(wanted, &self.table.schema)
        {
            source = source.with_predicate(predicate);
        }
        let files = FileScanConfigBuilder::new(Objects::url(), Arc::new(source))
            .with_file_groups(self.runs.iter().map(|run| group(run)).collect())
            .with_output_ordering(if self.sorted {
                vec![ordering(self.table, &self.table.schema)?]
            } else {
                vec![]
            })
            .with_projection_indices(Some(read.clone()))?
            .build();
        let files = DataSourceExec::from_data_source(files);
        let given = (wanted.columns.iter())
            .map(|at| read.binary_search(at).expect("every column that is given is read"));
        let given = Some(given.collect::<Vec<_>>());
        let filter =
            self.filter(wanted, &schema).unwrap_or_else(|| Arc::new(Literal::new(true.into())));
        Ok(Arc::new(FilterExecBuilder::new(filter, files).apply_projection(given)?.build()?))
    }

    fn filtered_by(&self, wanted: &Wanted) -> Vec<usize> {
        let mut names = Vec::new();
        if wanted.tenant.is_some() {
            names.push(TENANT);
        }
        if wanted.live {
            names.push(DELETED);
        }
        if wanted.version_from.is_some() {
            names.push(VERSION);
        }
        if wanted.winners.is_some() {
            names.extend(identity(self.table));
        }
        names.into_iter().map(|name| self.table.column(name)).collect()
    }

    /// What the rows are filtered by, over the columns of `schema`.
    fn filter(&self, wanted: &Wanted, schema: &SchemaRef) -> Option<Arc<dyn PhysicalExpr>> {
        let column = |name: &str| -> Arc<dyn PhysicalExpr> {
            Arc::new(Column::new(name, schema.index_of(name).expect("a column that is read")))
        };
        let compare = |name: &str, operator, with: ScalarValue| -> Arc<dyn PhysicalExpr> {
            Arc::new(BinaryExpr::new(column(name), operator, Arc::new(Literal::new(with))))
        };
        let mut all: Vec<Arc<dyn PhysicalExpr>> = Vec::new();
        if let Some(tenant) = wanted.tenant {
            all.push(compare(TENANT, Operator::Eq, tenant.to_string().into()));
        }
        if let Some(version) = wanted.version_from {
            all.push(compare(VERSION, Operator::GtEq, version.into()));
        }
        if wanted.live {
            all.push(Arc::new(NotExpr::new(column(DELETED))));
        }
        if let Some(winners) = &wanted.winners {
            let columns = identity(self.table).map(column).into();
            all.push(Arc::new(IsNewest::new(Arc::clone(winners), columns)));
        }
        (!all.is_empty()).then(|| conjunction(all))
    }
}

/// The columns that say which version of which record a row is.
pub(crate) fn identity(table: &Table) -> [&'static str; 4] {
    [TENANT, table.key(), VERSION, PLACE]
}

fn group(run: &[&Segment]) -> FileGroup {
    run.iter().map(|it| PartitionedFile::new(it.path.clone(), it.bytes)).collect()
}

/// How rows of a file are sorted, over the columns of `schema`.
pub(crate) fn ordering(table: &Table, schema: &SchemaRef) -> Result<LexOrdering> {
    let by = table.sorted_by().map(|at| {
        let name = table.schema.field(at).name();
        let at = schema.index_of(name).expect("a column that is read");
        PhysicalSortExpr::new(Arc::new(Column::new(name, at)), SORT)
    });
    LexOrdering::new(by).ok_or_else(|| datafusion::common::plan_datafusion_err!("no order"))
}
