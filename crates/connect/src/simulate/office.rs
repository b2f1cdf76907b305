//! The rest of a business's day: messages, tickets, deals, programs, traffic, costs and cash.

use serde_json::json;
use vitals_model::kinds::Kind;
use vitals_model::utc::HOUR_US;
use vitals_model::{Date, UtcMicros};

use super::business::{Business, customer_id};
use super::catalogue::SHOP_WEEK;
use super::outbox::Outbox;

impl Business {
    /// A message to a customer, about every ten days, and maybe an answer.
    pub(super) fn correspond(&mut self, index: usize, date: Date, out: &mut Outbox) {
        if !self.rng.chance(10) {
            return;
        }
        let sent_at = self.between(date, 9, 19);
        self.write_to(index, sent_at, &format!("g-{date}-{}", customer_id(index)), out);
    }

    /// One message to a customer, and maybe an answer.
    pub(super) fn write_to(
        &mut self,
        index: usize,
        sent_at: UtcMicros,
        id: &str,
        out: &mut Outbox,
    ) {
        let channel = self.rng.pick(&["email", "sms", "whatsapp"]);
        let mut body = json!({
            "customer_id": customer_id(index), "sent_at": sent_at, "direction": "out",
            "channel": channel,
        });
        self.tell(out, sent_at, (Kind::Message, id), body.clone());
        if self.rng.chance(self.personas[index].answers) {
            let minutes = self.rng.between(2, 80 * 60);
            let replied_at = UtcMicros(sent_at.0 + minutes * HOUR_US / 60);
            body["replied_at"] = json!(replied_at);
            self.tell(out, replied_at, (Kind::Message, id), body);
        }
    }

    /// What a customer's program and device say of the day.
    pub(super) fn measure(&mut self, index: usize, date: Date, out: &mut Outbox) {
        let (keeps, sleep) = (self.personas[index].keeps, self.personas[index].sleep);
        if index.is_multiple_of(3) && self.rng.chance(40) {
            let share = (keeps + self.rng.below(21)).saturating_sub(10).min(100);
            let body = json!({
                "customer_id": customer_id(index), "on_date": date,
                "compliance": format!("0.{share:02}").replace("0.100", "1"),
            });
            let at = self.between(date, 20, 23);
            let id = format!("q-{date}-{}", customer_id(index));
            self.tell(out, at, (Kind::Program, &id), body);
        }
        if let Some(usual) = sleep.filter(|_| self.rng.chance(60)) {
            let tenths = (usual + self.rng.below(25)).saturating_sub(12);
            let body = json!({
                "customer_id": customer_id(index), "on_date": date,
                "sleep_hours": format!("{}.{}", tenths / 10, tenths % 10),
            });
            let at = self.between(date, 6, 11);
            let id = format!("w-{date}-{}", customer_id(index));
            self.tell(out, at, (Kind::Wearable, &id), body);
        }
    }

    /// What the office notes down on a day.
    pub(super) fn office_day(&mut self, date: Date, out: &mut Outbox) {
        for _ in 0..self.count(self.size() * 10) {
            let at = self.between(date, 7, 22);
            self.ticket(at, out);
        }
        for _ in 0..self.count(self.size() * 6) {
            let at = self.between(date, 8, 18);
            self.deal(at, out);
        }
        self.traffic(date, out);
        if date.iso_weekday() == 1 {
            self.monday(date, out);
        }
        if date.month_start() == date {
            self.first_of_month(date, out);
        }
    }

