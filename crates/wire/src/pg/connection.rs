//! One connection: its messages one after the other, queries, and rows as they come.
//!
//! Promises that an error ends what PostgreSQL would end with it (the message, the messages up to the next
//! Sync, the transaction), that a query ends when its client cancels it, leaves, or its time is over, and
//! that rows are sent as they come: what is held is one batch and what the network has not taken yet.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use pgwire::messages::data::RowDescription;
use pgwire::messages::extendedquery::CloseComplete;
use pgwire::messages::response::{
    CommandComplete, EmptyQueryResponse, ReadyForQuery, TransactionStatus,
};
use pgwire::messages::startup::ParameterStatus;
use pgwire::messages::{PgWireBackendMessage as Said, PgWireFrontendMessage as Heard};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use vitals_access::{Caller, Place};
use vitals_model::limits::{
    DOOR_BYTES_MAX, DOOR_ROWS_MAX, WIRE_IDLE_S_MAX, WIRE_PORTALS_MAX, WIRE_SCRIPT_STATEMENTS_MAX,
};
use vitals_query::answers::{Param, Size, Surface};
use vitals_query::{AsOf, QueryError, Question};

use super::cancels::Cancel;
use super::command::{self, Command};
use super::frames::{Reader, Writer};
use super::portal::{Formats, Open, Portal, Prepared, State};
use super::refusal::{Refusal, Trouble};
use super::settings::Settings;
use super::types::Column;
use super::{House, script, values};

/// What a connection is made of, once it is known whose it is.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) caller: Caller,
    #[expect(dead_code, reason = "held until the connection ends")]
    pub(super) place: Place,
    pub(super) settings: Settings,
    pub(super) cancel: Cancel,
}

/// A connection.
pub(super) struct Connection<R, W> {
    pub(super) house: Arc<House>,
    reader: Reader<R>,
    pub(super) writer: Writer<W>,
    pub(super) parts: Parts,
    pub(super) statements: HashMap<String, Prepared>,
    pub(super) portals: HashMap<String, Portal>,
    pub(super) transaction: TransactionStatus,
    /// Messages are passed over until the next Sync.
    skipping: bool,
    /// When the statement under way must have ended.
    deadline: Instant,
}

