//! With a store: PostgreSQL given the engine's row writes and nothing else to do, and the whole pipeline.

use std::time::Instant;

use anyhow::Result;
use vitals_model::limits::LOG_BATCH_MESSAGES_MAX;

use super::{Run, new_engine};
use crate::measure::{Stopwatch, float};
use crate::product::{EngineThread, Product, publish, run};
use crate::report::Report;
use crate::workload::{Spec, Workload};

/// What the pipeline is held against.
#[derive(Debug)]
pub(crate) struct Alone {
    engine: Run,
    writes: Run,
}

/// The writes alone: each tick's changes, from an engine that waits meanwhile, committed to a new server.
pub(crate) async fn writes(spec: &Spec, report: &mut Report) -> Result<Alone> {
    let mut product = Product::start("writes").await?;
    let (mut engine, now) = (new_engine(), spec.now());
    let mut alone = Alone { engine: Run::default(), writes: Run::default() };
    let mut workload = Workload::new(spec.clone());
    while let Some(batch) = workload.batch(LOG_BATCH_MESSAGES_MAX) {
        let records = batch.messages.len();
        let watch = Stopwatch::start();
        let commit = engine.absorb(batch, now);
        let rows = commit.changes.len();
        alone.engine.add(records, rows, watch.spent());
        let watch = Stopwatch::start();
        product.writer.commit(&commit).await?;
        alone.writes.add(records, rows, watch.spent());
    }
    product.stop().await;
    let Alone { engine, writes } = &alone;
    let what = format!("engine alone, {} records, same ticks", engine.records);
    report.add("writes", what, (engine.records_per_second(), "records/s"));
    report.add("writes", "row writes alone", (writes.records_per_second(), "records/s"));
    report.against("engine alone", writes.records_per_second() / engine.records_per_second(), None);
    let rows = float(writes.rows) / writes.ticks.sum();
    report.add("writes", "row writes alone, in rows", (rows, "rows/s"));
    let each = float(writes.rows) / float(writes.records);
    report.add("writes", "rows written", (each, "rows/record"));
    for percent in [50, 99] {
        let milliseconds = writes.ticks.percentile(percent) * 1e3;
        report.add("writes", format!("p{percent} of a commit"), (milliseconds, "ms"));
    }
    Ok(alone)
}

/// The whole: everything in the log beforehand, until the last of it is committed.
pub(crate) async fn pipeline(
    spec: &Spec,
    alone: Option<&Alone>,
    report: &mut Report,
) -> Result<()> {
    let mut product = Product::start("pipeline").await?;
    let mut workload = Workload::new(spec.clone());
    let mut records = 0;
    let mut end = None;
    while let Some(batch) = workload.batch(LOG_BATCH_MESSAGES_MAX) {
        records += batch.messages.len();
        end = Some(batch.upper.clone());
        publish(&product.log, batch.messages).await?;
    }
    let (engine, now) = (EngineThread::start(), spec.now());
    let begun = Instant::now();
    let parts = (&engine, &mut product.writer);
    run(&product.log, parts, || now, || end.clone()).await?;
    let rate = float(records) / begun.elapsed().as_secs_f64();
    product.stop().await;
    report.add("pipeline", "log to committed rows", (rate, "records/s"));
    if let Some(Alone { engine, writes }) = alone {
        let (what, slower) = if engine.records_per_second() < writes.records_per_second() {
            ("engine alone", engine.records_per_second())
        } else {
            ("row writes alone", writes.records_per_second())
        };
        report.against(what, rate / slower, Some(">= 0.7"));
    }
    Ok(())
}
