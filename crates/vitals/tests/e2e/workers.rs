//! The workers of the real program: what they are given, what they may do, and that none outlives it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::world::{PATIENCE, Up, World};

const COUNT: [&str; 2] = ["sql", "SELECT count(*) AS n FROM customers"];

fn proc(pid: u32, file: &str) -> PathBuf {
    Path::new("/proc").join(pid.to_string()).join(file)
}

fn read(pid: u32, file: &str) -> String {
    String::from_utf8_lossy(&std::fs::read(proc(pid, file)).unwrap_or_default()).into_owned()
}

/// The workers that a process has started.
fn workers(of: &Up) -> Vec<u32> {
    let pids = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|it| it.ok()?.file_name().into_string().ok());
    let pids = pids.filter_map(|name| name.parse().ok());
    let parent = format!("PPid:\t{}\n", of.pid());
    let worker = |pid: &u32| {
        read(*pid, "status").contains(&parent) && read(*pid, "cmdline") == "vitals\0query-worker\0"
    };
    pids.filter(worker).collect()
}

/// Waits until something is so.
#[track_caller]
fn until(what: &str, mut so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < PATIENCE, "not so: {what}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

fn alive(pid: u32) -> bool {
    proc(pid, "status").exists() && !read(pid, "status").contains("State:\tZ")
}

fn link(pid: &str, name: &str) -> PathBuf {
    std::fs::read_link(Path::new("/proc").join(pid).join(name)).unwrap_or_default()
}

#[test]
fn a_worker_has_nothing_worth_having_and_does_not_outlive_the_service() {
    let world = World::new();
    let file = world.write("a.jsonl", r#"{"kind":"customer","source":"csv","id":"1","body":{}}"#);
    let into = ["--tenant", "studio", "--create-tenant"];
    world.run(&[&["import", "jsonl", file.to_str().unwrap()], &into[..]].concat()).expect(0);
    let ask = || world.run(&[&COUNT[..], &["--tenant", "studio"]].concat()).expect(0).stdout;

    let up = world.up(&[]);
    until("workers are there before they are needed", || !workers(&up).is_empty());
    assert_eq!(ask(), "n\n1\n");
    let some = workers(&up);
    let networked =
        Command::new("unshare").args(["-n", "true"]).status().is_ok_and(|it| it.success());
    for pid in &some {
        assert_eq!(read(*pid, "environ"), "MIMALLOC_ARENA_RESERVE=65536\0");
        let limits = read(*pid, "limits");
        let limit = |name: &str| {
            let line = limits.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            line[name.len()..].split_whitespace().next().map(ToOwned::to_owned).unwrap_or_default()
        };
        assert_eq!(limit("Max address space"), (3_u64 << 29).to_string());
        assert_eq!((limit("Max core file size"), limit("Max file size")), ("0".into(), "0".into()));
        assert!(read(*pid, "status").contains("NoNewPrivs:\t1"));
        if networked {
            assert_ne!(
                link(&pid.to_string(), "ns/net"),
                link("self", "ns/net"),
                "it has a network"
            );
        }
        for fd in std::fs::read_dir(proc(*pid, "fd")).unwrap() {
            let open = std::fs::read_link(fd.unwrap().path()).unwrap_or_default();
            assert!(!open.starts_with(world.data_dir()), "{} is open", open.display());
        }
    }

    for pid in &some {
        Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
    }
    until("workers are replaced", || {
        let now = workers(&up);
        now.len() == some.len() && !now.iter().any(|pid| some.contains(pid))
    });
    assert_eq!(ask(), "n\n1\n");
    assert_eq!(up.metric("vitals_query_workers_crashed_total"), some.len() as u64);

    let last = workers(&up);
    assert_eq!(up.stop(), 0);
    assert!(!last.iter().any(|pid| alive(*pid)), "an orderly stop leaves a worker");

    let up = world.up(&[]);
    until("workers are there", || !workers(&up).is_empty());
    let last = workers(&up);
    up.kill_9();
    until("none outlives a service that was killed", || !last.iter().any(|pid| alive(*pid)));
}

#[test]
fn a_worker_is_not_for_people() {
    let world = World::new();
    assert!(!world.run(&["--help"]).expect(0).stdout.contains("query-worker"));
    let run = world.run(&["query-worker"]).expect(1);
    assert!(run.stderr.contains("vitals sql"), "{}", run.stderr);
}
