//! Two tenants, a pool of workers, and tables that end them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use arrow::array::{Int64Array, RecordBatch, StringArray};
use async_trait::async_trait;
use datafusion::datasource::MemTable;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use vitals_model::local_time::Zone;
use vitals_model::{Date, TenantId, UtcMicros};
use vitals_query::answers::{Answers, Question, Size};
use vitals_query::{Answer, AsOf, Catalog, QueryError, TableProvider, TenantTables};
use vitals_workers::{Catalogs, Event, Options, Program, ScanHook, Workers};

use crate::canaries::{self, OTHER};
use crate::studio::{NOW, Studio, TENANT};

/// Set in a child that is a worker.
pub(crate) const CHILD: &str = "VITALS_TEST_WORKER";

/// Tables whose reading ends a worker, and how.
pub(crate) const FAULTS: [&str; 5] = ["overflow", "memory", "leave", "garble", "spin"];
/// Rows of the table `numbers`.
pub(crate) const NUMBERS: i64 = 150_000;

/// How a worker misbehaves when it reads a table of such a name.
pub(crate) fn faults() -> ScanHook {
    Arc::new(|table| match table {
        "overflow" => assert!(overflow(1) > 0),
        "memory" => {
            let mut held = Vec::new();
            loop {
                held.push(std::hint::black_box(Vec::<u8>::with_capacity(1 << 26)));
            }
        }
        "leave" => std::process::exit(0),
        "garble" => garble(),
        "spin" => loop {
            std::hint::spin_loop();
        },
        _ => {}
    })
}

/// Calls itself until the stack is used up.
fn overflow(depth: u64) -> u64 {
    let room = std::hint::black_box([depth; 512]);
    if room[0] == 0 { 0 } else { overflow(depth + 1) + std::hint::black_box(room)[1] }
}

/// Says what no worker says.
fn garble() {
    use std::io::Write;
    use std::os::fd::AsFd;
    let socket = std::io::stdin().as_fd().try_clone_to_owned().unwrap();
    std::os::unix::net::UnixStream::from(socket).write_all(&[0xFF; 64]).unwrap();
}

static STUDIO: LazyLock<Arc<TenantTables>> =
    LazyLock::new(|| Arc::new(Studio::new("Europe/Berlin").catalog()));
static CANARIES: LazyLock<Arc<TenantTables>> = LazyLock::new(|| Arc::new(canaries::catalog()));

/// A tenant's tables, and those that do harm.
struct Tables(Arc<TenantTables>);

#[async_trait]
impl Catalog for Tables {
    fn tables(&self) -> Vec<String> {
        let more = FAULTS.into_iter().chain(["numbers"]).map(ToOwned::to_owned);
        self.0.tables().into_iter().chain(more).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, QueryError> {
        let rows = match name {
            "numbers" => NUMBERS,
            _ if FAULTS.contains(&name) => 1,
            _ => return self.0.table(name).await,
        };
        let n: Arc<Int64Array> = Arc::new((0..rows).collect());
        let text: Arc<StringArray> =
            Arc::new((0..rows).map(|n| Some(format!("some text of row {n}"))).collect());
        let batch = RecordBatch::try_from_iter([("n", n as _), ("text", text as _)]).unwrap();
        Ok(Some(Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]]).unwrap())))
    }

    fn tenant(&self) -> TenantId {
        self.0.tenant()
    }

    fn zone(&self) -> Zone {
        self.0.zone()
    }

    fn today(&self) -> Date {
        self.0.today()
    }

    fn as_of(&self) -> AsOf {
        self.0.as_of()
    }
}

struct TwoTenants;

#[async_trait]
impl Catalogs for TwoTenants {
    async fn open(&self, question: &Question) -> Result<(Arc<dyn Catalog>, UtcMicros), QueryError> {
        let tables = match question.tenant {
            TENANT => Arc::clone(&STUDIO),
            OTHER => Arc::clone(&CANARIES),
            other => panic!("nobody's question: {other}"),
        };
        Ok((Arc::new(Tables(tables)), UtcMicros::parse(NOW).unwrap()))
    }
}

/// How often things happened.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) started: AtomicUsize,
    pub(crate) crashed: AtomicUsize,
    pub(crate) killed: AtomicUsize,
}

/// A running pool.
pub(crate) struct World {
    pub(crate) workers: Workers,
    pub(crate) counts: Arc<Counts>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

impl World {
    /// So many workers, whose questions may compute for so long.
    pub(crate) fn new(workers: usize, time: Duration) -> Self {
        let counts = Arc::<Counts>::default();
        let counting = Arc::clone(&counts);
        let add = |it: &AtomicUsize| {
            it.fetch_add(1, Ordering::SeqCst);
        };
        let watch = Arc::new(move |event| match event {
            Event::Started => add(&counting.started),
            Event::Crashed => add(&counting.crashed),
            Event::Killed => add(&counting.killed),
            Event::Waiting(_) | Event::Answered(_) => {}
        });
        let program = Program {
            path: std::env::current_exe().unwrap(),
            // One thread: the test runs on the main one, as a program's own work does.
            args: ["--exact", "child", "--nocapture", "--test-threads=1"].map(str::to_owned).into(),
            // The C allocator's arenas take 128 MiB of address space each.
            environment: [(CHILD, "1"), ("MALLOC_ARENA_MAX", "2")]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
        };
        let options = Options { workers, warm: true, program, time, watch };
        let workers = Workers::new(options, Arc::new(TwoTenants)).unwrap();
        let (stop, stopped) = oneshot::channel();
        let running = tokio::task::spawn_blocking({
            let (workers, handle) = (workers.clone(), tokio::runtime::Handle::current());
            move || handle.block_on(workers.run(async { drop(stopped.await) }))
        });
        Self { workers, counts, stop, running }
    }

    /// With time enough for any good question, on a machine that is busy too.
    pub(crate) fn patient(workers: usize) -> Self {
        Self::new(workers, Duration::from_secs(10))
    }

    pub(crate) async fn ask(&self, tenant: TenantId, sql: &str) -> Result<Answer, QueryError> {
        self.workers.answer(Question::new(tenant, sql)).await?.collect().await
    }

    pub(crate) async fn export(&self, sql: &str) -> Result<Answer, QueryError> {
        let question = Question { size: Size::EXPORT, ..Question::new(TENANT, sql) };
        self.workers.answer(question).await?.collect().await
    }

    /// Waits until so much has happened: a worker is counted after its caller was told.
    pub(crate) async fn until(&self, so: impl Fn(&Counts) -> bool) {
        for _ in 0..500 {
            if so(&self.counts) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{:?}", self.counts);
    }

    /// Ends the pool.
    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        self.running.await.unwrap();
    }
}

pub(crate) fn count(of: &AtomicUsize) -> usize {
    of.load(Ordering::SeqCst)
}
