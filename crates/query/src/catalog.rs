//! What a session may see: one tenant's tables, and nothing that could name another's.
//!
//! A [`Catalog`] belongs to one tenant from its making; the session above it has no way to ask for a
//! second one. Whoever holds records and vitals implements it. [`TenantTables`] is the plainest: tables
//! that are in memory already.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use async_trait::async_trait;
/// What a catalogue hands out: rows that can be planned over.
pub use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use vitals_model::local_time::Zone;
use vitals_model::{Date, TenantId, UtcMicros};

use crate::error::QueryError;
use crate::tables::RecordTables;
use crate::vital_tables::VitalBatches;

/// One tenant's tables, as of one tick.
///
/// Instants are columns of `Timestamp(Microsecond, "UTC")`; the session gives them the tenant's zone.
#[async_trait]
pub trait Catalog: Send + Sync {
    /// The tables' names (contracts section 6).
    fn tables(&self) -> Vec<String>;

    /// A table; `None` when there is none of that name.
    ///
    /// # Errors
    /// What holds the table cannot be reached.
    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, QueryError>;

    /// Whose tables these are.
    fn tenant(&self) -> TenantId;

    /// The tenant's zone.
    fn zone(&self) -> Zone;

    /// The tenant's today, by its clock.
    fn today(&self) -> Date;

    /// Of which moment the tables are.
    fn as_of(&self) -> AsOf;
}

/// The moment an answer is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AsOf {
    /// The tick whose vitals were read.
    pub tick: u64,
    /// When it was committed.
    pub committed_at: UtcMicros,
    /// Until when the sources say that they are complete; `None` when none says so.
    pub complete_to: Option<UtcMicros>,
}

/// A tenant's tables in memory.
#[derive(Debug)]
pub struct TenantTables {
    tenant: TenantId,
    zone: Zone,
    today: Date,
    as_of: AsOf,
    batches: BTreeMap<&'static str, RecordBatch>,
}

impl TenantTables {
    /// The tables of a tenant whose today is `today`.
    #[must_use]
    pub fn new(
        tenant: TenantId,
        records: &RecordTables,
        vitals: VitalBatches,
        (today, as_of): (Date, AsOf),
    ) -> Self {
        let mut batches = vitals.into_tables();
        for name in RecordTables::names() {
            batches.extend(records.get(name).map(|batch| (name, batch.clone())));
        }
        Self { tenant, zone: records.zone(), today, as_of, batches }
    }
}

/// A table of rows that are there.
pub(crate) fn in_memory(batch: &RecordBatch) -> Result<Arc<dyn TableProvider>, QueryError> {
    let table = MemTable::try_new(batch.schema(), vec![vec![batch.clone()]]);
    let table = table.map_err(|_| QueryError::unavailable("a table cannot be read"))?;
    Ok(Arc::new(table))
}

#[async_trait]
impl Catalog for TenantTables {
    fn tables(&self) -> Vec<String> {
        self.batches.keys().map(|name| (*name).to_owned()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, QueryError> {
        self.batches.get(name).map(in_memory).transpose()
    }

    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn zone(&self) -> Zone {
        self.zone
    }

    fn today(&self) -> Date {
        self.today
    }

    fn as_of(&self) -> AsOf {
        self.as_of
    }
}
