//! Why a question was not answered, in the words of the caller's protocol.
//!
//! Promises a SQLSTATE that tools understand, one sentence that names what the question said and never a
//! row's value nor another tenant's table, and what to do about it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Most characters of a sentence: parts of it are the question's own.
const DETAIL_MAX: usize = 300;

/// A refusal or failure of a query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub struct QueryError {
    /// Which kind.
    pub state: SqlState,
    /// One sentence without a full stop.
    pub detail: String,
    /// What to do, as an imperative without a full stop; may be empty.
    pub mend: String,
}

macro_rules! states {
    ($($name:ident $code:literal $slug:literal $meaning:literal),* $(,)?) => {
        /// The kinds of error, each with its SQLSTATE.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum SqlState { $(#[doc = $meaning] $name),* }

        impl SqlState {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The five characters of the SQL standard and of PostgreSQL.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            /// The kind as one word, for those who decide by words.
            #[must_use]
            pub fn slug(self) -> &'static str {
                match self { $(Self::$name => $slug),* }
            }
        }
    };
}

states! {
    Syntax "42601" "syntax_error" "The text is no SQL.",
    NotReadOnly "25006" "not_read_only" "It is SQL, but not one query that only reads.",
    NotSupported "0A000" "not_supported" "It reads, in a way that is not offered here.",
    NoTable "42P01" "no_such_table" "It names a table the tenant does not have.",
    NoColumn "42703" "no_such_column" "It names a column that no table in reach has.",
    NoFunction "42883" "no_such_function" "It calls a function that is not offered.",
    Ambiguous "42702" "ambiguous_column" "It names a column that several tables have.",
    Types "42804" "wrong_types" "Its types do not fit, or its grouping does not.",
    TooComplex "54001" "too_complex" "It is too long, too deep or too wide.",
    TooLarge "53200" "query_too_large" "It needs more memory, or gives more bytes, than a query may.",
    TooSlow "57014" "query_too_slow" "It was stopped at its deadline.",
    Overflow "22003" "number_out_of_range" "A number came out that does not fit its type.",
    DivisionByZero "22012" "division_by_zero" "Something was divided by zero.",
    BadValue "22023" "bad_value" "A value cannot be read as what it is used as.",
    Params "08P01" "wrong_parameters" "It has more or fewer parameters than values.",
    Crashed "58000" "query_crashed" "It ended the process that computed it; nobody else's.",
    Quarantined "54000" "query_quarantined" "It ended such processes before, and rests for a while.",
    Busy "53300" "too_many_queries" "As many queries are running as may.",
    Internal "XX000" "internal_error" "This program is at fault.",
}

impl QueryError {
    /// A refusal of a kind.
    #[must_use]
    pub fn new(state: SqlState, detail: impl fmt::Display, mend: impl fmt::Display) -> Self {
        Self {
            state,
            detail: detail
                .to_string()
                .replace(['\n', '\r'], " ")
                .chars()
                .take(DETAIL_MAX)
                .collect(),
            mend: mend.to_string(),
        }
    }

    /// Where a table comes from failed.
    pub fn unavailable(detail: impl fmt::Display) -> Self {
        Self::new(SqlState::Internal, detail, "try again; if it stays, see the log of 'vitals up'")
    }
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_has_its_own_code_and_word() {
        let codes: BTreeSet<_> = SqlState::ALL.iter().map(|it| it.code()).collect();
        let slugs: BTreeSet<_> = SqlState::ALL.iter().map(|it| it.slug()).collect();
        assert_eq!((codes.len(), slugs.len()), (SqlState::ALL.len(), SqlState::ALL.len()));
        assert!(codes.iter().all(|it| it.len() == 5));
    }
}
