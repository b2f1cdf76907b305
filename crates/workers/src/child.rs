//! The worker: a process that computes one question at a time, and may die of it.
//!
//! It knows nothing but what comes over the socket that is its standard input: no setting, no secret, no
//! database. Promises to end when the socket closes. Does not promise anything about what a question does
//! to it: that is the service's to see.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream as StdStream;
use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;
use tokio::sync::mpsc;
use vitals_model::limits::WORKER_ADDRESS_BYTES_MAX;
use vitals_model::local_time::Zone;
use vitals_model::{Date, TenantId, UtcMicros};
use vitals_query::answers::Surface;
use vitals_query::elsewhere::TableElsewhere;
use vitals_query::{AsOf, Catalog, QueryError, Question, Rows, Sessions, TableProvider, system};

use crate::asking::{Asking, Delivery, Outgoing, ScanHook, Scans};
use crate::batches;
use crate::confine::confine;
use crate::frames::{self, Frames};
use crate::lane::Lane;
use crate::protocol::{Ask, FromWorker, Source, ToWorker, params_out};

/// Frames that wait to be written.
const OUTGOING: usize = 16;

/// Computes questions until the service is gone.
///
/// # Errors
/// It cannot be confined, or what comes is not what a service says.
pub fn run() -> io::Result<()> {
    run_with(None)
}

/// The same, with something that happens when a scan begins.
///
/// # Errors
/// As [`run`].
pub fn run_with(hook: Option<ScanHook>) -> io::Result<()> {
    let socket = StdStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    // Before anything is given up: somebody may have called this by hand.
    socket.peer_addr()?;
    socket.set_nonblocking(true)?;
    confine()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (from, mut to) = UnixStream::from_std(socket)?.into_split();
        let (out, mut outgoing) = mpsc::channel::<(FromWorker, Vec<u8>)>(OUTGOING);
        let write = async {
            while let Some((head, body)) = outgoing.recv().await {
                frames::write(&mut to, &head, &body).await?;
            }
            Ok(())
        };
        let worker = Worker { from: Frames::new(from), out, hook };
        tokio::select! {
            ended = worker.run() => ended,
            ended = write => ended,
        }
    })
}

struct Worker {
    from: Frames<OwnedReadHalf>,
    out: Outgoing,
    hook: Option<ScanHook>,
}

/// A table of the next question.
struct Handed {
    name: String,
    schema: SchemaRef,
    rows: Option<usize>,
    source: Source,
}

impl Worker {
    async fn run(mut self) -> io::Result<()> {
        send(&self.out, FromWorker::Ready).await?;
        let mut tables = Vec::new();
        while let Some((said, body)) = self.from.next::<ToWorker>().await? {
            match said {
                ToWorker::Table { name, rows, source } => {
                    let schema = batches::schema_in(body).map_err(io::Error::other)?;
                    tables.push(Handed { name, schema, rows, source });
                }
                ToWorker::Ask(ask) => {
                    let tables = std::mem::take(&mut tables);
                    if !self.answer(*ask, tables).await? {
                        return Ok(());
                    }
                    send(&self.out, FromWorker::Idle { worn: is_worn() }).await?;
                }
                // What was said to a question that had ended already.
                ToWorker::Cancel
                | ToWorker::Rows { .. }
                | ToWorker::RowsEnd { .. }
                | ToWorker::RowsFailed { .. } => {}
            }
        }
        Ok(())
    }

    /// Answers a question, and waits until nothing of it is left. False: the service is gone.
    async fn answer(&mut self, ask: Ask, tables: Vec<Handed>) -> io::Result<bool> {
        let (scans, lane) = (Arc::<Scans>::default(), Lane::new());
        let asking = Asking::new(self.out.clone(), Arc::clone(&scans), self.hook.clone());
        let sessions = Sessions::with_deadline(Duration::from_millis(ask.time_ms));
        let sessions = sessions.watched(Arc::clone(&lane) as _);
        let catalog = HandedTables::new(&ask, tables, Arc::new(asking));
        let work = compute(&sessions, &ask, &catalog, &self.out);
        tokio::select! {
            done = work => done?,
            heard = listen(&mut self.from, &scans) => {
                if !heard? {
                    return Ok(false);
                }
            }
            () = lane.slow_down() => {}
        }
        lane.empty().await;
        Ok(true)
    }
}

