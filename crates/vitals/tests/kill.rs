//! `kill -9` in the middle of the work, again and again: nothing lost, nothing counted twice.
//!
//! An import is killed as many times as `VITALS_KILLS` says (10 when it does not), each time a moment after
//! a commit of that very run was seen, so that every kill lands inside the work. Then it is left to end.
//! Its rows must be those of a run nobody disturbed, every record applied exactly once, and no start may
//! have found anything to repair. `VITALS_SEED` chooses the moments; it is printed on failure.
//! `VITALS_KILLS_FILE` names another file of the `online-retail` form to import.
//!
//! A harness that finds nothing may be blind. So the same storm is let loose on two processes with a bug
//! planted (`vitals::planted`), which are this very test program run as a child: it must find both.

#![allow(clippy::print_stdout, reason = "a test says what it tries")]
#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

#[allow(unreachable_pub, reason = "a module two tests share")]
#[path = "e2e/world.rs"]
mod world;

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use vitals::planted::{self, Bug};
use vitals_model::rng::Rng;
use world::{World, online_retail, wait};

/// Enough for several chunks, and so for several commits, of one run.
const INVOICES: u32 = 9_000;
/// Kills within which a planted bug has to be found. A quarter of them hits it or more.
const KILLS_TO_FIND: u64 = 30;
/// Shortest and longest time after a commit within which a kill comes.
const DELAY_MIN: Duration = Duration::from_millis(10);
const DELAY_MAX: Duration = Duration::from_secs(2);

/// Names the bug that a child has, and its command line.
const PLANTED_BUG: &str = "VITALS_TEST_PLANTED_BUG";
const PLANTED_ARGS: &str = "VITALS_TEST_PLANTED_ARGS";

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|it| it.parse().ok()).unwrap_or(default)
}

/// What is imported into which worlds, by which program.
struct Storm {
    calm: World,
    file: String,
    bug: Option<Bug>,
    /// The longest time from one commit to the next: kills must land anywhere between the two.
    between_commits: Duration,
}

/// How one run ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// Killed in the middle of its commits.
    Killed,
    Finished,
    /// It, or what it left behind, was not right.
    Wrong(String),
}

impl Storm {
    /// Prepares a storm: what a run comes to that nobody disturbs and that has no bug.
    fn new(bug: Option<Bug>) -> Self {
        let calm = World::new();
        let file = std::env::var("VITALS_KILLS_FILE").unwrap_or_else(|_| {
            let file = calm.path("retail.csv");
            online_retail(&file, INVOICES);
            file.to_str().unwrap().to_owned()
        });
        let mut storm = Self { calm, file, bug: None, between_commits: Duration::ZERO };
        assert_eq!(storm.import(&storm.calm, u64::MAX, Duration::ZERO), End::Finished);
        storm.bug = bug;
        // The time that matters is that of the process which is killed.
        let (mut commits, world) = (Vec::new(), World::new());
        let end = storm.watch(&world, u64::MAX, Duration::ZERO, &mut commits);
        assert_eq!(
            (end, storm.compare(&world)),
            (End::Finished, Ok(())),
            "undisturbed, none can tell"
        );
        let gaps = commits.windows(2).map(|pair| pair[1] - pair[0]);
        // The largest tick takes longest, and all of it must be within reach.
        storm.between_commits = gaps.max().expect("several commits").clamp(DELAY_MIN, DELAY_MAX);
        storm
    }

    fn command(&self, world: &World) -> Command {
        let args = ["import", "csv", &self.file, "--preset", "online-retail", "--tenant", "shop"];
        let command =
            world.command(&[&args[..], &["--clock", "data", "--log-format", "json"]].concat());
        let Some(bug) = self.bug else { return command };
        let args: Vec<_> = command.get_args().map(|it| it.to_str().unwrap()).collect();
        let mut child = Command::new(std::env::current_exe().unwrap());
        for (name, value) in command.get_envs() {
            assert!(value.is_none(), "a world only takes settings away");
            child.env_remove(name);
        }
        child.args(["--exact", "child", "--nocapture"]).stdin(Stdio::null());
        child.env(PLANTED_BUG, format!("{bug:?}")).env(PLANTED_ARGS, args.join("\n"));
        child
    }

    /// Runs an import and kills it `delay` after its `commits`-th commit.
    fn import(&self, world: &World, commits: u64, delay: Duration) -> End {
        self.watch(world, commits, delay, &mut Vec::new())
    }

