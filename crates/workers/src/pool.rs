//! The pool: so many places, each with a worker that is replaced when it dies.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;
use vitals_model::UtcMicros;
use vitals_model::limits::{QUERY_TIME_MS_MAX, WORKERS_MAX};
use vitals_query::answers::Question;
use vitals_query::served::Served;
use vitals_query::session::too_slow;
use vitals_query::{Catalog, QueryError, guard};

use crate::batches;
use crate::child::is_of_the_system;
use crate::crashes::{self, Crashes};
use crate::nursery::{Nursery, Program};
use crate::protocol::{Ask, Source, ToWorker};
use crate::queue::{Place, Queue};
use crate::talk::{Fate, ReplyTo, Talk, crashed};
use crate::worker::Worker;

/// Time between two tries to start a worker.
const RETRY: Duration = Duration::from_millis(200);
/// Stack of a thread that parses a text.
const STACK_BYTES: usize = 16 * 1024 * 1024;

/// Makes the catalogue of a question: the tables of its tenant, and of nobody else.
#[async_trait]
pub trait Catalogs: Send + Sync {
    /// The catalogue, and what the wall clock shows.
    ///
    /// # Errors
    /// What holds the tables cannot be reached.
    async fn open(&self, question: &Question) -> Result<(Arc<dyn Catalog>, UtcMicros), QueryError>;
}

/// What happens in the pool, for whoever counts it. Nothing of it names a tenant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// A worker was started.
    Started,
    /// A worker ended by itself, or spoke nonsense.
    Crashed,
    /// A worker was killed, since it did not stop.
    Killed,
    /// So many questions wait.
    Waiting(usize),
    /// A question has ended, well or not, after so long.
    Answered(Duration),
}

/// Who is told of events.
pub type Watch = Arc<dyn Fn(Event) + Send + Sync>;

/// How the pool is made.
#[derive(Clone)]
pub struct Options {
    /// How many workers there are.
    pub workers: usize,
    /// Whether they are started before there is a question.
    pub warm: bool,
    /// What they are started from.
    pub program: Program,
    /// How long a question may compute.
    pub time: Duration,
    /// Who is told of events.
    pub watch: Watch,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options").field("workers", &self.workers).finish_non_exhaustive()
    }
}

impl Options {
    /// Workers of this very program, which takes `argument` to be one: two for each processor that the machine
    /// has (so that half of them keep it busy), started before they are needed.
    #[must_use]
    pub fn new(argument: &str) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            workers: (2 * processors).clamp(2, WORKERS_MAX),
            warm: true,
            program: Program::own(argument),
            time: Duration::from_millis(QUERY_TIME_MS_MAX),
            watch: Arc::new(|_| {}),
        }
    }
}

/// A question in the queue.
pub(crate) struct Job {
    pub(crate) question: Question,
    pub(crate) describe: bool,
    /// Told when a place is free.
    pub(crate) taken: oneshot::Sender<()>,
    pub(crate) reply: ReplyTo,
}

/// What all places share.
pub(crate) struct Pool {
    options: Options,
    catalogs: Arc<dyn Catalogs>,
    pub(crate) queue: Arc<Queue<Job>>,
    pub(crate) crashes: Crashes,
    nursery: Arc<Nursery>,
    /// Texts that are parsed at a time.
    parsers: Semaphore,
}

impl Pool {
    pub(crate) fn open(options: Options, catalogs: Arc<dyn Catalogs>) -> io::Result<Self> {
        let options = Options { workers: options.workers.clamp(1, WORKERS_MAX), ..options };
        Ok(Self {
            queue: Queue::new(options.workers),
            crashes: Crashes::default(),
            nursery: Arc::new(Nursery::open(options.program.clone())?),
            parsers: Semaphore::new(options.workers),
            catalogs,
            options,
        })
    }

    pub(crate) fn tell(&self, event: Event) {
        (self.options.watch)(event);
    }

    /// Runs all places until `stop`; then no worker is left.
    pub(crate) async fn run(self: Arc<Self>, stop: impl Future<Output = ()>) {
        let mut places = JoinSet::new();
        for _ in 0..self.options.workers {
            places.spawn(Arc::clone(&self).place());
        }
        tokio::pin!(stop);
        loop {
            tokio::select! {
                () = &mut stop => break,
                // A place never ends by itself: it panicked, with its question.
                Some(_) = places.join_next() => drop(places.spawn(Arc::clone(&self).place())),
            }
        }
        places.shutdown().await;
        let nursery = Arc::clone(&self.nursery);
        // An error means that the thread panicked, and what it was to wait for is dead already.
        tokio::task::spawn_blocking(move || nursery.close()).await.unwrap_or_default();
    }

