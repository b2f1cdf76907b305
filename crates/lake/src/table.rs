//! One table of one tenant, for DataFusion: files and tail, merged as they are read.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::union::UnionExec;
use vitals_model::TenantId;
use vitals_model::lake::Segment;

use crate::layout::Table;
use crate::objects::Objects;
use crate::scan::{Files, Wanted};
use crate::view::View;

/// One table of one tenant. Its filters are the plan's own: whoever scans it cannot leave them out.
#[derive(Debug)]
pub(crate) struct OneTable {
    view: View,
    tenant: TenantId,
    table: &'static Table,
    schema: SchemaRef,
}

impl OneTable {
    pub(crate) fn new(view: View, tenant: TenantId, table: &'static Table) -> Self {
        let shown: Vec<usize> = table.shown.clone().collect();
        let schema = table.schema.project(&shown).expect("columns of the schema itself");
        Self { view, tenant, table, schema: Arc::new(schema) }
    }
}

#[async_trait]
impl TableProvider for OneTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let reader = &self.view.reader;
        let first = self.table.shown.start;
        let columns: Vec<usize> = match projection {
            Some(places) => places.iter().map(|place| first + place).collect(),
            None => self.table.shown.clone().collect(),
        };
        let winners =
            reader.winners_of(&self.view, self.tenant, self.table).await.map_err(outside)?;
        let (fresh, base) = self.view.files(self.table, self.tenant);
        let mut plans = Vec::new();
        let segments: Vec<&Segment> = fresh.into_iter().chain(base).collect();
        if !segments.is_empty() {
            let runtime = state.runtime_env();
            runtime.register_object_store(Objects::url().as_ref(), reader.objects.store());
            let partitions = state.config().target_partitions().max(1);
            let per_run = segments.len().div_ceil(partitions);
            let files = Files {
                objects: &reader.objects,
                footers: reader.footers(),
                table: self.table,
                runs: segments.chunks(per_run).map(<[_]>::to_vec).collect(),
                sorted: false,
                optimised: true,
            };
            let doubtful = (!winners.is_empty()).then(|| Arc::clone(&winners));
            plans.push(files.plan(&Wanted {
                tenant: Some(self.tenant),
                live: true,
                winners: doubtful,
                columns: columns.clone(),
                ..Wanted::default()
            })?);
        }
        if self.view.state.tail.of(self.tenant, self.table.kind).next().is_some() {
            let rows =
                reader.tail_of(&self.view, self.tenant, self.table).await.map_err(outside)?;
            let rows = rows.project(&columns)?;
            let schema = rows.schema();
            plans.push(MemorySourceConfig::try_new_exec(&[vec![rows]], schema, None)?);
        }
        match plans.len() {
            0 => Ok(Arc::new(EmptyExec::new(Arc::new(self.table.schema.project(&columns)?)))),
            1 => Ok(plans.remove(0)),
            _ => UnionExec::try_new(plans),
        }
    }
}

fn outside(error: crate::error::LakeError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
