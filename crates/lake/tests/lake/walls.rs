//! Another tenant's rows are out of reach, whatever is asked and however they lie.

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use vitals_lake::{FileShape, Lake, MergePolicy};

use crate::keeper::World;
use crate::pruning::{tenant, visit};
use crate::reading::{run, session};

/// Two tenants whose visits have the same ids, in the same files and row groups.
async fn followed() -> Lake {
    let ids = (0..30).flat_map(|id| [(1, id), (2, id), (2, 100 + id)]);
    let messages = ids.zip(0..).map(|((owner, id), offset)| visit(tenant(owner), offset, id, 3));
    let shape = FileShape { file_rows: 1_000, row_group_rows: 1_000 };
    World::of(messages.collect(), shape).followed().await
}

async fn check(lake: &Lake, when: &str) {
    let asked = [
        "select count(*) from visits",
        "select count(*) from visits where true or source = 'csv'",
        "select count(*) from (select 1 from visits)",
        "select count(*) from visits a join visits b on a.id = b.id",
        "select count(distinct id) from (select id from visits union all select id from visits)",
        "select count(*) from (select id from visits order by visited_at desc, id limit 1000)",
    ];
    for (owner, rows) in [(1, 30), (2, 60), (3, 0)] {
        let session = session(&lake.view(), tenant(owner)).await;
        for sql in asked {
            let found = run(&session, sql).await;
            let found = found[0].column(0).as_primitive::<Int64Type>().value(0);
            assert_eq!(found, rows, "tenant {owner}, {when}: {sql}");
        }
        let columns = run(&session, "select * from visits limit 1").await;
        let names = columns.iter().flat_map(|it| it.schema().fields().to_vec());
        let ours = ["tenant", "deleted", "place", "day", "body"];
        assert!(names.into_iter().all(|it| !ours.contains(&it.name().as_str())), "{when}");
    }
}

#[tokio::test]
async fn a_tenant_sees_its_own_rows_and_no_others() {
    let lake = followed().await;
    check(&lake, "in memory").await;
    lake.flush().await.unwrap();
    check(&lake, "in a fresh file").await;
    let everything = MergePolicy { fresh_rows_min: 1, ..MergePolicy::default() };
    assert!(lake.merge(&everything).await.unwrap().is_some());
    check(&lake, "in the base").await;
}

#[tokio::test]
async fn there_is_no_table_of_another_name() {
    let view = followed().await.view();
    for name in ["visit", "VISITS", "", "tenants", "lake_manifest"] {
        assert!(view.provider(tenant(1), name).await.unwrap().is_none(), "{name}");
    }
}