    /// One place: a worker after the other.
    async fn place(self: Arc<Self>) {
        let mut first = None;
        if !self.options.warm {
            first = Some(self.queue.next().await);
        }
        loop {
            let Ok(mut worker) = Worker::start(&self.nursery).await else {
                tokio::time::sleep(RETRY).await;
                continue;
            };
            self.tell(Event::Started);
            loop {
                let (job, place) = match first.take() {
                    Some(next) => next,
                    None => tokio::select! {
                        // Nothing is said between two questions: it has ended.
                        _ = worker.hear() => {
                            self.tell(Event::Crashed);
                            break;
                        }
                        next = self.queue.next() => next,
                    },
                };
                if self.serve(&mut worker, job, place).await != Fate::Ready {
                    break;
                }
            }
        }
    }

    async fn serve(&self, worker: &mut Worker, job: Job, place: Place<Job>) -> Fate {
        let Job { question, describe, taken, mut reply } = job;
        self.tell(Event::Waiting(self.queue.waiting()));
        if taken.send(()).is_err() {
            return Fate::Ready;
        }
        let began = Instant::now();
        let prepared = tokio::select! {
            prepared = tokio::time::timeout(self.options.time, self.prepare(&question)) => prepared,
            () = reply.closed() => return Fate::Ready,
        };
        let fate = match prepared.unwrap_or_else(|_| Err(too_slow())) {
            Ok(prepared) => {
                let left = self.options.time.saturating_sub(began.elapsed());
                self.talk(worker, prepared, (&question, describe, left), reply).await
            }
            Err(error) => {
                // An error means that the caller is gone.
                reply.send(Err(error)).unwrap_or_default();
                Fate::Ready
            }
        };
        // Given back before anything else is done: the next question need not wait for a new worker here.
        drop(place);
        self.tell(Event::Answered(began.elapsed()));
        match fate {
            Fate::Ready | Fate::Worn => {}
            Fate::Crashed => self.tell(Event::Crashed),
            Fate::Late | Fate::Deaf => self.tell(Event::Killed),
        }
        if matches!(fate, Fate::Crashed | Fate::Late) {
            self.crashes.note(crashes::text(&question), Instant::now());
        }
        fate
    }

    /// The tables of a question that has passed the guard.
    async fn prepare(&self, question: &Question) -> Result<Prepared, QueryError> {
        let (catalog, now) = self.catalogs.open(question).await?;
        if catalog.tenant() != question.tenant {
            return Err(QueryError::unavailable("the tables are not the tenant's"));
        }
        let tables = match is_of_the_system(question) {
            true => Vec::new(),
            false => self.guard(&question.sql, Some(catalog.tables())).await?,
        };
        let served = Served::of(catalog.as_ref(), &tables).await?;
        Ok(Prepared { catalog, served, now })
    }

    /// Lets a text through, or says why not. Without names, any table will do.
    pub(crate) async fn guard(
        &self,
        sql: &str,
        names: Option<Vec<String>>,
    ) -> Result<Vec<String>, QueryError> {
        let unavailable = || QueryError::unavailable("no query can be read");
        let _turn = self.parsers.acquire().await.map_err(|_| unavailable())?;
        let (done, passed) = oneshot::channel();
        let sql = sql.to_owned();
        let parse = move || {
            let has = |name: &str| names.as_ref().is_none_or(|it| it.iter().any(|it| it == name));
            // An error means that the caller is gone.
            done.send(guard::tables(&sql, &has)).unwrap_or_default();
        };
        let thread = std::thread::Builder::new().name("guard".to_owned()).stack_size(STACK_BYTES);
        thread.spawn(parse).map_err(|_| unavailable())?;
        passed.await.unwrap_or_else(|_| Err(unavailable()))
    }

    async fn talk(
        &self,
        worker: &mut Worker,
        prepared: Prepared,
        (question, describe, time): (&Question, bool, Duration),
        reply: ReplyTo,
    ) -> Fate {
        let Prepared { catalog, served, now } = prepared;
        let heads = match served.heads().await {
            Ok(heads) => heads,
            Err(error) => {
                reply.send(Err(error)).unwrap_or_default();
                return Fate::Ready;
            }
        };
        let about = (catalog.zone(), catalog.today(), now);
        let time_ms = u64::try_from(time.as_millis()).unwrap_or(QUERY_TIME_MS_MAX);
        let asked = async {
            for (name, schema, rows) in heads {
                let schema = batches::schema_out(&schema).map_err(io::Error::other)?;
                worker
                    .say(&ToWorker::Table { name, rows, source: Source::Streamed }, &schema)
                    .await?;
            }
            let ask = Ask::new(question, describe, about, time_ms);
            worker.say(&ToWorker::Ask(Box::new(ask)), &[]).await
        };
        if asked.await.is_err() {
            reply.send(Err(crashed())).unwrap_or_default();
            return Fate::Crashed;
        }
        let about = (catalog.as_of(), catalog.zone());
        let (reply, size, state) = (Some(reply), question.size.capped(), Default::default());
        Talk { worker, tables: served, about, reply, size, time, state }.run().await
    }
}

struct Prepared {
    catalog: Arc<dyn Catalog>,
    served: Served,
    now: UtcMicros,
}
