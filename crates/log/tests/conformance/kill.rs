//! Killed with SIGKILL in the middle of publishing, the embedded log has everything it acknowledged.
//!
//! The victim is this same binary, run again with only the test `kill::victim` and a directory in its
//! environment. It prints a line for each publish that was acknowledged; the line is out before the next
//! publish begins, so what the pipe holds after the kill was acknowledged before it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use vitals_log::{EmbeddedLog, Message, SharedLog, Topic};

use crate::subject::{PARTITIONS, message, read_all};

const DIRECTORY: &str = "VITALS_TEST_VICTIM";
const KILLS: u64 = 10;
const PUBLISHERS: usize = 4;
/// Messages of one publish. More than partitions, so that order within a publish is looked at too.
const MESSAGES: u16 = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_loses_nothing_acknowledged() {
    let seed =
        std::env::var("VITALS_SEED").ok().and_then(|it| it.parse().ok()).unwrap_or(20_261_121);
    println!("VITALS_SEED={seed}");
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mut random = seed;
    let mut acknowledged: Vec<String> = Vec::new();
    for kill in 0..KILLS {
        random = splitmix(random);
        let before = acknowledged.len();
        let acks = 1 + usize::try_from(random % 120).expect("small");
        let dir = dir.path().to_owned();
        let more = tokio::task::spawn_blocking({
            let dir = dir.clone();
            move || run_and_kill(&dir, kill, acks, splitmix(random) % 3_000)
        });
        acknowledged.extend(more.await.expect("a victim"));
        // A kill that hit nothing would prove nothing.
        assert!(acknowledged.len() >= before + acks, "the kill came in the middle of publishing");
        verify(&dir, &acknowledged).await;
    }
}

/// Starts a victim, kills it when it was acknowledged so often and a bit later still; its acknowledgements.
fn run_and_kill(dir: &Path, round: u64, acks: usize, spin: u64) -> Vec<String> {
    let mut victim = Command::new(std::env::current_exe().expect("this binary"))
        .args(["kill::victim", "--exact", "--nocapture", "--test-threads=1"])
        .env(DIRECTORY, dir)
        .env("VITALS_TEST_ROUND", round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the victim starts");
    let mut lines = BufReader::new(victim.stdout.take().expect("a pipe")).lines();
    let mut acknowledged = Vec::new();
    let mut next = || lines.find_map(|line| parse(&line.expect("text")));
    while acknowledged.len() < acks {
        acknowledged.push(next().expect("the victim goes on until it is killed"));
    }
    // Anywhere in a publish, not just after one.
    for _ in 0..spin * 100 {
        std::hint::spin_loop();
    }
    victim.kill().expect("SIGKILL");
    victim.wait().expect("its end");
    while let Some(ack) = next() {
        acknowledged.push(ack);
    }
    acknowledged
}

/// The publish a line acknowledges. The test harness prints lines of its own.
fn parse(line: &str) -> Option<String> {
    let (_, ack) = line.split_once("acknowledged ")?;
    // A line the kill cut short was not yet told to anyone.
    ack.strip_suffix('.').map(str::to_owned)
}

async fn verify(dir: &Path, acknowledged: &[String]) {
    let log: SharedLog = Arc::new(EmbeddedLog::open(dir, PARTITIONS).expect("the log opens again"));
    let mut found: BTreeMap<String, Vec<u16>> = BTreeMap::new();
    let mut last: BTreeMap<(u16, Vec<u8>), (u64, u16)> = BTreeMap::new();
    for it in read_all(&log, Topic::Records).await {
        let value = String::from_utf8(it.value).expect("text");
        let (publish, index) = value.rsplit_once('/').expect("publish/index");
        let (_, number) = publish.rsplit_once('/').expect("round/publisher/number");
        let at = (number.parse().expect("a number"), index.parse().expect("an index"));
        let key = (it.partition, it.key);
        assert!(last.get(&key).is_none_or(|last| *last < at), "{value} is out of order");
        last.insert(key, at);
        found.entry(publish.to_owned()).or_default().push(at.1);
    }
    for publish in acknowledged {
        assert!(found.contains_key(publish), "{publish} was acknowledged and is gone");
    }
    // Whole and once, acknowledged or not: a publish is one batch on disk.
    for (publish, mut indexes) in found {
        indexes.sort_unstable();
        assert!(indexes.into_iter().eq(0..MESSAGES), "{publish} is there in part or twice");
    }
}

/// Publishes until it is killed. Does nothing when it is not a victim.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn victim() {
    let (Ok(dir), Ok(round)) = (std::env::var(DIRECTORY), std::env::var("VITALS_TEST_ROUND"))
    else {
        return;
    };
    let log = Arc::new(EmbeddedLog::open(Path::new(&dir), PARTITIONS).expect("the log opens"));
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|publisher| {
            let log: SharedLog = Arc::<EmbeddedLog>::clone(&log);
            let key = format!("{round}/{publisher}");
            tokio::spawn(async move {
                for number in 0..100_000 {
                    let publish = format!("{key}/{number}");
                    let messages: Vec<Message> = (0..MESSAGES)
                        .map(|it| message(it % PARTITIONS, &key, &format!("{publish}/{it}")))
                        .collect();
                    log.publish(Topic::Records, messages).await.expect("published");
                    let line = format!("acknowledged {publish}.\n");
                    std::io::stdout().write_all(line.as_bytes()).expect("the parent listens");
                }
            })
        })
        .collect();
    for it in publishers {
        it.await.expect("a publisher");
    }
}

fn splitmix(state: u64) -> u64 {
    let z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