pub(super) type Done<T = ()> = Result<T, Trouble>;

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Connection<R, W> {
    pub(super) fn new(
        house: Arc<House>,
        (reader, writer): (Reader<R>, Writer<W>),
        parts: Parts,
    ) -> Self {
        Self {
            house,
            reader,
            writer,
            parts,
            statements: HashMap::new(),
            portals: HashMap::new(),
            transaction: TransactionStatus::Idle,
            skipping: false,
            deadline: Instant::now(),
        }
    }

    /// Serves it until its end.
    pub(super) async fn run(mut self) -> io::Result<()> {
        let idle = Duration::from_secs(WIRE_IDLE_S_MAX);
        loop {
            let Ok(heard) = tokio::time::timeout(idle, self.reader.next()).await else {
                let message = "the connection was idle for too long";
                let refusal = Refusal::fatal("57P05", message, "connect again");
                self.writer.put(&refusal.message())?;
                return self.writer.flush().await;
            };
            let heard = match heard {
                Ok(Some(Heard::Terminate(_)) | None) => return Ok(()),
                Ok(Some(heard)) => heard,
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    let refusal = Refusal::fatal("08P01", error.to_string(), "");
                    self.writer.put(&refusal.message())?;
                    return self.writer.flush().await;
                }
                Err(error) => return Err(error),
            };
            if let Err(trouble) = self.handle(heard).await {
                match trouble {
                    Trouble::Refused(refusal) => self.refused(&refusal)?,
                    Trouble::Lost(error) => return Err(error),
                }
                self.writer.flush().await?;
            }
        }
    }

    fn refused(&mut self, refusal: &Refusal) -> io::Result<()> {
        self.skipping = true;
        if self.transaction == TransactionStatus::Transaction {
            self.transaction = TransactionStatus::Error;
        }
        self.writer.put(&refusal.message())
    }

    async fn handle(&mut self, heard: Heard) -> Done {
        match heard {
            Heard::Sync(_) => self.sync().await,
            Heard::Query(query) => {
                if let Err(trouble) = self.simple(&query.query).await {
                    match trouble {
                        Trouble::Refused(refusal) => self.refused(&refusal)?,
                        lost @ Trouble::Lost(_) => return Err(lost),
                    }
                }
                self.sync().await
            }
            _ if self.skipping => Ok(()),
            Heard::Parse(parse) => self.parse(parse),
            Heard::Bind(bind) => self.bind(bind).await,
            Heard::Describe(describe) => self.describe(&describe).await,
            Heard::Execute(execute) => self.execute(&execute).await,
            Heard::Close(close) => {
                let name = close.name.unwrap_or_default();
                match close.target_type {
                    b'S' => drop(self.statements.remove(&name)),
                    _ => drop(self.portals.remove(&name)),
                }
                Ok(self.writer.put(&Said::CloseComplete(CloseComplete::new()))?)
            }
            Heard::Flush(_) => Ok(self.writer.flush().await?),
            Heard::CopyData(_) | Heard::CopyDone(_) | Heard::CopyFail(_) => Ok(()),
            _ => Err(Trouble::Lost(io::Error::from(io::ErrorKind::InvalidData))),
        }
    }

    /// The end of a round: outside of a transaction, nothing stays open but what was to be held.
    async fn sync(&mut self) -> Done {
        self.skipping = false;
        if self.transaction == TransactionStatus::Idle {
            self.portals.retain(|_, portal| portal.hold);
        }
        self.writer.put(&Said::ReadyForQuery(ReadyForQuery::new(self.transaction)))?;
        Ok(self.writer.flush().await?)
    }

    async fn simple(&mut self, text: &str) -> Done {
        let statements = script::statements(text);
        if statements.len() > WIRE_SCRIPT_STATEMENTS_MAX {
            let message = format!("a script has at most {WIRE_SCRIPT_STATEMENTS_MAX} statements");
            return Err(Refusal::new("54000", message, "send fewer at a time").into());
        }
        if statements.is_empty() {
            self.writer.put(&Said::EmptyQueryResponse(EmptyQueryResponse::new()))?;
        }
        for statement in statements {
            let command = command::read(statement)?;
            self.begin(&command)?;
            if let Command::Query(text) = &command {
                let mut open = self.open(text.clone(), Vec::new()).await?;
                let formats = Formats::default();
                self.put_columns(&open.columns, &formats)?;
                let (sent, _) = self.send(&mut open, &formats, None).await?;
                self.complete(&tag(text, sent))?;
            } else {
                self.command(&command, &[], (&Formats::default(), true)).await?;
            }
        }
        Ok(())
    }

    /// A statement begins: it has its time, and no chance in a transaction that failed.
    pub(super) fn begin(&mut self, command: &Command) -> Done {
        self.deadline = Instant::now() + self.parts.settings.deadline();
        self.parts.cancel.begin();
        let ends =
            matches!(command, Command::Commit | Command::Rollback | Command::Nothing("ROLLBACK"));
        if self.transaction == TransactionStatus::Error && !ends {
            let message = "the transaction failed before: nothing is done until it ends";
            return Err(Refusal::new("25P02", message, "ROLLBACK").into());
        }
        Ok(())
    }

    /// Keeps a portal under its name.
    pub(super) fn keep(&mut self, name: String, portal: Portal) -> Result<(), Refusal> {
        let known = self.portals.contains_key(&name);
        if known && !name.is_empty() {
            let message = format!("there is a cursor \"{name}\" already");
            return Err(Refusal::new("42P03", message, "close it first"));
        }
        if !known && self.portals.len() >= WIRE_PORTALS_MAX {
            let message = format!("at most {WIRE_PORTALS_MAX} cursors are open at a time");
            return Err(Refusal::new("53400", message, "close some"));
        }
        self.portals.insert(name, portal);
        Ok(())
    }

    /// Begins to answer the query of a portal that is new.
    pub(super) async fn open_portal(&mut self, portal: &mut Portal) -> Done {
        if let (Command::Query(text), State::New) = (&portal.command, &portal.state)
            && !text.is_empty()
        {
            self.begin(&portal.command)?;
            let open = self.open(text.clone(), std::mem::take(&mut portal.params)).await?;
            portal.state = State::Open(Box::new(open));
        }
        Ok(())
    }

    pub(super) fn question(&self, sql: String, params: Vec<Param>) -> Question {
        let size = Size { rows: DOOR_ROWS_MAX, bytes: DOOR_BYTES_MAX };
        Question { tenant: self.parts.caller.tenant, sql, params, surface: Surface::Wire, size }
    }

    async fn open(&mut self, sql: String, params: Vec<Param>) -> Done<Open> {
        let house = Arc::clone(&self.house);
        let question = self.question(sql, params);
        let rows = self.wait(house.doors.answers.answer(question)).await?;
        // The system catalogue is of no moment, and in no zone.
        if rows.as_of != AsOf::default() && self.parts.settings.learn_zone(rows.zone.name()) {
            let zone = ParameterStatus::new("TimeZone".to_owned(), rows.zone.name().to_owned());
            self.writer.put(&Said::ParameterStatus(zone))?;
        }
        Ok(Open::new(rows))
    }

    /// Sends rows, at most so many; how many, and whether there may be more.
    pub(super) async fn send(
        &mut self,
        open: &mut Open,
        formats: &Formats,
        most: Option<usize>,
    ) -> Done<(usize, bool)> {
        let columns = Arc::clone(&open.columns);
        let mut sent = 0;
        loop {
            if most.is_some_and(|most| sent >= most) {
                return Ok((sent, true));
            }
            if !self.wait(open.fill()).await? {
                open.end()?;
                return Ok((sent, false));
            }
            while most.is_none_or(|most| sent < most) {
                let Some(row) = open.take() else { break };
                self.writer.put_row(columns.len(), |out| {
                    values::row(out, row, &columns, &|at| formats.is_binary(at))
                })?;
                sent += 1;
                self.writer.relieve().await?;
            }
        }
    }

    /// Waits for the engine, but not longer than the client does.
    pub(super) async fn wait<T>(
        &mut self,
        work: impl Future<Output = Result<T, QueryError>>,
    ) -> Done<T> {
        tokio::select! {
            biased;
            () = self.parts.cancel.requested() => {
                Err(Refusal::new("57014", "the query was cancelled by its client", "").into())
            }
            done = work => Ok(done?),
            () = tokio::time::sleep_until(self.deadline) => {
                let message = "the query took longer than statement_timeout";
                Err(Refusal::new("57014", message, "ask for less").into())
            }
            () = self.reader.gone() => Err(Trouble::Lost(io::ErrorKind::ConnectionAborted.into())),
        }
    }

    /// Tells the columns of an answer.
    pub(super) fn put_columns(&mut self, columns: &[Column], formats: &Formats) -> io::Result<()> {
        let described = columns.iter().enumerate();
        let described = described.map(|(at, it)| it.described(formats.is_binary(at))).collect();
        self.writer.put(&Said::RowDescription(RowDescription::new(described)))
    }

    /// Says that a statement is done.
    pub(super) fn complete(&mut self, tag: &str) -> io::Result<()> {
        self.writer.put(&Said::CommandComplete(CommandComplete::new(tag.to_owned())))
    }
}

/// How a query is said to be done.
pub(super) fn tag(text: &str, rows: usize) -> String {
    let explains = text.get(..7).is_some_and(|it| it.eq_ignore_ascii_case("explain"));
    if explains { "EXPLAIN".to_owned() } else { format!("SELECT {rows}") }
}

/// The refusal of an unknown cursor.
pub(super) fn no_portal(name: &str) -> Refusal {
    Refusal::new("34000", format!("there is no cursor \"{name}\""), "")
}
