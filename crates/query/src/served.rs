//! One tenant's tables, served to a plan that runs elsewhere.
//!
//! Promises rows of the one catalogue it was made for, whatever is asked: a scan names a table of it and
//! columns of that table, or is refused. Uses the conditions that a table can use, and no others.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::execution::{SendableRecordBatchStream, SessionState, SessionStateBuilder};
use datafusion::logical_expr::TableProviderFilterPushDown;
use datafusion::physical_plan::execute_stream;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use datafusion::prelude::SessionConfig;

use crate::catalog::Catalog;
use crate::elsewhere::Scan;
use crate::error::{QueryError, SqlState};
use crate::{guard, predicate};

/// The tables of one question.
pub struct Served {
    tables: BTreeMap<String, Arc<dyn TableProvider>>,
    state: SessionState,
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.tables.keys()).finish()
    }
}

impl Served {
    /// The tables of these names, of a catalogue.
    ///
    /// # Errors
    /// There is no such table, or it cannot be reached.
    pub async fn of(catalog: &dyn Catalog, names: &[String]) -> Result<Self, QueryError> {
        let mut tables = BTreeMap::new();
        for name in names {
            let table = catalog.table(name).await?.ok_or_else(|| guard::no_table(name))?;
            tables.insert(name.clone(), table);
        }
        let config = SessionConfig::new().with_target_partitions(1);
        Ok(Self { tables, state: SessionStateBuilder::new().with_config(config).build() })
    }

    /// Each table's name, columns and, where it is known, number of rows.
    ///
    /// # Errors
    /// A table cannot be reached.
    pub async fn heads(&self) -> Result<Vec<(String, SchemaRef, Option<usize>)>, QueryError> {
        let mut heads = Vec::new();
        for (name, table) in &self.tables {
            let plan = table.scan(&self.state, None, &[], None).await.map_err(unreached)?;
            let rows = StatisticsContext::new().compute(plan.as_ref(), &StatisticsArgs::new());
            let rows = rows.ok().and_then(|it| it.num_rows.get_value().copied());
            heads.push((name.clone(), table.schema(), rows));
        }
        Ok(heads)
    }

    /// The rows of a scan.
    ///
    /// # Errors
    /// It names what is not here, or the table cannot be reached.
    pub async fn scan(&self, scan: &Scan) -> Result<SendableRecordBatchStream, QueryError> {
        let table = self.tables.get(&scan.table).ok_or_else(|| guard::no_table(&scan.table))?;
        let width = table.schema().fields().len();
        if scan.columns.iter().any(|column| *column >= width) {
            return Err(QueryError::new(SqlState::NoColumn, "there is no such column", ""));
        }
        let conditions = scan.filters.iter().filter_map(predicate::Predicate::expr);
        let conditions: Vec<_> = conditions.collect();
        let all: Vec<_> = conditions.iter().collect();
        let support = table.supports_filters_pushdown(&all).map_err(unreached)?;
        let useful =
            |it: &TableProviderFilterPushDown| *it != TableProviderFilterPushDown::Unsupported;
        let used = conditions.iter().zip(&support).filter(|(_, it)| useful(it));
        let used: Vec<_> = used.map(|(condition, _)| condition.clone()).collect();
        let limit = scan.limit.filter(|_| scan.filters.is_empty());
        let plan = table.scan(&self.state, Some(&scan.columns), &used, limit).await;
        execute_stream(plan.map_err(unreached)?, self.state.task_ctx()).map_err(unreached)
    }
}

/// A table's failure, without what it says.
fn unreached(_: datafusion::error::DataFusionError) -> QueryError {
    QueryError::unavailable("a table cannot be read")
}