/// Hands rows to their scans, until the question is cancelled (true) or the service is gone (false).
async fn listen(from: &mut Frames<OwnedReadHalf>, scans: &Scans) -> io::Result<bool> {
    while let Some((said, body)) = from.next::<ToWorker>().await? {
        match said {
            ToWorker::Rows { scan } => scans.deliver(scan, Delivery::Rows(body)),
            ToWorker::RowsEnd { scan } => scans.deliver(scan, Delivery::End),
            ToWorker::RowsFailed { scan, error } => scans.deliver(scan, Delivery::Failed(error)),
            ToWorker::Cancel => return Ok(true),
            ToWorker::Table { .. } | ToWorker::Ask(_) => {
                return Err(io::Error::other("a question during a question"));
            }
        }
    }
    Ok(false)
}

/// Computes a question and sends what comes of it.
async fn compute(
    sessions: &Sessions,
    ask: &Ask,
    catalog: &HandedTables,
    out: &Outgoing,
) -> io::Result<()> {
    let computed = async {
        let (question, now) = (ask.question(), UtcMicros(ask.now));
        if ask.describe {
            let description = match is_of_the_system(&question) {
                true => system::describe(&question).await?,
                false => sessions.describe(catalog, &question, now).await?,
            };
            let (known, types) = params_out(&description.params);
            put(out, FromWorker::Params { known }, batches::schema_out(&types)?).await?;
            return put(out, FromWorker::Described, batches::schema_out(&description.schema)?)
                .await;
        }
        let mut rows = match is_of_the_system(&question) {
            true => Rows::from(system::answer(&question).await?),
            false => sessions.answer(catalog, &question, now).await?,
        };
        put(out, FromWorker::Schema, batches::schema_out(&rows.schema)?).await?;
        while let Some(batch) = rows.next().await? {
            for part in batches::parts(batch) {
                put(out, FromWorker::Batch, batches::rows_out(&part)?).await?;
            }
        }
        put(out, FromWorker::End { truncated: rows.is_truncated() }, Vec::new()).await
    };
    match computed.await {
        Ok(()) => Ok(()),
        Err(error) => send(out, FromWorker::Failed(error)).await,
    }
}

/// Whether a question is about the system catalogue, which has no row of anybody.
pub(crate) fn is_of_the_system(question: &Question) -> bool {
    question.surface == Surface::Wire && system::concerns(&question.sql)
}

async fn put(out: &Outgoing, head: FromWorker, body: Vec<u8>) -> Result<(), QueryError> {
    let sent = out.send((head, body)).await;
    sent.map_err(|_| QueryError::unavailable("the service is gone"))
}

async fn send(out: &Outgoing, head: FromWorker) -> io::Result<()> {
    out.send((head, Vec::new())).await.map_err(|_| io::ErrorKind::BrokenPipe.into())
}

/// Whether half of the address space is taken while nothing is computed.
fn is_worn() -> bool {
    const PAGE_BYTES: u64 = 4096;
    let pages = std::fs::read_to_string("/proc/self/statm");
    let pages = pages.ok().and_then(|it| it.split(' ').next()?.parse::<u64>().ok());
    pages.is_some_and(|pages| pages * PAGE_BYTES > WORKER_ADDRESS_BYTES_MAX / 2)
}

/// The tables that came with a question.
struct HandedTables {
    tables: Vec<Handed>,
    asking: Arc<Asking>,
    tenant: TenantId,
    zone: Zone,
    today: Date,
}

impl HandedTables {
    fn new(ask: &Ask, tables: Vec<Handed>, asking: Arc<Asking>) -> Self {
        let zone = Zone::named(&ask.zone).unwrap_or_else(Zone::utc);
        Self { tables, asking, tenant: ask.tenant, zone, today: Date(ask.today) }
    }
}

#[async_trait]
impl Catalog for HandedTables {
    fn tables(&self) -> Vec<String> {
        self.tables.iter().map(|it| it.name.clone()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, QueryError> {
        let Some(table) = self.tables.iter().find(|it| it.name == name) else { return Ok(None) };
        let Source::Streamed = table.source;
        let about = (Arc::clone(&table.schema), table.rows);
        Ok(Some(Arc::new(TableElsewhere::new(name, about, Arc::clone(&self.asking) as _))))
    }

    fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn zone(&self) -> Zone {
        self.zone
    }

    fn today(&self) -> Date {
        self.today
    }

    /// The service knows; it is not needed here.
    fn as_of(&self) -> AsOf {
        AsOf::default()
    }
}
