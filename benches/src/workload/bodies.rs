//! The bodies of the canonical workload's records, one function a kind.
//!
//! Promises plausible sizes and values. What the mix is, is decided next door.

use std::borrow::Cow;

use vitals_model::decimal::MICROS;
use vitals_model::kinds::{
    BillingInterval, Booking, BookingStatus, Class, Clock, Customer, CustomerStatus, Ident,
    Location, Membership, MembershipStatus, Order, OrderLine, OrderStatus, Organization, Payment,
    PaymentStatus, Product, ProductType, Refund, Session, SessionStatus, Visit, VisitStatus,
};
use vitals_model::rng::Rng;
use vitals_model::{Kind, Money, Record, UtcMicros};

use super::{Cancellation, DAY_US, REMEMBERED, Spec, Studio};

const PRODUCTS: usize = 12;
const CLASSES: usize = 5;
const LOCATIONS: usize = 2;

fn ident<'a>(prefix: &str, number: usize) -> Ident<'a> {
    Ident(Cow::Owned(format!("{prefix}{number:06}")))
}

fn location<'a>(number: usize) -> Option<Ident<'a>> {
    Some(ident("loc-", number % LOCATIONS))
}

fn money(cents: u64) -> Money {
    Money(i64::try_from(cents).unwrap_or(0) * 10_000)
}

/// The records that the others refer to.
pub(super) fn preamble(studio: &Studio, spec: &Spec) -> Vec<Record> {
    let at = spec.ends_us() - (spec.days + 1) * DAY_US;
    let organization = Organization {
        name: Cow::Owned(format!("Studio {}", studio.first_customer)),
        time_zone: Some(studio.zone.into()),
        currency: Some(studio.currency),
        clock: Clock::Wall,
        ..Organization::default()
    };
    let mut records = vec![studio.record(Kind::Organization, "1", at, &organization)];
    for number in 0..LOCATIONS {
        let zone = (number == 1).then_some("Europe/Zurich".into());
        let body = Location { name: format!("Room {number}").into(), time_zone: zone };
        records.push(studio.record(Kind::Location, ident("loc-", number).as_str(), at, &body));
    }
    for number in 0..PRODUCTS {
        let first_sold = if number == 0 { spec.now().0 - 60 * DAY_US } else { at };
        let body = Product {
            title: format!("Class pack of {number}").into(),
            product_type: Some(ProductType::Pass),
            price: Some(Money(15 * MICROS)),
            first_sold_at: Some(UtcMicros(first_sold)),
            ..Product::default()
        };
        records.push(studio.record(Kind::Product, ident("prd-", number).as_str(), at, &body));
    }
    for number in 0..CLASSES {
        let name = format!("Morning flow {number}").into();
        let body =
            Class { name, capacity: Some(18), duration_minutes: Some(60), ..Class::default() };
        records.push(studio.record(Kind::Class, ident("cls-", number).as_str(), at, &body));
    }
    for (number, starts_at) in studio.sessions.iter().enumerate() {
        let body = Session {
            class_id: ident("cls-", number % CLASSES),
            starts_at: UtcMicros(*starts_at),
            ends_at: Some(UtcMicros(starts_at + 3_600_000_000)),
            location_id: location(number),
            capacity: (number % 4 == 0).then_some(24),
            instructor_id: None,
            status: SessionStatus::Scheduled,
        };
        records.push(studio.record(Kind::Session, ident("ses-", number).as_str(), at, &body));
    }
    records
}

/// A visit: half of them to a session, and half of those by someone who booked it.
pub(super) fn visit(studio: &mut Studio, random: &mut Rng, id: u64, at: i64) -> Record {
    let mut customer = studio.any_customer(random);
    let mut session = None;
    if random.below(2) == 0 {
        session = Some(studio.session_near(random, at));
        if random.below(2) == 0
            && let Some((_, who, booked)) = studio.bookings.pop_front()
        {
            (customer, session) = (who, Some(booked));
        }
    }
    let status = match random.below(50) {
        0 | 1 => VisitStatus::NoShow,
        2 => VisitStatus::LateCancelled,
        _ => VisitStatus::Attended,
    };
    let body = Visit {
        customer_id: ident("cus-", customer),
        visited_at: UtcMicros(at),
        session_id: session.map(|number| ident("ses-", number)),
        location_id: location(customer),
        status,
    };
    studio.record(Kind::Visit, &format!("vis-{id:09}"), at, &body)
}

/// An order of one or two lines.
pub(super) fn order(studio: &mut Studio, random: &mut Rng, id: u64, at: i64) -> Record {
    let customer = studio.any_customer(random);
    let lines: Vec<_> = (0..1 + random.below(2))
        .map(|_| OrderLine {
            product_id: Some(ident("prd-", random.index(PRODUCTS))),
            title: None,
            quantity: vitals_model::Number(MICROS * random.between(1, 3)),
            unit_price: money(500 + random.below(9_500)),
            discount: Money(0),
            tax: Money(0),
        })
        .collect();
    let body = Order {
        ordered_at: UtcMicros(at),
        currency: studio.currency,
        customer_id: (random.below(20) > 0).then(|| ident("cus-", customer)),
        location_id: location(customer),
        status: if random.below(50) == 0 { OrderStatus::Voided } else { OrderStatus::Paid },
        lines,
        discount: if random.below(10) == 0 { money(100) } else { Money(0) },
        tax: Some(money(random.below(500))),
        shipping: Money(0),
        total: None,
    };
    let gross = body.sums().map_or(0, |sums| sums.gross);
    if studio.orders.len() < REMEMBERED {
        studio.orders.push((id, gross));
    } else {
        // Any earlier order may be refunded, old ones more and more rarely.
        studio.orders[random.index(REMEMBERED)] = (id, gross);
    }
    studio.record(Kind::Order, &format!("ord-{id:09}"), at, &body)
}

