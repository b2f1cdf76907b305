//! The kinds of record and their bodies, one struct a kind.
//!
//! Promises that a body parses exactly or says which field is wrong. Fields marked required in the
//! contracts are plain; all others are `Option` or carry the contract's default. A field we do not know
//! is ignored here and kept in the record's own text.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::record::Reason;

pub mod business;
pub mod money;
pub mod people;
pub mod signals;

pub use business::{
    Class, Clock, Location, Organization, Product, ProductType, Session, SessionStatus, Staff,
};
pub use money::{
    Balance, BillingInterval, Credit, Expense, Invoice, InvoiceStatus, Membership,
    MembershipStatus, Order, OrderLine, OrderStatus, Payment, PaymentStatus, Refund,
};
pub use people::{Booking, BookingStatus, Customer, CustomerStatus, Visit, VisitStatus};
pub use signals::{
    Deal, DealStatus, Direction, Message, Metric, Program, Ticket, Traffic, Wearable,
};

/// Text borrowed from the message where it can be.
pub type Text<'a> = Cow<'a, str>;

/// The id of another record of the same source: not empty, at most `ID_BYTES_MAX` bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Ident<'a>(pub Cow<'a, str>);

impl Ident<'_> {
    /// The id's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'a> From<&'a str> for Ident<'a> {
    fn from(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl From<String> for Ident<'_> {
    fn from(text: String) -> Self {
        Self(Cow::Owned(text))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Ident<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Cow<'de, str>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an id")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(text))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(text.to_owned()))
            }
        }
        let text = deserializer.deserialize_str(Visitor)?;
        if text.is_empty() || text.len() > crate::limits::ID_BYTES_MAX {
            return Err(serde::de::Error::custom("an id has 1 to 255 bytes"));
        }
        if text.contains(|c: char| c.is_control()) {
            return Err(serde::de::Error::custom("an id contains a control character"));
        }
        Ok(Self(text))
    }
}

/// A three-letter currency code, ISO 4217.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency(pub [u8; 3]);

impl Currency {
    /// ISO 4217's "no currency": what a tenant without one counts in.
    pub const NONE: Self = Self(*b"XXX");

    /// Parses three ASCII letters, in either case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes: [u8; 3] = text.as_bytes().try_into().ok()?;
        bytes
            .iter()
            .all(u8::is_ascii_alphabetic)
            .then(|| Self(bytes.map(|b| b.to_ascii_uppercase())))
    }

    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("XXX")
    }
}

impl std::fmt::Debug for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::fmt::Display for Currency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            let shown = crate::record::shorten(&text);
            serde::de::Error::custom(format_args!("'{shown}' is not a three-letter currency code"))
        })
    }
}

macro_rules! kinds {
    ($($name:ident $text:literal $table:literal),* $(,)?) => {
        /// A kind of record.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $(#[doc = concat!("`", $text, "`, in SQL the table `", $table, "`.")] $name),*
        }

        impl Kind {
            /// Every kind, in the contracts' order.
            pub const ALL: &'static [Kind] = &[$(Kind::$name),*];

            /// The kind of this name.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$name),)* _ => None }
            }

            /// The kind's name in a record.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// The kind's table in SQL.
            #[must_use]
            pub fn table(self) -> &'static str {
                match self { $(Self::$name => $table),* }
            }
        }
    };
}

kinds! {
    Organization "organization" "organizations", Location "location" "locations",
    Customer "customer" "customers", Staff "staff" "staff", Product "product" "products",
    Class "class" "classes", Session "session" "sessions", Booking "booking" "bookings",
    Visit "visit" "visits", Membership "membership" "memberships", Credit "credit" "credits",
    Order "order" "orders", Payment "payment" "payments", Refund "refund" "refunds",
    Invoice "invoice" "invoices", Expense "expense" "expenses", Balance "balance" "balances",
    Message "message" "messages", Deal "deal" "deals", Traffic "traffic" "traffic",
    Ticket "ticket" "tickets", Program "program" "programs", Wearable "wearable" "wearables",
    Metric "metric" "metrics",
}

