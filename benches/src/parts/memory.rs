//! Without a store: the parser alone, the fold, the engine, and whether the last two agree.

use vitals_model::record::RecordView;

use super::{Run, feed, new_engine};
use crate::fold::Fold;
use crate::measure::float;
use crate::report::Report;
use crate::workload::{Spec, Workload};

/// The tick that targets speak of.
pub(crate) const TICK: usize = 10_000;

fn thousands(tick: usize) -> String {
    format!("{}k", tick / 1_000)
}

/// Parses every record and does nothing with it.
pub(crate) fn parse(spec: &Spec, report: &mut Report) -> Run {
    let run = feed(spec, TICK, |batch| {
        batch.messages.iter().filter(|it| RecordView::parse(&it.value).is_ok()).count()
    });
    report.add("parse", "records parsed", (run.records_per_second(), "records/s"));
    run
}

/// The fold, for each tick size.
pub(crate) fn fold(spec: &Spec, ticks: &[usize], report: &mut Report) -> Vec<Run> {
    let runs = ticks.iter().map(|tick| {
        let mut fold = Fold::default();
        let now = spec.now();
        let run = feed(spec, *tick, |batch| fold.absorb(&batch.messages, now).len());
        describe("fold", *tick, &run, report);
        run
    });
    runs.collect()
}

/// The engine, for each tick size, held against the fold.
pub(crate) fn engine(spec: &Spec, ticks: &[usize], folds: &[Run], report: &mut Report) -> Vec<Run> {
    let mut runs = Vec::new();
    for (i, tick) in ticks.iter().enumerate() {
        let mut engine = new_engine();
        let now = spec.now();
        let run = feed(spec, *tick, |batch| engine.absorb(batch, now).changes.len());
        describe("engine", *tick, &run, report);
        if let Some(fold) = folds.get(i) {
            let ratio = run.records_per_cpu_second() / fold.records_per_cpu_second();
            let what = format!("fold, ticks of {}", thousands(*tick));
            report.add("engine", "on one processor, to the fold", (ratio, "ratio"));
            report.against(what, ratio, (*tick == TICK).then_some(">= 0.5"));
        }
        runs.push(run);
    }
    runs
}

fn describe(part: &'static str, tick: usize, run: &Run, report: &mut Report) {
    let size = thousands(tick);
    report.add(part, format!("ticks of {size}"), (run.records_per_second(), "records/s"));
    let cpu = run.records_per_cpu_second();
    report.add(part, format!("ticks of {size}, of processor time"), (cpu, "records/s"));
    for percent in [50, 99] {
        let milliseconds = run.ticks.percentile(percent) * 1e3;
        report.add(part, format!("ticks of {size}, p{percent} of a tick"), (milliseconds, "ms"));
    }
    let rows = float(run.rows) / float(run.records);
    report.add(part, format!("ticks of {size}, changed rows"), (rows, "rows/record"));
}

/// Feeds fold and engine side by side, and compares what each tick changed.
pub(crate) fn check(spec: &Spec, report: &mut Report) {
    let (mut fold, mut engine, now) = (Fold::default(), new_engine(), spec.now());
    let mut workload = Workload::new(spec.clone());
    let mut equal = true;
    while let Some(batch) = workload.batch(TICK) {
        let expected = fold.absorb(&batch.messages, now);
        equal &= engine.absorb(batch, now).changes == expected;
    }
    report.rows_equal(equal && fold.quarantined == 0);
}
