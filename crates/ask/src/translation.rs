//! What a question comes to: SQL with what it stands for, or an honest no.

use vitals_model::Date;

/// A question as SQL over the names of contracts section 6, in a session whose zone is the tenant's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Translation {
    /// One SELECT: what is answered.
    pub sql: String,
    /// The second computation of the same rows, where a vital maintains the first.
    pub check: Option<Check>,
    /// The tables that are read, vitals among them.
    pub tables: Vec<String>,
    /// The days that were asked about; `None` is all of them, or the moment.
    pub range: Option<DateRange>,
    /// What the rows show, as a heading.
    pub title: String,
    /// How many leading columns say what a row is of; the others are numbers.
    pub keys: usize,
    /// The currency of its amounts, where it has any.
    pub currency: Option<String>,
    /// What would show it well.
    pub chart: Chart,
    /// What was understood, a plain sentence a line: measures, splits, filters, and how they are meant.
    pub understood: Vec<String>,
}

/// How the rows of a vital are computed a second time, so that a mismatch can be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Check {
    /// By SQL over the records that gives the same columns and rows.
    Sql(String),
    /// By the definition of the vital of this name: the same SQL over its rows instead of the maintained ones.
    Definition(String),
}

/// Days in words and dates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DateRange {
    /// As they were asked for, such as `last month`.
    pub words: String,
    /// The first day; `None` is the beginning.
    pub from: Option<Date>,
    /// The last day; `None` is the end.
    pub to: Option<Date>,
}

/// A suggestion, no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chart {
    /// One number.
    Number,
    /// A line over time.
    Line,
    /// Bars by name.
    Bar,
    /// Shades over two axes.
    Heatmap,
    /// Rows to read.
    Table,
}

/// Why there is no answer, and what could be asked instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CannotAnswer {
    /// One plain sentence.
    pub why: String,
    /// Questions near to this one that are answered.
    pub nearest: Vec<String>,
}

impl std::fmt::Display for CannotAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "I can't answer that: {}", self.why)
    }
}

impl std::error::Error for CannotAnswer {}

/// Whoever turns the questions of one business into SQL: the grammar of this crate, or a language model behind a network.
pub trait Translator {
    /// Why no answer came: `CannotAnswer` here; a network's failures as well elsewhere.
    type Error;

    /// The question as SQL.
    ///
    /// # Errors
    /// It is not understood in every word, or asks for what is not there. It is never guessed.
    fn translate(
        &self,
        question: &str,
    ) -> impl Future<Output = Result<Translation, Self::Error>> + Send;
}
