//! A start from a checkpoint is a start: the same rows, the same refusals, and nothing taken on trust.

use std::path::PathBuf;
use std::process::Command;

use crate::shared::until;
use crate::world::{PORTS, Up, World, online_retail};

/// Writes a checkpoint as soon as there is something to write.
fn eager(world: &World, args: &[&str]) -> Command {
    let mut command = world.command(args);
    command.env("VITALS_CHECKPOINT_MESSAGES", "50");
    command
}

fn up(world: &World) -> Up {
    Up::start(eager(world, &[&["up"][..], &PORTS].concat()))
}

fn import(world: &World, invoices: u32) {
    let file = world.path("retail.csv");
    online_retail(&file, invoices);
    let preset = ["--preset", "online-retail", "--tenant", "shop", "--clock", "data"];
    world.run(&[&["import", "csv", file.to_str().unwrap()], &preset[..]].concat()).expect(0);
}

fn files(world: &World) -> Vec<PathBuf> {
    let folder = std::fs::read_dir(world.data_dir().join("engine")).unwrap();
    let mut files: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

const RESTORED: &str = "the engine is restored from its checkpoint";
const REBUILT: &str = "the engine is rebuilt and equals the store";

/// Waits until it has said so: its lines come a little after what they are about.
fn said(up: &Up, what: &str) {
    until(what, || up.said().contains(what));
}

#[test]
fn a_restored_engine_goes_on_where_it_was() {
    let world = World::new();
    let first = up(&world);
    import(&world, 300);
    said(&first, REBUILT);
    assert_eq!(first.stop(), 0);
    assert!(!files(&world).is_empty());
    let rows = world.rows();

    let second = up(&world);
    said(&second, RESTORED);
    assert_eq!(world.rows(), rows);
    // What comes now meets the restored state: repetitions are known, new invoices are added.
    import(&world, 400);
    world.run(&["verify"]).expect(0);
    assert_ne!(world.rows(), rows);
    let rows = world.rows();
    second.kill_9();

    // Killed, it has the checkpoint of the start before and reads the rest from the log.
    let third = up(&world);
    said(&third, RESTORED);
    assert_eq!(world.rows(), rows);
    world.run(&["verify"]).expect(0);
    assert_eq!(third.stop(), 0);
}

#[test]
fn a_damaged_checkpoint_costs_time_and_nothing_else() {
    let world = World::new();
    let first = up(&world);
    import(&world, 200);
    assert_eq!(first.stop(), 0);
    let rows = world.rows();
    for path in files(&world) {
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&path, bytes).unwrap();
    }
    let second = up(&world);
    said(&second, "damaged");
    said(&second, REBUILT);
    assert_eq!(world.rows(), rows);
    until("the next one is written", || !files(&world).is_empty());
    assert_eq!(second.stop(), 0);
}

#[test]
fn rows_that_somebody_changed_are_found_behind_a_checkpoint_too() {
    let world = World::new();
    let first = up(&world);
    import(&world, 200);
    assert_eq!(first.stop(), 0);
    let rows = world.rows();
    world.psql("update revenue_trend set orders = orders + 1 where grain = 'month'");
    let refused = eager(&world, &[&["up"][..], &PORTS].concat()).output().unwrap();
    let text = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{text}");
    assert!(text.contains("--repair") && text.contains("revenue_trend"), "{text}");
    let repaired = Up::start(eager(&world, &[&["up", "--repair"][..], &PORTS].concat()));
    assert_eq!(repaired.stop(), 0);
    assert_eq!(world.rows(), rows);
    let last = up(&world);
    said(&last, RESTORED);
    assert_eq!(last.stop(), 0);
}
