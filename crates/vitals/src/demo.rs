//! The demonstration: a simulated studio and shop with a season behind them, and more every second.
//!
//! Promises that a newcomer sees numbers, and sees them move. The history is made once; after a restart
//! only the present goes on. Ends when the process stops.

use vitals_api::Operator;
use vitals_connect::simulate::{Simulation, SimulationConfig, live};
use vitals_model::{Offsets, UtcMicros};

use crate::clock;
use crate::failure::Outcome;
use crate::publisher::{self, Publisher};
use crate::session::SharedOperator;
use crate::status::Status;
use crate::supervisor::Stop;

/// The demonstration is the same on every machine.
const SEED: u64 = 1;
/// A studio and a shop.
const TENANTS: u32 = 2;
const CUSTOMERS: u32 = 150;
/// Two windows of the longest trend there is.
const DAYS: u32 = 180;
/// Time between two moments: so often something happens.
const MOMENT: std::time::Duration = std::time::Duration::from_millis(250);

fn config(ends_at: UtcMicros) -> SimulationConfig {
    SimulationConfig { seed: SEED, tenants: TENANTS, customers: CUSTOMERS, days: DAYS, ends_at }
}

/// Keeps records coming until it is time to stop.
pub(crate) async fn run(operator: SharedOperator, engine: Option<Status>, stop: Stop) -> Outcome {
    let work = async {
        if let Some(engine) = &engine {
            engine.hydrated().await;
        }
        history(operator.as_ref()).await?;
        present(operator.as_ref()).await
    };
    tokio::select! {
        done = work => done,
        () = stop.stopped() => Ok(()),
    }
}

async fn history(operator: &dyn Operator) -> Outcome {
    let simulation = Simulation::new(config(clock::now()));
    let tenants = simulation.tenants().to_vec();
    publisher::adopt(operator, &tenants).await?;
    for tenant in &tenants {
        if operator.reached(tenant.id, Offsets::default()).await?.counts.received > 0 {
            return Ok(());
        }
    }
    let mut publisher = Publisher::new(operator);
    for (_, record) in simulation {
        publisher.put(&record).await?;
    }
    publisher.flush().await?;
    let names: Vec<&str> = tenants.iter().map(|it| it.slug.as_str()).collect();
    tracing::info!(tenants = names.join(", "), days = DAYS, "the demonstration has its history");
    Ok(())
}

async fn present(operator: &dyn Operator) -> Outcome {
    let from = clock::now();
    let mut live = live(config(from), from);
    let mut publisher = Publisher::new(operator);
    // Settings and offers are no events: unpaced, so that something happens from the first moment on.
    for record in live.opening() {
        publisher.put(&record).await?;
    }
    publisher.flush().await?;
    while let Some(record) = live.next_at(clock::now()) {
        publisher.put(&record).await?;
        publisher.flush().await?;
        tokio::time::sleep(MOMENT).await;
    }
    Ok(())
}
