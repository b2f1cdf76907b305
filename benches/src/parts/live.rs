//! Live: records that keep coming at a rate, and how long after its acknowledgement each is committed.
//!
//! Open loop: a record is due when the rate says, whether or not the ones before it are through, and what is late
//! is published with what is due. The latency counts from the acknowledgement, as the target does, and from when it was due.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Result;
use vitals_log::SharedLog;
use vitals_model::limits::LOG_BATCH_MESSAGES_MAX;
use vitals_model::{LogMessage, Offsets, UtcMicros};

use crate::measure::{Samples, float};
use crate::product::{EngineThread, Product, Reached, publish, run};
use crate::report::Report;
use crate::workload::{PARTITIONS, Spec, Workload};

/// How often what is due is published.
const PACE: Duration = Duration::from_millis(5);

/// Records that were published together.
#[derive(Clone, Debug)]
struct Acknowledged {
    records: usize,
    /// Where the log stood after them.
    upper: Offsets,
    due: Instant,
    at: Instant,
}

/// Measures one rate, after `history` records have been absorbed.
pub(crate) async fn measure(
    spec: &Spec,
    (rate, seconds): (usize, usize),
    report: &mut Report,
) -> Result<()> {
    let mut product = Product::start(&format!("live-{rate}")).await?;
    let live = rate * seconds;
    let mut workload = Workload::new(Spec { records: spec.records + live, ..spec.clone() });
    let mut upper = Offsets::start(PARTITIONS);
    let history = spec.records + workload.preamble_len();
    let mut left = history;
    while left > 0 {
        let Some(batch) = workload.batch(LOG_BATCH_MESSAGES_MAX.min(left)) else { break };
        left -= batch.messages.len();
        upper = batch.upper;
        publish(&product.log, batch.messages).await?;
    }
    let (engine, now) = (EngineThread::start(), spec.now());
    let parts = (&engine, &mut product.writer);
    run(&product.log, parts, || now, || Some(upper.clone())).await?;

    let messages: Vec<LogMessage> = workload.collect();
    let end: Arc<Mutex<Option<Offsets>>> = Arc::default();
    #[expect(clippy::disallowed_methods, reason = "a publisher must not wait for the pipeline")]
    let publisher = tokio::spawn(publish_paced(
        SharedLog::clone(&product.log),
        (messages, rate),
        upper,
        Arc::clone(&end),
    ));
    let known_end = || end.lock().map_or(None, |end| end.clone());
    let now = || UtcMicros(now.0);
    let reached = run(&product.log, (&engine, &mut product.writer), now, known_end).await?;
    let acknowledged = publisher.await??;
    product.stop().await;
    describe(rate, &acknowledged, &reached, report);
    Ok(())
}

async fn publish_paced(
    log: SharedLog,
    (messages, rate): (Vec<LogMessage>, usize),
    mut upper: Offsets,
    end: Arc<Mutex<Option<Offsets>>>,
) -> Result<Vec<Acknowledged>> {
    let begun = Instant::now();
    let due_at = |n: usize| begun + Duration::from_secs_f64(float(n) / float(rate));
    let mut acknowledged = Vec::new();
    let mut messages = messages.into_iter().peekable();
    let mut sent = 0;
    while messages.peek().is_some() {
        tokio::time::sleep(PACE).await;
        let due = due_at(sent);
        let mut batch = Vec::new();
        while due_at(sent) <= Instant::now() && batch.len() < LOG_BATCH_MESSAGES_MAX {
            let Some(message) = messages.next() else { break };
            *upper.0.entry(message.partition).or_default() += 1;
            sent += 1;
            batch.push(message);
        }
        if batch.is_empty() {
            continue;
        }
        let records = batch.len();
        publish(&log, batch).await?;
        acknowledged.push(Acknowledged { records, upper: upper.clone(), due, at: Instant::now() });
    }
    if let Ok(mut end) = end.lock() {
        *end = Some(upper);
    }
    Ok(acknowledged)
}

fn describe(rate: usize, acknowledged: &[Acknowledged], reached: &[Reached], report: &mut Report) {
    let (mut from_ack, mut from_due) = (Samples::default(), Samples::default());
    let mut commits = reached.iter().peekable();
    for it in acknowledged {
        // Both go forward, so the first commit that covers it lies at or after the last one's.
        while commits.next_if(|commit| !commit.upper.covers(&it.upper)).is_some() {}
        let Some(commit) = commits.peek() else { break };
        // A commit may overtake the acknowledgement: both follow from the same write.
        let after = |since: Instant| commit.at.saturating_duration_since(since).as_secs_f64() * 1e3;
        from_ack.0.extend(std::iter::repeat_n(after(it.at), it.records));
        from_due.0.extend(std::iter::repeat_n(after(it.due), it.records));
    }
    let target_ms = if rate <= 2_000 { 250.0 } else { 1_000.0 };
    for percent in [50, 99] {
        let what = format!("{rate}/s, acknowledged to committed, p{percent}");
        report.add("live", what, (from_ack.percentile(percent), "ms"));
        if percent == 99 {
            let ratio = from_ack.percentile(99) / target_ms;
            report.against(format!("{target_ms} ms"), ratio, Some("< 1"));
        }
        let what = format!("{rate}/s, due to committed, p{percent}");
        report.add("live", what, (from_due.percentile(percent), "ms"));
    }
    let rows: usize = reached.iter().map(|commit| commit.rows).sum();
    report.add("live", format!("{rate}/s, commits"), (float(reached.len()), "commits"));
    report.add("live", format!("{rate}/s, rows"), (float(rows), "rows"));
    let records: usize = acknowledged.iter().map(|it| it.records).sum();
    let missing = float(records - from_ack.0.len());
    report.add("live", format!("{rate}/s, records not seen committed"), (missing, "records"));
}
