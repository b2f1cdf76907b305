//! Stored vitals, asked for in SQL: what goes down to the store comes up as it would have been found here, and
//! rows as of every tick are the rows the store held at that tick.

use std::collections::BTreeMap;

use vitals_engine::Hydration;
use vitals_model::{LogBatch, Offsets, VitalTables};
use vitals_query::{Answer, TenantTables, VitalBatches};
use vitals_testkit::history::History;

use super::*;

/// The rows of an answer as lines of text, sorted.
fn lines(answer: &Answer) -> Vec<String> {
    let bytes = formats::write(answer, vitals_query::Format::Csv).expect("text");
    let text = String::from_utf8(bytes).expect("text");
    let mut lines: Vec<String> = text.lines().map(ToOwned::to_owned).collect();
    lines.sort();
    lines
}

async fn answered(catalog: &dyn Catalog, sql: &str) -> Vec<String> {
    let now = UtcMicros::parse("2026-03-01T00:00:00Z").expect("an instant");
    let question = Question::new(catalog.tenant(), sql);
    let answer =
        async { Sessions::default().answer(catalog, &question, now).await?.collect().await };
    lines(&answer.await.unwrap_or_else(|error| panic!("{sql}: {error}")))
}

/// What the store held after a tick.
struct Held {
    tick: u64,
    committed_at: UtcMicros,
    vitals: VitalTables,
}

/// Commits a history tick by tick, never two in one minute.
async fn commit(world: &World, history: &History) -> Vec<Held> {
    let first = history.ticks.first().expect("a tick").now;
    let (mut engine, _) = Hydration::new(PARTITIONS, first).finish(0, &BTreeMap::new());
    let log = world.log.identity();
    let writer = world.store.take_over(crate::start::SHARD, &log, PARTITIONS).await;
    let mut writer = writer.expect("taken over");
    let (mut held, mut now, mut at) = (Vec::new(), first, Offsets::start(PARTITIONS));
    for tick in &history.ticks {
        now = UtcMicros(tick.now.0.max(now.0 + 61_000_000));
        let mut upper = at.clone();
        let messages = tick.messages.iter().map(|(key, value, tenant)| {
            let partition = tenant.partition(PARTITIONS);
            let next = upper.0.entry(partition).or_default();
            *next += 1;
            let (key, value) = (key.clone(), value.clone());
            LogMessage { partition, offset: *next - 1, key, value }
        });
        let messages = messages.collect();
        let batch = LogBatch { lower: at, upper: upper.clone(), messages };
        let committed = writer.commit(&engine.absorb(batch, now)).await.expect("committed");
        at = upper;
        let vitals = world.store.vitals(None).await.expect("rows");
        held.push(Held { tick: committed.tick, committed_at: committed.committed_at, vitals });
    }
    writer.close().await;
    held
}

fn of_tenant(all: &VitalTables, tenant: TenantId) -> VitalTables {
    let mut of = all.clone();
    of.revenue.retain(|key, _| key.tenant == tenant);
    of.heatmap.retain(|key, _| key.tenant == tenant);
    of.churn.retain(|key, _| key.tenant == tenant);
    of.health.retain(|key, _| key.tenant == tenant);
    of
}

/// The same rows in memory, where every condition is tested by the session.
fn in_memory(of: &Catalogue, vitals: &VitalTables) -> TenantTables {
    let (tables, moment) = (RecordTables::empty(), (of.today, of.as_of));
    let vitals = VitalBatches::of(&of_tenant(vitals, of.tenant)).with_changes(&[]);
    TenantTables::new(of.tenant, &tables, vitals, moment)
}

fn catalogues(world: &World) -> Catalogues {
    let follower = LakeFollower::new((world.log.clone(), world.store.clone()), &world.dir, false);
    Catalogues::new(Records::Followed(follower), world.store.clone())
}

