//! Writers that are fenced, paused, killed and interrupted: nothing is lost, nothing happens twice.

use std::time::Duration;

use futures::FutureExt;
use sqlx::Connection;
use vitals_model::{Digest, VitalChanges, VitalTables};
use vitals_store::Error;

use crate::sample::{Seed, batch, next_tables, tenant};
use crate::server::{Database, wait_until};

#[tokio::test]
async fn a_zombie_is_fenced_and_its_rows_never_arrive() {
    let database = Database::new().await;
    let mut zombie = database.writer().await;
    let given = batch(zombie.position(), VitalChanges::default());
    let mut successor = database.writer().await;
    let fenced = zombie.commit(&given).await;
    assert!(matches!(fenced, Err(Error::Fenced { epoch: 1, current: 2, .. })), "{fenced:?}");
    let fenced = zombie.record(&std::collections::BTreeMap::new(), Digest::default()).await;
    assert!(matches!(fenced, Err(Error::Fenced { .. })), "{fenced:?}");
    successor.commit(&given).await.unwrap();
    assert!(matches!(zombie.commit(&given).await, Err(Error::Fenced { .. })));
    assert_eq!(database.store.counts().await.unwrap()[&Some(tenant(0))].received, 1);
}

/// The zombie of reliability.md, finding 8: stopped with its transaction open, it holds the row that its
/// successor needs.
#[tokio::test]
async fn a_writer_paused_in_mid_transaction_is_ended_by_its_successor() {
    let database = Database::new().await;
    let mut paused = database.writer().await;
    let tables = next_tables(&mut Seed(11), &VitalTables::default(), 5);
    let given = batch(paused.position(), VitalTables::default().changes_to(&tables));

    let mut admin = database.admin().await;
    let mut blocker = admin.begin().await.unwrap();
    sqlx::query("lock table counts").execute(&mut *blocker).await.unwrap();
    let mut commit = Box::pin(paused.commit(&given));
    let mut watch = database.admin().await;
    let blocked = wait_until(
        &mut watch,
        "select exists (select from pg_stat_activity where datname = current_database() \
         and wait_event_type = 'Lock' and query like 'insert into counts%')",
    );
    tokio::select! {
        _ = &mut commit => panic!("the commit cannot have ended"),
        () = blocked => {}
    }
    // From here on nobody polls the commit: the process is stopped, its transaction open.
    blocker.rollback().await.unwrap();

    let began = std::time::Instant::now();
    let mut successor = database.writer().await;
    assert!(began.elapsed() < Duration::from_secs(8), "a take-over takes seconds");
    assert_eq!(successor.position().tick, 0);

    let fenced = commit.await;
    assert!(matches!(fenced, Err(Error::Fenced { epoch: 1, current: 2, .. })), "{fenced:?}");
    assert!(database.store.vitals(None).await.unwrap().is_empty());
    successor.commit(&given).await.unwrap();
    assert_eq!(database.store.vitals(None).await.unwrap(), tables);
}

/// Sessions are killed from outside at random moments, COMMIT included.
#[tokio::test]
async fn killed_sessions_lose_and_double_nothing() {
    let start = std::env::var("VITALS_SEED").map_or(20_261_121, |it| it.parse().unwrap());
    println!("VITALS_SEED={start}");
    let mut seed = Seed(start);
    let database = Database::new().await;
    let mut admin = database.admin().await;
    let mut writer = database.writer().await;
    let mut tables = VitalTables::default();
    let mut kills = 0;
    for _ in 0..60 {
        let next = next_tables(&mut seed, &tables, 12);
        let given = batch(writer.position(), tables.changes_to(&next));
        let wait = Duration::from_micros(seed.below(9_000));
        let kill = async {
            tokio::time::sleep(wait).await;
            sqlx::query_scalar::<_, i64>(
                "select count(pg_terminate_backend(pid)) from pg_stat_activity \
                 where datname = current_database() and application_name = 'vitals' \
                 and state <> 'idle'",
            )
            .fetch_one(&mut admin)
            .await
            .unwrap()
        };
        let (committed, killed) = tokio::join!(writer.commit(&given), kill);
        committed.unwrap();
        kills += killed;
        tables = next;
    }
    assert!(kills >= 10, "only {kills} kills landed in the work");
    assert_eq!(database.store.vitals(None).await.unwrap(), tables);
    assert_eq!(writer.position().tick, 60);
    assert_eq!(database.store.counts().await.unwrap()[&Some(tenant(0))].received, 60);
}

/// The caller drops a commit at random moments, so that nobody hears how it ended.
#[tokio::test]
async fn an_abandoned_commit_is_settled_by_the_next_call() {
    let start = std::env::var("VITALS_SEED").map_or(42, |it| it.parse().unwrap());
    println!("VITALS_SEED={start}");
    let mut seed = Seed(start);
    let database = Database::new().await;
    let mut writer = database.writer().await;
    let mut tables = VitalTables::default();
    let mut abandoned = 0;
    for _ in 0..60 {
        let next = next_tables(&mut seed, &tables, 12);
        let given = batch(writer.position(), tables.changes_to(&next));
        let patience = Duration::from_micros(seed.below(9_000));
        if tokio::time::timeout(patience, writer.commit(&given)).await.is_err() {
            abandoned += 1;
        }
        writer.commit(&given).await.unwrap();
        tables = next;
    }
    assert!(abandoned >= 10, "only {abandoned} commits were abandoned");
    assert_eq!(database.store.vitals(None).await.unwrap(), tables);
    assert_eq!(database.store.counts().await.unwrap()[&Some(tenant(0))].received, 60);
}

#[tokio::test]
async fn an_older_batch_never_comes_back() {
    let database = Database::new().await;
    let mut writer = database.writer().await;
    let first = batch(writer.position(), VitalChanges::default());
    writer.commit(&first).await.unwrap();
    let second = batch(writer.position(), VitalChanges::default());
    writer.commit(&second).await.unwrap();
    assert!(matches!(writer.commit(&first).now_or_never(), Some(Err(Error::NotNext { .. }))));
}
