//! Why a message was not done as it asked, in the protocol's words.

use std::io;

use pgwire::error::ErrorInfo;
use pgwire::messages::PgWireBackendMessage;
use vitals_query::QueryError;

/// A refusal: it ends the message, or the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// SQLSTATE.
    pub(super) code: &'static str,
    /// One sentence.
    pub(super) message: String,
    /// What to do; may be empty.
    pub(super) hint: String,
    /// Whether the connection ends with it.
    pub(super) fatal: bool,
}

impl Refusal {
    pub(super) fn new(code: &'static str, message: impl Into<String>, hint: &str) -> Self {
        Self { code, message: message.into(), hint: hint.to_owned(), fatal: false }
    }

    pub(super) fn fatal(code: &'static str, message: impl Into<String>, hint: &str) -> Self {
        Self { fatal: true, ..Self::new(code, message, hint) }
    }

    /// Something that is not offered.
    pub(super) fn not_offered(what: &str, hint: &str) -> Self {
        Self::new("0A000", format!("{what} is not offered here"), hint)
    }

    /// The message that says so.
    pub(super) fn message(&self) -> PgWireBackendMessage {
        let severity = if self.fatal { "FATAL" } else { "ERROR" };
        PgWireBackendMessage::ErrorResponse(self.info(severity).into())
    }

    /// The same as a mere warning.
    pub(super) fn warning(&self) -> PgWireBackendMessage {
        PgWireBackendMessage::NoticeResponse(self.info("WARNING").into())
    }

    fn info(&self, severity: &str) -> ErrorInfo {
        let mut info =
            ErrorInfo::new(severity.to_owned(), self.code.to_owned(), self.message.clone());
        info.severity_nonlocalized = Some(severity.to_owned());
        info.hint = (!self.hint.is_empty()).then(|| self.hint.clone());
        info
    }
}

impl From<QueryError> for Refusal {
    fn from(error: QueryError) -> Self {
        Self::new(error.state.code(), error.detail, &error.mend)
    }
}

/// What may end the handling of a message.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The client is told, and may go on unless it is fatal.
    Refused(Refusal),
    /// The client is gone, or does not speak the protocol.
    Lost(io::Error),
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<QueryError> for Trouble {
    fn from(error: QueryError) -> Self {
        Self::Refused(error.into())
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}
