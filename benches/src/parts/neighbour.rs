//! A noisy neighbour: what a tenant's light questions take, alone and while another tenant attacks.
//!
//! Open loop: a question is due when the rate says, and its latency counts from then. The attackers go through the
//! hostile corpus, over and over, as one tenant. The product's own workers compute, over tables in memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use async_trait::async_trait;
use tokio::task::JoinSet;
use vitals_model::{TenantId, UtcMicros, VitalTables};
use vitals_query::answers::{Answers, Question};
use vitals_query::{AsOf, Catalog, QueryError, Records, TenantTables, VitalBatches};
use vitals_workers::{Catalogs, Options, Workers};

use crate::hostile::{Attack, corpus};
use crate::measure::{Samples, float};
use crate::report::Report;
use crate::workload::{Spec, Workload};

/// The argument that makes a worker of this program.
pub(crate) const WORKER: &str = "query-worker";
/// Light questions a second, as many dashboards of one business ask.
const RATE: u32 = 50;
const ATTACKERS: usize = 4;
const LIGHT: &str = "SELECT status, count(*) AS n, max(visited_at) AS last FROM visits \
                     WHERE visited_at >= today() - 7 GROUP BY status";

/// The tables of two tenants.
struct Tables {
    tables: BTreeMap<TenantId, Arc<TenantTables>>,
    now: UtcMicros,
}

#[async_trait]
impl Catalogs for Tables {
    async fn open(&self, question: &Question) -> Result<(Arc<dyn Catalog>, UtcMicros), QueryError> {
        let tables = self.tables.get(&question.tenant);
        let tables = tables.ok_or_else(|| QueryError::unavailable("no such tenant"))?;
        Ok((Arc::clone(tables) as _, self.now))
    }
}

impl Tables {
    /// The two tenants with the most records.
    fn new(spec: &Spec) -> Result<(Self, TenantId, TenantId)> {
        let mut records: BTreeMap<TenantId, (usize, Records)> = BTreeMap::new();
        let mut workload = Workload::new(spec.clone());
        while let Some(record) = workload.record() {
            let of = records.entry(record.tenant);
            let (count, own) = of.or_insert_with(|| (0, Records::new(record.tenant)));
            *count += 1;
            own.absorb_record(&record).map_err(|reason| anyhow::anyhow!("{reason}"))?;
        }
        let mut largest: Vec<_> = records.into_iter().collect();
        largest.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
        largest.truncate(2);
        let tables = largest.iter().map(|(tenant, (_, records))| {
            let (tables, none) = (records.tables(), VitalBatches::of(&VitalTables::default()));
            let about = (tables.today(spec.now()), AsOf::default());
            (*tenant, Arc::new(TenantTables::new(*tenant, &tables, none, about)))
        });
        let tables = Self { tables: tables.collect(), now: spec.now() };
        let mut tenants = largest.iter().map(|(tenant, _)| *tenant);
        let (noisy, quiet) = (tenants.next(), tenants.next());
        Ok((tables, noisy.context("no tenant")?, quiet.context("no second tenant")?))
    }
}

/// Measures one tenant's light questions for so many seconds, alone and then beside the attackers.
pub(crate) async fn measure(spec: &Spec, seconds: usize, report: &mut Report) -> Result<()> {
    let (tables, noisy, quiet) = Tables::new(spec)?;
    let workers = Workers::new(Options::new(WORKER), Arc::new(tables))?;
    let (running, questions) = (workers.clone().run(std::future::pending()), async {
        // Every worker has seen the question once.
        light(&workers, quiet, 2).await?;
        let alone = light(&workers, quiet, seconds).await?;
        let attacked = tokio::select! {
            attacked = light(&workers, quiet, seconds) => attacked?,
            () = attack(&workers, noisy) => Light::default(),
        };
        anyhow::Ok((alone, attacked))
    });
    let (alone, attacked) = tokio::select! {
        measured = questions => measured?,
        () = running => anyhow::bail!("the workers have ended"),
    };
    let ms = |it: &Light, percent| it.seconds.percentile(percent) * 1e3;
    for (what, it) in [("alone", &alone), ("attacked", &attacked)] {
        report.add("neighbour", format!("light question {what}, p50"), (ms(it, 50), "ms"));
        report.add("neighbour", format!("light question {what}, p99"), (ms(it, 99), "ms"));
        report.add("neighbour", format!("light questions refused, {what}"), (float(it.failed), ""));
    }
    let ratio = ms(&attacked, 99) / ms(&alone, 99).max(f64::MIN_POSITIVE);
    report.add("neighbour", "p99 attacked", (ms(&attacked, 99), "ms"));
    report.against("p99 alone", ratio, Some("< 2"));
    Ok(())
}

#[derive(Debug, Default)]
struct Light {
    seconds: Samples,
    failed: usize,
}

async fn light(workers: &Workers, tenant: TenantId, seconds: usize) -> Result<Light> {
    let pace = Duration::from_secs(1) / RATE;
    let (begun, mut asked, mut light) = (Instant::now(), JoinSet::new(), Light::default());
    for n in 0..RATE * u32::try_from(seconds)? {
        let due = begun + pace * n;
        tokio::time::sleep_until(due.into()).await;
        let workers = workers.clone();
        asked.spawn(async move {
            let rows = workers.answer(Question::new(tenant, LIGHT)).await?;
            rows.collect().await.map(|_| due.elapsed())
        });
    }
    while let Some(answered) = asked.join_next().await {
        match answered? {
            Ok(took) => light.seconds.0.push(took.as_secs_f64()),
            Err(_) => light.failed += 1,
        }
    }
    Ok(light)
}

/// Goes through the corpus for ever, each attacker from another place.
async fn attack(workers: &Workers, tenant: TenantId) {
    let attacks: Vec<Attack> = corpus();
    let attacker = async |n: usize| {
        let from = attacks.len() / ATTACKERS * n;
        for attack in attacks.iter().cycle().skip(from) {
            let answer = workers.answer(Question::new(tenant, attack.sql.clone())).await;
            if let Ok(rows) = answer {
                // What becomes of it is nobody's concern here.
                drop(rows.collect().await);
            }
        }
    };
    tokio::join!(attacker(0), attacker(1), attacker(2), attacker(3));
}
