//! The seam between those who bring questions and those who compute answers.
//!
//! A door (HTTP, the PostgreSQL protocol, Flight SQL, the command line, plain language, reports) has
//! authenticated a tenant and hands a [`Question`] to an [`Answers`]; it gets [`Rows`], batch by batch, and
//! never learns where they were computed. Promises that a question names one tenant and cannot change it,
//! that rows come in bounded memory, and that dropping them ends the work. Does not authenticate.

use std::fmt;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use vitals_model::TenantId;
use vitals_model::limits::{
    QUERY_ANSWER_BYTES_MAX, QUERY_EXPORT_BYTES_MAX, QUERY_EXPORT_ROWS_MAX, QUERY_ROWS_MAX,
};
use vitals_model::local_time::Zone;

use crate::catalog::AsOf;
use crate::error::QueryError;
use crate::session::Answer;

/// One tenant's question.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Question {
    /// Whose.
    pub tenant: TenantId,
    /// One SELECT.
    pub sql: String,
    /// The values of `$1`, `$2`, ..
    #[serde(default)]
    pub params: Vec<Param>,
    /// What may be asked.
    #[serde(default)]
    pub surface: Surface,
    /// How much may come back.
    #[serde(default)]
    pub size: Size,
}

impl Question {
    /// A question without parameters, for a person's eyes.
    #[must_use]
    pub fn new(tenant: TenantId, sql: impl Into<String>) -> Self {
        let (surface, size) = (Surface::default(), Size::default());
        Self { tenant, sql: sql.into(), params: Vec::new(), surface, size }
    }

    /// With the values of its parameters.
    #[must_use]
    pub fn with_params(mut self, params: Vec<Param>) -> Self {
        self.params = params;
        self
    }
}

/// A parameter's value. Money and other exact numbers are [`Param::Number`], as they were written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type", content = "value")]
#[allow(missing_docs, reason = "the words say it")]
pub enum Param {
    Null,
    Bool(bool),
    /// Digits, with or without a point; exact.
    Number(String),
    Text(String),
    /// `2026-03-18`.
    Date(String),
    /// RFC 3339, with an offset; without one it is the tenant's local time.
    Instant(String),
}

/// What a door lets its callers ask about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Surface {
    /// Records and vitals.
    #[default]
    Data,
    /// Records and vitals, and the system catalogue by which PostgreSQL's clients find them.
    Wire,
}

/// How much may come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Rows.
    pub rows: usize,
    /// Bytes of them.
    pub bytes: usize,
}

impl Default for Size {
    fn default() -> Self {
        Self { rows: QUERY_ROWS_MAX, bytes: QUERY_ANSWER_BYTES_MAX }
    }
}

impl Size {
    /// The most that an export may ask for.
    pub const EXPORT: Self = Self { rows: QUERY_EXPORT_ROWS_MAX, bytes: QUERY_EXPORT_BYTES_MAX };

    /// No more than an export may ask for.
    #[must_use]
    pub fn capped(self) -> Self {
        let Self { rows, bytes } = Self::EXPORT;
        Self { rows: self.rows.min(rows), bytes: self.bytes.min(bytes) }
    }
}

/// What a question would give, and what it wants to be told first.
#[derive(Clone, Debug)]
pub struct Description {
    /// The columns of its answer.
    pub schema: SchemaRef,
    /// The types of `$1`, `$2`, ..; `None` where any will do.
    pub params: Vec<Option<arrow::datatypes::DataType>>,
}

/// The rows of an answer as they come. Dropping them ends the work.
pub struct Rows {
    /// The columns. Instants are in the tenant's zone.
    pub schema: SchemaRef,
    /// Of which moment.
    pub as_of: AsOf,
    /// The tenant's zone.
    pub zone: Zone,
    pieces: BoxStream<'static, Result<Piece, QueryError>>,
    truncated: bool,
}

/// A part of an answer.
#[derive(Clone, Debug)]
pub enum Piece {
    /// Some rows.
    Batch(RecordBatch),
    /// The end; whether there were more rows than were allowed.
    End {
        /// There were.
        truncated: bool,
    },
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").field("as_of", &self.as_of).finish_non_exhaustive()
    }
}

impl Rows {
    /// Rows that come as `pieces`, of which the last is the end.
    pub fn new(
        schema: SchemaRef,
        (as_of, zone): (AsOf, Zone),
        pieces: BoxStream<'static, Result<Piece, QueryError>>,
    ) -> Self {
        Self { schema, as_of, zone, pieces, truncated: false }
    }

    /// The next rows; `None` after the last.
    ///
    /// # Errors
    /// The query failed or met a limit on its way; or it ended without an end, and is not to be trusted.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>, QueryError> {
        match self.pieces.next().await {
            Some(Ok(Piece::Batch(batch))) => Ok(Some(batch)),
            Some(Ok(Piece::End { truncated })) => {
                self.truncated = truncated;
                Ok(None)
            }
            Some(Err(error)) => Err(error),
            None => Err(QueryError::unavailable("the answer broke off")),
        }
    }

    /// Whether there were more rows than were allowed. Known after the last.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// All of them at once. What an answer may hold is bounded by its question's [`Size`].
    ///
    /// # Errors
    /// As [`Rows::next`].
    pub async fn collect(mut self) -> Result<Answer, QueryError> {
        let mut batches = Vec::new();
        while let Some(batch) = self.next().await? {
            batches.push(batch);
        }
        let Self { schema, as_of, zone, truncated, .. } = self;
        Ok(Answer { schema, batches, truncated, as_of, zone })
    }
}

impl From<Answer> for Rows {
    fn from(answer: Answer) -> Self {
        let Answer { schema, batches, truncated, as_of, zone } = answer;
        let batches = batches.into_iter().map(|batch| Ok(Piece::Batch(batch)));
        let pieces = batches.chain([Ok(Piece::End { truncated })]);
        let pieces = futures::stream::iter(pieces.collect::<Vec<_>>()).boxed();
        Self::new(schema, (as_of, zone), pieces)
    }
}

/// Whoever computes answers.
#[async_trait]
pub trait Answers: Send + Sync + fmt::Debug {
    /// Begins to answer a question.
    ///
    /// # Errors
    /// The guard refused it, it does not plan, it failed before its first row, it met a limit, or nobody is
    /// free to compute it.
    async fn answer(&self, question: Question) -> Result<Rows, QueryError>;

    /// Says what a question would give, without computing it. Its parameters need no values.
    ///
    /// # Errors
    /// As [`Answers::answer`].
    async fn describe(&self, question: Question) -> Result<Description, QueryError>;
}
