//! Visits, bookings and sessions, and the attendances they make together.

use vitals_model::Kind;
use vitals_model::kinds::{
    Body, Booking as BookingBody, BookingStatus, SessionStatus, VisitStatus,
};
use vitals_model::record::RecordView;

use super::NONE;
use super::arrive::{admit, body};
use super::facts::{Booking, Class, Outcome, Session, Visit};
use super::tenant::Tenant;

/// What is known of one customer and one session.
#[derive(Debug)]
pub(super) struct Attendance {
    customer: u32,
    session: u32,
    visits: Vec<u32>,
    bookings: Vec<u32>,
    /// What was weighed.
    settled: Option<Settled>,
}

/// What refers to one session, by number.
#[derive(Debug, Default)]
pub(super) struct AtSession {
    bookings: Vec<u32>,
    attendances: Vec<u32>,
}

/// An attendance that has come out somehow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Settled {
    outcome: Outcome,
    at: i64,
    location: u32,
}

fn drop_from(numbers: &mut Vec<u32>, number: u32) {
    let place = numbers.iter().position(|it| *it == number);
    numbers.swap_remove(place.expect("I2: what is taken out was put in"));
}

fn booking_outcome(body: &BookingBody<'_>) -> Option<Outcome> {
    match body.status {
        BookingStatus::Completed => Some(Outcome::Attended),
        _ if body.checked_in_at.is_some() => Some(Outcome::Attended),
        BookingStatus::NoShow => Some(Outcome::NoShow),
        BookingStatus::LateCancelled => Some(Outcome::LateCancelled),
        BookingStatus::Confirmed | BookingStatus::Waitlisted | BookingStatus::Cancelled => None,
    }
}

impl Tenant {
    /// Takes in a record of a kind this file keeps.
    pub(super) fn arrive_attendance(&mut self, record: &RecordView<'_>) {
        match record.kind {
            Kind::Visit => self.visit(record),
            Kind::Booking => self.booking(record),
            Kind::Session => self.session(record),
            _ => self.class(record),
        }
    }

    fn visit(&mut self, record: &RecordView<'_>) {
        let number = admit!(self, visits, record);
        let source = &record.source;
        let new = body!(record, Visit).map(|it| Visit {
            customer: self.customers.refer(source, it.customer_id.as_str()),
            visited_at: it.visited_at.0,
            session: self.refer_session(source, it.session_id.as_ref().map(|it| it.as_str())),
            location: self.refer_location(source, it.location_id.as_ref()),
            outcome: match it.status {
                VisitStatus::Attended => Outcome::Attended,
                VisitStatus::NoShow => Outcome::NoShow,
                VisitStatus::LateCancelled => Outcome::LateCancelled,
            },
        });
        let mut unsettled = [None; 2];
        if let Some(old) = self.visits.get(number).copied() {
            unsettled[0] = self.attach_visit(number, &old, -1);
        }
        self.visits.put(number, new);
        if let Some(new) = new {
            unsettled[1] = self.attach_visit(number, &new, 1);
        }
        self.settle_both(unsettled);
    }

    /// Puts a visit with its session's attendance and yields that, or weighs it alone.
    fn attach_visit(&mut self, number: u32, visit: &Visit, sign: i64) -> Option<u32> {
        if visit.session == NONE {
            self.weigh_lone_visit(visit, sign);
            return None;
        }
        let place = self.attendance(visit.customer, visit.session);
        let visits = &mut self.attendances[place as usize].visits;
        if sign > 0 {
            visits.push(number)
        } else {
            drop_from(visits, number)
        }
        Some(place)
    }

    pub(super) fn weigh_lone_visit(&mut self, visit: &Visit, sign: i64) {
        if visit.session == NONE {
            let Visit { outcome, visited_at: at, location, .. } = *visit;
            self.weigh_attendance(visit.customer, Settled { outcome, at, location }, sign);
        }
    }

    fn booking(&mut self, record: &RecordView<'_>) {
        let number = admit!(self, bookings, record);
        let source = &record.source;
        let new = body!(record, Booking).map(|it| Booking {
            customer: self.customers.refer(source, it.customer_id.as_str()),
            session: self.refer_session(source, Some(it.session_id.as_str())),
            waitlisted: it.status == BookingStatus::Waitlisted,
            outcome: booking_outcome(it),
        });
        let mut unsettled = [None; 2];
        if let Some(old) = self.bookings.get(number).copied() {
            self.weigh_booking(&old, -1);
            let place = self.attendance(old.customer, old.session);
            drop_from(&mut self.attendances[place as usize].bookings, number);
            drop_from(&mut self.at_session[old.session as usize].bookings, number);
            unsettled[0] = Some(place);
        }
        self.bookings.put(number, new);
        if let Some(new) = new {
            self.weigh_booking(&new, 1);
            let place = self.attendance(new.customer, new.session);
            self.attendances[place as usize].bookings.push(number);
            self.at_session[new.session as usize].bookings.push(number);
            unsettled[1] = Some(place);
        }
        self.settle_both(unsettled);
    }

    pub(super) fn weigh_booking(&mut self, booking: &Booking, sign: i64) {
        if self.stale || booking.waitlisted {
            return;
        }
        if let Some(session) = self.sessions.get(booking.session) {
            let place = self.place(session.location);
            self.ledger.booking(place, session.starts_at, sign);
        }
    }

