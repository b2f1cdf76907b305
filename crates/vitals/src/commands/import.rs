//! `vitals import`: a file becomes records in the log.
//!
//! Promises that what is reported as applied is committed; that an import which was interrupted, however
//! roughly, goes on where it was and loses nothing; and that a bad line costs that line and no other.
//! Running the same import again changes nothing: every record is a duplicate.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::mpsc;
use vitals_api::Operator;
use vitals_api::operator::{BadLine, Checkpoint, CountsInfo, chain};
use vitals_connect::{Import as Reader, ImportContext, Item, Preset};
use vitals_log::Message;
use vitals_model::Offsets;
use vitals_model::kinds::Currency;
use vitals_model::local_time::Zone;

use crate::bar::Bar;
use crate::cli::{Import, ImportInto};
use crate::clock::{self, Stopwatch};
use crate::commands::tenants::{self, Tenant, TenantSettings};
use crate::config::Settings;
use crate::failure::{Failure, OrFail, Outcome};
use crate::local::no_tenant;
use crate::session::{self, Needs, SharedOperator};
use crate::{output, supervisor};

/// Most messages published at a time: a checkpoint is saved after each.
const CHUNK_MESSAGES_MAX: usize = 2_000;
/// Bytes of messages after which a chunk is published.
const CHUNK_BYTES: usize = 4 * 1024 * 1024;
/// Chunks read ahead of the one that is being published.
const CHUNKS_AHEAD: usize = 2;
/// How long nothing may be committed before a user is told that no engine seems to run.
const COMMIT_PATIENCE: Duration = Duration::from_secs(60);

/// What is to be imported.
#[derive(Clone, Debug)]
struct Job {
    file: PathBuf,
    preset: Preset,
    into: ImportInto,
}

/// What an import did.
#[derive(Debug, Serialize)]
struct Report {
    file: String,
    preset: &'static str,
    tenant: Tenant,
    /// Items of the file that an earlier, interrupted run had published.
    resumed: u64,
    lines: u64,
    /// Readings that were not taken.
    blank: u64,
    bad_lines: u64,
    records: BTreeMap<String, u64>,
    /// What the engine made of them.
    committed: CountsInfo,
    tick: u64,
    seconds: f64,
}

/// Runs `vitals import ...`.
pub(crate) async fn run(settings: &Settings, it: Import) -> Outcome {
    let mend = "see 'vitals import --help'";
    let job = match it {
        Import::Csv(it) => {
            let preset = Preset::parse(&it.preset).map_err(|error| Failure::usage(error, mend))?;
            Job { file: it.file, preset, into: it.into }
        }
        Import::Jsonl(it) => Job { file: it.file, preset: Preset::Records, into: it.into },
    };
    // Before anything is started: most mistakes are in the path.
    std::fs::metadata(&job.file).or_fail(
        format_args!("{} cannot be read", job.file.display()),
        "check the path and its permissions",
    )?;
    let json = job.into.json;
    let work = |operator: SharedOperator| async move { import(operator.as_ref(), &job).await };
    let report = session::with(settings, ("import", Needs::Engine), work).await?;
    if json { output::json(&report) } else { print(&report) }
}

/// The tenant the records go to, created when that is wanted or the preset is one for trying things out.
async fn tenant(operator: &dyn Operator, job: &Job) -> Outcome<Tenant> {
    let into = &job.into;
    let found = tenants::find(operator, &into.tenant).await?;
    let may_create = into.create_tenant || job.preset == Preset::OnlineRetail;
    match found {
        // One whose creation was interrupted before its record was published is created now.
        Some(info) if !(may_create && tenants::nothing_received(operator, &info).await?) => {
            return Ok(Tenant { info, created: false });
        }
        None if !may_create => return Err(no_tenant(&into.tenant).into()),
        _ => {}
    }
    let (zone, currency) = match job.preset {
        Preset::OnlineRetail => ("Europe/London", "GBP"),
        Preset::Occupancy => ("Europe/Zurich", "CHF"),
        Preset::Records => ("UTC", "EUR"),
    };
    let name = into.name.as_deref().unwrap_or(&into.tenant);
    let zone = into.time_zone.as_deref().unwrap_or(zone);
    let currency = into.currency.as_deref().unwrap_or(currency);
    let settings = TenantSettings::new((&into.tenant, name), (zone, currency), into.clock)?;
    let info = tenants::create(operator, &settings).await?;
    // Its record is committed before counting begins: it is not of the file.
    let ends = operator.log_ends().await?;
    committed(operator, &info, &ends).await?;
    Ok(Tenant { info, created: true })
}