    /// The same, and when its commits were.
    fn watch(&self, world: &World, commits: u64, delay: Duration, at: &mut Vec<Instant>) -> End {
        let mut command = self.command(world);
        command.env("VITALS_LOG", "warn,vitals=debug").stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        for line in BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok) {
            // An error ends it by itself; a start that repairs has found what must not be.
            if line.starts_with("error:") || line.contains("\"restated\"") {
                child.kill().unwrap();
                child.wait().unwrap();
                return End::Wrong(line);
            }
            if line.contains("\"message\":\"committed\"") {
                at.push(Instant::now());
            }
            if at.len() as u64 == commits {
                std::thread::sleep(delay);
                child.kill().unwrap();
                let killed = child.wait().unwrap().code().is_none();
                return if killed { End::Killed } else { End::Finished };
            }
        }
        match wait(&mut child) {
            0 => End::Finished,
            code => End::Wrong(format!("exit {code}")),
        }
    }

    /// Kills until so many kills landed inside the work or something is wrong; what that is.
    fn rage(&self, kills: u64, seed: u64) -> Result<(), String> {
        println!(
            "VITALS_SEED={seed} VITALS_KILLS={kills} {:?} {:?}",
            self.bug, self.between_commits
        );
        let mut world = World::new();
        let mut rng = Rng::new(seed);
        let (mut landed, mut runs) = (0, 0);
        while landed < kills {
            runs += 1;
            assert!(runs <= 4 * kills, "only {landed} of {runs} kills landed inside the work");
            let between_us = u64::try_from(self.between_commits.as_micros()).unwrap();
            let (commits, delay) = (1 + rng.below(4), Duration::from_micros(rng.below(between_us)));
            match self.import(&world, commits, delay) {
                End::Killed => landed += 1,
                // The import came to its end between two kills: compare, and begin another.
                End::Finished => {
                    self.compare(&world)?;
                    world = World::new();
                }
                End::Wrong(what) => return Err(format!("after {landed} kills: {what}")),
            }
        }
        match self.import(&world, u64::MAX, Duration::ZERO) {
            End::Wrong(what) => return Err(format!("at the end: {what}")),
            end => assert_eq!(end, End::Finished),
        }
        self.compare(&world)?;
        println!("{landed} kills landed inside the work, in {runs} runs");
        Ok(())
    }

    /// A world of interrupted runs must be that of one nobody disturbed.
    fn compare(&self, world: &World) -> Result<(), String> {
        let (found, expected) = (outcome(world), outcome(&self.calm));
        if found != expected {
            return Err(format!("{found:?} instead of {expected:?}"));
        }
        let (found, expected) = (world.rows(), self.calm.rows());
        if found != expected {
            let lost: Vec<_> = expected.difference(&found).take(5).collect();
            return Err(format!("rows differ, such as {lost:?}"));
        }
        match world.run(&["verify"]) {
            run if run.code == 0 => Ok(()),
            run => Err(format!("verify: {}", run.stdout)),
        }
    }
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
    Storm::new(None).rage(kills, seed).unwrap();
}

#[test]
fn offsets_committed_before_their_rows_are_found() {
    found(Bug::OffsetsBeforeRows);
}

#[test]
fn offsets_committed_after_their_rows_are_found() {
    found(Bug::OffsetsAfterRows);
}

#[track_caller]
fn found(bug: Bug) {
    let found = Storm::new(Some(bug)).rage(KILLS_TO_FIND, number("VITALS_SEED", 20_261_121));
    let found = found.expect_err("the harness is blind: it did not find a planted bug");
    println!("{bug:?} was found {found}");
    assert!(
        found.contains("I10") || found.contains("differ") || found.contains("instead of"),
        "{found}"
    );
}

/// Not a test by itself: the program with a bug in it, for the tests above.
#[test]
fn child() {
    let Ok(bug) = std::env::var(PLANTED_BUG) else { return };
    let bugs = [Bug::OffsetsBeforeRows, Bug::OffsetsAfterRows];
    let bug = bugs.into_iter().find(|it| format!("{it:?}") == bug).expect("a bug");
    let args = std::env::var(PLANTED_ARGS).unwrap();
    let args = std::iter::once("vitals").chain(args.lines()).map(OsString::from);
    std::process::exit(planted::main(bug, args).into());
}
