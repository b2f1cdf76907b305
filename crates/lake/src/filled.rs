//! A table with defaults filled in from other records, where they are asked for.
//!
//! Promises the table of contracts section 6. The join that fills a column in is made only when the column is
//! read: most questions about visits have nothing to do with where they were.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::view::ViewTable;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;

use crate::table::OneTable;

/// A table of one tenant, and the query that fills it in.
#[derive(Debug)]
pub(crate) struct Filled {
    own: OneTable,
    query: ViewTable,
    /// The columns that are filled in.
    columns: Vec<usize>,
}

impl Filled {
    pub(crate) fn new(own: OneTable, query: ViewTable, columns: &[&str]) -> Self {
        let schema = own.schema();
        let columns = columns.iter().filter_map(|name| schema.index_of(name).ok()).collect();
        Self { own, query, columns }
    }
}

#[async_trait]
impl TableProvider for Filled {
    fn schema(&self) -> SchemaRef {
        self.own.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        // Known to the query, so that it joins less; applied by whoever asks.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let is_filled = |column: &usize| self.columns.contains(column);
        match projection {
            Some(columns) if !columns.iter().any(is_filled) => {
                self.own.scan(state, projection, &[], None).await
            }
            _ => self.query.scan(state, projection, filters, limit).await,
        }
    }
}
