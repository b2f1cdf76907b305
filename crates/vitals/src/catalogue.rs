//! One tenant's tables for one question: records from the lake, vitals from the store.
//!
//! Promises the vitals of one committed tick, and of every record the newest version the lake shows: records
//! may be newer than the vitals beside them, never older by more than a second while the lake is kept.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;
use vitals_api::operator::chain;
use vitals_lake::{Lake, View};
use vitals_model::local_time::Zone;
use vitals_model::tenant::TenantScope;
use vitals_model::vital_scan::{ScanMoment, ScanTable};
use vitals_model::{Date, TenantId, UtcMicros};
use vitals_query::answers::Question;
use vitals_query::{
    AsOf, Catalog, QueryError, RecordTables, SqlState, TableProvider, as_of, stored,
};
use vitals_store::Store;
use vitals_workers::Catalogs;

use crate::clock;
use crate::lake_follower::LakeFollower;
use crate::vital_reads::VitalReads;

/// Longest wait for a lake whose keeper has just started.
const CATCH_UP_MAX: Duration = Duration::from_secs(5);

/// Where a process finds records.
#[derive(Debug)]
pub(crate) enum Records {
    /// In the lake that it keeps itself, once that has caught up.
    Kept(Arc<Lake>, watch::Receiver<bool>),
    /// In a lake that it only reads.
    Followed(LakeFollower),
}

/// Opens catalogues.
#[derive(Debug)]
pub(crate) struct Catalogues {
    records: Records,
    store: Store,
}

/// One tenant's tables.
pub(crate) struct Catalogue {
    tenant: TenantId,
    records: View,
    vitals: VitalReads,
    zone: Zone,
    today: Date,
    as_of: AsOf,
}

impl fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalogue").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

impl Records {
    async fn view(&self) -> Result<View, QueryError> {
        match self {
            Self::Kept(lake, caught_up) => {
                let mut caught_up = caught_up.clone();
                let wait = caught_up.wait_for(|it| *it);
                if !matches!(tokio::time::timeout(CATCH_UP_MAX, wait).await, Ok(Ok(_))) {
                    let what = "the records are still being read from the log";
                    return Err(unavailable(what, "try again in a moment"));
                }
                Ok(lake.view())
            }
            Self::Followed(lake) => lake.view().await.map_err(|failure| unavailable(failure, "")),
        }
    }
}

impl Catalogues {
    pub(crate) fn new(records: Records, store: Store) -> Self {
        Self { records, store }
    }

    /// The tables of a tenant as they are now.
    async fn gather(&self, tenant: TenantId) -> Result<Catalogue, QueryError> {
        // Catching up may take longer than a transaction may be idle: once before it, and again in it, so that
        // the records are no older than the vitals.
        drop(self.records.view().await?);
        let scoped = self.store.scoped(&TenantScope::of_operator(tenant)).await;
        let mut scoped = scoped.map_err(|error| unreadable(&error))?;
        let seen = scoped.as_of().await.map_err(|error| unreadable(&error))?;
        let records = self.records.view().await?;
        let zone = records.zone(tenant).await.map_err(|error| unreadable(&error))?;
        let now = clock::now();
        let as_of = AsOf {
            tick: seen.map_or(0, |it| it.tick),
            committed_at: seen.map_or(now, |it| it.committed_at),
            complete_to: None,
        };
        // Today is committed with the tick; before the first, it is what the clock says.
        let today = seen.map_or_else(|| zone.date(now), |it| it.today);
        let vitals = VitalReads::new(scoped);
        Ok(Catalogue { tenant, records, vitals, zone, today, as_of })
    }
}

#[async_trait]
impl Catalogs for Catalogues {
    async fn open(&self, question: &Question) -> Result<(Arc<dyn Catalog>, UtcMicros), QueryError> {
        let catalogue = self.gather(question.tenant).await?;
        Ok((Arc::new(catalogue), clock::now()))
    }
}

/// A store or a lake that fails says why, and names no row.
pub(crate) fn unreadable(error: &dyn std::error::Error) -> QueryError {
    unavailable(chain(error), "try again; if it stays, see the log of 'vitals up'")
}

/// In whole sentences: nothing of a question is in them.
fn unavailable(detail: impl fmt::Display, mend: &str) -> QueryError {
    let (detail, mend) = (detail.to_string(), mend.to_owned());
    QueryError { state: SqlState::Internal, detail, mend }
}

#[async_trait]
impl Catalog for Catalogue {
    fn tables(&self) -> Vec<String> {
        let vitals = ScanTable::ALL.iter().map(|it| it.as_str());
        let names = RecordTables::names().chain(vitals);
        names.map(ToOwned::to_owned).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, QueryError> {
        let now = || ScanTable::named(name).map(|it| (it, ScanMoment::Now));
        let Some((table, at)) = as_of::read(name, self.zone)?.or_else(now) else {
            let found = self.records.provider(self.tenant, name).await;
            return found.map_err(|error| unreadable(&error));
        };
        if at != ScanMoment::Now {
            self.vitals.check(at).await?;
        }
        stored::table(Arc::new(self.vitals.clone()), (table, at)).await.map(Some)
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

#[cfg(test)]
mod tests;
