//! One question's conversation with a worker, from the service's side.
//!
//! Promises that the caller hears how it ended, whatever the worker does: it is believed in nothing but
//! its own answer, which may not be larger than was asked for, and is waited for until the question's time
//! is over and a second more. When the caller goes away the worker is told, and has half a second to stop.

use std::io;
use std::time::Duration;

use arrow::datatypes::DataType;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};
use vitals_model::limits::QUERY_STALL_MS_MAX;
use vitals_model::local_time::Zone;
use vitals_query::answers::{Description, Piece, Rows, Size};
use vitals_query::served::Served;
use vitals_query::session::too_slow;
use vitals_query::{AsOf, QueryError, SqlState};

use crate::batches;
use crate::outlet::{Outlet, outlet};
use crate::protocol::{FromWorker, ToWorker, params_in};
use crate::scans::Scans;
use crate::worker::Worker;

/// How much longer than its time a question is waited for.
const GRACE: Duration = Duration::from_secs(1);
/// How long a worker may take to be ready again after the end of a question.
const SETTLE: Duration = Duration::from_millis(500);

/// What a caller gets.
#[derive(Debug)]
pub(crate) enum Reply {
    Rows(Rows),
    Description(Description),
}

pub(crate) type ReplyTo = oneshot::Sender<Result<Reply, QueryError>>;

/// What became of the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is ready for the next question.
    Ready,
    /// It has done its work, and another one should do the next.
    Worn,
    /// It ended by itself, or said what no worker says.
    Crashed,
    /// It did not stop in time.
    Late,
    /// It did not stop when its caller had gone.
    Deaf,
}

/// The conversation.
pub(crate) struct Talk<'a> {
    pub(crate) worker: &'a mut Worker,
    pub(crate) tables: Served,
    pub(crate) about: (AsOf, Zone),
    pub(crate) reply: Option<ReplyTo>,
    /// What the answer may still hold.
    pub(crate) size: Size,
    /// How long it may still be computed.
    pub(crate) time: Duration,
    pub(crate) state: State,
}

/// What has been said so far.
#[derive(Debug)]
pub(crate) struct State {
    scans: Scans,
    outlet: Option<Outlet>,
    params: Vec<Option<DataType>>,
    /// How long the worker may still be kept waiting by its reader.
    stall: Duration,
}

impl Default for State {
    fn default() -> Self {
        let stall = Duration::from_millis(QUERY_STALL_MS_MAX);
        Self { scans: Scans::default(), outlet: None, params: Vec::new(), stall }
    }
}

/// What to do next.
enum Next {
    Listen,
    /// The answer is complete, or the question failed.
    Settle,
    /// Nobody wants the answer, or it may not go on.
    Cancel,
    Broken,
}

