//! From a typed body to an entry: references become numbers, what no vital reads is left behind.

use vitals_dataflows::health_score::supplied;
use vitals_model::kinds::{Body, BookingStatus, EventTime, Ident, Kind, Metric, Order};
use vitals_model::local_time::Zone;
use vitals_model::policy::DEFINITIONS;
use vitals_model::{Money, Number, UtcMicros};

use super::Door;
use crate::entry::{
    Entry, OrderEntry, booking_outcome, is_open, is_outbound, order_counts, visit_outcome,
};
use crate::keys::KeyRef;

/// Finds the numbers of the records a body refers to: those of its tenant and source.
struct References<'d> {
    door: &'d mut Door,
    tenant: u32,
    source: u16,
}

impl References<'_> {
    fn to(&mut self, kind: Kind, id: &Ident<'_>) -> u32 {
        let (tenant, source) = (self.tenant, self.source);
        self.door.number(KeyRef { tenant, kind, source, id: id.as_str() })
    }

    fn perhaps(&mut self, kind: Kind, id: Option<&Ident<'_>>) -> u32 {
        id.map_or(0, |id| self.to(kind, id))
    }
}

impl Door {
    /// What is kept of a body.
    pub(super) fn entry(&mut self, tenant: u32, source: u16, body: &Body<'_>) -> Entry {
        let mut refs = References { door: self, tenant, source };
        business(&mut refs, body)
            .or_else(|| people(&mut refs, body))
            .or_else(|| money(&mut refs, body))
            .or_else(|| signals(&mut refs, body))
            .unwrap_or_else(|| {
                let event = body.event_time().and_then(|it| match it {
                    EventTime::At(at) => Some(at.0),
                    EventTime::On(_) => None,
                });
                Entry::Other { event }
            })
    }
}

fn business(refs: &mut References<'_>, body: &Body<'_>) -> Option<Entry> {
    Some(match body {
        Body::Organization(_) => Entry::Organization,
        Body::Location(it) => {
            Entry::Location { zone: it.time_zone.as_deref().and_then(Zone::named) }
        }
        Body::Product(it) => Entry::Product { first_sold: it.first_sold_at.map(|at| at.0) },
        Body::Class(it) => Entry::Class { capacity: it.capacity },
        Body::Session(it) => Entry::Session {
            class: refs.to(Kind::Class, &it.class_id),
            at: it.starts_at.0,
            location: refs.perhaps(Kind::Location, it.location_id.as_ref()),
            capacity: it.capacity,
            cancelled: it.status == vitals_model::kinds::SessionStatus::Cancelled,
        },
        _ => return None,
    })
}

fn people(refs: &mut References<'_>, body: &Body<'_>) -> Option<Entry> {
    use vitals_model::kinds::CustomerStatus as Status;
    Some(match body {
        Body::Customer(it) => Entry::Customer {
            live: matches!(it.status, Status::Active | Status::Paused),
            created: it.created_at.map(|at| at.0),
        },
        Body::Booking(it) => Entry::Booking {
            customer: refs.to(Kind::Customer, &it.customer_id),
            session: refs.to(Kind::Session, &it.session_id),
            outcome: booking_outcome(it.status, it.checked_in_at.is_some()),
            waitlisted: it.status == BookingStatus::Waitlisted,
            booked: it.booked_at.map(|at| at.0),
        },
        Body::Visit(it) => Entry::Visit {
            customer: refs.to(Kind::Customer, &it.customer_id),
            session: refs.perhaps(Kind::Session, it.session_id.as_ref()),
            location: refs.perhaps(Kind::Location, it.location_id.as_ref()),
            at: it.visited_at.0,
            outcome: visit_outcome(it.status),
        },
        Body::Message(it) => Entry::Message {
            customer: refs.to(Kind::Customer, &it.customer_id),
            at: it.sent_at.0,
            outbound: is_outbound(it.direction),
            reply: it.replied_at.map(|at| at.0 - it.sent_at.0),
        },
        Body::Program(it) => Entry::Program {
            customer: refs.to(Kind::Customer, &it.customer_id),
            on: it.on_date,
            compliance: it.compliance.map(|share| share.0),
        },
        Body::Wearable(it) => Entry::Wearable {
            customer: refs.to(Kind::Customer, &it.customer_id),
            on: it.on_date,
            hours: it.sleep_hours.map(|hours| hours.0),
        },
        _ => return None,
    })
}

