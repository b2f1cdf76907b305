//! The hand-written fold: all four vitals in one thread of plain hash maps, without a dataflow.
//!
//! Is the practical limit that the engine is measured against, and a second opinion on its rows: it reads the same
//! bytes with the same parser, keeps the same latest versions, and yields the same changed rows tick by tick, corrections included.
//! Promises what `docs/definitions.md` says, for every kind of record and both clocks. Keeps no history, takes no
//! snapshot, and spreads over no threads: what the engine does beyond these rows is the engine's own price.
//!
//! How: everything is an index. Ids are interned per tenant and kind; each kind has its latest facts in a vector;
//! a change retracts what the old fact contributed and adds what the new one does. What a setting or a midnight
//! changes is rebuilt whole, for that tenant.

use rustc_hash::FxHashMap;
use vitals_model::record::RecordView;
use vitals_model::{LogMessage, TenantId, UtcMicros, VitalChanges};

mod arrive;
mod attendance;
mod calendar;
mod cells;
mod churn;
mod customers;
mod facts;
mod health;
mod latest;
mod ledger;
mod rebuild;
mod settings;
mod signals;
mod tenant;
#[cfg(test)]
mod tests;
mod windows;

use tenant::Tenant;

/// The absent id: no location, no customer.
const NONE: u32 = u32::MAX;

/// All tenants.
#[derive(Debug, Default)]
pub(crate) struct Fold {
    tenants: Vec<Tenant>,
    by_id: FxHashMap<TenantId, u32>,
    touched: Vec<u32>,
    now: UtcMicros,
    /// Messages that could not be understood.
    pub(crate) quarantined: u64,
}

impl Fold {
    /// Takes in the messages of one tick and yields the rows that changed, sorted by key.
    pub(crate) fn absorb(&mut self, messages: &[LogMessage], now: UtcMicros) -> VitalChanges {
        if now > self.now {
            self.now = now;
            self.touched = (0..self.count()).collect();
            self.tenants.iter_mut().for_each(|tenant| tenant.touched = true);
        }
        for message in messages {
            match RecordView::parse(&message.value) {
                Ok(record) => self.arrive(&record),
                Err(_) => self.quarantined += 1,
            }
        }
        let mut changes = VitalChanges::default();
        for index in std::mem::take(&mut self.touched) {
            self.tenants[index as usize].finish(self.now, &mut changes);
        }
        changes.revenue.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        changes.heatmap.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        changes.churn.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        changes.health.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        changes
    }

    fn count(&self) -> u32 {
        u32::try_from(self.tenants.len()).expect("fewer than 2^32 tenants")
    }

    fn arrive(&mut self, record: &RecordView<'_>) {
        let index = match self.by_id.get(&record.tenant) {
            Some(index) => *index,
            None => {
                let index = self.count();
                self.tenants.push(Tenant::new(record.tenant));
                self.by_id.insert(record.tenant, index);
                index
            }
        };
        let tenant = &mut self.tenants[index as usize];
        if !tenant.touched {
            tenant.touched = true;
            self.touched.push(index);
        }
        tenant.arrive(record);
    }
}