/// A payment; one in forty failed.
pub(super) fn payment(studio: &mut Studio, random: &mut Rng, id: u64, at: i64) -> Record {
    let failed = random.below(40) == 0;
    let body = Payment {
        paid_at: UtcMicros(at),
        amount: money(500 + random.below(9_500)),
        currency: studio.currency,
        customer_id: Some(ident("cus-", studio.any_customer(random))),
        order_id: None,
        invoice_id: None,
        status: if failed { PaymentStatus::Failed } else { PaymentStatus::Succeeded },
        method: Some("card".into()),
    };
    studio.record(Kind::Payment, &format!("pay-{id:09}"), at, &body)
}

/// A refund; six in seven name their order.
pub(super) fn refund(studio: &mut Studio, random: &mut Rng, id: u64, at: i64) -> Record {
    let order = (!studio.orders.is_empty() && random.below(7) > 0)
        .then(|| studio.orders[random.index(studio.orders.len())]);
    let customer = studio.any_customer(random);
    let body = Refund {
        refunded_at: UtcMicros(at),
        amount: order.map_or(money(1_500), |(_, gross)| Money(gross)),
        currency: studio.currency,
        order_id: order.map(|(order, _)| Ident(Cow::Owned(format!("ord-{order:09}")))),
        customer_id: order.is_none().then(|| ident("cus-", customer)),
        location_id: None,
        reason: Some("requested by customer".into()),
    };
    studio.record(Kind::Refund, &format!("ref-{id:09}"), at, &body)
}

/// A booking as it is made.
pub(super) fn booking(
    studio: &Studio,
    id: u64,
    (customer, session): (usize, usize),
    at: i64,
) -> Record {
    let body = booked(customer, session, at);
    studio.record(Kind::Booking, &format!("bkg-{id:09}"), at, &body)
}

/// The booking's next version: cancelled.
pub(super) fn cancelled_booking(studio: &Studio, of: &Cancellation, at: i64) -> Record {
    let mut body = booked(of.customer, of.session, of.booked_at);
    let late = at > studio.sessions[of.session] - DAY_US;
    body.status = if late { BookingStatus::LateCancelled } else { BookingStatus::Cancelled };
    body.cancelled_at = Some(UtcMicros(at));
    // A late record is late, not old: its version is still the newer one.
    let version = at.max(of.booked_at + 1);
    studio.record(Kind::Booking, &format!("bkg-{:09}", of.id), version, &body)
}

fn booked(customer: usize, session: usize, at: i64) -> Booking<'static> {
    Booking {
        customer_id: ident("cus-", customer),
        session_id: ident("ses-", session),
        status: BookingStatus::Confirmed,
        booked_at: Some(UtcMicros(at)),
        cancelled_at: None,
        checked_in_at: None,
        channel: Some("app".into()),
    }
}

/// A customer: a new one while there are any, in step with the workload, else a change of a known one.
pub(super) fn customer(
    studio: &mut Studio,
    random: &mut Rng,
    (made, records): (usize, usize),
    at: i64,
) -> Record {
    let expected = (studio.customers * made).div_ceil(records);
    let number = if studio.known_customers < expected {
        studio.known_customers += 1;
        studio.known_customers - 1
    } else {
        random.index(studio.known_customers.max(1))
    };
    let number = studio.first_customer + number;
    let status = match random.below(20) {
        0 => CustomerStatus::Inactive,
        1 => CustomerStatus::Paused,
        2 => CustomerStatus::Lead,
        _ => CustomerStatus::Active,
    };
    let body = Customer {
        first_name: Some("Amina".into()),
        last_name: Some(format!("Number {number}").into()),
        email: Some(format!("customer.{number}@example.com").into()),
        status,
        created_at: Some(UtcMicros(at)),
        ..Customer::default()
    };
    studio.record(Kind::Customer, ident("cus-", number).as_str(), at, &body)
}

/// A membership: three new ones for two changes of earlier ones.
pub(super) fn membership(studio: &mut Studio, random: &mut Rng, id: u64, at: i64) -> Record {
    let earlier = (!studio.memberships.is_empty() && random.below(5) < 2)
        .then(|| studio.memberships.swap_remove(random.index(studio.memberships.len())));
    let (id, customer, started_at) = earlier.unwrap_or((id, studio.any_customer(random), at));
    if earlier.is_none() && studio.memberships.len() < REMEMBERED {
        studio.memberships.push((id, customer, started_at));
    }
    let status = match (earlier, random.below(3)) {
        (None, _) => MembershipStatus::Active,
        (Some(_), 0) => MembershipStatus::PastDue,
        (Some(_), _) => MembershipStatus::Cancelled,
    };
    let body = Membership {
        customer_id: ident("cus-", customer),
        product_id: None,
        status,
        started_at: UtcMicros(started_at),
        ends_at: None,
        cancelled_at: (status == MembershipStatus::Cancelled).then_some(UtcMicros(at)),
        price: Some(Money(30 * MICROS)),
        currency: None,
        billing_interval: BillingInterval::Month,
        interval_count: 1,
        quantity: vitals_model::Number(MICROS),
    };
    let version = at.max(started_at + i64::from(earlier.is_some()));
    studio.record(Kind::Membership, &format!("mem-{id:09}"), version, &body)
}
