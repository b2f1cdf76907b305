//! What the lake holds at one moment, as tables of one tenant.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::catalog::view::ViewTable;
use datafusion::prelude::SessionContext;
use vitals_model::lake::{LEVEL_BASE, Segment};
use vitals_model::local_time::Zone;
use vitals_model::{Offsets, TenantId};
use vitals_query::tables::own::FILLED;

use crate::error::LakeError;
use crate::filled::Filled;
use crate::lake::State;
use crate::layout::Table;
use crate::part::{Part, Scope};
use crate::reader::Reader;
use crate::table::OneTable;

/// What the lake held when this was taken. Cheap to make and to clone.
#[derive(Clone, Debug)]
pub struct View {
    pub(crate) reader: Arc<Reader>,
    pub(crate) state: State,
    /// All that there is of it; `None` where nothing is left out.
    pub(crate) scope: Option<Scope>,
}

impl View {
    pub(crate) fn new(reader: Arc<Reader>, state: State) -> Self {
        Self { reader, state, scope: None }
    }

    /// Every message below these offsets is in the view.
    #[must_use]
    pub fn offsets(&self) -> &Offsets {
        &self.state.tail.upper
    }

    /// One record table of one tenant, as contracts section 6 has it; `None` when there is none of that name, or
    /// the view is of a [`Part`] without it.
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

    /// The tenant's zone: its organization's, else UTC.
    ///
    /// # Errors
    /// A file cannot be read.
    pub async fn zone(&self, tenant: TenantId) -> Result<Zone, LakeError> {
        self.reader.zone(self, tenant).await
    }

    /// What another process needs to read these tables of one tenant, and nothing else.
    #[must_use]
    pub fn part(&self, tenant: TenantId, tables: &[&str]) -> Part {
        Part::of(self, tenant, tables)
    }

    /// A table with nothing filled in from others.
    fn own(&self, tenant: TenantId, table: &str) -> Option<OneTable> {
        let table = Table::named(table)?;
        let is_there = self.scope.as_ref().is_none_or(|it| it.holds(tenant, table.name));
        is_there.then(|| OneTable::new(self.clone(), tenant, table))
    }

    /// The files of a table that may hold a tenant's rows: fresh ones, and those of the base.
    pub(crate) fn files(&self, table: &Table, tenant: TenantId) -> (Vec<&Segment>, Vec<&Segment>) {
        let all = self.state.manifest.segments.iter();
        let of_tenant = all.filter(|it| it.table == table.name && it.may_hold(tenant));
        of_tenant.partition(|it| it.level != LEVEL_BASE)
    }
}