macro_rules! bodies {
    ($($plain:ident),*; $($borrowed:ident),*) => {
        /// A typed body.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Body<'a> {
            $(#[allow(missing_docs, reason = "named as its struct")] $plain($plain),)*
            $(#[allow(missing_docs, reason = "named as its struct")] $borrowed($borrowed<'a>),)*
        }

        impl<'a> Body<'a> {
            /// Parses the body of a record of `kind`.
            ///
            /// # Errors
            /// The first field that is missing, of the wrong type, or outside its range.
            pub fn parse(kind: Kind, json: &'a str) -> Result<Self, Reason> {
                if !json.starts_with('{') {
                    return Err(Reason::new(format_args!("{}: body is not an object", kind.as_str())));
                }
                let parsed = match kind {
                    $(Kind::$plain => serde_json::from_str(json).map(Self::$plain),)*
                    $(Kind::$borrowed => serde_json::from_str(json).map(Self::$borrowed),)*
                };
                let body = parsed.map_err(|error| {
                    Reason::new(format_args!("{}: {error}", kind.as_str()))
                })?;
                body.check().map_err(|why| Reason::new(format_args!("{}: {why}", kind.as_str())))?;
                Ok(body)
            }
        }
    };
}

bodies! {
    Traffic;
    Organization, Location, Customer, Staff, Product, Class, Session, Booking, Visit, Membership,
    Credit, Order, Payment, Refund, Invoice, Expense, Balance, Message, Deal, Ticket, Program,
    Wearable, Metric
}

/// When a record's event happened: an instant, or a whole local date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventTime {
    /// An instant.
    At(crate::utc::UtcMicros),
    /// A date in the tenant's own calendar.
    On(crate::utc::Date),
}

impl Body<'_> {
    /// When the event happened, for kinds that are events: what a data-clock tenant's today is the
    /// latest of. `None` for what is planned ahead (sessions) or merely is (classes, places, products).
    #[must_use]
    pub fn event_time(&self) -> Option<EventTime> {
        let at = match self {
            Self::Customer(it) => it.created_at,
            Self::Booking(it) => it.booked_at,
            Self::Visit(it) => Some(it.visited_at),
            Self::Membership(it) => Some(it.started_at),
            Self::Credit(it) => it.occurred_at,
            Self::Order(it) => Some(it.ordered_at),
            Self::Payment(it) => Some(it.paid_at),
            Self::Refund(it) => Some(it.refunded_at),
            Self::Invoice(it) => Some(it.issued_at),
            Self::Expense(it) => Some(it.incurred_at),
            Self::Balance(it) => Some(it.recorded_at),
            Self::Metric(it) => Some(it.recorded_at),
            Self::Message(it) => Some(it.sent_at),
            Self::Deal(it) => Some(it.opened_at),
            Self::Ticket(it) => Some(it.opened_at),
            Self::Traffic(it) => return Some(EventTime::On(it.on_date)),
            Self::Program(it) => return Some(EventTime::On(it.on_date)),
            Self::Wearable(it) => return Some(EventTime::On(it.on_date)),
            Self::Organization(_)
            | Self::Location(_)
            | Self::Staff(_)
            | Self::Product(_)
            | Self::Class(_)
            | Self::Session(_) => None,
        };
        at.map(EventTime::At)
    }

    /// The rules no single field can state.
    fn check(&self) -> Result<(), String> {
        match self {
            Self::Organization(it) => it.check(),
            Self::Location(it) => it.check(),
            Self::Customer(it) => it.check(),
            Self::Order(it) => it.check(),
            Self::Membership(it) => it.check(),
            Self::Refund(it) => not_negative("amount", it.amount.0),
            Self::Program(it) => it.check(),
            Self::Ticket(it) => it.check(),
            _ => Ok(()),
        }
    }
}

