//! The studio's side of a day: sessions, bookings, visits, memberships and what they cost.

use serde_json::{Value, json};
use vitals_model::kinds::Kind;
use vitals_model::utc::HOUR_US;
use vitals_model::{Date, UtcMicros};

use super::business::{Business, customer_id, location_id};
use super::catalogue::{CLASSES, HOURS_WEEKDAY, HOURS_WEEKEND, PLANS};
use super::outbox::Outbox;

/// How far ahead sessions are planned, in days.
pub(super) const PLANNED_DAYS: i32 = 14;
const MINUTE_US: i64 = HOUR_US / 60;

/// One session: a class of a day.
struct Slot {
    id: String,
    class: usize,
    branch: bool,
    starts_at: UtcMicros,
    /// Whether it will be called off in the morning.
    called_off: bool,
}

fn hours(date: Date) -> &'static [i64] {
    if date.iso_weekday() >= 6 { &HOURS_WEEKEND } else { &HOURS_WEEKDAY }
}

impl Business {
    /// Class number `index` of a day. A function of the day, so that nothing need be remembered.
    fn slot(&self, date: Date, index: usize) -> Slot {
        let day = usize::try_from(date.0).unwrap_or(0);
        let branch = (day + index).is_multiple_of(3);
        Slot {
            id: format!("s-{date}-{index}"),
            class: (day + index * 5) % CLASSES.len(),
            branch,
            starts_at: self.at(branch, date, hours(date)[index] * 3_600),
            called_off: (day * 31 + index * 17).is_multiple_of(47),
        }
    }

    fn session(slot: &Slot, status: &str) -> Value {
        let minutes = CLASSES[slot.class].2;
        json!({
            "class_id": format!("k{}", slot.class), "starts_at": slot.starts_at,
            "ends_at": UtcMicros(slot.starts_at.0 + minutes * MINUTE_US),
            "location_id": location_id(slot.branch), "status": status,
        })
    }

    /// Plans the sessions of a day, at an instant before it.
    pub(super) fn plan_sessions(&mut self, date: Date, at: UtcMicros, out: &mut Outbox) {
        for index in 0..hours(date).len() {
            let slot = self.slot(date, index);
            self.tell(out, at, (Kind::Session, &slot.id), Self::session(&slot, "scheduled"));
        }
    }

    /// Plans ahead, and lets today's sessions take place or not.
    pub(super) fn studio_day(&mut self, date: Date, out: &mut Outbox) {
        let planned = Date(date.0 + PLANNED_DAYS);
        let at = self.between(date, 1, 3);
        self.plan_sessions(planned, at, out);
        for index in 0..hours(date).len() {
            let slot = self.slot(date, index);
            let (status, hours_after) =
                if slot.called_off { ("cancelled", -2) } else { ("completed", 2) };
            let at = UtcMicros(slot.starts_at.0 + hours_after * HOUR_US);
            self.tell(out, at, (Kind::Session, &slot.id), Self::session(&slot, status));
        }
        self.booked.retain(|(day, _), _| *day >= date);
    }

