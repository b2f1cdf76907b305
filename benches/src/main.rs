//! The canonical workload, measured: `cargo run --bin vitals-bench`. See `benches/README.md`.
//!
//! Promises that every figure is printed beside the hand-written fold's, or the raw writes', of the same run: the
//! targets are ratios, since machines differ. Does not keep results.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use anyhow::{Result, bail};
use clap::{Parser, ValueEnum};

mod allocator;
mod fold;
#[allow(
    unreachable_pub,
    dead_code,
    reason = "a module of the test kit, of which the texts are needed"
)]
#[path = "../../crates/testkit/src/hostile.rs"]
mod hostile;
mod measure;
mod parts;
mod product;
mod report;
mod workload;

use parts::{flat, live, memory, neighbour, state, stored};
use report::Report;
use workload::Spec;

/// A part of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The parser alone.
    Parse,
    /// The hand-written fold.
    Fold,
    /// The engine alone, from the log's bytes to the changed rows.
    Engine,
    /// Whether fold and engine change the same rows at every tick.
    Check,
    /// PostgreSQL given the engine's row writes, and nothing else to do.
    Writes,
    /// Log to committed rows.
    Pipeline,
    /// Latency of records that keep coming.
    Live,
    /// Bytes of state a record leaves.
    State,
    /// What a record costs when everything is sixteen times as large.
    Flat,
    /// A tenant's light questions while another one attacks.
    Neighbour,
}

/// Measures Vitals on its canonical workload.
#[derive(Debug, Parser)]
struct Options {
    /// Records of the parts that use no store.
    #[arg(long, default_value_t = 2_000_000)]
    records: usize,
    /// Records of the parts that write to PostgreSQL, and of the history behind live ones.
    #[arg(long, default_value_t = 200_000)]
    stored_records: usize,
    /// Seconds of each live rate.
    #[arg(long, default_value_t = 30)]
    seconds: usize,
    /// Live rates, in records per second.
    #[arg(long, value_delimiter = ',', default_values_t = [2_000, 5_000])]
    rates: Vec<usize>,
    /// Sizes of ticks, in records.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 10_000, 100_000])]
    ticks: Vec<usize>,
    /// Only these parts.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// The workload's seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Prints JSON instead of a table.
    #[arg(long)]
    json: bool,
}

impl Options {
    fn runs(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    fn spec(&self, records: usize) -> Spec {
        Spec { seed: self.seed, ..Spec::canonical(records) }
    }
}

fn main() -> Result<()> {
    // The workers of a part are this program.
    if std::env::args().nth(1).as_deref() == Some(neighbour::WORKER) {
        return Ok(vitals_workers::child::run()?);
    }
    measured(Options::parse())
}

#[tokio::main]
async fn measured(options: Options) -> Result<()> {
    let mut report = Report::new((options.records, options.stored_records), options.seed);
    in_memory(&options, &mut report);
    with_store(&options, &mut report).await?;
    if options.runs(Part::Neighbour) {
        let spec = options.spec(options.stored_records);
        neighbour::measure(&spec, options.seconds, &mut report).await?;
    }
    println!("{}", if options.json { report.to_json() } else { report.to_table() });
    if !report.sound() {
        bail!("fold and engine differ: one of them is wrong, and no figure above means anything");
    }
    Ok(())
}

fn in_memory(options: &Options, report: &mut Report) {
    let spec = options.spec(options.records);
    if options.runs(Part::Parse) {
        memory::parse(&spec, report);
    }
    let folds = if options.runs(Part::Fold) {
        memory::fold(&spec, &options.ticks, report)
    } else {
        Vec::new()
    };
    if options.runs(Part::Engine) {
        memory::engine(&spec, &options.ticks, &folds, report);
    }
    if options.runs(Part::Check) {
        memory::check(&spec, report);
    }
    if options.runs(Part::State) {
        state::measure(&options.spec(options.records / 4), report);
    }
    if options.runs(Part::Flat) {
        flat::measure(&options.spec(options.records / 4), report);
    }
}

async fn with_store(options: &Options, report: &mut Report) -> Result<()> {
    let spec = options.spec(options.stored_records);
    let alone =
        if options.runs(Part::Writes) { Some(stored::writes(&spec, report).await?) } else { None };
    if options.runs(Part::Pipeline) {
        stored::pipeline(&spec, alone.as_ref(), report).await?;
    }
    if options.runs(Part::Live) {
        for rate in &options.rates {
            live::measure(&spec, (*rate, options.seconds), report).await?;
        }
    }
    Ok(())
}
