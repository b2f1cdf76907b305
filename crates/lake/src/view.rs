//! What the lake holds at one moment, as tables of one tenant.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::catalog::view::ViewTable;
use datafusion::execution::TaskContext;
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::SessionContext;
use futures::TryStreamExt;
use vitals_model::lake::{LEVEL_BASE, Segment};
use vitals_model::limits::LAKE_WINNERS_KEPT_MAX;
use vitals_model::{Offsets, TenantId};
use vitals_query::tables::own::FILLED;

use crate::error::LakeError;
use crate::filled::Filled;
use crate::lake::State;
use crate::layout::Table;
use crate::objects::Objects;
use crate::row::Row;
use crate::scan::{Files, Wanted, identity};
use crate::table::OneTable;
use crate::winners::Winners;

/// What the lake held when this was taken. Cheap to make and to clone.
#[derive(Clone, Debug)]
pub struct View {
    pub(crate) reader: Arc<Reader>,
    pub(crate) state: State,
}

impl View {
    pub(crate) fn new(reader: Arc<Reader>, state: State) -> Self {
        Self { reader, state }
    }

    /// Every message below these offsets is in the view.
    #[must_use]
    pub fn offsets(&self) -> &Offsets {
        &self.state.tail.upper
    }

    /// One record table of one tenant, as contracts section 6 has it; `None` when there is none of that name.
    ///
    /// # Errors
    /// The SQL that fills defaults in does not plan: a mistake of ours.
    pub async fn provider(
        &self,
        tenant: TenantId,
        table: &str,
    ) -> Result<Option<Arc<dyn TableProvider>>, LakeError> {
        let Some(own) = self.own(tenant, table) else { return Ok(None) };
        let Some(filled) = FILLED.iter().find(|it| it.table == table) else {
            return Ok(Some(Arc::new(own)));
        };
        let context = SessionContext::new();
        for name in [table, filled.reads] {
            if let Some(own) = self.own(tenant, name) {
                context.register_table(name, Arc::new(own))?;
            }
        }
        let query = context.sql(filled.sql).await?.into_unoptimized_plan();
        let query = ViewTable::new(query, None);
        Ok(Some(Arc::new(Filled::new(own, query, filled.columns))))
    }

    /// A table with nothing filled in from others.
    fn own(&self, tenant: TenantId, table: &str) -> Option<OneTable> {
        Table::named(table).map(|table| OneTable::new(self.clone(), tenant, table))
    }

    /// The files of a table that may hold a tenant's rows: fresh ones, and those of the base.
    pub(crate) fn files(&self, table: &Table, tenant: TenantId) -> (Vec<&Segment>, Vec<&Segment>) {
        let all = self.state.manifest.segments.iter();
        let of_tenant = all.filter(|it| it.table == table.name && it.may_hold(tenant));
        of_tenant.partition(|it| it.level != LEVEL_BASE)
    }
}

/// Which keys of a table are in doubt.
#[derive(Debug)]
pub(crate) struct Doubt<'a> {
    pub(crate) table: &'a Table,
    pub(crate) tenant: Option<TenantId>,
    pub(crate) fresh: &'a [&'a Segment],
    pub(crate) base: &'a [&'a Segment],
}

type Kept = BTreeMap<(TenantId, &'static str), ((u64, u64), Arc<Winners>)>;

/// What reads files.
pub(crate) struct Reader {
    pub(crate) objects: Objects,
    /// Where the lake's own plans run.
    context: SessionContext,
    /// The newest versions as last found, under the version and the generation they were found at.
    kept: Mutex<Kept>,
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("objects", &self.objects).finish_non_exhaustive()
    }
}

impl Reader {
    pub(crate) fn new(objects: Objects, context: SessionContext) -> Self {
        Self { objects, context, kept: Mutex::default() }
    }

    pub(crate) fn task(&self) -> Arc<TaskContext> {
        self.context.task_ctx()
    }

    /// Footers and page indexes that were read; files never change.
    pub(crate) fn footers(&self) -> Arc<FileMetadataCache> {
        self.context.runtime_env().cache_manager.get_file_metadata_cache()
    }

    /// The newest versions of a tenant's records where there may be several, in what a view holds.
    pub(crate) async fn winners_of(
        &self,
        view: &View,
        tenant: TenantId,
        table: &'static Table,
    ) -> Result<Arc<Winners>, LakeError> {
        let State { manifest, tail } = &view.state;
        let (key, at) = ((tenant, table.name), (manifest.version, tail.generation));
        if let Some((found_at, winners)) = self.kept().get(&key)
            && *found_at == at
        {
            return Ok(Arc::clone(winners));
        }
        let (fresh, base) = view.files(table, tenant);
        let doubt = Doubt { table, tenant: Some(tenant), fresh: &fresh, base: &base };
        let winners = Arc::new(self.winners(&doubt, tail.of(tenant, table.kind)).await?);
        let mut kept = self.kept();
        if kept.len() >= LAKE_WINNERS_KEPT_MAX {
            kept.pop_first();
        }
        kept.insert(key, (at, Arc::clone(&winners)));
        Ok(winners)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest versions of records that fresh files or the tail's `rows` put in doubt.
    pub(crate) async fn winners<'r>(
        &self,
        doubt: &Doubt<'_>,
        rows: impl Iterator<Item = &'r Row>,
    ) -> Result<Winners, LakeError> {
        let mut winners = Winners::default();
        rows.for_each(|row| winners.put(row));
        let is_alone = winners.is_empty() && doubt.base.is_empty() && doubt.fresh.len() == 1;
        if is_alone {
            return Ok(winners);
        }
        self.read(doubt, doubt.fresh, None, |rows| winners.put_all(rows, true)).await?;
        if let Some(version) = winners.least_version() {
            let put = |rows: &RecordBatch| winners.put_all(rows, false);
            self.read(doubt, doubt.base, Some(version), put).await?;
        }
        Ok(winners)
    }

    async fn read(
        &self,
        doubt: &Doubt<'_>,
        files: &[&Segment],
        version_from: Option<i64>,
        mut with: impl FnMut(&RecordBatch),
    ) -> Result<(), LakeError> {
        if files.is_empty() {
            return Ok(());
        }
        let columns = identity(doubt.table).map(|name| doubt.table.column(name)).into();
        let files = Files {
            objects: &self.objects,
            footers: self.footers(),
            table: doubt.table,
            runs: vec![files.to_vec()],
            sorted: false,
            optimised: false,
        };
        let wanted = Wanted { tenant: doubt.tenant, version_from, columns, ..Wanted::default() };
        let mut rows = execute_stream(files.plan(&wanted)?, self.task())?;
        while let Some(batch) = rows.try_next().await? {
            with(&batch);
        }
        Ok(())
    }
}