    /// A customer books on one day a session of another; the story of the booking follows.
    pub(super) fn book(&mut self, index: usize, (date, day): (Date, Date), out: &mut Outbox) {
        let count = hours(day).len();
        let liked = self.rng.chance(70);
        let number = if liked { self.personas[index].slot % count } else { self.rng.index(count) };
        let slot = self.slot(day, number);
        let mut booked_at = self.between(date, 0, 22);
        if booked_at.0 > slot.starts_at.0 - HOUR_US {
            booked_at = UtcMicros(slot.starts_at.0 - HOUR_US);
        }
        if slot.called_off {
            return;
        }
        let id = format!("b-{day}-{number}-{}", customer_id(index));
        let taken = self.booked.entry((day, number)).or_default();
        let full = *taken >= CLASSES[slot.class].3;
        *taken += i64::from(!full);
        let channel = self.rng.pick(&["app", "app", "web", "desk"]);
        let booking = |status: &str| {
            json!({
                "customer_id": customer_id(index), "session_id": slot.id, "status": status,
                "booked_at": booked_at, "channel": channel,
            })
        };
        let first = if full { "waitlisted" } else { "confirmed" };
        self.tell(out, booked_at, (Kind::Booking, &id), booking(first));
        if full {
            return;
        }
        let (status, at) = match self.rng.below(100) {
            0..=4 if slot.starts_at.0 - booked_at.0 > 13 * HOUR_US => {
                ("cancelled", UtcMicros(booked_at.0 + HOUR_US))
            }
            0..=8 => ("late_cancelled", UtcMicros(slot.starts_at.0 - 30 * MINUTE_US)),
            9..=15 => ("no_show", UtcMicros(slot.starts_at.0 + HOUR_US)),
            _ => ("completed", slot.starts_at),
        };
        let at = at.max(UtcMicros(booked_at.0 + MINUTE_US));
        let mut body = booking(status);
        if status == "cancelled" || status == "late_cancelled" {
            body["cancelled_at"] = json!(at);
        }
        if status == "completed" {
            body["checked_in_at"] = json!(UtcMicros(at.0 - 5 * MINUTE_US));
            self.attend(index, &slot, out);
        }
        self.tell(out, at, (Kind::Booking, &id), body);
    }

    /// A customer comes to a session; now and then that turns out to be wrong.
    fn attend(&mut self, index: usize, slot: &Slot, out: &mut Outbox) {
        let visited_at = UtcMicros(slot.starts_at.0 - self.rng.between(0, 10 * MINUTE_US));
        let id = format!("v-{}-{}", &slot.id[2..], customer_id(index));
        let visit = |status: &str| {
            json!({
                "customer_id": customer_id(index), "visited_at": visited_at,
                "session_id": slot.id, "status": status,
            })
        };
        self.tell(out, visited_at, (Kind::Visit, &id), visit("attended"));
        let hours_later = self.rng.between(1, 48);
        let later = UtcMicros(visited_at.0 + hours_later * HOUR_US);
        match self.rng.below(1_000) {
            0..=9 => self.tell(out, later, (Kind::Visit, &id), visit("no_show")),
            10..=17 => self.erase(out, later, (Kind::Visit, &id)),
            18..=130 => self.sell(Some(index), visited_at, out),
            _ => {}
        }
    }

    /// A customer joins.
    pub(super) fn welcome(&mut self, index: usize, at: UtcMicros, out: &mut Outbox) {
        let body = self.customer(index, "active");
        self.tell(out, at, (Kind::Customer, &customer_id(index)), body);
        if self.personas[index].plan.is_some() {
            self.tell_membership(index, at, ("active", None), out);
        }
    }

    /// A customer leaves.
    pub(super) fn farewell(&mut self, index: usize, date: Date, out: &mut Outbox) {
        let at = self.between(date, 9, 18);
        let status = self.rng.pick(&["cancelled", "inactive", "paused"]);
        let body = self.customer(index, status);
        self.tell(out, at, (Kind::Customer, &customer_id(index)), body);
        if self.personas[index].plan.is_some() {
            self.tell_membership(index, at, ("cancelled", Some(at)), out);
        }
    }

    fn customer(&self, index: usize, status: &str) -> Value {
        let it = &self.personas[index];
        let (first, last) = (it.first_name, it.last_name);
        json!({
            "first_name": first, "last_name": last, "display_name": format!("{first} {last}"),
            "email": format!("{}.{}.{}@example.com", first, last, index + 1).to_lowercase(),
            "status": status, "created_at": self.at(false, it.joined, 10 * 3_600),
            "home_location_id": location_id(it.branch),
        })
    }

