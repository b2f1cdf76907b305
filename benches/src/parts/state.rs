//! Bytes of state a record leaves in the engine: of the live window, and of closed history.

use super::new_engine;
use crate::allocator::{counting, live_bytes};
use crate::fold::Fold;
use crate::measure::float;
use crate::parts::memory::TICK;
use crate::report::Report;
use crate::workload::{Spec, Workload};

/// Measures both.
pub(crate) fn measure(spec: &Spec, report: &mut Report) {
    let live = Spec { days: 90, ends_days_ago: 0, ..spec.clone() };
    let closed = Spec { days: 365, ends_days_ago: 800, ..spec.clone() };
    for (what, target, spec) in
        [("live window", "<= 150 bytes", live), ("closed", "<= 64 bytes", closed)]
    {
        let now = spec.now();
        let mut engine = new_engine();
        let of_engine = bytes_per_record(&spec, |batch| drop(engine.absorb(batch, now)));
        drop(engine);
        let mut fold = Fold::default();
        let of_fold = bytes_per_record(&spec, |batch| drop(fold.absorb(&batch.messages, now)));
        report.add("state", format!("engine, {what}"), (of_engine, "bytes/record"));
        report.against("fold", of_engine / of_fold, Some(target));
        report.add("state", format!("fold, {what}"), (of_fold, "bytes/record"));
    }
}

fn bytes_per_record(spec: &Spec, mut absorb: impl FnMut(vitals_model::LogBatch)) -> f64 {
    let mut workload = Workload::new(spec.clone());
    let (mut bytes, mut records) = (0, 0);
    while let Some(batch) = workload.batch(TICK) {
        records += batch.messages.len();
        // The batch itself is made uncounted and freed inside: what it takes is given back here.
        let given: usize =
            batch.messages.iter().map(|it| it.key.capacity() + it.value.capacity()).sum();
        let list = batch.messages.capacity() * size_of::<vitals_model::LogMessage>();
        counting(true);
        let before = live_bytes();
        absorb(batch);
        bytes += live_bytes() - before + isize::try_from(given + list).expect("a batch fits");
        counting(false);
    }
    float(usize::try_from(bytes).unwrap_or(0)) / float(records)
}
