//! The business's customers, what they book and when they come.

use serde::{Deserialize, Serialize};

use super::{Ident, Text};
use crate::limits::TAGS_MAX;
use crate::utc::UtcMicros;

/// Where a customer stands.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the words say it")]
pub enum CustomerStatus {
    #[default]
    Active,
    Paused,
    Inactive,
    Lead,
    Cancelled,
}

/// `customer`: one who buys or comes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Customer<'a> {
    /// Given name.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub first_name: Option<Text<'a>>,
    /// Family name.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub last_name: Option<Text<'a>>,
    /// The name to show, settled at import.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<Text<'a>>,
    /// Address for mail.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Text<'a>>,
    /// Number to call.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Text<'a>>,
    /// Where they stand.
    #[serde(default, deserialize_with = "super::or_default")]
    pub status: CustomerStatus,
    /// When the source first knew them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<UtcMicros>,
    /// Where they usually come.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub home_location_id: Option<Ident<'a>>,
    /// The business's own labels.
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Text<'a>>,
}

impl Customer<'_> {
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.tags.len() > TAGS_MAX { Err(format!("more than {TAGS_MAX} tags")) } else { Ok(()) }
    }
}

/// Where a booking stands.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the words say it")]
pub enum BookingStatus {
    #[default]
    Confirmed,
    Waitlisted,
    Cancelled,
    LateCancelled,
    Completed,
    NoShow,
}

/// `booking`: a place in a session, taken or wished for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Booking<'a> {
    /// Who.
    #[serde(borrow)]
    pub customer_id: Ident<'a>,
    /// In which session.
    #[serde(borrow)]
    pub session_id: Ident<'a>,
    /// Where it stands.
    #[serde(default, deserialize_with = "super::or_default")]
    pub status: BookingStatus,
    /// When it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub booked_at: Option<UtcMicros>,
    /// When it was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_at: Option<UtcMicros>,
    /// When they came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked_in_at: Option<UtcMicros>,
    /// How it was made.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Text<'a>>,
}

/// How a visit turned out.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the words say it")]
pub enum VisitStatus {
    #[default]
    Attended,
    NoShow,
    LateCancelled,
}

/// `visit`: someone came, or should have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Visit<'a> {
    /// Who.
    #[serde(borrow)]
    pub customer_id: Ident<'a>,
    /// When.
    pub visited_at: UtcMicros,
    /// To which session.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<Ident<'a>>,
    /// Where; the session's when absent.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub location_id: Option<Ident<'a>>,
    /// How it turned out.
    #[serde(default, deserialize_with = "super::or_default")]
    pub status: VisitStatus,
}
