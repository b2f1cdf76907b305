//! Reads a stretch of the log, exactly: what rebuilding and verifying are fed with.
//!
//! Promises every message from the log's beginning, or other offsets, up to the given ones and none after them, in order
//! within each partition. Does not interpret messages.

use std::time::Duration;

use vitals_log::{FetchLimit, Log, Topic};
use vitals_model::{LogBatch, Offsets};

use crate::failure::{Failure, OrFail, Outcome};

/// How often a fetch may bring nothing although messages are missing, before it is called a loss.
pub(crate) const EMPTY_FETCHES_MAX: u32 = 30;

/// A stretch of the topic of records.
#[derive(Debug)]
pub(crate) struct Replay<'a> {
    log: &'a dyn Log,
    /// What is fetched next.
    next: Offsets,
    /// Where the batch handed out last ended.
    lower: Offsets,
    until: Offsets,
}

impl<'a> Replay<'a> {
    /// The stretch from the beginning up to `until`.
    pub(crate) async fn open(log: &'a dyn Log, until: &Offsets) -> Outcome<Self> {
        Self::after(log, Offsets::start(log.partitions()), until).await
    }

    /// The stretch from `lower` up to `until`.
    pub(crate) async fn after(log: &'a dyn Log, lower: Offsets, until: &Offsets) -> Outcome<Self> {
        let ends = log.ends(Topic::Records).await.or_fail("the log cannot be read", "")?;
        if !ends.covers(until) {
            return Err(Failure::new(
                format_args!(
                    "the log ends at {} although the store was committed up to {}: it lost messages, or \
                     is another log",
                    show(&ends),
                    show(until)
                ),
                "restore the log from its backup, or begin with an empty database and import again",
            ));
        }
        let starts = log.starts(Topic::Records).await.or_fail("the log cannot be read", "")?;
        // What was compacted away at the very beginning is covered by the first batch.
        let begin = |(partition, start): (u16, i64)| (partition, start.max(lower.get(partition)));
        let next = Offsets(starts.0.into_iter().map(begin).collect());
        Ok(Self { log, next, lower, until: until.clone() })
    }

    /// The next batch; `None` at the end of the stretch.
    pub(crate) async fn next(&mut self) -> Outcome<Option<LogBatch>> {
        for _ in 0..EMPTY_FETCHES_MAX {
            if self.next.covers(&self.until) {
                return Ok(None);
            }
            let limit = FetchLimit { wait: Duration::from_secs(1), ..FetchLimit::default() };
            let batch = self
                .log
                .fetch(Topic::Records, &self.next, limit)
                .await
                .or_fail("the log cannot be read", "")?;
            if batch.upper == batch.lower {
                continue;
            }
            let batch = cut(batch, &self.until);
            self.next.clone_from(&batch.upper);
            let lower = std::mem::replace(&mut self.lower, batch.upper.clone());
            return Ok(Some(LogBatch { lower, ..batch }));
        }
        Err(Failure::new(
            format_args!("the log stopped at {} before {}", show(&self.next), show(&self.until)),
            "check that the log's brokers are up, and start again",
        ))
    }
}

/// The part of a batch that lies before `until`.
fn cut(mut batch: LogBatch, until: &Offsets) -> LogBatch {
    batch.messages.retain(|message| message.offset < until.get(message.partition));
    for (partition, upper) in &mut batch.upper.0 {
        // A partition that `until` does not name had nothing committed: it is not read at all. What
        // begins after `until` (its beginning was removed) stays where it is.
        *upper = (*upper).min(until.get(*partition)).max(batch.lower.get(*partition));
    }
    batch
}

/// Offsets for people: `0:17 1:4`.
pub(crate) fn show(offsets: &Offsets) -> String {
    let parts: Vec<String> = offsets.0.iter().map(|(p, offset)| format!("{p}:{offset}")).collect();
    if parts.is_empty() { "the beginning".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use vitals_log::{EmbeddedLog, Message};

    use super::*;

    fn message(partition: u16, n: u32) -> Message {
        let text = format!("{partition}/{n}").into_bytes();
        Message { partition, key: text.clone(), value: text }
    }

    #[tokio::test]
    async fn nothing_after_the_end_is_read_and_nothing_before_it_missed() {
        let dir = tempfile::tempdir().expect("a directory");
        let log = EmbeddedLog::open(dir.path(), 3).expect("a log");
        for partition in 0..3 {
            let messages = (0..50).map(|n| message(partition, n)).collect();
            log.publish(Topic::Records, messages).await.expect("published");
        }
        let until = Offsets([(0, 50), (1, 7), (2, 0)].into());
        let mut replay = Replay::open(&log, &until).await.expect("there");
        let mut seen = Vec::new();
        while let Some(batch) = replay.next().await.expect("read") {
            assert!(until.covers(&batch.upper), "{:?}", batch.upper);
            seen.extend(batch.messages.into_iter().map(|it| (it.partition, it.offset)));
        }
        seen.sort_unstable();
        let expected: Vec<_> = (0..50).map(|n| (0, n)).chain((0..7).map(|n| (1, n))).collect();
        assert_eq!(seen, expected);
        let past = Offsets([(0, 51)].into());
        let refusal = Replay::open(&log, &past).await.expect_err("too far").to_string();
        assert!(refusal.contains("lost messages"), "{refusal}");
    }
}
