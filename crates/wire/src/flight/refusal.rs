//! Why a request was not done, in the words of gRPC.

use tonic::Status;
use vitals_query::{QueryError, SqlState};

/// An error in the words of gRPC, with its SQLSTATE.
pub(super) fn status(error: &QueryError) -> Status {
    let code = error.state.code();
    let message = if error.mend.is_empty() {
        format!("{} ({code})", error.detail)
    } else {
        format!("{}; {} ({code})", error.detail, error.mend)
    };
    match error.state {
        SqlState::NoTable => Status::not_found(message),
        SqlState::NotReadOnly => Status::failed_precondition(message),
        SqlState::NotSupported => Status::unimplemented(message),
        SqlState::TooComplex | SqlState::TooLarge | SqlState::Quarantined => {
            Status::resource_exhausted(message)
        }
        SqlState::TooSlow => Status::deadline_exceeded(message),
        SqlState::Busy | SqlState::Crashed => Status::unavailable(message),
        SqlState::Overflow => Status::out_of_range(message),
        SqlState::Internal => Status::internal(message),
        SqlState::Syntax
        | SqlState::Params
        | SqlState::NoColumn
        | SqlState::NoFunction
        | SqlState::Ambiguous
        | SqlState::Types
        | SqlState::DivisionByZero
        | SqlState::BadValue => Status::invalid_argument(message),
    }
}

/// The refusal of all that is more than reading.
pub(super) fn read_only() -> Status {
    Status::failed_precondition("everything here is read only; write one SELECT (25006)")
}