async fn import(operator: &dyn Operator, job: &Job) -> Outcome<Report> {
    let clock = Stopwatch::start();
    let tenant = tenant(operator, job).await?;
    // Known by what is in it: a file that has changed is another one, and is read from its beginning.
    let content = vitals_connect::import::fingerprint(&job.file);
    let content = content.map_err(|error| Failure::new(chain(&error), ""))?;
    let file_key = format!("{}-{content}", job.preset.as_str());
    let checkpoint = operator.checkpoint(tenant.info.id, file_key.clone()).await?;
    // One that was finished begins anew: all its records are duplicates then.
    let resume = (!checkpoint.finished && checkpoint.position > 0).then_some(checkpoint.position);
    let context = ImportContext {
        tenant: tenant.info.id,
        currency: job.into.currency.as_deref().and_then(Currency::parse),
        time_zone: job.into.time_zone.as_deref().and_then(Zone::named),
        now: clock::now(),
    };
    let reader = Reader::open(&job.file, job.preset, context, resume)
        .map_err(|error| Failure::new(chain(&error), ""))?;
    let before = counts(operator, &tenant).await?;
    let done = publish(operator, &tenant, (reader, &job.file, &file_key)).await?;
    let ends = operator.log_ends().await?;
    let (tick, after) = committed(operator, &tenant.info, &ends).await?;
    Ok(Report {
        file: job.file.display().to_string(),
        preset: job.preset.as_str(),
        tenant,
        resumed: done.resumed,
        lines: done.lines,
        blank: done.blank,
        bad_lines: done.bad,
        records: done.by_kind,
        committed: after.since(&before),
        tick,
        seconds: clock.seconds(),
    })
}

/// The tenant's counts once everything that is in the log now is committed.
async fn counts(operator: &dyn Operator, tenant: &Tenant) -> Outcome<CountsInfo> {
    let ends = operator.log_ends().await?;
    Ok(committed(operator, &tenant.info, &ends).await?.1)
}

/// Waits until everything before `target` is committed.
pub(crate) async fn committed(
    operator: &dyn Operator,
    tenant: &vitals_api::operator::TenantInfo,
    target: &Offsets,
) -> Outcome<(u64, CountsInfo)> {
    let mut waited = Stopwatch::start();
    let mut tick = None;
    loop {
        let reached = operator.reached(tenant.id, target.clone()).await?;
        if reached.covers(target) {
            return Ok((reached.tick, reached.counts));
        }
        if tick.replace(reached.tick) != Some(reached.tick) {
            waited = Stopwatch::start();
        }
        if waited.elapsed() > COMMIT_PATIENCE {
            return Err(Failure::new(
                format_args!(
                    "everything is in the log, but for {} s no engine has committed any of it",
                    COMMIT_PATIENCE.as_secs()
                ),
                "start 'vitals up' with the same --kafka and --database-url; nothing is lost",
            ));
        }
    }
}

/// So much of a file, and where it ends.
struct Chunk {
    messages: Vec<Message>,
    bad: Vec<BadLine>,
    position: u64,
}

/// What reading and publishing came to.
#[derive(Debug, Default)]
struct Done {
    resumed: u64,
    lines: u64,
    blank: u64,
    bad: u64,
    by_kind: BTreeMap<String, u64>,
}

