//! Flatness: what a record costs when there are sixteen times as many tenants, customers, or as much history.
//!
//! Once must be larger than the processor's caches already (500,000 records are some 150 MB of state): else the
//! step out of the cache is what is measured.

use super::{Run, feed, new_engine};
use crate::measure::Stopwatch;
use crate::parts::memory::TICK;
use crate::report::Report;
use crate::workload::{Spec, Workload};

const TIMES: usize = 16;

/// Measures all three.
pub(crate) fn measure(spec: &Spec, report: &mut Report) {
    let base = Spec { tenants: 10, customers: 2_000, ..spec.clone() };
    let one = cost(&run(&base));
    for (what, more) in [
        ("tenants", Spec { tenants: base.tenants * TIMES, ..base.clone() }),
        ("customers", Spec { customers: base.customers * TIMES, ..base.clone() }),
    ] {
        add(what, one, cost(&run(&more)), report);
    }
    // As dense, over a sixteenth of the time: both are measured in the same last days before now.
    let short = Spec { days: base.days / 16, ..base.clone() };
    let long = Spec { records: base.records * TIMES, ..base.clone() };
    let measured = base.records / 2;
    add("history", cost(&last(&short, measured)), cost(&last(&long, measured)), report);
}

fn run(spec: &Spec) -> Run {
    let (mut engine, now) = (new_engine(), spec.now());
    feed(spec, TICK, |batch| engine.absorb(batch, now).changes.len())
}

/// Microseconds of processor a record.
fn cost(run: &Run) -> f64 {
    1e6 / run.records_per_cpu_second()
}

fn add(what: &str, one: f64, more: f64, report: &mut Report) {
    report.add("flat", format!("{TIMES}x {what}"), (more, "us/record"));
    report.against(format!("1x ({one:.2} us)"), more / one, Some("<= 1.3"));
}

/// The last `measured` records of a workload.
fn last(spec: &Spec, measured: usize) -> Run {
    let (mut engine, now) = (new_engine(), spec.now());
    let mut workload = Workload::new(spec.clone());
    let unmeasured = workload.preamble_len() + spec.records - measured;
    let (mut run, mut fed) = (Run::default(), 0);
    // A tick ends where the measured records begin.
    let tick = |fed: usize| if fed < unmeasured { TICK.min(unmeasured - fed) } else { TICK };
    while let Some(batch) = workload.batch(tick(fed)) {
        let records = batch.messages.len();
        let watch = Stopwatch::start();
        let rows = engine.absorb(batch, now).changes.len();
        if fed >= unmeasured {
            run.add(records, rows, watch.spent());
        }
        fed += records;
    }
    run
}
