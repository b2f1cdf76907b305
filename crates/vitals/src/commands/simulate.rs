//! `vitals simulate`: a believable business, published.
//!
//! Promises that the same seed and the same last day are the same records, so that simulating again adds
//! nothing but duplicates. Creates the simulated tenants.

use std::collections::BTreeMap;

use serde::Serialize;
use vitals_api::Operator;
use vitals_api::operator::CountsInfo;
use vitals_connect::simulate::{Simulation, SimulationConfig};
use vitals_model::UtcMicros;
use vitals_model::local_time::Zone;

use crate::bar::Bar;
use crate::cli::Simulate;
use crate::clock::{self, Stopwatch};
use crate::commands::import::committed;
use crate::commands::tenants;
use crate::config::Settings;
use crate::failure::{Failure, Outcome};
use crate::output;
use crate::publisher::{self, BEAT, Publisher};
use crate::session::{self, Needs, SharedOperator};

/// What a simulation did.
#[derive(Debug, Serialize)]
struct Report {
    tenants: Vec<String>,
    published: u64,
    records: BTreeMap<&'static str, u64>,
    /// What the engine made of them.
    committed: CountsInfo,
    tick: u64,
    seconds: f64,
}

/// Runs `vitals simulate`.
pub(crate) async fn run(settings: &Settings, it: &Simulate) -> Outcome {
    if it.tenants == 0 || it.days == 0 || it.rate == Some(0) {
        return Err(Failure::usage("nothing would happen", "give at least 1 of everything"));
    }
    let work = |operator: SharedOperator| async move { simulate(operator.as_ref(), it).await };
    let report = session::with(settings, ("simulate", Needs::Engine), work).await?;
    if it.json { output::json(&report) } else { print(&report) }
}

/// The last midnight (UTC): a history ends with a day that is over, and is the same all day.
fn ends_at() -> UtcMicros {
    let utc = Zone::utc();
    utc.day_start(utc.date(clock::now()))
}

async fn simulate(operator: &dyn Operator, it: &Simulate) -> Outcome<Report> {
    let clock = Stopwatch::start();
    let Simulate { tenants, customers, days, seed, .. } = *it;
    let config = SimulationConfig { seed, tenants, customers, days, ends_at: ends_at() };
    let simulation = Simulation::new(config);
    let businesses = simulation.tenants().to_vec();
    publisher::adopt(operator, &businesses).await?;
    let before = sum(operator, &businesses).await?.1;
    let records = publish(operator, simulation, it.rate).await?;
    let (tick, after) = sum(operator, &businesses).await?;
    Ok(Report {
        tenants: businesses.into_iter().map(|it| it.slug).collect(),
        published: records.values().sum(),
        records,
        committed: after.since(&before),
        tick,
        seconds: clock.seconds(),
    })
}

/// The tenants' counts together, once everything that is in the log now is committed.
async fn sum(
    operator: &dyn Operator,
    businesses: &[vitals_connect::simulate::SimulatedTenant],
) -> Outcome<(u64, CountsInfo)> {
    let ends = operator.log_ends().await?;
    let (mut tick, mut sum) = (0, CountsInfo::default());
    for business in businesses {
        if let Some(tenant) = tenants::find(operator, &business.slug).await? {
            let (reached, counts) = committed(operator, &tenant, &ends).await?;
            tick = reached;
            sum = sum.plus(&counts);
        }
    }
    Ok((tick, sum))
}

async fn publish(
    operator: &dyn Operator,
    simulation: Simulation,
    rate: Option<u32>,
) -> Outcome<BTreeMap<&'static str, u64>> {
    let mut publisher = Publisher::new(operator);
    let mut kinds: BTreeMap<&'static str, u64> = BTreeMap::new();
    let bar = Bar::spinner();
    let clock = Stopwatch::start();
    let mut published: u64 = 0;
    for (_, record) in simulation {
        *kinds.entry(record.kind.table()).or_default() += 1;
        publisher.put(&record).await?;
        published += 1;
        bar.at(published);
        let Some(rate) = rate else { continue };
        // What the pace asks for by now is out: wait for the next beat.
        while f64::from(rate) * clock.seconds() < as_float(published) {
            publisher.flush().await?;
            tokio::time::sleep(BEAT).await;
        }
    }
    publisher.flush().await?;
    bar.finish();
    Ok(kinds)
}

#[expect(clippy::cast_precision_loss, reason = "a pace needs no exact count beyond 2^53")]
fn as_float(count: u64) -> f64 {
    count as f64
}

fn print(report: &Report) -> Outcome {
    output::line(format_args!(
        "published {} records of {}",
        report.published,
        report.tenants.join(", ")
    ))?;
    for (kind, count) in &report.records {
        output::line(format_args!("  {kind:<12} {count}"))?;
    }
    output::counts(&report.committed)?;
    output::line(format_args!("committed at tick {} in {:.1} s", report.tick, report.seconds))
}
