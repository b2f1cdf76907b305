//! What this process tells about itself: lines on standard error, and metrics for Prometheus.
//!
//! Promises that standard output stays free for results, and that colour is used on a terminal only.
//! `NO_COLOR` is obeyed. Names of metrics are listed here and nowhere else.

use std::io::IsTerminal;

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

use crate::cli::LogFormat;
use crate::config::Environment;
use crate::failure::{OrFail, Outcome};

/// Records taken from the log, by `outcome`: applied, superseded, duplicate, quarantined.
pub(crate) const RECORDS: &str = "vitals_records_total";
/// Records taken from the log, whatever became of them.
pub(crate) const RECEIVED: &str = "vitals_records_received_total";
/// Rows of vitals written.
pub(crate) const ROWS: &str = "vitals_rows_written_total";
/// The last committed tick.
pub(crate) const TICK: &str = "vitals_tick";
/// Records in the log that are not committed yet.
pub(crate) const LAG: &str = "vitals_log_lag_records";
/// Time of one stage of one tick, by `stage`: fetch, absorb, commit.
pub(crate) const STAGE: &str = "vitals_stage_seconds";
/// Time of one commit.
pub(crate) const COMMIT: &str = "vitals_commit_seconds";
/// Acts on the log that were tried again.
pub(crate) const LOG_RETRIES: &str = "vitals_log_retries_total";
/// Whether the engine waits for a log that went away.
pub(crate) const LOG_AWAY: &str = "vitals_log_away";
/// Time of one task of maintenance, by `task`: compact, forget, flush, merge, sweep, checkpoint.
pub(crate) const MAINTENANCE: &str = "vitals_maintenance_seconds";
/// Tasks of maintenance that failed, by `task`.
pub(crate) const MAINTENANCE_FAILURES: &str = "vitals_maintenance_failures_total";
/// Superseded messages removed from the log.
pub(crate) const COMPACTED: &str = "vitals_log_compacted_messages_total";
/// Rows of history forgotten.
pub(crate) const FORGOTTEN: &str = "vitals_history_forgotten_rows_total";
/// Rows written to fresh files of the lake.
pub(crate) const LAKE_ROWS: &str = "vitals_lake_flushed_rows_total";
/// Files the lake's manifest names.
pub(crate) const LAKE_FILES: &str = "vitals_lake_files";
/// Records that are in the lake's memory, and in no file yet.
pub(crate) const LAKE_TAIL: &str = "vitals_lake_tail_records";
/// Rows in the lake's files.
pub(crate) const LAKE_STORED: &str = "vitals_lake_rows";
/// Records of the log that the lake does not show yet.
pub(crate) const LAKE_LAG: &str = "vitals_lake_lag_records";

/// Query workers started.
pub(crate) const WORKERS_STARTED: &str = "vitals_query_workers_started_total";
/// Query workers that ended by themselves.
pub(crate) const WORKERS_CRASHED: &str = "vitals_query_workers_crashed_total";
/// Query workers that were killed, since they did not stop.
pub(crate) const WORKERS_KILLED: &str = "vitals_query_workers_killed_total";
/// Questions that wait for a worker.
pub(crate) const QUERIES_WAITING: &str = "vitals_queries_waiting";
/// Time of one question, from when a worker was free.
pub(crate) const QUERY: &str = "vitals_query_seconds";

/// Starts telemetry on standard error. Lines about our own doings at level info, others' from warn on,
/// unless `VITALS_LOG` or `RUST_LOG` says otherwise.
pub(crate) fn start(format: LogFormat, environment: &Environment, quiet: bool) -> Outcome {
    let ours = if quiet { "warn" } else { "warn,vitals=info" };
    let filter = environment.log_filter.as_deref().unwrap_or(ours);
    let filter = EnvFilter::try_new(filter).or_fail(
        format_args!("the log filter '{filter}' is not understood"),
        "write VITALS_LOG as in 'info' or 'warn,vitals=debug'",
    )?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let done = match format {
        LogFormat::Text => {
            let colour = std::io::stderr().is_terminal() && !environment.no_color;
            builder.with_ansi(colour).with_target(false).try_init()
        }
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    done.map_err(|error| crate::failure::Failure::new(error, ""))?;
    for name in environment.unknown() {
        tracing::warn!(
            variable = name,
            "this variable begins like a setting of vitals but is none"
        );
    }
    Ok(())
}

/// Starts collecting metrics; the handle renders them.
pub(crate) fn metrics() -> Outcome<PrometheusHandle> {
    // From half a millisecond, below which nothing touches a disk, to the half minute at which a
    // commit is in trouble.
    let seconds =
        [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &seconds)
        .and_then(PrometheusBuilder::install_recorder)
        .or_fail("metrics cannot be collected", "")?;
    describe_counter!(RECEIVED, "Records taken from the log");
    describe_counter!(RECORDS, "Records by what became of them");
    describe_counter!(ROWS, "Rows of vitals written");
    describe_gauge!(TICK, "The last committed tick");
    describe_gauge!(LAG, "Records in the log that are not committed yet");
    describe_histogram!(STAGE, Unit::Seconds, "Time of one stage of one tick");
    describe_histogram!(COMMIT, Unit::Seconds, "Time of one commit");
    describe_counter!(LOG_RETRIES, "Acts on the log that were tried again");
    describe_gauge!(LOG_AWAY, "1 while the engine waits for a log that went away");
    describe_histogram!(MAINTENANCE, Unit::Seconds, "Time of one task of maintenance");
    describe_counter!(MAINTENANCE_FAILURES, "Tasks of maintenance that failed");
    describe_counter!(COMPACTED, "Superseded messages removed from the log");
    describe_counter!(FORGOTTEN, "Rows of history forgotten");
    describe_counter!(LAKE_ROWS, "Rows written to fresh files of the lake");
    describe_gauge!(LAKE_FILES, "Files of the lake");
    describe_gauge!(LAKE_TAIL, "Records of the lake that are in no file yet");
    describe_gauge!(LAKE_STORED, "Rows in the lake's files");
    describe_gauge!(LAKE_LAG, "Records of the log that the lake does not show yet");
    describe_counter!(WORKERS_STARTED, "Query workers started");
    describe_counter!(WORKERS_CRASHED, "Query workers that ended by themselves");
    describe_counter!(WORKERS_KILLED, "Query workers killed, since they did not stop");
    describe_gauge!(QUERIES_WAITING, "Questions that wait for a worker");
    describe_histogram!(QUERY, Unit::Seconds, "Time of one question");
    for name in [WORKERS_STARTED, WORKERS_CRASHED, WORKERS_KILLED] {
        metrics::counter!(name).absolute(0);
    }
    metrics::gauge!(QUERIES_WAITING).set(0.0);
    metrics::gauge!("vitals_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    for outcome in ["applied", "superseded", "duplicate", "quarantined"] {
        metrics::counter!(RECORDS, "outcome" => outcome).absolute(0);
    }
    for name in [RECEIVED, LOG_RETRIES, COMPACTED, FORGOTTEN, LAKE_ROWS] {
        metrics::counter!(name).absolute(0);
    }
    metrics::gauge!(LOG_AWAY).set(0.0);
    Ok(handle)
}
