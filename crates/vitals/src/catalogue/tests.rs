//! What the log acknowledged is in the next answer: while the lake is flushed, merged and the log compacted.

use std::os::unix::fs::PermissionsExt;

use vitals_log::{EmbeddedLog, Message, SharedLog, Topic};
use vitals_model::record::RecordView;
use vitals_model::{LogMessage, UtcMicros};
use vitals_query::{Sessions, formats};
use vitals_store::EmbeddedPostgres;

use super::*;
use crate::clock::Stopwatch;
use crate::data_dir::DataDir;
use crate::lake;
use crate::lake_keeper::LakeKeeper;
use crate::status::Status;
use crate::supervisor::Supervisor;

mod moments;

const PARTITIONS: u16 = 4;
const TENANT: TenantId = TenantId(uuid::Uuid::from_u128(7));
/// What the product promises.
const FRESH_WITHIN: Duration = Duration::from_secs(1);

struct World {
    dir: DataDir,
    log: SharedLog,
    store: Store,
    postgres: EmbeddedPostgres,
    root: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let root = tempfile::tempdir().expect("a directory");
        // As root, PostgreSQL runs as another user: it must get through.
        let open = std::fs::Permissions::from_mode(0o711);
        std::fs::set_permissions(root.path(), open).expect("permitted");
        let dir = DataDir::new(&root.path().join("data"));
        let log = EmbeddedLog::open(&dir.log(), PARTITIONS).expect("a log");
        let postgres = EmbeddedPostgres::start(&root.path().join("pg")).await.expect("a database");
        let store = Store::connect(postgres.url()).await.expect("connected");
        store.migrate().await.expect("a schema");
        Self { dir, log: Arc::new(log), store, postgres, root }
    }

    /// Publishes visits under these ids, and returns when the log has acknowledged them.
    async fn publish(&self, ids: impl Iterator<Item = u64>, version: u64) {
        let message = |id: u64| {
            let value = format!(
                r#"{{"tenant":"{TENANT}","kind":"visit","source":"csv","id":"{id}","version":{version},
                "received_at":"2026-03-01T00:00:00Z",
                "body":{{"customer_id":"{version}","visited_at":"2026-02-03T10:00:00Z"}}}}"#
            );
            let key = RecordView::parse(value.as_bytes()).expect("a record").log_key();
            Message { partition: TENANT.partition(PARTITIONS), key, value: value.into_bytes() }
        };
        self.log.publish(Topic::Records, ids.map(message).collect()).await.expect("acknowledged");
    }

    async fn close(self) {
        self.store.close().await;
        self.postgres.stop().await;
        drop(self.root);
    }
}

async fn ask(catalogues: &Catalogues, sql: &str) -> String {
    let catalogue = catalogues.gather(TENANT).await.expect("a catalogue");
    let now = UtcMicros::parse("2026-03-01T00:00:00Z").expect("an instant");
    let question = Question::new(TENANT, sql);
    let rows = Sessions::default().answer(&catalogue, &question, now).await.expect(sql);
    let answer = rows.collect().await.expect(sql);
    let bytes = formats::write(&answer, vitals_query::Format::Csv).expect("text");
    String::from_utf8(bytes).expect("text").lines().nth(1).unwrap_or_default().to_owned()
}

fn version_of(message: &LogMessage) -> Option<i64> {
    RecordView::parse(&message.value).ok().map(|it| it.version)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[allow(clippy::print_stdout, reason = "a figure is measured")]
async fn an_acknowledged_record_is_in_an_answer_within_a_second() {
    let world = World::new().await;
    let lake = lake::keep(&world.log, &world.store, &world.dir).await.expect("a lake");
    let sources = (world.log.clone(), Arc::clone(&lake));
    // Flushed and merged all the time.
    let keeper = LakeKeeper::new(sources, Status::new(), Duration::from_millis(50));
    let (kept, caught_up) = keeper.kept();
    let catalogues = Catalogues::new(Records::Kept(kept, caught_up), world.store.clone());
    let mut supervisor = Supervisor::new();
    supervisor.start("lake", keeper.run(supervisor.stop()));
    let work = async {
        let mut took = Vec::new();
        for round in 0..60 {
            // A hundred corrections of what is there, and one that is new.
            world.publish((0..100).chain([1_000 + round]), 1 + round).await;
            let acknowledged = Stopwatch::start();
            let expected = format!("{},{},{}", 101 + round, 1 + round, 100);
            let sql = "SELECT count(*) AS n, max(version) AS newest, \
                       count(*) FILTER (WHERE source_id::bigint < 100) AS corrected FROM visits";
            while ask(&catalogues, sql).await != expected {
                assert!(acknowledged.elapsed() < Duration::from_secs(20), "never: {expected}");
            }
            took.push(acknowledged.elapsed());
            if round % 20 == 19 {
                let ends = world.log.ends(Topic::Records).await.expect("ends");
                world.log.compact(Topic::Records, &ends, version_of).await.expect("compacted");
            }
        }
        took.sort_unstable();
        let p99 = took[took.len() * 99 / 100];
        println!("fresh: p50 {:?}, p99 {p99:?}, worst {:?}", took[took.len() / 2], took.last());
        assert!(p99 < FRESH_WITHIN, "p99 {p99:?}");
        assert!(lake.manifest().segments.len() > 1, "nothing was flushed: this shows too little");
        Ok(())
    };
    Box::pin(supervisor.run_while(work)).await.expect("kept");
    world.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lake_that_nobody_keeps_is_read_with_the_end_of_the_log() {
    let world = World::new().await;
    let sql = "SELECT count(*) AS n, max(version) AS newest FROM visits";
    let follower = |holds| {
        let follower =
            LakeFollower::new((world.log.clone(), world.store.clone()), &world.dir, holds);
        Catalogues::new(Records::Followed(follower), world.store.clone())
    };
    let reader = follower(false);
    world.publish(0..10, 1).await;
    assert_eq!(ask(&reader, sql).await, "10,1");
    assert!(!world.dir.lake().exists(), "it writes nothing");

    // More than fits in memory: whoever holds the directory flushes, and whoever does not says so.
    for chunk in 0..7 {
        world.publish(chunk * 15_000..(chunk + 1) * 15_000, 2).await;
    }
    let refused = reader.gather(TENANT).await.expect_err("too far behind").detail;
    assert!(refused.contains("behind the log"), "{refused}");
    assert_eq!(ask(&follower(true), sql).await, "105000,2");
    // Now there is a lake to read from.
    let reader = follower(false);
    world.publish(0..10, 3).await;
    assert_eq!(ask(&reader, sql).await, "105000,3");
    world.publish(10..20, 4).await;
    assert_eq!(ask(&reader, sql).await, "105000,4");
    world.close().await;
}
