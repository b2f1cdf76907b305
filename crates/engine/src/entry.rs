//! Entries: what the engine keeps of a record, no more than its facts need.
//!
//! References are numbers, instants and money are integers. Nothing here is text: names live with their
//! keys. Between the changes that touch it an entry is packed (`entry/packed.rs`).

mod packed;

use vitals_dataflows::facts::Outcome;
use vitals_model::kinds::{
    BookingStatus, Currency, DealStatus, Direction, EventTime, InvoiceStatus, MembershipStatus,
    OrderStatus, PaymentStatus, VisitStatus,
};
use vitals_model::local_time::Zone;
use vitals_model::{Date, UtcMicros};

/// What is kept of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OrderEntry {
    pub at: i64,
    pub customer: u32,
    pub location: u32,
    pub currency: Currency,
    pub counted: bool,
    pub gross: i64,
    pub discount: i64,
    pub tax: i64,
    pub units: i64,
    /// Lines that name a product: (product, amount less discount).
    pub lines: Box<[(u32, i64)]>,
}

/// What is kept of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Entry {
    /// Named by another record, never seen.
    #[default]
    Unseen,
    /// A tombstone.
    Deleted,
    /// Kinds that no vital reads; their event time is kept for the data clock.
    Other {
        event: Option<i64>,
    },
    Organization,
    Location {
        zone: Option<Zone>,
    },
    Customer {
        live: bool,
        created: Option<i64>,
    },
    Product {
        first_sold: Option<i64>,
    },
    Class {
        capacity: Option<u32>,
    },
    Session {
        class: u32,
        at: i64,
        location: u32,
        capacity: Option<u32>,
        cancelled: bool,
    },
    Booking {
        customer: u32,
        session: u32,
        outcome: Option<Outcome>,
        waitlisted: bool,
        booked: Option<i64>,
    },
    Visit {
        customer: u32,
        session: u32,
        location: u32,
        at: i64,
        outcome: Outcome,
    },
    /// `end` is the earlier of cancelled and ended; `i64::MAX` for neither.
    Membership {
        customer: u32,
        status: MembershipStatus,
        start: i64,
        end: i64,
        mrr: i64,
        currency: Option<Currency>,
    },
    Order(Box<OrderEntry>),
    Payment {
        customer: u32,
        at: i64,
        status: PaymentStatus,
    },
    Refund {
        order: u32,
        customer: u32,
        location: u32,
        at: i64,
        amount: i64,
        currency: Currency,
    },
    Invoice {
        customer: u32,
        open: bool,
        issued: i64,
        due: Option<i64>,
        balance: i64,
        currency: Option<Currency>,
    },
    Expense {
        at: i64,
        amount: i64,
        currency: Option<Currency>,
        marketing: bool,
    },
    Balance {
        account: u32,
        at: i64,
        amount: i64,
        currency: Option<Currency>,
    },
    /// `reply` is how long the answer to an outbound message took, if it came.
    Message {
        customer: u32,
        at: i64,
        outbound: bool,
        reply: Option<i64>,
    },
    Deal {
        opened: i64,
        closed: Option<i64>,
        status: DealStatus,
    },
    Traffic {
        on: Date,
        sessions: i64,
        conversions: i64,
    },
    Ticket {
        opened: i64,
        response: Option<i64>,
        nps: Option<i64>,
    },
    Program {
        customer: u32,
        on: Date,
        compliance: Option<i64>,
    },
    Wearable {
        customer: u32,
        on: Date,
        hours: Option<i64>,
    },
    Metric {
        slot: Option<u8>,
        percent: bool,
        at: i64,
        value: i64,
    },
}

/// The newest version of one key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Slot {
    pub version: i64,
    /// Of the body's bytes: tells a duplicate from another body under the same version.
    pub fingerprint: u32,
    pub entry: Entry,
}

impl Entry {
    /// When the record's event happened, for tenants whose clock is their data.
    pub(crate) fn event(&self) -> Option<EventTime> {
        let at = match self {
            Self::Unseen
            | Self::Deleted
            | Self::Organization
            | Self::Location { .. }
            | Self::Product { .. }
            | Self::Class { .. }
            | Self::Session { .. } => None,
            Self::Other { event } => *event,
            Self::Customer { created, .. } => *created,
            Self::Booking { booked, .. } => *booked,
            Self::Order(order) => Some(order.at),
            Self::Visit { at, .. }
            | Self::Membership { start: at, .. }
            | Self::Payment { at, .. }
            | Self::Refund { at, .. }
            | Self::Invoice { issued: at, .. }
            | Self::Expense { at, .. }
            | Self::Balance { at, .. }
            | Self::Message { at, .. }
            | Self::Deal { opened: at, .. }
            | Self::Ticket { opened: at, .. }
            | Self::Metric { at, .. } => Some(*at),
            Self::Traffic { on, .. } | Self::Program { on, .. } | Self::Wearable { on, .. } => {
                return Some(EventTime::On(*on));
            }
        };
        at.map(|at| EventTime::At(UtcMicros(at)))
    }

    /// The local day of the record's event.
    pub(crate) fn event_day(&self, zone: Zone) -> Option<i32> {
        Some(match self.event()? {
            EventTime::At(at) => zone.date(at).0,
            EventTime::On(date) => date.0,
        })
    }

    /// The records this one's facts depend on, beside its tenant's settings.
    pub(crate) fn references(&self) -> Vec<u32> {
        match self {
            Self::Session { class, .. } => vec![*class],
            Self::Booking { session, .. } => vec![*session],
            Self::Visit { session, .. } if *session != 0 => vec![*session],
            Self::Refund { order, .. } if *order != 0 => vec![*order],
            Self::Order(order) => {
                let mut products: Vec<u32> = order.lines.iter().map(|(it, _)| *it).collect();
                products.sort_unstable();
                products.dedup();
                products
            }
            _ => Vec::new(),
        }
    }
}

/// The outcome a booking speaks of.
pub(crate) fn booking_outcome(status: BookingStatus, checked_in: bool) -> Option<Outcome> {
    match status {
        _ if checked_in => Some(Outcome::Attended),
        BookingStatus::Completed => Some(Outcome::Attended),
        BookingStatus::NoShow => Some(Outcome::NoShow),
        BookingStatus::LateCancelled => Some(Outcome::LateCancelled),
        BookingStatus::Confirmed | BookingStatus::Waitlisted | BookingStatus::Cancelled => None,
    }
}

/// The outcome a visit speaks of.
pub(crate) fn visit_outcome(status: VisitStatus) -> Outcome {
    match status {
        VisitStatus::Attended => Outcome::Attended,
        VisitStatus::NoShow => Outcome::NoShow,
        VisitStatus::LateCancelled => Outcome::LateCancelled,
    }
}

/// Whether orders of this status count.
pub(crate) fn order_counts(status: OrderStatus) -> bool {
    match status {
        OrderStatus::Paid | OrderStatus::PartiallyRefunded | OrderStatus::Refunded => true,
        OrderStatus::Pending | OrderStatus::Voided => false,
    }
}

/// Whether a message went out to the customer.
pub(crate) fn is_outbound(direction: Direction) -> bool {
    direction == Direction::Out
}

/// Whether an invoice is open.
pub(crate) fn is_open(status: InvoiceStatus) -> bool {
    status == InvoiceStatus::Open
}
