//! The shop's side of a day: orders, payments, and what is given back.

use serde_json::{Value, json};
use vitals_model::kinds::Kind;
use vitals_model::utc::HOUR_US;
use vitals_model::{Date, UtcMicros};

use super::business::{Business, customer_id, location_id};
use super::catalogue::{GOODS, SHOP_WEEK};
use super::outbox::Outbox;

impl Business {
    /// The day's customers of the shop.
    pub(super) fn shop_day(&mut self, date: Date, out: &mut Outbox) {
        let busy = self.busyness(date, &SHOP_WEEK) * self.tenant.trade.shop / 100;
        let count = self.count(self.size() * busy / 2);
        for _ in 0..count {
            let at = self.between(date, 9, 21);
            let buyer = self.buyer(date);
            self.sell(buyer, at, out);
        }
    }

    /// Who buys: most often one of a few, sometimes nobody known.
    fn buyer(&mut self, date: Date) -> Option<usize> {
        if self.personas.is_empty() || self.rng.chance(20) {
            return None;
        }
        // The smaller of two draws: early customers buy more.
        let count = self.personas.len();
        let index = self.rng.index(count).min(self.rng.index(count));
        self.personas[index].present(date).then_some(index)
    }

    /// One sale, with its payment and whatever follows.
    pub(super) fn sell(&mut self, buyer: Option<usize>, at: UtcMicros, out: &mut Outbox) {
        let number = self.number();
        let id = format!("o{number}");
        let (order, cents) = self.order(buyer, at);
        let with = |status: &str| {
            let mut body = order.clone();
            body["status"] = json!(status);
            body
        };
        if self.rng.below(40) == 0 {
            let body = self.payment(buyer, at, (&id, cents, "failed"));
            self.tell(out, at, (Kind::Payment, &format!("y{number}-1")), body);
        }
        let body = self.payment(buyer, at, (&id, cents, "succeeded"));
        self.tell(out, at, (Kind::Payment, &format!("y{number}-2")), body);
        self.tell(out, at, (Kind::Order, &id), with("paid"));
        let hours_later = self.rng.between(1, 30 * 24);
        let later = UtcMicros(at.0 + hours_later * HOUR_US);
        match self.rng.below(1_000) {
            0..=29 => {
                self.refund(buyer, later, (&id, cents), out);
                self.tell(out, later, (Kind::Order, &id), with("refunded"));
            }
            30..=49 => {
                self.refund(buyer, later, (&id, cents / 2), out);
                self.tell(out, later, (Kind::Order, &id), with("partially_refunded"));
            }
            50..=57 => self.tell(out, later, (Kind::Order, &id), with("voided")),
            58..=64 => self.erase(out, later, (Kind::Order, &id)),
            65..=74 => {
                // A price was typed in wrong, and put right.
                let mut body = with("paid");
                body["discount"] = json!(self.money(cents / 10));
                self.tell(out, later, (Kind::Order, &id), body);
            }
            _ => {}
        }
    }

    /// An order's body, and what it comes to in cents of a euro.
    fn order(&mut self, buyer: Option<usize>, at: UtcMicros) -> (Value, i64) {
        let mut cents = 0;
        let mut lines = Vec::new();
        for _ in 0..self.rng.between(1, 4) {
            let product = self.rng.index(GOODS.len());
            let (title, _, price) = GOODS[product];
            let quantity = self.rng.pick(&[1, 1, 1, 2, 3]);
            let discount = if self.rng.chance(10) { price * quantity / 10 } else { 0 };
            cents += price * quantity - discount;
            lines.push(json!({
                "product_id": format!("p{product}"), "title": title, "quantity": quantity,
                "unit_price": self.money(price), "discount": self.money(discount),
            }));
        }
        let shipping = if self.rng.chance(40) { 490 } else { 0 };
        let branch = self.rng.chance(35);
        let mut body = json!({
            "ordered_at": at, "currency": self.tenant.currency, "lines": lines,
            "location_id": location_id(branch), "tax": self.money(cents / 5),
            "shipping": self.money(shipping), "total": self.money(cents + cents / 5 + shipping),
        });
        if let Some(index) = buyer {
            body["customer_id"] = json!(customer_id(index));
        }
        (body, cents)
    }

    fn payment(
        &self,
        buyer: Option<usize>,
        at: UtcMicros,
        (order, cents, status): (&str, i64, &str),
    ) -> Value {
        let mut body = json!({
            "paid_at": at, "amount": self.money(cents), "currency": self.tenant.currency,
            "order_id": order, "status": status, "method": "card",
        });
        if let Some(index) = buyer {
            body["customer_id"] = json!(customer_id(index));
        }
        body
    }

    fn refund(
        &mut self,
        buyer: Option<usize>,
        at: UtcMicros,
        (order, cents): (&str, i64),
        out: &mut Outbox,
    ) {
        let mut body = json!({
            "refunded_at": at, "amount": self.money(cents), "currency": self.tenant.currency,
            "order_id": order, "reason": self.rng.pick(&["damaged", "wrong size", "too late"]),
        });
        if let Some(index) = buyer {
            body["customer_id"] = json!(customer_id(index));
        }
        self.tell(out, at, (Kind::Refund, &format!("r{order}")), body);
    }
}
