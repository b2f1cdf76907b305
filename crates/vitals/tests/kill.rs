//! `kill -9` in the middle of the work, again and again: nothing lost, nothing counted twice.
//!
//! An import is killed as many times as `VITALS_KILLS` says (10 when it does not), each time a moment after
//! a commit of that very run was seen, so that every kill lands inside the work. Then it is left to end.
//! Its rows must be those of a run nobody disturbed, every record applied exactly once, and no start may
//! have found anything to repair. `VITALS_SEED` chooses the moments; it is printed on failure.
//! `VITALS_KILLS_FILE` names another file of the `online-retail` form to import.

#![allow(clippy::print_stdout, reason = "a test says what it tries")]
#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

#[allow(unreachable_pub, reason = "a module two tests share")]
#[path = "e2e/world.rs"]
mod world;

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

use vitals_model::rng::Rng;
use world::{World, online_retail, wait};

/// Enough for several chunks, and so for several commits, of one run.
const INVOICES: u32 = 9_000;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|it| it.parse().ok()).unwrap_or(default)
}

/// How one run ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// Killed after so many commits.
    Killed(u64),
    Finished,
}

/// Runs an import and kills it `delay` after its `commits`-th commit.
fn import(world: &World, file: &str, commits: u64, delay: Duration) -> End {
    let args = ["import", "csv", file, "--preset", "online-retail", "--tenant", "shop"];
    let mut command =
        world.command(&[&args[..], &["--clock", "data", "--log-format", "json"]].concat());
    command.env("VITALS_LOG", "warn,vitals=debug").stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut seen = 0;
    for line in BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok) {
        assert!(!line.starts_with("error:"), "{line}");
        assert!(!line.contains("\"restated\""), "a start found something to repair: {line}");
        seen += u64::from(line.contains("\"message\":\"committed\""));
        if seen == commits {
            std::thread::sleep(delay);
            child.kill().unwrap();
            let killed = child.wait().unwrap().code().is_none();
            return if killed { End::Killed(seen) } else { End::Finished };
        }
    }
    assert_eq!(wait(&mut child), 0);
    End::Finished
}

/// What of a world two runs must agree in.
fn outcome(world: &World) -> (usize, String, String) {
    let counts = "select applied, superseded, quarantined from counts where tenant is not null";
    let repairs = "select count(*) from vital_changes where cause::text like '%repair%'";
    (world.rows().len(), world.psql(counts), world.psql(repairs))
}

#[test]
fn killed_again_and_again_it_ends_as_if_nothing_had_happened() {
    let (kills, seed) = (number("VITALS_KILLS", 10), number("VITALS_SEED", 20_261_121));
    println!("VITALS_SEED={seed} VITALS_KILLS={kills}");
    let calm = World::new();
    let file = std::env::var("VITALS_KILLS_FILE").unwrap_or_else(|_| {
        let file = calm.path("retail.csv");
        online_retail(&file, INVOICES);
        file.to_str().unwrap().to_owned()
    });
    assert_eq!(import(&calm, &file, u64::MAX, Duration::ZERO), End::Finished);

    let mut storm = World::new();
    let mut rng = Rng::new(seed);
    let (mut landed, mut runs) = (0, 0);
    while landed < kills {
        runs += 1;
        assert!(runs <= 3 * kills, "only {landed} of {runs} kills landed inside the work");
        let (commits, delay) = (1 + rng.below(4), Duration::from_millis(rng.below(30)));
        match import(&storm, &file, commits, delay) {
            End::Killed(_) => landed += 1,
            // The import came to its end between two kills: compare, and begin another.
            End::Finished => {
                compare(&storm, &calm);
                storm = World::new();
            }
        }
    }
    assert_eq!(import(&storm, &file, u64::MAX, Duration::ZERO), End::Finished);
    compare(&storm, &calm);
    println!("{landed} kills landed inside the work, in {runs} runs");
}

/// A world of interrupted runs must be that of one nobody disturbed.
fn compare(storm: &World, calm: &World) {
    assert_eq!(outcome(storm), outcome(calm));
    let (storm_rows, calm_rows) = (storm.rows(), calm.rows());
    let lost: Vec<_> = calm_rows.difference(&storm_rows).take(5).collect();
    assert!(storm_rows == calm_rows, "rows differ, such as {lost:?}");
    storm.run(&["verify"]).expect(0);
}
