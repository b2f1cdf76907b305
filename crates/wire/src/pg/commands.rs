//! What the door does itself: transactions, settings and cursors.
//!
//! Transactions change nothing, since every answer is of one committed tick; they are kept track of because
//! clients do, and because cursors end with them.

use pgwire::messages::PgWireBackendMessage as Said;
use pgwire::messages::response::TransactionStatus;
use pgwire::messages::startup::ParameterStatus;
use tokio::io::{AsyncRead, AsyncWrite};
use vitals_query::answers::Param;

use super::command::Command;
use super::connection::{Connection, no_portal};
use super::portal::{Formats, Portal, State};
use super::refusal::{Refusal, Trouble};
use super::settings::Changed;
use super::types::Column;

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Connection<R, W> {
    /// Carries out a command; `tells` says whether its columns are told with its rows.
    pub(super) async fn command(
        &mut self,
        command: &Command,
        params: &[Param],
        (formats, tells): (&Formats, bool),
    ) -> Result<(), Trouble> {
        let tag = match command {
            // The connection answers it: none comes here.
            Command::Query(_) => return Ok(()),
            Command::Begin => {
                self.transaction = TransactionStatus::Transaction;
                "BEGIN"
            }
            Command::Commit => {
                let failed = self.transaction == TransactionStatus::Error;
                self.end_transaction();
                if failed { "ROLLBACK" } else { "COMMIT" }
            }
            Command::Rollback => {
                self.end_transaction();
                "ROLLBACK"
            }
            Command::Nothing(tag) => {
                if *tag == "ROLLBACK" && self.transaction == TransactionStatus::Error {
                    self.transaction = TransactionStatus::Transaction;
                }
                tag
            }
            Command::Set(name, value) => {
                self.set(name, value.clone())?;
                if value.is_some() { "SET" } else { "RESET" }
            }
            Command::Show(name) => {
                let value = self.parts.settings.show(name)?;
                if tells {
                    self.put_columns(&[Column::text(name)], formats)?;
                }
                self.writer.put_row(1, |out| super::values::text_cell(out, &value))?;
                "SHOW"
            }
            Command::Discard(tag) => {
                if *tag == "DISCARD ALL" {
                    self.portals.clear();
                    self.statements.clear();
                }
                self.parts.settings.reset();
                tag
            }
            Command::Deallocate(name) => {
                match name {
                    Some(name) => drop(self.statements.remove(name)),
                    None => self.statements.clear(),
                }
                "DEALLOCATE"
            }
            Command::Declare { name, hold, query } => {
                self.declare((name, *hold), query, params)?;
                "DECLARE CURSOR"
            }
            Command::Fetch { name, rows } => {
                return self.fetch((name, *rows), (formats, tells)).await;
            }
            Command::Close(name) => {
                self.close(name.as_deref())?;
                "CLOSE CURSOR"
            }
        };
        Ok(self.complete(tag)?)
    }

    fn close(&mut self, name: Option<&str>) -> Result<(), Refusal> {
        let Some(name) = name else {
            self.portals.retain(|_, portal| !portal.is_cursor);
            return Ok(());
        };
        self.portals.remove(name).map(drop).ok_or_else(|| no_portal(name))
    }

    fn end_transaction(&mut self) {
        self.transaction = TransactionStatus::Idle;
        self.portals.retain(|_, portal| portal.hold);
    }

    fn set(&mut self, name: &str, value: Option<String>) -> Result<(), Trouble> {
        match self.parts.settings.set(name, value)? {
            Changed::Quietly => {}
            Changed::Told(name, value) => {
                let told = ParameterStatus::new(name.to_owned(), value);
                self.writer.put(&Said::ParameterStatus(told))?;
            }
            Changed::Kept(why) => self.writer.put(&why.warning())?,
        }
        Ok(())
    }

    fn declare(
        &mut self,
        (name, hold): (&str, bool),
        query: &str,
        params: &[Param],
    ) -> Result<(), Refusal> {
        if !hold && self.transaction == TransactionStatus::Idle {
            let message = "a cursor without WITH HOLD lives in a transaction";
            return Err(Refusal::new("25P01", message, "BEGIN first"));
        }
        let portal = Portal {
            command: Command::Query(query.to_owned()),
            params: params.to_vec(),
            formats: Formats::default(),
            hold,
            is_cursor: true,
            state: State::New,
        };
        self.keep(name.to_owned(), portal)
    }

    async fn fetch(
        &mut self,
        (name, rows): (&str, Option<usize>),
        (formats, tells): (&Formats, bool),
    ) -> Result<(), Trouble> {
        let mut portal = self.portals.remove(name).ok_or_else(|| no_portal(name))?;
        let fetched = self.fetch_from(&mut portal, rows, (formats, tells)).await;
        self.portals.insert(name.to_owned(), portal);
        let sent = fetched?;
        Ok(self.complete(&format!("FETCH {sent}"))?)
    }

    async fn fetch_from(
        &mut self,
        portal: &mut Portal,
        rows: Option<usize>,
        (formats, tells): (&Formats, bool),
    ) -> Result<usize, Trouble> {
        self.open_portal(portal).await?;
        let State::Open(open) = &mut portal.state else { return Ok(0) };
        if tells {
            self.put_columns(&open.columns, formats)?;
        }
        let (sent, _) = self.send(open, formats, rows).await?;
        Ok(sent)
    }
}
