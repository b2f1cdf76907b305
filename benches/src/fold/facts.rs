//! What is kept of each record: the few numbers its contributions are made of.
//!
//! References are numbers of the other kind's [`Latest`](super::latest::Latest). Optional ones are `NONE`.

use vitals_model::kinds::money::OrderSums;
use vitals_model::kinds::{
    Clock, Currency, CustomerStatus, DealStatus, InvoiceStatus, MembershipStatus, PaymentStatus,
};
use vitals_model::local_time::Zone;
use vitals_model::policy::Policy;
use vitals_model::utc::Date;

/// How a visit or a booking turned out, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    Attended,
    NoShow,
    LateCancelled,
}

#[derive(Clone, Debug)]
pub(super) struct Organization {
    pub(super) zone: Zone,
    pub(super) currency: Currency,
    pub(super) week_start: u8,
    pub(super) clock: Clock,
    pub(super) revenue_sources: Option<Vec<String>>,
    pub(super) policy: Policy,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Location {
    pub(super) zone: Option<Zone>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Customer {
    pub(super) status: CustomerStatus,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Product {
    pub(super) first_sold_at: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Class {
    pub(super) capacity: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Session {
    pub(super) class: u32,
    pub(super) starts_at: i64,
    pub(super) location: u32,
    pub(super) capacity: Option<u32>,
    pub(super) cancelled: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Booking {
    pub(super) customer: u32,
    pub(super) session: u32,
    pub(super) waitlisted: bool,
    pub(super) outcome: Option<Outcome>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Visit {
    pub(super) customer: u32,
    pub(super) visited_at: i64,
    pub(super) session: u32,
    pub(super) location: u32,
    pub(super) outcome: Outcome,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Membership {
    pub(super) customer: u32,
    pub(super) status: MembershipStatus,
    pub(super) started_at: i64,
    pub(super) ends_at: Option<i64>,
    pub(super) cancelled_at: Option<i64>,
    pub(super) mrr: i64,
    pub(super) currency: Option<Currency>,
}

#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) ordered_at: i64,
    pub(super) currency: Currency,
    pub(super) customer: u32,
    pub(super) location: u32,
    pub(super) source: u16,
    /// Whether its status is one that counts.
    pub(super) sold: bool,
    pub(super) sums: OrderSums,
    /// Per line with a product: which, and amount less line discount.
    pub(super) lines: Box<[(u32, i64)]>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Refund {
    pub(super) refunded_at: i64,
    pub(super) amount: i64,
    pub(super) currency: Currency,
    pub(super) order: u32,
    pub(super) customer: u32,
    pub(super) location: u32,
    pub(super) source: u16,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Payment {
    pub(super) customer: u32,
    pub(super) paid_at: i64,
    pub(super) status: PaymentStatus,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Invoice {
    pub(super) customer: u32,
    pub(super) due_at: Option<i64>,
    pub(super) status: InvoiceStatus,
    pub(super) balance: i64,
    pub(super) currency: Option<Currency>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Expense {
    pub(super) incurred_at: i64,
    pub(super) amount: i64,
    pub(super) currency: Option<Currency>,
    pub(super) marketing: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Balance {
    pub(super) recorded_at: i64,
    pub(super) amount: i64,
    pub(super) currency: Option<Currency>,
    pub(super) account: (u16, Option<String>),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    pub(super) customer: u32,
    pub(super) sent_at: i64,
    pub(super) outbound: bool,
    pub(super) replied_at: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Deal {
    pub(super) status: DealStatus,
    pub(super) closed_at: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Traffic {
    pub(super) on: Date,
    pub(super) sessions: i64,
    pub(super) conversions: i64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    pub(super) opened_at: i64,
    pub(super) first_response_at: Option<i64>,
    pub(super) nps: Option<i64>,
}

/// What a customer's program or wearable said on one day.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) customer: u32,
    pub(super) on: Date,
    pub(super) value: Option<i64>,
}

#[derive(Clone, Debug)]
pub(super) struct Metric {
    pub(super) name: String,
    pub(super) value: i64,
    pub(super) percent: bool,
    pub(super) recorded_at: i64,
}
