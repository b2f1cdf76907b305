//! The part of one tenant, read in another process: the same tables, and nothing of anybody else.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use object_store::ObjectStore;
use vitals_lake::{FileShape, MergePolicy, Objects, Part, PartReader};
use vitals_model::{LogMessage, TenantId};
use vitals_query::RecordTables;
use vitals_testkit::history::History;

use crate::keeper::World;
use crate::pruning::{tenant, visit};
use crate::reading::{check_seen, run, session};

fn reader(world: &World) -> PartReader {
    PartReader::new(Objects::of(Arc::clone(&world.storage) as Arc<dyn ObjectStore>))
}

/// As it is when it has gone through a pipe.
fn sent(part: &Part) -> Part {
    serde_json::from_slice(&serde_json::to_vec(part).unwrap()).unwrap()
}

#[tokio::test]
async fn a_part_shows_what_its_view_shows() {
    let names: Vec<&str> = RecordTables::names().collect();
    for seed in 30..36 {
        let history = History::random(seed);
        let world = World::new(&history);
        // One reader all along: what it keeps of one part must not show in the next.
        let (lake, reader) = (world.open().await, reader(&world));
        let everything = MergePolicy { fresh_rows_min: 1, fresh_rows: 1, ..MergePolicy::default() };
        for step in 0..6 {
            lake.absorb(&world.fetch(&lake.next(), 40)).unwrap();
            match step % 3 {
                1 => drop(lake.flush().await.unwrap()),
                2 => drop(lake.merge(&everything).await.unwrap()),
                _ => {}
            }
            let seen: Vec<LogMessage> = {
                let view = lake.view();
                let below = |it: &&LogMessage| it.offset < view.offsets().get(it.partition);
                world.messages.iter().filter(below).cloned().collect()
            };
            for owner in &history.tenants {
                let part = sent(&lake.view().part(*owner, &names));
                let when = format!("of a part, step {step} of seed {seed}");
                check_seen((&reader.view(part), &seen), &[*owner], &when).await;
            }
        }
    }
}

fn two_tenants() -> World {
    let ids = (0..30).flat_map(|id| [(1, id), (2, 1_000 + id)]);
    let messages = ids.zip(0..).map(|((owner, id), offset)| visit(tenant(owner), offset, id, 3));
    World::of(messages.collect(), FileShape { file_rows: 1_000, row_group_rows: 1_000 })
}

async fn count(reader: &PartReader, part: Part, owner: TenantId) -> i64 {
    let session = session(&reader.view(part), owner).await;
    let rows = run(&session, "select count(*) from visits").await;
    rows[0].column(0).as_primitive::<Int64Type>().value(0)
}

#[tokio::test]
async fn a_part_is_of_one_tenant_and_of_the_tables_asked_for() {
    let world = two_tenants();
    let (lake, reader) = (world.followed().await, reader(&world));
    for when in ["in memory", "in a file"] {
        let part = lake.view().part(tenant(1), &["visits"]);
        let text = serde_json::to_string(&part).unwrap();
        assert!(!text.contains(&tenant(2).to_string()) && !text.contains("\"1007\""), "{when}");
        // Where a visit was, its session may say.
        assert_eq!(part.tables().collect::<Vec<_>>(), ["sessions", "visits"]);
        let view = reader.view(sent(&part));
        assert!(view.provider(tenant(2), "visits").await.unwrap().is_none(), "{when}");
        for other in ["customers", "nothing"] {
            assert!(view.provider(tenant(1), other).await.unwrap().is_none(), "{when}: {other}");
        }
        let session = session_of(&view, tenant(1)).await;
        let rows = run(&session, "select count(*), count(location_id) from visits").await;
        assert_eq!(rows[0].column(0).as_primitive::<Int64Type>().value(0), 30, "{when}");
        lake.flush().await.unwrap();
    }
}

/// A session that sees the visits alone.
async fn session_of(
    view: &vitals_lake::View,
    owner: TenantId,
) -> datafusion::prelude::SessionContext {
    let context = datafusion::prelude::SessionContext::new();
    let visits = view.provider(owner, "visits").await.unwrap().unwrap();
    context.register_table("visits", visits).unwrap();
    context
}

#[tokio::test]
async fn a_tail_that_grew_is_seen_in_the_next_part() {
    let world = two_tenants();
    let (lake, reader) = (world.open().await, reader(&world));
    let names: Vec<&str> = RecordTables::names().collect();
    let mut seen = Vec::new();
    for _ in 0..3 {
        lake.absorb(&world.fetch(&lake.next(), 20)).unwrap();
        let part = lake.view().part(tenant(1), &names);
        seen.push(count(&reader, part, tenant(1)).await);
    }
    assert_eq!(seen, [10, 20, 30]);
}
