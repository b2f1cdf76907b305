//! How a command ends badly: one plain sentence with what to do, and an exit code.
//!
//! Promises one line on standard error: what went wrong, why as far as is known, and what to do. Exit 1
//! means failed, 2 wrong usage, 75 that another engine has taken over and this one must not go on.

use std::fmt;

use vitals_api::Refusal;
use vitals_api::operator::chain;

/// What a command returns.
pub(crate) type Outcome<T = ()> = Result<T, Failure>;

/// A command's bad end.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: u8,
    sentence: String,
}

/// `EX_TEMPFAIL` of sysexits: start it again elsewhere, or not at all.
const FENCED: u8 = 75;
/// What a shell reports of a program ended by SIGINT.
const INTERRUPTED: u8 = 130;

impl Failure {
    /// Something failed: what, and what to do about it.
    pub(crate) fn new(what: impl fmt::Display, mend: impl fmt::Display) -> Self {
        Self { exit: 1, sentence: sentence(&what, &mend) }
    }

    /// The command was used wrongly.
    pub(crate) fn usage(what: impl fmt::Display, mend: impl fmt::Display) -> Self {
        Self { exit: 2, sentence: sentence(&what, &mend) }
    }

    /// Another engine has taken over.
    pub(crate) fn fenced(what: impl fmt::Display) -> Self {
        let mend = "this process has stopped, because only one engine may write";
        Self { exit: FENCED, sentence: sentence(&what, &mend) }
    }

    /// The user, or whoever stops processes here, wants an end of it.
    pub(crate) fn interrupted() -> Self {
        let mend = "what was published stays; run the same command again to go on";
        Self { exit: INTERRUPTED, sentence: sentence(&"interrupted", &mend) }
    }

    /// The same, as wrong usage.
    pub(crate) fn into_usage(self) -> Self {
        Self { exit: 2, ..self }
    }

    /// The exit code.
    pub(crate) fn exit(&self) -> u8 {
        self.exit
    }
}

fn sentence(what: &dyn fmt::Display, mend: &dyn fmt::Display) -> String {
    let (what, mend) = (what.to_string().replace(['\n', '\r'], " "), mend.to_string());
    if mend.is_empty() { what } else { format!("{what}; {mend}") }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.detail, refusal.mend)
    }
}

/// Turns errors of libraries into failures.
pub(crate) trait OrFail<T> {
    /// Says what was being done, with the error as the reason, and what to do.
    fn or_fail(self, what: impl fmt::Display, mend: impl fmt::Display) -> Outcome<T>;
}

impl<T, E: std::error::Error> OrFail<T> for Result<T, E> {
    fn or_fail(self, what: impl fmt::Display, mend: impl fmt::Display) -> Outcome<T> {
        self.map_err(|error| Failure::new(format_args!("{what}: {}", chain(&error)), mend))
    }
}