fn money(refs: &mut References<'_>, body: &Body<'_>) -> Option<Entry> {
    Some(match body {
        Body::Membership(it) => {
            let end = |at: Option<UtcMicros>| at.map_or(i64::MAX, |at| at.0);
            Entry::Membership {
                customer: refs.to(Kind::Customer, &it.customer_id),
                status: it.status,
                start: it.started_at.0,
                end: end(it.ends_at).min(end(it.cancelled_at)),
                mrr: it.mrr().unwrap_or_default().0,
                currency: it.currency,
            }
        }
        Body::Order(it) => Entry::Order(Box::new(order(refs, it))),
        Body::Payment(it) => Entry::Payment {
            customer: refs.perhaps(Kind::Customer, it.customer_id.as_ref()),
            at: it.paid_at.0,
            status: it.status,
        },
        Body::Refund(it) => Entry::Refund {
            order: refs.perhaps(Kind::Order, it.order_id.as_ref()),
            customer: refs.perhaps(Kind::Customer, it.customer_id.as_ref()),
            location: refs.perhaps(Kind::Location, it.location_id.as_ref()),
            at: it.refunded_at.0,
            amount: it.amount.0,
            currency: it.currency,
        },
        Body::Invoice(it) => Entry::Invoice {
            customer: refs.to(Kind::Customer, &it.customer_id),
            open: is_open(it.status),
            issued: it.issued_at.0,
            due: it.due_at.map(|at| at.0),
            balance: it.balance.unwrap_or(it.amount).0,
            currency: it.currency,
        },
        Body::Expense(it) => Entry::Expense {
            at: it.incurred_at.0,
            amount: it.amount.0,
            currency: it.currency,
            marketing: it.category.as_deref().is_some_and(|it| it.to_lowercase() == "marketing"),
        },
        Body::Balance(it) => {
            let accounts = &mut refs.door.accounts;
            let next = u32::try_from(accounts.len()).expect("fewer than 2^32 accounts");
            let account = it.account.as_deref().map(str::to_owned);
            Entry::Balance {
                account: *accounts.entry((refs.source, account)).or_insert(next),
                at: it.recorded_at.0,
                amount: it.amount.0,
                currency: it.currency,
            }
        }
        _ => return None,
    })
}

fn order(refs: &mut References<'_>, it: &Order<'_>) -> OrderEntry {
    let sums = it.sums().expect("a body whose sums do not fit was refused");
    let lines = it.lines.iter().filter_map(|line| {
        let product = refs.to(Kind::Product, line.product_id.as_ref()?);
        let amount = Money::line(line.quantity, line.unit_price)?;
        Some((product, amount.0 - line.discount.0))
    });
    let lines = lines.collect();
    OrderEntry {
        at: it.ordered_at.0,
        customer: refs.perhaps(Kind::Customer, it.customer_id.as_ref()),
        location: refs.perhaps(Kind::Location, it.location_id.as_ref()),
        currency: it.currency,
        counted: order_counts(it.status),
        gross: sums.gross,
        discount: sums.discount,
        tax: sums.tax,
        units: sums.units,
        lines,
    }
}

/// Whether a supplied metric is given in hundredths. What is no metric of the score itself (a `cac`, a
/// `compliance_status`) is taken as it is.
fn is_percent(it: &Metric<'_>) -> bool {
    let shares = DEFINITIONS.iter().any(|known| known.name == it.metric_type);
    shares && matches!(it.unit.as_deref(), Some("%" | "percent"))
}

fn signals(_refs: &mut References<'_>, body: &Body<'_>) -> Option<Entry> {
    let micros = |number: Option<Number>| number.map(|it| it.0);
    Some(match body {
        Body::Deal(it) => Entry::Deal {
            opened: it.opened_at.0,
            closed: it.closed_at.map(|at| at.0),
            status: it.status,
        },
        Body::Traffic(it) => Entry::Traffic {
            on: it.on_date,
            sessions: micros(it.sessions).unwrap_or(0),
            conversions: micros(it.conversions).unwrap_or(0),
        },
        Body::Ticket(it) => Entry::Ticket {
            opened: it.opened_at.0,
            response: it.first_response_at.map(|at| at.0 - it.opened_at.0),
            nps: micros(it.nps),
        },
        Body::Metric(it) => Entry::Metric {
            slot: supplied(&it.metric_type),
            percent: is_percent(it),
            at: it.recorded_at.0,
            value: it.value.0,
        },
        _ => return None,
    })
}
