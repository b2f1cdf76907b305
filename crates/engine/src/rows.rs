//! From the dataflow's numbers back to names: the changes of one tick, consolidated and sorted.

use std::collections::BTreeMap;

use vitals_dataflows::attendance::{Cell, CellSums};
use vitals_dataflows::churn::Customer;
use vitals_dataflows::keyed::Diff;
use vitals_dataflows::revenue::{RevenueAt, RevenueSums};
use vitals_dataflows::{Changed, Outputs};
use vitals_model::VitalChanges;
use vitals_model::policy::Policy;
use vitals_model::vital::{
    Change, ChurnKey, ChurnRow, HealthKey, HeatmapKey, HeatmapRow, RevenueKey, RevenueRow,
};

use crate::door::Door;

/// Drains the outputs of a tick into sorted changes.
pub(crate) fn collect(door: &Door, policies: &[Policy], outputs: &Outputs) -> VitalChanges {
    let revenue =
        pair(&outputs.revenue, |(at, sums)| Some((revenue_key(door, at), revenue_row(sums))));
    let heatmap =
        pair(&outputs.heatmap, |(cell, sums)| Some((heatmap_key(door, cell), heatmap_row(sums))));
    let churn = pair(&outputs.churn, |it| churn_row(door, policies, it));
    let health = pair(&outputs.health, |(tenant, row)| {
        Some((HealthKey { tenant: door.tenant_id(*tenant) }, row.clone()))
    });
    VitalChanges { revenue, heatmap, churn, health }
}

/// Pairs what each row was with what it is.
fn pair<D, K: Ord, R: Eq>(
    changed: &Changed<D>,
    name: impl Fn(&D) -> Option<(K, R)>,
) -> Vec<Change<K, R>> {
    let mut rows: BTreeMap<K, (Option<R>, Option<R>)> = BTreeMap::new();
    for (row, diff) in std::mem::take(&mut *changed.borrow_mut()) {
        let Some((key, values)) = name(&row) else { continue };
        let (old, new) = rows.entry(key).or_default();
        let side = if diff < 0 { old } else { new };
        assert_one(side.as_ref(), diff);
        *side = Some(values);
    }
    rows.into_iter()
        .filter(|(_, (old, new))| old != new)
        .map(|(key, (old, new))| Change { key, old, new })
        .collect()
}

/// The operators yield each row once a tick, and its predecessor once.
fn assert_one<R>(side: Option<&R>, diff: Diff) {
    assert!(side.is_none() && diff.abs() == 1, "I3: a row changes once a tick, not by {diff}");
}

fn revenue_key(door: &Door, at: &RevenueAt) -> RevenueKey {
    RevenueKey {
        tenant: door.tenant_id(at.tenant),
        location: door.name(at.location),
        currency: at.currency,
        grain: at.grain,
        bucket: at.bucket,
    }
}

fn revenue_row(sums: &RevenueSums) -> RevenueRow {
    RevenueRow {
        gross: sums.gross,
        discount: sums.discount,
        refunds: sums.refunds,
        tax: sums.tax,
        orders: sums.orders,
        units: sums.units,
        refund_count: sums.refund_count,
        paying_customers: sums.paying_customers,
        new_customers: sums.new_customers,
        active_customers: sums.active_customers,
    }
}

fn heatmap_key(door: &Door, cell: &Cell) -> HeatmapKey {
    HeatmapKey {
        tenant: door.tenant_id(cell.tenant),
        location: door.name(cell.location),
        period: cell.period,
        weekday: cell.weekday,
        hour: cell.hour,
    }
}

fn heatmap_row(sums: &CellSums) -> HeatmapRow {
    HeatmapRow {
        visits: sums.visits,
        unique_customers: sums.unique_customers,
        bookings: sums.bookings,
        late_cancels: sums.late_cancels,
        no_shows: sums.no_shows,
        sessions: sums.sessions,
        capacity: sums.capacity,
    }
}

fn churn_row(door: &Door, policies: &[Policy], it: &Customer) -> Option<(ChurnKey, ChurnRow)> {
    let signals = it.signals?;
    let key = ChurnKey { tenant: door.tenant_id(it.tenant), customer: door.name(it.customer)? };
    Some((key, signals.row(signals.policy(policies))))
}
