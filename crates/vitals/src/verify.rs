//! Verification: every vital recomputed from the log by its SQL definition, and compared with the store.
//!
//! Promises to compare at one committed tick: position, clock, dates and rows are read in one snapshot,
//! and the log exactly up to that position; so it may run beside a busy engine. Takes no short cut through
//! the engine: what it shares with the dataflow is the parsing of records and nothing else.

use std::collections::BTreeMap;

use vitals_api::operator::{Compared, Refusal, VerifyReport};
use vitals_log::Log;
use vitals_model::record::tenant_of;
use vitals_model::{LogBatch, Offsets, TenantId, VitalTables};
use vitals_query::{Definitions, Records};
use vitals_store::{Snapshot, Store};

use crate::differences;
use crate::failure::Outcome;
use crate::replay::Replay;
use crate::start::SHARD;

/// Verifies one tenant, or all.
pub(crate) async fn run(
    log: &dyn Log,
    store: &Store,
    only: Option<TenantId>,
) -> Result<VerifyReport, Refusal> {
    let scope = only.map(|tenant| vec![tenant]);
    let snapshot = store
        .snapshot(SHARD, scope.as_deref())
        .await
        .map_err(|error| Refusal::failed(&error, ""))?;
    let (records, messages) = read(log, &snapshot.position.offsets, only).await?;
    let expected = compute(&records, &snapshot).await?;
    Ok(compare(&snapshot, &expected, messages))
}

/// Records by tenant.
pub(crate) type Tenants = BTreeMap<TenantId, Records>;

/// The records of one tenant, or of all, as of these offsets; and how many messages were read for them.
pub(crate) async fn read(
    log: &dyn Log,
    until: &Offsets,
    only: Option<TenantId>,
) -> Result<(Tenants, u64), Refusal> {
    let mut tenants = Tenants::new();
    let mut messages = 0;
    let mut replay = replay(Replay::open(log, until).await)?;
    while let Some(batch) = self::replay(replay.next().await)? {
        messages += batch.messages.len() as u64;
        // Parsing a batch takes as long as it takes: others of this thread are served elsewhere.
        tokio::task::block_in_place(|| absorb(&mut tenants, &batch, only));
    }
    Ok((tenants, messages))
}

fn replay<T>(outcome: Outcome<T>) -> Result<T, Refusal> {
    outcome.map_err(|failure| Refusal::new(vitals_api::RefusalKind::Failed, failure, ""))
}

fn absorb(tenants: &mut Tenants, batch: &LogBatch, only: Option<TenantId>) {
    for message in &batch.messages {
        let Some(tenant) = tenant_of(&message.value) else { continue };
        if only.is_some_and(|only| only != tenant) {
            continue;
        }
        let records = tenants.entry(tenant).or_insert_with(|| Records::new(tenant));
        // What cannot be understood is quarantined by the engine, and is in no vital.
        if let Err(reason) = records.absorb(&message.value) {
            tracing::debug!(message.partition, message.offset, %reason, "not a record");
        }
    }
}

/// The vitals of these records by their definitions, on the committed dates.
pub(crate) async fn compute(
    tenants: &Tenants,
    snapshot: &Snapshot,
) -> Result<VitalTables, Refusal> {
    let definitions = Definitions::new().await.map_err(|error| Refusal::failed(&error, ""))?;
    let mut all = VitalTables::default();
    for (tenant, records) in tenants {
        let tables = tokio::task::block_in_place(|| records.tables());
        // The date that was committed: passing a midnight is the engine's act, and recorded by it.
        let today = snapshot.todays.get(tenant).copied();
        let today = today.unwrap_or_else(|| vitals_query::today(&tables, snapshot.position.clock));
        let mut rows = definitions
            .compute(&tables, *tenant, today)
            .await
            .map_err(|error| Refusal::failed(&error, ""))?;
        all.revenue.append(&mut rows.revenue);
        all.heatmap.append(&mut rows.heatmap);
        all.churn.append(&mut rows.churn);
        all.health.append(&mut rows.health);
    }
    Ok(all)
}

fn compare(snapshot: &Snapshot, expected: &VitalTables, messages: u64) -> VerifyReport {
    let found = snapshot.vitals.changes_to(expected);
    let rows = [
        expected.revenue.len(),
        expected.heatmap.len(),
        expected.churn.len(),
        expected.health.len(),
    ];
    let vitals = vitals_model::vital::VITALS.into_iter().zip(rows).map(|(vital, rows)| {
        let different = differences::count(&found).get(vital).copied().unwrap_or(0) as u64;
        (vital.to_owned(), Compared { rows: rows as u64, different })
    });
    VerifyReport {
        tick: snapshot.position.tick,
        records: messages,
        vitals: vitals.collect(),
        differences: differences::show(&found, differences::SHOWN_MAX),
    }
}