const VITALS: [&str; 6] = [
    "revenue_trend",
    "attendance_heatmap",
    "churn_risk",
    "churn_factors",
    "health_score",
    "health_metrics",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_as_of_every_tick_are_those_the_store_held() {
    let mut compared = 0;
    for seed in [3, 8] {
        let world = World::new().await;
        let history = History::random(seed);
        let held = Box::pin(commit(&world, &history)).await;
        let catalogues = catalogues(&world);
        for tenant in &history.tenants {
            for Held { tick, committed_at, vitals } in &held {
                let catalogue = catalogues.gather(*tenant).await.expect("a catalogue");
                let expected = in_memory(&catalogue, vitals);
                for vital in VITALS {
                    let expected = answered(&expected, &format!("SELECT * FROM {vital}")).await;
                    for moment in [tick.to_string(), format!("TIMESTAMPTZ '{committed_at}'")] {
                        let sql = format!("SELECT * FROM vitals_as_of('{vital}', {moment})");
                        let found = answered(&catalogue, &sql).await;
                        assert_eq!(found, expected, "seed {seed}: {sql}");
                    }
                    compared += expected.len() - 1;
                }
            }
        }
        let catalogue = catalogues.gather(history.tenants[0]).await.expect("a catalogue");
        let future = "SELECT * FROM vitals_as_of('churn_risk', 1000000)";
        let future = Question::new(history.tenants[0], future);
        let now = UtcMicros::parse("2026-03-01T00:00:00Z").expect("an instant");
        let refused = Sessions::default().answer(&catalogue, &future, now).await;
        let refused = refused.expect_err("yet to come");
        assert!(refused.state == SqlState::BadValue && refused.detail.contains("yet to come"));
        drop(catalogue);
        world.close().await;
    }
    assert!(compared > 1_000, "{compared} rows: this shows little");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conditions_that_go_down_find_the_same_rows() {
    let world = World::new().await;
    let history = History::random(8);
    let held = Box::pin(commit(&world, &history)).await;
    let vitals = &held.last().expect("a tick").vitals;
    let tenant = history.tenants[0];
    let catalogue = catalogues(&world).gather(tenant).await.expect("a catalogue");
    let expected = in_memory(&catalogue, vitals);
    let own = of_tenant(vitals, tenant);
    let bucket = own.revenue.keys().map(|it| it.bucket).max().expect("a bucket");
    let customer = &own.churn.keys().next().expect("a customer").customer;
    for sql in [
        format!("SELECT score, level FROM churn_risk WHERE customer_id = '{customer}'"),
        format!("SELECT signal, points FROM churn_factors WHERE '{customer}' = customer_id AND signal IN ('sleep', 'payment')"),
        "SELECT customer_id FROM churn_risk WHERE level = 'low' OR level = 'high'".to_owned(),
        "SELECT customer_id FROM churn_risk WHERE level <> 'low'".to_owned(),
        "SELECT count(*) AS n FROM churn_risk WHERE customer_id > 'csv' AND customer_id <= 'z'".to_owned(),
        "SELECT net FROM revenue_trend WHERE location_id IS NULL AND grain = 'day'".to_owned(),
        "SELECT net, units FROM revenue_trend WHERE location_id IS NOT NULL".to_owned(),
        format!("SELECT bucket, gross FROM revenue_trend WHERE bucket >= TIMESTAMPTZ '{bucket}' AND grain IN ('hour', 'day', 'week', 'month')"),
        format!("SELECT grain, count(*) AS n FROM revenue_trend WHERE bucket < TIMESTAMPTZ '{bucket}' GROUP BY grain"),
        format!("SELECT count(*) AS n FROM revenue_trend WHERE TIMESTAMPTZ '{bucket}' > bucket OR grain = 'week'"),
        "SELECT * FROM attendance_heatmap WHERE weekday BETWEEN 2 AND 5 AND hour >= 9 AND month IS NULL".to_owned(),
        "SELECT visits FROM attendance_heatmap WHERE month >= DATE '2020-01-01' AND trailing_window IS NULL".to_owned(),
        "SELECT sum(visits) AS n FROM attendance_heatmap WHERE trailing_window IN ('4w', '52w') AND NOT hour = 9".to_owned(),
        "SELECT r.customer_id, f.value FROM churn_risk r JOIN churn_factors f ON f.customer_id = r.customer_id WHERE f.signal = 'attendance'".to_owned(),
        "SELECT c.customer_id, h.overall FROM churn_risk c CROSS JOIN health_score h".to_owned(),
        "SELECT metric, score FROM health_metrics WHERE category = 'risk' AND present".to_owned(),
        "SELECT count(*) AS n FROM revenue_trend WHERE grain = E'da\\\\y' OR grain = ''".to_owned(),
        "SELECT count(*) AS n FROM (SELECT 1 FROM churn_risk LIMIT 3) x".to_owned(),
    ] {
        assert_eq!(answered(&catalogue, &sql).await, answered(&expected, &sql).await, "{sql}");
    }
    // Two vitals and their history in one question, read by turns in one transaction.
    let sql = "SELECT vital, count(*) AS n FROM vital_changes WHERE tick >= 1 AND vital = 'churn_risk' GROUP BY vital \
               UNION ALL SELECT 'now', count(*) FROM churn_risk UNION ALL SELECT 'then', count(*) FROM \
               vitals_as_of('churn_risk', 1) v WHERE v.customer_id IS NOT NULL";
    assert_eq!(answered(&catalogue, sql).await.len(), 4);
    drop(catalogue);
    world.close().await;
}
