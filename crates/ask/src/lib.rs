//! Questions in plain language, as SQL.
//!
//! Promises for a question either SQL with what it stands for, or an honest no with the nearest questions that are
//! answered; never a guess. Does no I/O and reads no clock: today, zone, currency and the business's own names come
//! in as arguments. Knows no engine: the SQL is planned by whoever asked, in a session that is fenced to one tenant.
//!
//! A question passes these rooms: `words` (cut), `reading` (pieces), `meaning` (what they come to), `plan` (where
//! the numbers come from), `sql` (written), `vital` (the vital that holds the same). What can be said stands in
//! `sql/semantic/*.toml`.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")
)]

mod business;
mod calendar;
mod grammar;
mod lexicon;
mod meaning;
mod nearest;
mod plain;
mod plan;
pub mod prompt;
mod reading;
mod semantics;
mod sql;
mod time;
mod translation;
mod vital;
mod words;

pub use business::{Business, NameKind};
pub use grammar::Grammar;
pub use plain::plain;
pub use sql::relations;
pub use translation::{CannotAnswer, Chart, Check, DateRange, Translation, Translator};