async fn publish(
    operator: &dyn Operator,
    tenant: &Tenant,
    (reader, file, file_key): (Reader, &Path, &str),
) -> Outcome<Done> {
    let meter = reader.meter();
    let bar = Bar::bytes(meter.progress().bytes_total);
    let (chunks, mut inbox) = mpsc::channel(CHUNKS_AHEAD);
    let (end, ended) = tokio::sync::oneshot::channel();
    let reading = Reading {
        reader,
        tenant: tenant.info.id,
        file: file.display().to_string(),
        partitions: operator.partitions(),
        chunks,
    };
    drop(supervisor::thread("import", move || {
        end.send(reading.run()).ok();
    })?);
    let mut position = 0;
    loop {
        let next = tokio::time::timeout(Bar::INTERVAL, inbox.recv()).await;
        bar.at(meter.progress().bytes_read);
        let Ok(next) = next else { continue };
        let Some(chunk) = next else { break };
        if !chunk.bad.is_empty() {
            operator.quarantine(chunk.bad).await?;
        }
        if !chunk.messages.is_empty() {
            operator.publish(chunk.messages).await?;
        }
        position = chunk.position;
        // After the log has it, never before: what a kill undoes here is published twice.
        save(operator, tenant, file_key, Checkpoint { position, finished: false }).await?;
    }
    bar.finish();
    let broken = |_| Failure::new("the file's reader broke", supervisor::BUG);
    let done = ended.await.map_err(broken)??;
    save(operator, tenant, file_key, Checkpoint { position, finished: true }).await?;
    Ok(done)
}

async fn save(
    operator: &dyn Operator,
    tenant: &Tenant,
    file_key: &str,
    checkpoint: Checkpoint,
) -> Outcome {
    operator.save_checkpoint(tenant.info.id, file_key.to_owned(), checkpoint).await?;
    Ok(())
}

/// The file's reader, on a thread of its own: reading and parsing take the time they take.
struct Reading {
    reader: Reader,
    tenant: vitals_model::TenantId,
    file: String,
    partitions: u16,
    chunks: mpsc::Sender<Chunk>,
}

impl Reading {
    fn run(mut self) -> Outcome<Done> {
        let (mut messages, mut bad, mut bytes) = (Vec::new(), Vec::new(), 0);
        while let Some(item) = self.reader.next() {
            let failed = |error| Failure::new(chain(&error), "");
            match item.map_err(failed)? {
                Item::Record(record) => {
                    let message = Message::of(&record, self.partitions);
                    bytes += message.key.len() + message.value.len();
                    messages.push(message);
                }
                Item::Bad(line) => {
                    bytes += line.raw.len();
                    bad.push(BadLine {
                        tenant: self.tenant,
                        file: self.file.clone(),
                        line: line.line,
                        reason: line.reason.0,
                        raw: String::from_utf8_lossy(&line.raw).into_owned(),
                    });
                }
            }
            if messages.len() + bad.len() >= CHUNK_MESSAGES_MAX || bytes >= CHUNK_BYTES {
                bytes = 0;
                if !self.send(std::mem::take(&mut messages), std::mem::take(&mut bad)) {
                    break;
                }
            }
        }
        self.send(messages, bad);
        let lines = self.reader.progress().line;
        let summary = self.reader.summary();
        Ok(Done {
            resumed: summary.resumed,
            lines,
            blank: summary.blank,
            bad: summary.bad,
            by_kind: summary
                .by_kind
                .iter()
                .map(|(kind, count)| ((*kind).to_owned(), *count))
                .collect(),
        })
    }

    /// Hands a chunk on; `false` when nobody takes it any more.
    fn send(&self, messages: Vec<Message>, bad: Vec<BadLine>) -> bool {
        let position = self.reader.checkpoint();
        self.chunks.blocking_send(Chunk { messages, bad, position }).is_ok()
    }
}

fn print(report: &Report) -> Outcome {
    let info = &report.tenant.info;
    if report.tenant.created {
        output::line(format_args!("created tenant {} ({})", info.slug, info.id))?;
    }
    output::line(format_args!("{} into {}", report.file, info.slug))?;
    let resumed = match report.resumed {
        0 => String::new(),
        resumed => format!(" ({resumed} items were imported by an earlier run)"),
    };
    output::line(format_args!("  lines        {}{resumed}", report.lines))?;
    if report.blank > 0 {
        output::line(format_args!("  blank        {}", report.blank))?;
    }
    if report.bad_lines > 0 {
        output::line(format_args!("  bad lines    {} (in quarantine)", report.bad_lines))?;
    }
    for (kind, count) in &report.records {
        output::line(format_args!("  {kind:<12} {count}"))?;
    }
    output::counts(&report.committed)?;
    output::line(format_args!("committed at tick {} in {:.1} s", report.tick, report.seconds))
}
