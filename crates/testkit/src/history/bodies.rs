//! Bodies of all 24 kinds, drawn at random: valid each, strange many.

use vitals_model::UtcMicros;
use vitals_model::kinds::Kind;
use vitals_model::rng::Rng;

use super::calendar::{DAY_US, MINUTE_US};
use super::json::Object;
use super::story::{Cast, reference};

/// What a body is written with.
pub(super) struct Pen<'a> {
    pub(super) rng: &'a mut Rng,
    pub(super) cast: &'a Cast,
    pub(super) now: UtcMicros,
}

const PRICES: [&str; 16] = [
    "0",
    "0.001",
    "0.01",
    "0.0005",
    "2.55",
    "3.333333",
    "12.5",
    "19.99",
    "49",
    "49.90",
    "100",
    "1e2",
    "250.125",
    "0.123456",
    "1234.5",
    "999999.99",
];
const QUANTITIES: [&str; 10] = ["1", "1", "1", "2", "3", "0", "-1", "0.5", "1.25", "0.333333"];
const SHARES: [&str; 9] =
    ["0", "1", "0.7", "0.699999", "0.700001", "0.5", "0.25", "0.95", "0.333333"];
const POLICIES: [&str; 6] = [
    r#"{"churn":{"points":{"overdue":35,"late":5.5}}}"#,
    r#"{"churn.trend.down":0.9,"churn.trend.previous":1,"churn.grace_days":3}"#,
    r#"{"churn.below":{"response":0.9,"compliance":0.95,"sleep":7.5},"churn.response.messages":1}"#,
    r#"{"health.refund_rate.to":"0.01","health.weight":{"risk":0.3,"growth":0.1}}"#,
    r#"{"churn.level":{"medium":10,"high":20,"critical":30},"churn.response.hours":24}"#,
    "{}",
];
/// Names of health metrics and what feeds them, and one that means nothing to any vital.
const METRICS: [&str; 16] = [
    "nps",
    "cac",
    "uptime",
    "churn_rate",
    "compliance_status",
    "compliance",
    "cash_runway",
    "profit_margin",
    "repeat_rate",
    "fill_rate",
    "first_response",
    "lead_conversion",
    "volatility",
    "members_at_risk",
    "ltv_cac",
    "occupancy",
];