impl Talk<'_> {
    /// Talks until the question has ended.
    pub(crate) async fn run(mut self) -> Fate {
        loop {
            let began = Instant::now();
            let heard = tokio::select! {
                biased;
                () = gone(self.reply.as_mut(), self.state.outlet.as_ref()) => None,
                heard = timeout(self.time + GRACE, self.worker.hear()) => Some(heard),
            };
            self.spend(began);
            let next = match heard {
                None => Next::Cancel,
                Some(Err(_)) => {
                    self.fail(too_slow());
                    return Fate::Late;
                }
                Some(Ok(Err(_))) => Next::Broken,
                Some(Ok(Ok((said, body)))) => self.heed(said, body).await,
            };
            match next {
                Next::Listen => {}
                Next::Settle => {
                    // It has had its time and a little more, as who is cancelled has not.
                    let fate = self.settle().await;
                    return if fate == Fate::Deaf { Fate::Late } else { fate };
                }
                Next::Cancel => {
                    return match self.worker.say(&ToWorker::Cancel, &[]).await {
                        Ok(()) => self.settle().await,
                        Err(_) => Fate::Crashed,
                    };
                }
                Next::Broken => {
                    self.fail(crashed());
                    return Fate::Crashed;
                }
            }
        }
    }

    fn spend(&mut self, began: Instant) {
        self.time = self.time.saturating_sub(began.elapsed());
    }

    async fn heed(&mut self, said: FromWorker, body: Vec<u8>) -> Next {
        match said {
            FromWorker::Scan { .. } | FromWorker::More { .. } => self.serve(said).await,
            FromWorker::Close { id } => {
                self.state.scans.close(id);
                Next::Listen
            }
            FromWorker::Schema => self.begin(body),
            FromWorker::Batch => self.rows(body).await,
            FromWorker::End { truncated } => {
                let Some(outlet) = self.state.outlet.take() else { return Next::Broken };
                // A reader that has no room for this within its time hears that the answer broke off.
                let end = outlet.end(Ok(Piece::End { truncated }));
                timeout(self.state.stall, end).await.unwrap_or_default();
                Next::Settle
            }
            FromWorker::Params { known } => match batches::schema_in(body) {
                Ok(schema) => {
                    self.state.params = params_in(&known, &schema);
                    Next::Listen
                }
                Err(_) => Next::Broken,
            },
            FromWorker::Described => {
                let Ok(schema) = batches::schema_in(body) else { return Next::Broken };
                let params = std::mem::take(&mut self.state.params);
                self.answer(Reply::Description(Description { schema, params }), Next::Settle)
            }
            FromWorker::Failed(error) => {
                // Of no more words than an error has.
                self.fail(QueryError::new(error.state, error.detail, error.mend));
                Next::Settle
            }
            FromWorker::Ready | FromWorker::Idle { .. } => Next::Broken,
        }
    }

    /// Gives the worker the rows it wants.
    async fn serve(&mut self, wanted: FromWorker) -> Next {
        let began = Instant::now();
        let (scans, tables) = (&mut self.state.scans, &self.tables);
        let rows = async {
            match wanted {
                FromWorker::Scan { id, scan } => scans.begin(tables, id, &scan).await,
                FromWorker::More { id } => scans.more(id).await,
                _ => (ToWorker::Cancel, Vec::new()),
            }
        };
        let rows = tokio::select! {
            biased;
            () = gone(self.reply.as_mut(), self.state.outlet.as_ref()) => return Next::Cancel,
            rows = timeout(self.time, rows) => rows,
        };
        self.spend(began);
        match rows {
            Ok((said, body)) => match self.worker.say(&said, &body).await {
                Ok(()) => Next::Listen,
                Err(_) => Next::Broken,
            },
            Err(_) => {
                self.fail(too_slow());
                Next::Cancel
            }
        }
    }

    fn begin(&mut self, schema: Vec<u8>) -> Next {
        let Ok(schema) = batches::schema_in(schema) else { return Next::Broken };
        let (outlet, pieces) = outlet();
        self.state.outlet = Some(outlet);
        self.answer(Reply::Rows(Rows::new(schema, self.about, pieces)), Next::Listen)
    }

    fn answer(&mut self, reply: Reply, then: Next) -> Next {
        match self.reply.take().map(|to| to.send(Ok(reply))) {
            Some(Ok(())) => then,
            Some(Err(_)) => Next::Cancel,
            // A second answer.
            None => Next::Broken,
        }
    }

    async fn rows(&mut self, body: Vec<u8>) -> Next {
        let Some(outlet) = &self.state.outlet else { return Next::Broken };
        let Ok(batch) = batches::rows_in(body) else { return Next::Broken };
        let (rows, bytes) = (batch.num_rows(), batches::bytes(&batch));
        if rows > self.size.rows || bytes > self.size.bytes {
            return Next::Broken;
        }
        self.size = Size { rows: self.size.rows - rows, bytes: self.size.bytes - bytes };
        let began = Instant::now();
        let taken = timeout(self.state.stall, outlet.rows(batch)).await;
        self.state.stall = self.state.stall.saturating_sub(began.elapsed());
        match taken {
            Ok(true) => Next::Listen,
            Ok(false) => Next::Cancel,
            Err(_) => {
                self.fail(not_taken());
                Next::Cancel
            }
        }
    }

    /// Tells the caller that there is no answer, or no more of it.
    fn fail(&mut self, error: QueryError) {
        match self.reply.take() {
            // An error means that the caller is gone.
            Some(to) => to.send(Err(error)).unwrap_or_default(),
            None => {
                if let Some(outlet) = self.state.outlet.take() {
                    outlet.fail(error);
                }
            }
        }
    }

    /// Waits until the worker is ready for another question.
    async fn settle(&mut self) -> Fate {
        let settled = async {
            loop {
                if let (FromWorker::Idle { worn }, _) = self.worker.hear().await? {
                    return Ok::<_, io::Error>(worn);
                }
            }
        };
        match timeout(SETTLE, settled).await {
            Ok(Ok(false)) => Fate::Ready,
            Ok(Ok(true)) => Fate::Worn,
            Ok(Err(_)) => Fate::Crashed,
            Err(_) => Fate::Deaf,
        }
    }
}

/// Ends when the caller, or the reader of its rows, is gone.
async fn gone(reply: Option<&mut ReplyTo>, outlet: Option<&Outlet>) {
    match (reply, outlet) {
        (Some(reply), _) => reply.closed().await,
        (None, Some(outlet)) => outlet.gone().await,
        (None, None) => std::future::pending().await,
    }
}

/// What the caller of a question hears that ended its worker.
pub(crate) fn crashed() -> QueryError {
    QueryError::new(
        SqlState::Crashed,
        "the query ended the process that computed it",
        "ask for less at once; to try again is safe",
    )
}

fn not_taken() -> QueryError {
    QueryError::new(
        SqlState::TooSlow,
        "the rows were not taken in time",
        "read them faster, or ask for fewer",
    )
}
