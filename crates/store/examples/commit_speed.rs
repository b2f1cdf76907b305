//! How fast ticks are committed: rows a second of each kind of work, into an embedded server.
//!
//! `cargo run --workspace --example commit_speed -- DIR [ROWS]`. One tick of ROWS rows (20,000) each: new
//! revenue rows, the same rows changed (closed buckets, then open ones within a minute), churn rows.

#![allow(clippy::print_stdout, reason = "the numbers are what it is for")]

use std::time::Instant;

use sqlx::Connection;
use uuid::Uuid;
use vitals_model::batch::Cause;
use vitals_model::kinds::Currency;
use vitals_model::local_time::Grain;
use vitals_model::vital::{
    Change, ChurnKey, ChurnRow, Factor, Level, RevenueKey, RevenueRow, Signal,
};
use vitals_model::{CommitBatch, TenantId, UtcMicros, VitalChanges};
use vitals_store::{EmbeddedPostgres, Store, Writer};

const CLOCK: UtcMicros = UtcMicros(1_773_837_296_000_000);

fn tenant(n: usize) -> TenantId {
    TenantId(Uuid::from_u128(n as u128 % 100))
}

fn revenue(n: usize, step: i64, open: bool) -> Change<RevenueKey, RevenueRow> {
    let hour = n as i64 / 400;
    let row = |step: i64| RevenueRow {
        gross: i128::from(n as i64 * 12_340_000 + step * 990_000),
        tax: 1_230_000,
        units: 3_000_000,
        orders: step,
        ..RevenueRow::default()
    };
    let key = RevenueKey {
        tenant: tenant(n),
        location: (n / 100 % 2 == 1).then(|| "mindbody:1".into()),
        currency: Currency(*b"EUR"),
        grain: if n / 200 % 2 == 1 { Grain::Hour } else { Grain::Day },
        bucket: UtcMicros(CLOCK.0 + if open { hour } else { -hour - 48 } * 3_600_000_000),
    };
    Change { key, old: (step > 1).then(|| row(step - 1)), new: Some(row(step)) }
}

fn churn(n: usize, step: i64) -> Change<ChurnKey, ChurnRow> {
    let row = |step: i64| ChurnRow {
        score: 4_000,
        raw: 4_000,
        level: Level::Medium,
        signals_present: 5,
        factors: Signal::ALL
            .into_iter()
            .map(|signal| Factor {
                signal,
                present: true,
                value: Some(format!("{step} visits in 30 days")),
                compared_with: Some("9 in the 30 days before".into()),
                points: 800,
            })
            .collect(),
    };
    let key = ChurnKey { tenant: tenant(n), customer: format!("mindbody:{n}") };
    Change { key, old: (step > 1).then(|| row(step - 1)), new: Some(row(step)) }
}

/// Milliseconds of processor time a process has used: unlike the clock's, they are its own.
fn cpu_ms(pid: &str) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|it| it.parse::<u64>().ok()).unwrap_or(0);
    (ticks(11) + ticks(12)) * 10
}

async fn run(writer: &mut Writer, backend: &str, what: &str, mut changes: VitalChanges) {
    changes.revenue.sort_by(|a, b| a.key.cmp(&b.key));
    changes.churn.sort_by(|a, b| a.key.cmp(&b.key));
    let position = writer.position();
    let batch = CommitBatch {
        tick: position.tick + 1,
        lower: position.offsets.clone(),
        upper: position.offsets.clone(),
        clock: CLOCK,
        todays: Vec::new(),
        changes,
        quarantined: Vec::new(),
        counts: Default::default(),
        cause: Cause::Live,
        digest: Default::default(),
    };
    let (client, server) = (cpu_ms("self"), cpu_ms(backend));
    let began = Instant::now();
    let committed = writer.commit(&batch).await.expect("a commit");
    let took = began.elapsed();
    let rate = committed.rows as f64 / took.as_secs_f64();
    let (client, server) = (cpu_ms("self") - client, cpu_ms(backend) - server);
    println!(
        "{what:24} {:6} rows {:7.1} ms {rate:7.0} rows/s; processor: client {client} ms, backend {server} ms",
        committed.rows,
        took.as_secs_f64() * 1e3
    );
}

#[tokio::main]
async fn main() {
    let mut args = std::env::args().skip(1);
    let dir = args.next().expect("a directory for the server");
    let rows: usize = args.next().map_or(20_000, |it| it.parse().expect("a number of rows"));
    let server = EmbeddedPostgres::start(dir.as_ref()).await.expect("a server");
    let store = Store::connect(server.url()).await.expect("a connection");
    store.migrate().await.expect("a schema");
    let mut writer = store.take_over(0, "bench", 1).await.expect("the shard");
    let owner = "select owner_pid::text from progress";
    let mut db = sqlx::PgConnection::connect(server.url()).await.expect("a connection");
    let backend: String = sqlx::query_scalar(owner).fetch_one(&mut db).await.expect("the writer");
    for step in 1..=5 {
        for (open, what) in [(false, "closed"), (true, "open")] {
            let revenue = (0..rows).map(|n| revenue(n, step, open)).collect();
            let what = format!("revenue, {what}, step {step}");
            run(&mut writer, &backend, &what, VitalChanges { revenue, ..VitalChanges::default() })
                .await;
        }
        let churn = (0..rows).map(|n| churn(n, step)).collect();
        let what = format!("churn, step {step}");
        run(&mut writer, &backend, &what, VitalChanges { churn, ..VitalChanges::default() }).await;
    }
    for n in [1, 10, 100] {
        let revenue = (0..n).map(|n| revenue(n, 6, true)).collect();
        run(&mut writer, &backend, "small", VitalChanges { revenue, ..VitalChanges::default() })
            .await;
    }
    writer.close().await;
    store.close().await;
    server.stop().await;
}