impl Pen<'_> {
    /// The text of a body.
    pub(super) fn body(&mut self, kind: Kind) -> String {
        let object = match kind {
            Kind::Organization => self.organization(),
            Kind::Location => self.location(),
            Kind::Customer => self.customer(),
            Kind::Staff => Object::default().text("name", "Noor").text("role", "coach"),
            Kind::Product => self.product(),
            Kind::Class => self.class(),
            Kind::Session => self.session(),
            Kind::Booking => self.booking(),
            Kind::Visit => self.visit(),
            Kind::Membership => self.membership(),
            Kind::Credit => self.credit(),
            Kind::Order => self.order(),
            Kind::Payment => self.payment(),
            Kind::Refund => self.refund(),
            Kind::Invoice => self.invoice(),
            Kind::Expense => self.expense(),
            Kind::Balance => self.balance(),
            Kind::Message => self.message(),
            Kind::Deal => self.deal(),
            Kind::Traffic => self.traffic(),
            Kind::Ticket => self.ticket(),
            Kind::Program => self.program(),
            Kind::Wearable => self.wearable(),
            Kind::Metric => self.metric(),
        };
        // Fields we do not know must change nothing.
        let object =
            if self.rng.chance(5) { object.raw("x_unknown", "{\"a\":[1]}") } else { object };
        object.finish()
    }

    fn organization(&mut self) -> Object {
        let sources = self.cast.sources.clone();
        let revenue_sources = match self.rng.below(8) {
            0 => Some(format!("[\"{}\"]", sources[0])),
            1 => Some(format!("[\"{}\"]", sources[sources.len() - 1])),
            2 => Some(format!("[\"nobody\",\"{}\"]", sources[0])),
            3 => Some("[]".to_owned()),
            _ => None,
        };
        let data_clock = self.cast.data_clock ^ self.rng.chance(8);
        let mut object = Object::default().text("name", "Springfield Gym");
        object = object.maybe("time_zone", self.zone(85));
        object = object.maybe("currency", self.perhaps(90, |pen| pen.cast.home.to_string()));
        if let Some(day) = self.perhaps(60, |pen| pen.rng.between(1, 8).to_string()) {
            object = object.raw("week_start", &day);
        }
        if let Some(list) = revenue_sources {
            object = object.raw("revenue_sources", &list);
        }
        if let Some(policy) = self.perhaps(35, |pen| pen.rng.pick(&POLICIES).to_owned()) {
            object = object.raw("policy", &policy);
        }
        object.maybe("clock", data_clock.then(|| "data".to_owned()))
    }

    fn location(&mut self) -> Object {
        Object::default().text("name", "Zamalek").maybe("time_zone", self.zone(50))
    }

    fn customer(&mut self) -> Object {
        let object = Object::default().text("first_name", "Ada");
        let object =
            self.status(object, &["active", "paused", "inactive", "lead", "cancelled"], 70);
        object.maybe("created_at", self.perhaps(60, |pen| pen.instant()))
    }

    fn product(&mut self) -> Object {
        let object = Object::default().text("title", "Mat");
        let object = object.maybe("price", self.perhaps(50, |pen| pen.price().0.to_owned()));
        object.maybe("first_sold_at", self.perhaps(80, |pen| pen.instant()))
    }

    fn class(&mut self) -> Object {
        let object = Object::default().text("name", "Flow");
        match self.perhaps(80, |pen| pen.rng.below(15).to_string()) {
            Some(capacity) => object.raw("capacity", &capacity),
            None => object,
        }
    }

    fn session(&mut self) -> Object {
        let object = Object::default().text("class_id", &reference(self.rng, Kind::Class));
        let object = object.text("starts_at", &self.instant_within(100));
        let object = object.maybe("location_id", self.maybe_id(Kind::Location, 75));
        let object = match self.perhaps(40, |pen| pen.rng.below(12).to_string()) {
            Some(capacity) => object.raw("capacity", &capacity),
            None => object,
        };
        self.status(object, &["scheduled", "completed", "cancelled"], 60)
    }

    fn booking(&mut self) -> Object {
        let object = self.of_customer(Object::default());
        let object = object.text("session_id", &reference(self.rng, Kind::Session));
        let all =
            &["confirmed", "waitlisted", "cancelled", "late_cancelled", "completed", "no_show"];
        let object = self.status(object, all, 80);
        let object = object.maybe("booked_at", self.perhaps(50, |pen| pen.instant()));
        object.maybe("checked_in_at", self.perhaps(15, |pen| pen.instant()))
    }

    fn visit(&mut self) -> Object {
        let object = self.of_customer(Object::default());
        let object = object.text("visited_at", &self.instant_within(100));
        let object = object.maybe("session_id", self.maybe_id(Kind::Session, 45));
        let object = object.maybe("location_id", self.maybe_id(Kind::Location, 45));
        self.status(object, &["attended", "attended", "no_show", "late_cancelled"], 60)
    }

    fn membership(&mut self) -> Object {
        let object = self.of_customer(Object::default());
        let object = object.text("started_at", &self.instant());
        let all = &["active", "active", "paused", "past_due", "cancelled", "expired"];
        let mut object = self.status(object, all, 80);
        object = object.maybe("ends_at", self.perhaps(25, |pen| pen.instant()));
        object = object.maybe("cancelled_at", self.perhaps(25, |pen| pen.instant()));
        if self.rng.chance(85) {
            object = object.decimal("price", self.price());
        }
        object = object.maybe("currency", self.perhaps(60, Self::currency));
        let interval =
            self.perhaps(60, |pen| pen.rng.pick(&["day", "week", "month", "year"]).to_owned());
        object = object.maybe("billing_interval", interval);
        if self.rng.chance(30) {
            object = object.raw("interval_count", &self.rng.between(1, 8).to_string());
        }
        if self.rng.chance(20) {
            object = object.text("quantity", self.rng.pick(&["0", "1.5", "2", "0.333333"]));
        }
        object
    }

    fn credit(&mut self) -> Object {
        let object = self.of_customer(Object::default()).text("credits", "-2");
        object.maybe("occurred_at", self.perhaps(60, |pen| pen.instant()))
    }

    fn order(&mut self) -> Object {
        let mut object = Object::default().text("ordered_at", &self.instant());
        object = object.text("currency", &self.currency());
        object = object.maybe("customer_id", self.maybe_id(Kind::Customer, 85));
        object = object.maybe("location_id", self.maybe_id(Kind::Location, 50));
        let all = &["paid", "paid", "paid", "partially_refunded", "refunded", "pending", "voided"];
        object = self.status(object, all, 75);
        let lines: Vec<String> = (0..self.rng.below(4)).map(|_| self.line()).collect();
        object = object.raw("lines", &format!("[{}]", lines.join(",")));
        if self.rng.chance(25) {
            object = object.decimal("discount", self.price());
        }
        if self.rng.chance(30) {
            object = object.decimal("tax", self.price());
        }
        if self.rng.chance(20) {
            object = object.decimal("shipping", self.price());
        }
        object
    }

    fn line(&mut self) -> String {
        let mut object = Object::default().maybe("product_id", self.maybe_id(Kind::Product, 80));
        if self.rng.chance(85) {
            let quoted = self.rng.chance(50);
            object = object.decimal("quantity", (self.rng.pick(&QUANTITIES), quoted));
        }
        if self.rng.chance(95) {
            object = object.decimal("unit_price", self.price());
        }
        if self.rng.chance(20) {
            object = object.decimal("discount", self.price());
        }
        if self.rng.chance(20) {
            object = object.decimal("tax", self.price());
        }
        object.finish()
    }

    fn payment(&mut self) -> Object {
        let object = Object::default().text("paid_at", &self.instant_within(20));
        let object = object.decimal("amount", self.price()).text("currency", &self.currency());
        let object = object.maybe("customer_id", self.maybe_id(Kind::Customer, 90));
        let object = object.maybe("order_id", self.maybe_id(Kind::Order, 30));
        self.status(object, &["succeeded", "failed", "failed", "pending"], 75)
    }

    fn refund(&mut self) -> Object {
        let object = Object::default().text("refunded_at", &self.instant());
        let object = object.decimal("amount", self.price()).text("currency", &self.currency());
        let object = object.maybe("order_id", self.maybe_id(Kind::Order, 75));
        let object = object.maybe("customer_id", self.maybe_id(Kind::Customer, 30));
        object.maybe("location_id", self.maybe_id(Kind::Location, 25))
    }

    fn invoice(&mut self) -> Object {
        let object = self.of_customer(Object::default());
        let object = object.text("issued_at", &self.instant());
        let object = object.maybe("due_at", self.perhaps(85, |pen| pen.instant_within(20)));
        let mut object = object.decimal("amount", self.price());
        if self.rng.chance(40) {
            object = object.decimal("balance", self.price());
        }
        object = object.maybe("currency", self.perhaps(60, Self::currency));
        self.status(object, &["open", "open", "paid", "void", "uncollectible"], 70)
    }

    fn expense(&mut self) -> Object {
        let object = Object::default().text("incurred_at", &self.instant_within(100));
        let object = object.decimal("amount", self.signed());
        let object = object.maybe("currency", self.perhaps(60, Self::currency));
        let category = self.perhaps(80, |pen| {
            pen.rng.pick(&["marketing", "Marketing", "rent", "wages"]).to_owned()
        });
        object.maybe("category", category)
    }

    fn balance(&mut self) -> Object {
        let object = Object::default().text("recorded_at", &self.instant());
        let object = object.decimal("amount", self.signed());
        let object = object.maybe("currency", self.perhaps(60, Self::currency));
        object.maybe("account", self.perhaps(60, |pen| format!("a{}", pen.rng.below(2))))
    }

    fn message(&mut self) -> Object {
        let object = self.of_customer(Object::default());
        let sent = self.cast.calendar.recent(self.rng, self.now, 95);
        let mut object = object.text("sent_at", &sent.to_string());
        object = self.status_named(object, "direction", &["out", "out", "out", "in"], 60);
        let three_days = 3 * DAY_US;
        let after = match self.rng.below(8) {
            0 => three_days,
            1 => three_days + 1,
            2 => -1,
            3 => 0,
            4 => self.rng.between(0, 5 * DAY_US),
            5 => 24 * 60 * MINUTE_US,
            _ => return object,
        };
        object = object.text("replied_at", &UtcMicros(sent.0 + after).to_string());
        object
    }

    fn deal(&mut self) -> Object {
        let object = Object::default().text("opened_at", &self.instant());
        let object = self.status(object, &["open", "won", "lost"], 85);
        object.maybe("closed_at", self.perhaps(75, |pen| pen.instant_within(95)))
    }

    fn traffic(&mut self) -> Object {
        let mut object = Object::default().text("on_date", &self.date());
        for (name, most) in [("sessions", 40), ("users", 30), ("conversions", 4)] {
            if self.rng.chance(85) {
                object = object.raw(name, &self.rng.below(most).to_string());
            }
        }
        object
    }

    fn ticket(&mut self) -> Object {
        let opened = self.cast.calendar.recent(self.rng, self.now, 95);
        let mut object = Object::default().text("opened_at", &opened.to_string());
        if self.rng.chance(75) {
            let answered = opened.0 + self.rng.between(-60, 4_000) * MINUTE_US;
            object = object.text("first_response_at", &UtcMicros(answered).to_string());
        }
        if self.rng.chance(70) {
            let nps = self.rng.pick(&["0", "6", "6.5", "7", "8", "8.999999", "9", "10"]);
            object = object.decimal("nps", (nps, false));
        }
        object.maybe("customer_id", self.maybe_id(Kind::Customer, 50))
    }

    fn program(&mut self) -> Object {
        let object = self.of_customer(Object::default()).text("on_date", &self.date());
        if self.rng.chance(85) {
            let quoted = self.rng.chance(50);
            return object.decimal("compliance", (self.rng.pick(&SHARES), quoted));
        }
        object
    }

    fn wearable(&mut self) -> Object {
        let object = self.of_customer(Object::default()).text("on_date", &self.date());
        if self.rng.chance(85) {
            let hours = self.rng.pick(&["0", "5.5", "5.999999", "6", "6.25", "8", "7.123456"]);
            return object.decimal("sleep_hours", (hours, true));
        }
        object
    }

    fn metric(&mut self) -> Object {
        let object = Object::default().text("metric_type", self.rng.pick(&METRICS));
        let value = self.rng.pick(&["0", "0.05", "12", "50", "99.5", "-10", "0.333333", "100"]);
        let object = object.decimal("value", (value, true)).text("recorded_at", &self.instant());
        let unit = self.perhaps(50, |pen| pen.rng.pick(&["%", "percent", "people"]).to_owned());
        object.maybe("unit", unit)
    }

    fn of_customer(&mut self, object: Object) -> Object {
        object.text("customer_id", &reference(self.rng, Kind::Customer))
    }

    fn status(&mut self, object: Object, all: &[&str], percent: u64) -> Object {
        self.status_named(object, "status", all, percent)
    }

    /// A status, its absence, or `null`, which means its absence.
    fn status_named(&mut self, object: Object, name: &str, all: &[&str], percent: u64) -> Object {
        if self.rng.chance(percent) {
            return object.text(name, self.rng.pick(all));
        }
        if self.rng.chance(20) { object.raw(name, "null") } else { object }
    }

    fn perhaps(&mut self, percent: u64, draw: impl FnOnce(&mut Self) -> String) -> Option<String> {
        if self.rng.chance(percent) { Some(draw(self)) } else { None }
    }

    fn maybe_id(&mut self, kind: Kind, percent: u64) -> Option<String> {
        self.perhaps(percent, |pen| reference(pen.rng, kind))
    }

    fn zone(&mut self, percent: u64) -> Option<String> {
        self.perhaps(percent, |pen| pen.rng.pick(&pen.cast.zones).name().to_owned())
    }

    fn currency(&mut self) -> String {
        match self.rng.below(12) {
            0 => "usd".to_owned(),
            1 => "JPY".to_owned(),
            2 => self.cast.home.to_string().to_lowercase(),
            _ => self.cast.home.to_string(),
        }
    }

    /// A price that is not negative, as text or as a number.
    fn price(&mut self) -> (&'static str, bool) {
        (self.rng.pick(&PRICES), self.rng.chance(50))
    }

    /// An amount that may be negative.
    fn signed(&mut self) -> (&'static str, bool) {
        if self.rng.chance(15) { ("-75.5", true) } else { self.price() }
    }

    fn instant(&mut self) -> String {
        let at = self.cast.calendar.instant(self.rng, self.now);
        self.write(at)
    }

    fn instant_within(&mut self, days: i64) -> String {
        let at = self.cast.calendar.recent(self.rng, self.now, days);
        self.write(at)
    }

    fn date(&mut self) -> String {
        self.cast.calendar.date(self.rng, self.now).to_string()
    }

    /// An instant as a source may write it: mostly in UTC, now and then with another offset.
    fn write(&mut self, at: UtcMicros) -> String {
        if !self.rng.chance(6) {
            return at.to_string();
        }
        let shifted = UtcMicros(at.0 + 345 * MINUTE_US).to_string();
        shifted.replace('Z', "+05:45")
    }
}