    fn tell_membership(
        &self,
        index: usize,
        at: UtcMicros,
        (status, cancelled_at): (&str, Option<UtcMicros>),
        out: &mut Outbox,
    ) {
        let it = &self.personas[index];
        let plan = it.plan.unwrap_or(0);
        let mut body = json!({
            "customer_id": customer_id(index), "product_id": format!("plan{plan}"),
            "status": status, "started_at": self.at(false, it.joined, 10 * 3_600),
            "price": self.money(PLANS[plan].1), "currency": self.tenant.currency,
            "billing_interval": "month",
        });
        if let Some(at) = cancelled_at {
            body["cancelled_at"] = json!(at);
        }
        self.tell(out, at, (Kind::Membership, &format!("m{}", index + 1)), body);
    }

    /// The monthly bill of a membership: an invoice, a payment or several, and the sale itself.
    pub(super) fn bill_if_due(&mut self, index: usize, date: Date, out: &mut Outbox) {
        let it = &self.personas[index];
        let day_of_month = u32::try_from(date.0 - date.month_start().0 + 1).unwrap_or(0);
        let (Some(plan), true) = (it.plan, it.billing_day == day_of_month) else { return };
        let pays = it.pays;
        let issued_at = self.between(date, 3, 5);
        let bill = Bill { index, plan, issued_at, number: format!("{}-{date}", index + 1) };
        self.tell_invoice(&bill, issued_at, "open", out);
        let tried_at = UtcMicros(issued_at.0 + 10 * MINUTE_US);
        if self.rng.chance(pays) {
            self.settle(&bill, tried_at, out);
            return;
        }
        self.tell_payment(&bill, tried_at, "failed", out);
        self.tell_membership(index, tried_at, ("past_due", None), out);
        let days_later = self.rng.between(2, 12);
        let again_at = UtcMicros(tried_at.0 + days_later * 24 * HOUR_US);
        if self.rng.chance(65) {
            self.settle(&bill, again_at, out);
            self.tell_membership(index, again_at, ("active", None), out);
        } else {
            self.tell_payment(&bill, again_at, "failed", out);
        }
    }

    fn settle(&self, bill: &Bill, at: UtcMicros, out: &mut Outbox) {
        self.tell_payment(bill, at, "succeeded", out);
        self.tell_invoice(bill, at, "paid", out);
        let (title, cents) = PLANS[bill.plan];
        let body = json!({
            "ordered_at": bill.issued_at, "currency": self.tenant.currency, "status": "paid",
            "customer_id": customer_id(bill.index),
            "location_id": location_id(self.personas[bill.index].branch),
            "lines": [{
                "product_id": format!("plan{}", bill.plan), "title": title, "quantity": 1,
                "unit_price": self.money(cents),
            }],
            "total": self.money(cents),
        });
        self.tell(out, at, (Kind::Order, &format!("o-m-{}", bill.number)), body);
    }

    fn tell_invoice(&self, bill: &Bill, at: UtcMicros, status: &str, out: &mut Outbox) {
        let amount = self.money(PLANS[bill.plan].1);
        let mut body = json!({
            "customer_id": customer_id(bill.index), "issued_at": bill.issued_at,
            "due_at": UtcMicros(bill.issued_at.0 + 7 * 24 * HOUR_US), "amount": amount,
            "currency": self.tenant.currency, "status": status,
        });
        if status == "paid" {
            body["paid_at"] = json!(at);
            body["balance"] = json!("0");
        }
        self.tell(out, at, (Kind::Invoice, &format!("i-{}", bill.number)), body);
    }

    fn tell_payment(&self, bill: &Bill, at: UtcMicros, status: &str, out: &mut Outbox) {
        let body = json!({
            "paid_at": at, "amount": self.money(PLANS[bill.plan].1), "status": status,
            "currency": self.tenant.currency, "customer_id": customer_id(bill.index),
            "invoice_id": format!("i-{}", bill.number), "method": "card",
        });
        let id = format!("y-{}-{}", bill.number, at.0 / MINUTE_US);
        self.tell(out, at, (Kind::Payment, &id), body);
    }
}

/// One month of one membership.
struct Bill {
    index: usize,
    plan: usize,
    issued_at: UtcMicros,
    number: String,
}
