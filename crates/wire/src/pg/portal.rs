//! Prepared statements, portals and cursors: a question, and how far its rows were read.

use arrow::array::RecordBatch;
use pgwire::api::Type;
use vitals_model::limits::DOOR_ROWS_MAX;
use vitals_query::answers::Param;
use vitals_query::{QueryError, Rows};

use super::command::Command;
use super::refusal::Refusal;
use super::types::{Columns, columns};

/// A statement that was prepared.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    /// What it says.
    pub(super) command: Command,
    /// How many parameters it has.
    pub(super) parameters: usize,
    /// Their types, as far as the client or the engine has said.
    pub(super) kinds: Vec<Option<Type>>,
}

/// Which values are sent in binary.
#[derive(Clone, Debug, Default)]
pub(super) struct Formats(Vec<i16>);

impl Formats {
    pub(super) fn new(codes: Vec<i16>) -> Self {
        Self(codes)
    }

    /// Whether the value of this index is in binary: none said is text, one said is for all.
    pub(super) fn is_binary(&self, index: usize) -> bool {
        let code = if self.0.len() == 1 { self.0.first() } else { self.0.get(index) };
        code.is_some_and(|code| *code == 1)
    }
}

/// A statement with its parameters.
#[derive(Debug)]
pub(super) struct Portal {
    pub(super) command: Command,
    pub(super) params: Vec<Param>,
    pub(super) formats: Formats,
    /// Whether it outlives its transaction.
    pub(super) hold: bool,
    /// Whether FETCH knows it.
    pub(super) is_cursor: bool,
    pub(super) state: State,
}

/// How far a portal is.
#[derive(Debug)]
pub(super) enum State {
    /// Nothing was done yet.
    New,
    /// Some rows may have been read.
    Open(Box<Open>),
    /// There is nothing more.
    Done,
}

/// An answer that is being read.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) columns: Columns,
    rows: Rows,
    batch: Option<(RecordBatch, usize)>,
    is_over: bool,
}

impl Open {
    pub(super) fn new(rows: Rows) -> Self {
        Self { columns: columns(&rows.schema), rows, batch: None, is_over: false }
    }

    /// Makes sure that there is a row to read; whether there is.
    pub(super) async fn fill(&mut self) -> Result<bool, QueryError> {
        while !self.is_over {
            match &self.batch {
                Some((batch, at)) if *at < batch.num_rows() => return Ok(true),
                _ => match self.rows.next().await? {
                    Some(batch) => self.batch = Some((batch, 0)),
                    None => self.is_over = true,
                },
            }
        }
        Ok(false)
    }

    /// The next of the rows at hand.
    pub(super) fn take(&mut self) -> Option<(&RecordBatch, usize)> {
        let (batch, at) = self.batch.as_mut()?;
        let row = *at;
        *at += 1;
        (row < batch.num_rows()).then_some((&*batch, row))
    }

    /// What is to be said when all rows were read, so that nobody takes a part for the whole.
    pub(super) fn end(&self) -> Result<(), Refusal> {
        if !self.rows.is_truncated() {
            return Ok(());
        }
        let message = format!(
            "there are more rows than an answer may have (at most {DOOR_ROWS_MAX}); these were the first"
        );
        Err(Refusal::new("54000", message, "add a LIMIT, or ask for less"))
    }
}