    /// Someone asks for help, is answered, and is content or not.
    pub(super) fn ticket(&mut self, opened_at: UtcMicros, out: &mut Outbox) {
        let id = format!("n{}", self.number());
        let mut body = json!({ "opened_at": opened_at });
        if !self.personas.is_empty() {
            body["customer_id"] = json!(customer_id(self.rng.index(self.personas.len())));
        }
        self.tell(out, opened_at, (Kind::Ticket, &id), body.clone());
        let minutes = self.rng.pick(&[12, 35, 90, 240, 700, 1_500, 3_000]);
        let minutes = minutes + self.rng.between(0, 30);
        let answered_at = UtcMicros(opened_at.0 + minutes * HOUR_US / 60);
        body["first_response_at"] = json!(answered_at);
        self.tell(out, answered_at, (Kind::Ticket, &id), body.clone());
        let closed_at = UtcMicros(answered_at.0 + 20 * HOUR_US);
        body["closed_at"] = json!(closed_at);
        if self.rng.chance(50) {
            body["nps"] = json!(self.rng.pick(&[10, 10, 9, 9, 8, 8, 7, 5, 2]));
            body["csat"] = json!(self.rng.pick(&[5, 5, 4, 4, 3, 1]));
        }
        self.tell(out, closed_at, (Kind::Ticket, &id), body);
    }

    /// A sale in the making, won or lost some days later.
    pub(super) fn deal(&mut self, opened_at: UtcMicros, out: &mut Outbox) {
        let id = format!("d{}", self.number());
        let cents = self.rng.between(50, 900) * 100;
        let mut body = json!({
            "opened_at": opened_at, "stage": "new", "status": "open",
            "amount": self.money(cents), "currency": self.tenant.currency,
        });
        self.tell(out, opened_at, (Kind::Deal, &id), body.clone());
        let days_later = self.rng.between(2, 40);
        let closed_at = UtcMicros(opened_at.0 + days_later * 24 * HOUR_US);
        body["status"] = json!(self.rng.pick(&["won", "lost", "lost", "lost"]));
        body["stage"] = json!("closed");
        body["closed_at"] = json!(closed_at);
        self.tell(out, closed_at, (Kind::Deal, &id), body);
    }

    fn traffic(&mut self, date: Date, out: &mut Outbox) {
        let busy = self.busyness(date, &SHOP_WEEK);
        for (channel, share) in [("search", 50), ("social", 30), ("direct", 20)] {
            let sessions = self.count((self.size() * 20 + 400) * share * busy / 10);
            let conversions = self.count(sessions * 25);
            let body = json!({
                "on_date": date, "channel": channel, "sessions": sessions,
                "users": sessions * 4 / 5, "conversions": conversions,
            });
            let at = self.between(date, 22, 24);
            self.tell(out, at, (Kind::Traffic, &format!("h-{date}-{channel}")), body);
        }
    }

    /// Wages and marketing, and a look at the accounts.
    fn monday(&mut self, date: Date, out: &mut Outbox) {
        let people = i64::try_from(self.size()).unwrap_or(0);
        for (category, cents) in [("wages", people * 500), ("marketing", people * 60)] {
            let cents = cents + self.rng.between(0, 5_000);
            self.cash -= cents;
            self.spend(date, category, cents, out);
        }
        self.cash += self.rng.between(people * 400, people * 800 + 1);
        let at = self.between(date, 6, 7);
        for (account, cents) in [("checking", self.cash * 3 / 4), ("savings", self.cash / 4)] {
            let body = json!({
                "recorded_at": at, "amount": self.money(cents), "account": account,
                "currency": self.tenant.currency,
            });
            self.tell(out, at, (Kind::Balance, &format!("a-{date}-{account}")), body);
        }
    }

    fn first_of_month(&mut self, date: Date, out: &mut Outbox) {
        let people = i64::try_from(self.size()).unwrap_or(0);
        self.spend(date, "rent", people * 700 + 50_000, out);
        let at = self.between(date, 8, 9);
        let body = json!({
            "metric_type": "compliance_status", "value": self.rng.between(80, 101), "unit": "points",
            "recorded_at": at,
        });
        self.tell(out, at, (Kind::Metric, &format!("compliance-{date}")), body);
    }

    fn spend(&mut self, date: Date, category: &str, cents: i64, out: &mut Outbox) {
        let at = self.between(date, 7, 17);
        let body = json!({
            "incurred_at": at, "amount": self.money(cents), "category": category,
            "currency": self.tenant.currency,
        });
        self.tell(out, at, (Kind::Expense, &format!("e-{date}-{category}")), body);
    }
}
