//! The embedded server: starts, stops, survives kill -9 of us and of itself, as root too.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use vitals_model::{VitalChanges, VitalTables};
use vitals_store::{EmbeddedError, EmbeddedPostgres, Error, Store};

use crate::sample::{Seed, batch, next_tables};

const CHILD: &str = "VITALS_STORE_TEST_CHILD";

fn is_running(pid: u32) -> bool {
    // A zombie has no command line any more.
    std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|it| !it.is_empty())
}

fn wait_gone(pid: u32) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while is_running(pid) {
        assert!(Instant::now() < deadline, "process {pid} is still there");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn kill(pid: u32, signal: &str) {
    let status = Command::new("sh").args(["-c", &format!("kill -{signal} {pid}")]).status();
    assert!(status.unwrap().success());
}

#[tokio::test]
async fn it_starts_keeps_what_it_has_and_ends_with_its_owner() {
    let dir = tempfile::tempdir().unwrap();
    // Deep enough that a socket's path would be too long.
    let deep = dir.path().join("x".repeat(90)).join("y y");
    let outside = || -> Vec<std::path::PathBuf> {
        let inode = std::fs::metadata(&deep).unwrap().ino();
        let entries = std::fs::read_dir(std::env::temp_dir()).unwrap();
        let ours = format!("-{inode:x}");
        entries
            .map(|it| it.unwrap().path())
            .filter(|it| it.to_string_lossy().contains("vitals-socket-"))
            .filter(|it| it.to_string_lossy().ends_with(&ours))
            .collect()
    };
    let server = EmbeddedPostgres::start(&deep).await.unwrap();
    let store = Store::connect(server.url()).await.unwrap();
    store.migrate().await.unwrap();
    store.take_over(0, "log", 1).await.unwrap().close().await;

    let second = EmbeddedPostgres::start(&deep).await;
    assert!(
        matches!(second, Err(Error::Embedded(EmbeddedError::InUse { .. }))),
        "two servers on one directory: {second:?}"
    );
    assert_eq!(EmbeddedPostgres::running(&deep).as_deref(), Some(server.url()));
    let pid = server.pid();
    store.close().await;
    server.stop().await;
    assert!(!is_running(pid), "stop waits until the server has ended");
    assert_eq!(EmbeddedPostgres::running(&deep), None);
    assert!(outside().is_empty(), "nothing is left outside of the directory");

    let server = EmbeddedPostgres::start(&deep).await.unwrap();
    let store = Store::connect(server.url()).await.unwrap();
    assert_eq!(store.take_over(0, "log", 1).await.unwrap().position().epoch, 2);
    let pid = server.pid();
    assert_eq!(outside().len(), 1);
    drop(server);
    assert!(!is_running(pid), "so does dropping it");
    assert!(outside().is_empty(), "and nothing is left outside");
}

#[tokio::test]
async fn a_killed_server_recovers_and_a_strangers_process_id_does_not_stop_it() {
    let dir = tempfile::tempdir().unwrap();
    let server = EmbeddedPostgres::start(dir.path()).await.unwrap();
    let store = Store::connect(server.url()).await.unwrap();
    store.migrate().await.unwrap();
    let mut writer = store.take_over(0, "log", 4).await.unwrap();
    let tables = next_tables(&mut Seed(1), &VitalTables::default(), 30);
    let given = batch(writer.position(), VitalTables::default().changes_to(&tables));
    writer.commit(&given).await.unwrap();
    kill(server.pid(), "KILL");
    wait_gone(server.pid());
    drop(server);

    // A half-made cluster beside it is cleared away only when a new one is made; a pid file that names
    // another program must not be believed.
    let pid_file = dir.path().join("cluster/postmaster.pid");
    let stale = std::fs::read_to_string(&pid_file).unwrap();
    let (_, rest) = stale.split_once('\n').unwrap();
    std::fs::write(&pid_file, format!("{}\n{rest}", std::process::id())).unwrap();
    let server = EmbeddedPostgres::start(dir.path()).await.unwrap();
    let store = Store::connect(server.url()).await.unwrap();
    assert_eq!(store.vitals(None).await.unwrap(), tables);
}

#[tokio::test]
async fn a_cluster_that_was_not_finished_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(dir.path().join("cluster.new/base")).unwrap();
    std::fs::create_dir_all(dir.path().join("cluster")).unwrap();
    let server = EmbeddedPostgres::start(dir.path()).await.unwrap();
    Store::connect(server.url()).await.unwrap();
}

/// Not a test by itself: what the next one kills. Commits for as long as it lives.
#[tokio::test]
async fn child() {
    let Some(dir) = std::env::var_os(CHILD) else { return };
    let server = EmbeddedPostgres::start(Path::new(&dir)).await.unwrap();
    let store = Store::connect(server.url()).await.unwrap();
    store.migrate().await.unwrap();
    let mut writer = store.take_over(0, "log", 4).await.unwrap();
    println!("\nserver {}", server.pid());
    loop {
        let mut given = batch(writer.position(), VitalChanges::default());
        // The state is a function of the tick: whatever was committed can be checked.
        let (old, new) = (tables_at(given.tick - 1), tables_at(given.tick));
        given.changes = old.changes_to(&new);
        let committed = writer.commit(&given).await.unwrap();
        println!("tick {}", committed.tick);
    }
}

fn tables_at(tick: u64) -> VitalTables {
    next_tables(&mut Seed(tick), &VitalTables::default(), if tick == 0 { 0 } else { 30 })
}

/// Starts the child and reads until it has committed `n` ticks. Its server's id and the last tick told.
fn run_child(dir: &Path, n: usize) -> (Child, u32, u64) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "embedded::child", "--nocapture"])
        .env(CHILD, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (mut server, mut seen) = (0, 0);
    for line in lines.map_while(Result::ok) {
        if let Some(pid) = line.strip_prefix("server ") {
            server = pid.parse().unwrap();
        } else if let Some(told) = line.strip_prefix("tick ") {
            seen += 1;
            if seen == n {
                return (child, server, told.parse().unwrap());
            }
        }
    }
    panic!("the child ended by itself: {:?}", child.wait());
}

#[tokio::test]
async fn kill_9_in_mid_commit_leaves_no_server_behind_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut seed = Seed(77);
    let mut told = 0;
    for round in 0..8 {
        let (mut child, server, tick) = run_child(dir.path(), 1 + seed.below(20) as usize);
        assert!(tick > told, "round {round}: the work went on");
        told = tick;
        child.kill().unwrap();
        child.wait().unwrap();
        if round % 3 == 2 {
            // And sometimes the server is killed just after.
            kill(server, "KILL");
        }
        if round % 2 == 0 {
            wait_gone(server);
        }
    }
    let began = Instant::now();
    let server = EmbeddedPostgres::start(dir.path()).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(20), "took {:?}", began.elapsed());
    let store = Store::connect(server.url()).await.unwrap();
    let writer = store.take_over(0, "log", 4).await.unwrap();
    let tick = writer.position().tick;
    assert!(tick >= told, "tick {told} was acknowledged, and {tick} is stored");
    assert_eq!(store.vitals(None).await.unwrap(), tables_at(tick));
    let counts = store.counts().await.unwrap();
    assert_eq!(counts.values().map(|it| it.received).sum::<u64>(), tick);
}