/// A field's default for `null` as well as for its absence.
pub(crate) fn or_default<'de, D: serde::Deserializer<'de>, V: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<V, D::Error> {
    Ok(Option::<V>::deserialize(deserializer)?.unwrap_or_default())
}

pub(crate) fn not_negative(field: &str, value: i64) -> Result<(), String> {
    if value < 0 { Err(format!("{field} is negative")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_name_and_table() {
        assert_eq!(Kind::ALL.len(), 24);
        for kind in Kind::ALL {
            assert_eq!(Kind::parse(kind.as_str()), Some(*kind));
        }
    }

    #[test]
    fn a_reference_no_database_can_hold_is_refused() {
        let json = r#"{"customer_id":"a\u0000b","session_id":"1"}"#;
        let reason = Body::parse(Kind::Booking, json).expect_err("quarantined").0;
        assert!(reason.contains("control character"), "{reason}");
    }

    #[test]
    fn every_kind_refuses_what_is_not_an_object() {
        for kind in Kind::ALL {
            for json in ["[]", "1", "\"x\"", "{\"a\":"] {
                assert!(Body::parse(*kind, json).is_err(), "{} {json}", kind.as_str());
            }
        }
    }

    #[test]
    fn every_kind_needs_its_required_fields_only() {
        let at = "2026-03-18T10:00:00Z";
        let required = [
            (Kind::Organization, vec![("name", "Cairo Yoga")]),
            (Kind::Location, vec![("name", "Zamalek")]),
            (Kind::Customer, vec![]),
            (Kind::Staff, vec![]),
            (Kind::Product, vec![("title", "Pass")]),
            (Kind::Class, vec![("name", "Flow")]),
            (Kind::Session, vec![("class_id", "1"), ("starts_at", at)]),
            (Kind::Booking, vec![("customer_id", "1"), ("session_id", "1")]),
            (Kind::Visit, vec![("customer_id", "1"), ("visited_at", at)]),
            (Kind::Membership, vec![("customer_id", "1"), ("started_at", at)]),
            (Kind::Credit, vec![("customer_id", "1"), ("credits", "-2")]),
            (Kind::Order, vec![("ordered_at", at), ("currency", "EGP")]),
            (Kind::Payment, vec![("paid_at", at), ("amount", "1"), ("currency", "EGP")]),
            (Kind::Refund, vec![("refunded_at", at), ("amount", "1"), ("currency", "EGP")]),
            (Kind::Invoice, vec![("customer_id", "1"), ("issued_at", at), ("amount", "1")]),
            (Kind::Expense, vec![("incurred_at", at), ("amount", "1")]),
            (Kind::Balance, vec![("recorded_at", at), ("amount", "1")]),
            (Kind::Message, vec![("customer_id", "1"), ("sent_at", at)]),
            (Kind::Deal, vec![("opened_at", at)]),
            (Kind::Traffic, vec![("on_date", "2026-03-18")]),
            (Kind::Ticket, vec![("opened_at", at)]),
            (Kind::Program, vec![("customer_id", "1"), ("on_date", "2026-03-18")]),
            (Kind::Wearable, vec![("customer_id", "1"), ("on_date", "2026-03-18")]),
            (Kind::Metric, vec![("metric_type", "nps"), ("value", "7"), ("recorded_at", at)]),
        ];
        for (kind, fields) in required {
            let all: std::collections::BTreeMap<_, _> = fields.iter().copied().collect();
            let json = serde_json::to_string(&all).expect("json");
            assert!(
                Body::parse(kind, &json).is_ok(),
                "{} {json} {:?}",
                kind.as_str(),
                Body::parse(kind, &json)
            );
            for (field, _) in &fields {
                let mut fewer = all.clone();
                fewer.remove(field);
                let json = serde_json::to_string(&fewer).expect("json");
                let reason = Body::parse(kind, &json).expect_err("a required field is missing").0;
                assert!(reason.contains(field), "{reason} should name {field}");
            }
        }
    }
}
