//! Files of checkpoints: whole or not there, offered only where they fit, and damage is found.

use vitals_engine::Engine;
use vitals_model::LogBatch;
use vitals_testkit::history::History;

use super::*;

/// An engine that has taken a random history in, and where it then stands.
fn engine(seed: u64) -> (Engine, Position) {
    let start = EngineStart { offsets: Offsets::start(1), ..EngineStart::default() };
    let mut engine = Engine::new(start);
    let history = History::random(seed);
    let now = history.ticks.last().unwrap().now;
    let messages = history.messages().zip(0..).map(|((key, value, _), offset)| {
        let (key, value) = (key.clone(), value.clone());
        vitals_model::LogMessage { partition: 0, offset, key, value }
    });
    let messages: Vec<_> = messages.collect();
    let upper = Offsets([(0, i64::try_from(messages.len()).unwrap())].into());
    engine.absorb(LogBatch { lower: Offsets::start(1), upper, messages }, now);
    let position = Position {
        epoch: 1,
        tick: 1,
        offsets: engine.offsets().clone(),
        clock: engine.clock(),
        definitions: Default::default(),
        digest: Some(engine.digest()),
    };
    (engine, position)
}

fn of_log(folder: &Path, log: &str) -> Checkpoints {
    Checkpoints::new(folder.to_owned(), log.to_owned())
}

#[test]
fn an_engine_comes_back_from_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = of_log(folder.path(), "log");
    let (engine, position) = engine(7);
    assert!(checkpoints.newest(&position).is_none());
    checkpoints.write(&engine).unwrap().settle().unwrap();
    let restored = checkpoints.newest(&position).unwrap().restore().unwrap();
    assert_eq!((restored.offsets(), restored.clock()), (engine.offsets(), engine.clock()));
    assert_eq!(restored.digest(), engine.digest());
    assert_ne!(restored.digest(), Digest::default());
}

#[test]
fn what_is_ahead_of_the_store_or_of_another_log_is_not_offered() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = of_log(folder.path(), "log");
    let (engine, position) = engine(8);
    checkpoints.write(&engine).unwrap().settle().unwrap();
    let behind = Position { offsets: Offsets::start(1), ..position.clone() };
    let earlier = Position { clock: UtcMicros(position.clock.0 - 1), ..position.clone() };
    assert!(checkpoints.newest(&position).is_some());
    assert!(checkpoints.newest(&behind).is_none(), "the store has not come so far");
    assert!(checkpoints.newest(&earlier).is_none(), "the store has not seen that instant");
    assert!(of_log(folder.path(), "another").newest(&position).is_none());
}

#[test]
fn one_that_was_not_finished_is_not_there_and_goes_with_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = of_log(folder.path(), "log");
    let (engine, position) = engine(9);
    drop(checkpoints.write(&engine).unwrap());
    assert!(checkpoints.newest(&position).is_none());
    checkpoints.write(&engine).unwrap().settle().unwrap();
    let left = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!((left, checkpoints.newest(&position).is_some()), (1, true));
}

#[test]
fn damage_anywhere_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoints = of_log(folder.path(), "log");
    let (engine, position) = engine(10);
    let written = checkpoints.write(&engine).unwrap();
    let path = written.path.clone();
    written.settle().unwrap();
    let whole = fs::read(&path).unwrap();
    let is_found = |damaged: &[u8]| {
        fs::write(&path, damaged).unwrap();
        checkpoints.newest(&position).is_none_or(|it| it.restore().is_err())
    };
    assert!(!is_found(&whole));
    for at in (0..whole.len()).step_by(whole.len() / 100 + 1) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        assert!(is_found(&damaged), "byte {at} of {}", whole.len());
        assert!(is_found(&whole[..at]), "cut at {at}");
    }
    checkpoints.forget();
    assert!(!path.exists());
}