    fn session(&mut self, record: &RecordView<'_>) {
        let number = admit!(self, sessions, record);
        self.refer_session(&record.source, Some(&record.id));
        let source = &record.source;
        let new = body!(record, Session).map(|it| Session {
            class: self.classes.refer(source, it.class_id.as_str()),
            starts_at: it.starts_at.0,
            location: self.refer_location(source, it.location_id.as_ref()),
            capacity: it.capacity,
            cancelled: it.status == SessionStatus::Cancelled,
        });
        let here = std::mem::take(&mut self.at_session[number as usize]);
        self.weigh_session(number, &here, -1);
        if let Some(old) = self.sessions.put(number, new) {
            drop_from(self.sessions_of.entry(old.class).or_default(), number);
        }
        if let Some(new) = new {
            self.sessions_of.entry(new.class).or_default().push(number);
        }
        self.weigh_session(number, &here, 1);
        for attendance in &here.attendances {
            self.settle(*attendance);
        }
        self.at_session[number as usize] = here;
    }

    fn weigh_session(&mut self, number: u32, here: &AtSession, sign: i64) {
        self.weigh_session_alone(number, sign);
        for booking in &here.bookings {
            if let Some(booking) = self.bookings.get(*booking).copied() {
                self.weigh_booking(&booking, sign);
            }
        }
    }

    pub(super) fn weigh_session_alone(&mut self, number: u32, sign: i64) {
        let Some(session) = self.sessions.get(number).filter(|it| !it.cancelled) else { return };
        if self.stale {
            return;
        }
        let of_class = || self.classes.get(session.class).map_or(0, |class| class.capacity);
        let capacity = session.capacity.unwrap_or_else(of_class);
        let place = self.place(session.location);
        self.ledger.session(&self.settings, place, (session, capacity), sign);
    }

    fn class(&mut self, record: &RecordView<'_>) {
        let number = admit!(self, classes, record);
        let new = body!(record, Class).map(|it| Class { capacity: it.capacity.unwrap_or(0) });
        let sessions = self.sessions_of.get(&number).cloned().unwrap_or_default();
        for session in &sessions {
            self.weigh_session_alone(*session, -1);
        }
        self.classes.put(number, new);
        for session in &sessions {
            self.weigh_session_alone(*session, 1);
        }
    }

    pub(super) fn refer_session(&mut self, source: &str, id: Option<&str>) -> u32 {
        let Some(id) = id else { return NONE };
        let number = self.sessions.refer(source, id);
        if number as usize >= self.at_session.len() {
            self.at_session.resize_with(number as usize + 1, AtSession::default);
        }
        number
    }

    /// The attendance of a customer and a session, an empty new one if need be.
    fn attendance(&mut self, customer: u32, session: u32) -> u32 {
        let next = u32::try_from(self.attendances.len()).expect("fewer than 2^32 attendances");
        let place = *self.attendance_of.entry((customer, session)).or_insert(next);
        if place == next {
            let (visits, bookings) = (Vec::new(), Vec::new());
            self.attendances.push(Attendance {
                customer,
                session,
                visits,
                bookings,
                settled: None,
            });
            self.at_session[session as usize].attendances.push(place);
        }
        place
    }

    fn settle_both(&mut self, [first, second]: [Option<u32>; 2]) {
        if let Some(first) = first {
            self.settle(first);
        }
        if let Some(second) = second.filter(|second| first != Some(*second)) {
            self.settle(second);
        }
    }

    /// Finds how an attendance has come out, and weighs the difference.
    pub(super) fn settle(&mut self, place: u32) {
        if self.stale {
            return;
        }
        let Attendance { customer, settled: old, .. } = self.attendances[place as usize];
        let new = self.outcome(&self.attendances[place as usize]);
        if old == new {
            return;
        }
        if let Some(old) = old {
            self.weigh_attendance(customer, old, -1);
        }
        if let Some(new) = new {
            self.weigh_attendance(customer, new, 1);
        }
        self.attendances[place as usize].settled = new;
    }

    fn outcome(&self, attendance: &Attendance) -> Option<Settled> {
        let session = self.sessions.get(attendance.session);
        let location_text =
            |number: u32| (number != NONE).then(|| self.locations.names.text(number));
        let deciding = attendance
            .visits
            .iter()
            .filter_map(|number| self.visits.get(*number))
            .min_by_key(|it| (it.outcome, it.visited_at, location_text(it.location)));
        if let Some(visit) = deciding {
            let at = session.map_or(visit.visited_at, |session| session.starts_at);
            let location = match (visit.location, session) {
                (NONE, Some(session)) => session.location,
                (own, _) => own,
            };
            return Some(Settled { outcome: visit.outcome, at, location });
        }
        let bookings = attendance.bookings.iter().filter_map(|number| self.bookings.get(*number));
        let outcome = bookings.filter_map(|it| it.outcome).min()?;
        let session = session?;
        Some(Settled { outcome, at: session.starts_at, location: session.location })
    }

    fn weigh_attendance(&mut self, customer: u32, settled: Settled, sign: i64) {
        if self.stale {
            return;
        }
        let place = self.place(settled.location);
        let what = (customer, settled.at, settled.outcome);
        self.ledger.attendance(&self.settings, place, what, sign);
    }

    /// Forgets what was weighed, and settles every attendance anew.
    pub(super) fn settle_all(&mut self) {
        for place in 0..u32::try_from(self.attendances.len()).expect("fewer than 2^32") {
            self.attendances[place as usize].settled = None;
            self.settle(place);
        }
    }
}
