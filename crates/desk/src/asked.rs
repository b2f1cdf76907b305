//! What a question in plain language comes to, in a form that doors hand on.
//!
//! Promises that an answer carries all it rests on: SQL, tables, days, moment, and how far two computations agree.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use vitals_query::QueryError;

/// An answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// The question as it was read.
    pub question: String,
    /// One sentence.
    pub answer: String,
    /// Who turned it into SQL: `builtin`, or the name of a model.
    pub translator: String,
    /// What was understood, a plain sentence a line.
    pub understood: Vec<String>,
    /// The SQL that was answered.
    pub sql: String,
    /// The tables it reads.
    pub tables: Vec<String>,
    /// The days that were asked about; absent: all of them, or the moment.
    pub dates: Option<Dates>,
    /// As of which tick.
    pub as_of: u64,
    /// When that was committed, RFC 3339.
    pub committed_at: String,
    /// Until when the sources say that they are complete, RFC 3339.
    pub complete_to: Option<String>,
    /// The zone of all days and instants.
    pub time_zone: String,
    /// Whether there were more rows, and these are the first.
    pub truncated: bool,
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows; decimals and instants are text.
    pub rows: Vec<Vec<Value>>,
    /// What would show them well.
    pub chart: Chart,
    /// The second computation, where a vital maintains what was asked for.
    pub check: Option<Checked>,
}

/// A column of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, as SQL calls it.
    #[serde(rename = "type")]
    pub kind: String,
}

impl Column {
    /// Whether its cells are numbers.
    pub(crate) fn is_number(&self) -> bool {
        ["bigint", "double", "numeric"].iter().any(|it| self.kind.starts_with(it))
            || self.kind.starts_with("decimal")
    }

    /// Whether its cells are days or instants.
    pub(crate) fn is_time(&self) -> bool {
        self.kind == "date" || self.kind.starts_with("timestamp")
    }
}

/// Days in words and dates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dates {
    /// As they were asked for, such as `last month`.
    pub words: String,
    /// The first day; absent: the beginning.
    pub from: Option<String>,
    /// The last day; absent: the end.
    pub to: Option<String>,
}

/// A suggestion, no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chart {
    /// `number`, `line`, `bar` or `table`.
    pub kind: String,
    /// The column along the bottom.
    pub x: Option<String>,
    /// The columns of the heights.
    pub y: Vec<String>,
    /// The column that tells lines or bars apart.
    pub series: Option<String>,
}

/// The same rows computed a second time, another way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// How: `records` (SQL over the records), `definition` (the vital's own, run anew).
    pub by: String,
    /// The SQL of the second computation.
    pub sql: String,
    /// Whether both gave the same rows; absent when the second could not be had.
    pub agrees: Option<bool>,
    /// Why there is no second computation.
    pub why_not: Option<String>,
    /// The first rows that only one of them gave.
    pub differences: Vec<Difference>,
}

/// Rows of which the two computations say different things: both numbers side by side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The row as it was answered; absent: only the second computation has one.
    pub answered: Option<String>,
    /// The row of the second computation; absent: only the answer has one.
    pub computed: Option<String>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnswered {
    /// The question is not one that can be answered.
    #[error("I can't answer that: {why}")]
    Cannot {
        /// One plain sentence.
        why: String,
        /// Questions near to it that are answered.
        nearest: Vec<String>,
    },
    /// The SQL was refused or failed.
    #[error("{0}")]
    Query(QueryError),
    /// The language model that was needed is not there.
    #[error("the assistant is not available: {why}")]
    Unavailable {
        /// One plain sentence, without anything of the model's.
        why: String,
        /// After how many seconds it makes sense to try again.
        retry_after_s: u64,
    },
    /// This tenant has asked too much of it.
    #[error("{why}")]
    TooMany {
        /// One plain sentence.
        why: String,
        /// After how many seconds it makes sense to try again.
        retry_after_s: u64,
    },
}

impl From<vitals_ask::CannotAnswer> for NotAnswered {
    fn from(it: vitals_ask::CannotAnswer) -> Self {
        Self::Cannot { why: it.why, nearest: it.nearest }
    }
}

impl From<QueryError> for NotAnswered {
    fn from(it: QueryError) -> Self {
        Self::Query(it)
    }
}
