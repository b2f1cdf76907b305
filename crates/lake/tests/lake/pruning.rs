//! One tenant's range of time touches few row groups, and only the columns asked for.

use std::sync::Arc;

use datafusion::physical_plan::metrics::MetricValue;
use datafusion::physical_plan::{ExecutionPlan, collect};
use vitals_lake::{FileShape, MergePolicy};
use vitals_model::{LogMessage, TenantId};

use crate::keeper::World;
use crate::reading::session;

const TENANTS: u128 = 8;
const DAYS: u32 = 28;
const VISITS_PER_DAY: u32 = 40;

pub(crate) fn tenant(n: u128) -> TenantId {
    TenantId(uuid::Uuid::from_u128(n))
}

pub(crate) fn visit(tenant: TenantId, offset: i64, id: u32, day: u32) -> LogMessage {
    let value = format!(
        r#"{{"tenant":"{tenant}","kind":"visit","source":"csv","id":"{id}","version":{offset},
        "received_at":"2026-03-01T00:00:00Z",
        "body":{{"customer_id":"{}","visited_at":"2026-02-{day:02}T10:00:00Z"}}}}"#,
        id % 50
    );
    LogMessage { partition: 0, offset, key: Vec::new(), value: value.into_bytes() }
}

/// Every tenant's visits, each day's mixed with the other days'.
fn world() -> World {
    let mut messages = Vec::new();
    for id in 0..DAYS * VISITS_PER_DAY {
        for owner in 0..TENANTS {
            let offset = i64::try_from(messages.len()).unwrap();
            messages.push(visit(tenant(owner), offset, id, 1 + id % DAYS));
        }
    }
    World::of(messages, FileShape { file_rows: 1_000_000, row_group_rows: 256 })
}

/// Row groups that a plan's statistics left to be read, and that they spared.
fn row_groups(plan: &Arc<dyn ExecutionPlan>) -> (usize, usize) {
    let mut counts = (0, 0);
    for metric in plan.metrics().iter().flat_map(|it| it.iter().cloned().collect::<Vec<_>>()) {
        if let MetricValue::PruningMetrics { name, pruning_metrics } = metric.value()
            && name == "row_groups_pruned_statistics"
        {
            counts.0 += pruning_metrics.matched();
            counts.1 += pruning_metrics.pruned();
        }
    }
    for child in plan.children() {
        let (read, spared) = row_groups(child);
        counts = (counts.0 + read, counts.1 + spared);
    }
    counts
}

#[tokio::test]
async fn a_range_of_one_tenant_reads_the_row_groups_it_lies_in() {
    let world = world();
    let lake = world.followed().await;
    lake.flush().await.unwrap();
    let everything = MergePolicy { fresh_rows_min: 1, ..MergePolicy::default() };
    while lake.merge(&everything).await.unwrap().is_some() {}
    let session = session(&lake.view(), tenant(3)).await;
    // A day is 40 rows and a tenant 1,120: in row groups of at most 256 rows, which no two of them share, 5.
    let cases = [
        (
            "select id from visits where visited_at >= '2026-02-10T00:00:00Z' and visited_at < '2026-02-11T00:00:00Z'",
            40,
            2,
        ),
        ("select customer_id from visits", 1_120, 5),
    ];
    for (sql, rows, most) in cases {
        let plan = session.sql(sql).await.unwrap().create_physical_plan().await.unwrap();
        let found = collect(Arc::clone(&plan), session.task_ctx()).await.unwrap();
        assert_eq!(found.iter().map(|it| it.num_rows()).sum::<usize>(), rows, "{sql}");
        let (read, spared) = row_groups(&plan);
        let shown = datafusion::physical_plan::displayable(plan.as_ref()).indent(true);
        assert_eq!(read + spared, 40, "of 8,960 rows: {shown}");
        assert!((1..=most).contains(&read), "{sql}: {read} row groups were read: {shown}");
        // What nobody asked for is not read: no body, no version, and no doubt where all is merged.
        let shown = shown.to_string();
        assert!(!shown.contains("body") && !shown.contains("is_newest"), "{shown}");
    }
}
