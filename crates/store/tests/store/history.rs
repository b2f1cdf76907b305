//! History keeps what each row used to be, joined within a minute where that is allowed.

use vitals_model::tenant::TenantScope;
use vitals_model::vital::{Change, ChurnKey, HealthKey, Level, Period, RevenueKey, VitalRow};
use vitals_model::{UtcMicros, VitalChanges};
use vitals_store::{HistoryRow, Writer};

use crate::sample::{NOON, Seed, batch, churn_row, health_row, revenue_key, revenue_row, tenant};
use crate::server::Database;

/// Commits each change in a tick of its own, at these instants of the engine's clock, and returns the
/// history. Joining also depends on the database's minute: a run that a minute passed in is repeated.
async fn history(steps: &[(VitalChanges, UtcMicros)]) -> Vec<HistoryRow> {
    for _ in 0..3 {
        let database = Database::new().await;
        let mut writer: Writer = database.writer().await;
        let mut minutes = std::collections::BTreeSet::new();
        for (changes, clock) in steps {
            let mut given = batch(writer.position(), changes.clone());
            given.clock = *clock;
            let committed = writer.commit(&given).await.unwrap();
            minutes.insert(committed.committed_at.0 / 60_000_000);
        }
        if minutes.len() == 1 {
            let scope = TenantScope::of_operator(tenant(0));
            let mut scoped = database.store.scoped(&scope).await.unwrap();
            return scoped.history_after(0, 100).await.unwrap();
        }
    }
    panic!("a few commits took more than a minute, three times");
}

/// `n` random rows of one key, and the changes from each to the next.
fn steps<K: Clone, R: Clone + PartialEq>(key: &K, rows: &[R]) -> Vec<Change<K, R>> {
    let old = std::iter::once(None).chain(rows.iter().cloned().map(Some));
    let change =
        |(old, new): (Option<R>, &R)| Change { key: key.clone(), old, new: Some(new.clone()) };
    old.zip(rows).map(change).collect()
}

fn revenue_steps(bucket_age_us: i64) -> Vec<(VitalChanges, UtcMicros)> {
    let mut seed = Seed(5);
    let key = RevenueKey {
        grain: vitals_model::local_time::Grain::Hour,
        bucket: UtcMicros(NOON.0 - bucket_age_us),
        ..revenue_key(&mut seed, tenant(0))
    };
    let rows = [revenue_row(&mut seed), revenue_row(&mut seed), revenue_row(&mut seed)];
    let changes = steps(&key, &rows).into_iter();
    changes
        .map(|it| (VitalChanges { revenue: vec![it], ..VitalChanges::default() }, NOON))
        .collect()
}

#[tokio::test]
async fn an_open_bucket_is_joined_to_its_last_value() {
    let given = revenue_steps(60_000_000);
    let kept = history(&given).await;
    assert_eq!(kept.len(), 1);
    let last = given[2].0.revenue[0].new.as_ref().map(VitalRow::to_json);
    assert_eq!((kept[0].tick, &kept[0].old, &kept[0].new), (3, &None, &last));
    assert_eq!((kept[0].vital.as_str(), kept[0].cause.as_str()), ("revenue_trend", "live"));
}

#[tokio::test]
async fn a_closed_bucket_keeps_every_step() {
    let given = revenue_steps(7_200_000_000);
    let kept = history(&given).await;
    assert_eq!(kept.iter().map(|it| it.tick).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(kept.windows(2).all(|pair| pair[0].new == pair[1].old), "the steps connect");
}

#[tokio::test]
async fn nothing_is_joined_across_a_minute() {
    let mut given = revenue_steps(60_000_000);
    // NOON is at second 56.
    given[2].1 = UtcMicros(NOON.0 + 5_000_000);
    let kept = history(&given).await;
    assert_eq!(kept.iter().map(|it| it.tick).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(kept[0].new, kept[1].old);
}

#[tokio::test]
async fn the_change_of_a_level_stands_alone() {
    let mut seed = Seed(9);
    let key = ChurnKey { tenant: tenant(0), customer: "csv:1".into() };
    let levels = [Level::Low, Level::Low, Level::Low, Level::High, Level::High, Level::High];
    let rows = levels.map(|level| vitals_model::vital::ChurnRow { level, ..churn_row(&mut seed) });
    let given: Vec<_> = steps(&key, &rows)
        .into_iter()
        .map(|it| (VitalChanges { churn: vec![it], ..VitalChanges::default() }, NOON))
        .collect();
    let kept = history(&given).await;
    // The first row, the moves within low, the change to high, the moves within high.
    assert_eq!(kept.iter().map(|it| it.tick).collect::<Vec<_>>(), [1, 3, 4, 6]);
    assert!(kept.windows(2).all(|pair| pair[0].new == pair[1].old), "the steps connect");
}

#[tokio::test]
async fn a_month_that_may_be_over_keeps_every_step_and_a_window_does_not() {
    use vitals_model::vital::{HeatmapKey, HeatmapRow};
    let first = vitals_model::Date::parse("2026-02-01").unwrap();
    for (period, expected) in [(Period::Month(first), 2), (Period::Trailing(4), 1)] {
        let key = HeatmapKey { tenant: tenant(0), location: None, period, weekday: 1, hour: 9 };
        let rows = [1, 2].map(|visits| HeatmapRow { visits, ..HeatmapRow::default() });
        let given: Vec<_> = steps(&key, &rows)
            .into_iter()
            .map(|it| (VitalChanges { heatmap: vec![it], ..VitalChanges::default() }, NOON))
            .collect();
        assert_eq!(history(&given).await.len(), expected, "{period:?}");
    }
}

#[tokio::test]
async fn a_row_that_comes_and_goes_within_a_minute_is_still_told() {
    let mut seed = Seed(2);
    let key = HealthKey { tenant: tenant(0) };
    let row = health_row(&mut seed);
    let came = Change { key: key.clone(), old: None, new: Some(row.clone()) };
    let went = Change { key, old: Some(row), new: None };
    let given: Vec<_> = [came, went]
        .map(|it| (VitalChanges { health: vec![it], ..VitalChanges::default() }, NOON))
        .into();
    let kept = history(&given).await;
    // Whoever saw tick 1 learns at tick 2 that the row is gone.
    assert_eq!((kept.len(), kept[0].tick, &kept[0].old, &kept[0].new), (1, 2, &None, &None));
}

#[tokio::test]
async fn history_is_forgotten_when_the_tenant_says_so() {
    let database = Database::new().await;
    let mut writer = database.writer().await;
    let mut now = NOON;
    for (changes, _) in revenue_steps(7_200_000_000) {
        let given = batch(writer.position(), changes);
        now = writer.commit(&given).await.unwrap().committed_at;
    }
    let days = |n: i64| UtcMicros(now.0 + n * 86_400_000_000);
    assert_eq!(database.store.forget_history(days(399)).await.unwrap(), 0);
    assert_eq!(database.store.forget_history(days(401)).await.unwrap(), 3);
}
