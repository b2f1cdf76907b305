//! From a record to a fact: what each kind keeps, and what its change moves.

use vitals_model::Kind;
use vitals_model::kinds::{
    Body, Currency, Ident, InvoiceStatus, MembershipStatus, OrderStatus, PaymentStatus,
};
use vitals_model::local_time::Zone;
use vitals_model::policy::Policy;
use vitals_model::record::RecordView;
use vitals_model::utc::UtcMicros;

use super::NONE;
use super::facts::{
    Customer, Expense, Invoice, Location, Membership, Order, Organization, Payment, Product, Refund,
};
use super::tenant::Tenant;

/// Settles whether a record is news; if not, returns. Yields its number.
macro_rules! admit {
    ($tenant:ident, $latest:ident, $record:ident) => {{
        let Some((number, events)) = $tenant.$latest.admit($record) else { return };
        $tenant.clock_moved(events);
        number
    }};
}

/// A record's body of one kind; `None` for a tombstone.
macro_rules! body {
    ($record:expr, $kind:ident) => {
        match &$record.body {
            Some(Body::$kind(body)) => Some(body),
            _ => None,
        }
    };
}
pub(super) use {admit, body};

impl Tenant {
    /// Takes in one record.
    pub(super) fn arrive(&mut self, record: &RecordView<'_>) {
        match record.kind {
            Kind::Visit | Kind::Booking | Kind::Session | Kind::Class => {
                self.arrive_attendance(record);
            }
            Kind::Order => self.order(record),
            Kind::Payment => self.payment(record),
            Kind::Refund => self.refund(record),
            Kind::Customer => self.customer(record),
            Kind::Membership => self.membership(record),
            Kind::Organization => self.organization(record),
            Kind::Location => self.location(record),
            Kind::Product => {
                let number = admit!(self, products, record);
                let new = body!(record, Product)
                    .map(|it| Product { first_sold_at: it.first_sold_at.map(|at| at.0) });
                self.products.put(number, new);
                self.scans_stale = true;
            }
            Kind::Invoice => self.invoice(record),
            Kind::Expense => self.expense(record),
            Kind::Staff => {
                admit!(self, staff, record);
            }
            Kind::Credit => {
                admit!(self, credits, record);
            }
            Kind::Balance
            | Kind::Message
            | Kind::Deal
            | Kind::Traffic
            | Kind::Ticket
            | Kind::Program
            | Kind::Wearable
            | Kind::Metric => self.arrive_signal(record),
        }
    }

    fn organization(&mut self, record: &RecordView<'_>) {
        let number = admit!(self, organizations, record);
        let new = body!(record, Organization).map(|it| Organization {
            zone: it.time_zone.as_deref().and_then(Zone::named).unwrap_or_else(Zone::utc),
            currency: it.currency.unwrap_or(Currency::NONE),
            week_start: it.week_start.unwrap_or(1),
            clock: it.clock,
            revenue_sources: it
                .revenue_sources
                .as_ref()
                .map(|all| all.iter().map(|source| source.to_string()).collect()),
            policy: Policy::with(it.policy.as_ref()),
        });
        self.restate();
        self.organizations.put(number, new);
        self.settle_settings();
    }

    fn location(&mut self, record: &RecordView<'_>) {
        let number = admit!(self, locations, record);
        let new = body!(record, Location)
            .map(|it| Location { zone: it.time_zone.as_deref().and_then(Zone::named) });
        let old = self.place(number).zone;
        self.locations.put(number, new);
        self.stale |= self.place(number).zone != old;
    }

    fn customer(&mut self, record: &RecordView<'_>) {
        let number = admit!(self, customers, record);
        let new = body!(record, Customer).map(|it| Customer { status: it.status });
        self.customers.put(number, new);
        self.ledger.person(number);
    }

    pub(super) fn refer_location(&mut self, source: &str, id: Option<&Ident<'_>>) -> u32 {
        id.map_or(NONE, |id| self.locations.refer(source, id.as_str()))
    }

    pub(super) fn refer_customer(&mut self, source: &str, id: Option<&Ident<'_>>) -> u32 {
        id.map_or(NONE, |id| self.customers.refer(source, id.as_str()))
    }

    fn order(&mut self, record: &RecordView<'_>) {
        let number = admit!(self, orders, record);
        let source = &record.source;
        let new = body!(record, Order).map(|it| Order {
            ordered_at: it.ordered_at.0,
            currency: it.currency,
            customer: self.refer_customer(source, it.customer_id.as_ref()),
            location: self.refer_location(source, it.location_id.as_ref()),
            source: self.source(source),
            sold: !matches!(it.status, OrderStatus::Pending | OrderStatus::Voided),
            sums: it.sums().expect("a body whose sums do not fit is refused when it is parsed"),
            lines: it
                .lines
                .iter()
                .filter_map(|line| {
                    let product = self.products.refer(source, line.product_id.as_ref()?.as_str());
                    let amount = vitals_model::Money::line(line.quantity, line.unit_price)?;
                    Some((product, amount.0 - line.discount.0))
                })
                .collect(),
        });
        let refunds = self.refunds_of.get(&number).cloned().unwrap_or_default();
        self.weigh_order(number, &refunds, -1);
        self.orders.put(number, new);
        self.weigh_order(number, &refunds, 1);
    }

    /// Weighs an order and the refunds that take their customer or place from it.
    fn weigh_order(&mut self, number: u32, refunds: &[u32], sign: i64) {
        for refund in refunds {
            self.weigh_refund(*refund, sign);
        }
        self.weigh_order_alone(number, sign);
    }

    pub(super) fn weigh_order_alone(&mut self, number: u32, sign: i64) {
        let Some(order) = self.orders.get(number).filter(|it| it.sold) else { return };
        if !self.stale && self.counts_source(order.source) {
            let place = self.place(order.location);
            self.ledger.order(&self.settings, place, order, sign);
        }
    }

    fn refund(&mut self, record: &RecordView<'_>) {
        let number = admit!(self, refunds, record);
        let source = &record.source;
        let new = body!(record, Refund).map(|it| Refund {
            refunded_at: it.refunded_at.0,
            amount: it.amount.0,
            currency: it.currency,
            order: it.order_id.as_ref().map_or(NONE, |id| self.orders.refer(source, id.as_str())),
            customer: self.refer_customer(source, it.customer_id.as_ref()),
            location: self.refer_location(source, it.location_id.as_ref()),
            source: self.source(source),
        });
        self.weigh_refund(number, -1);
        if let Some(old) = self.refunds.put(number, new).filter(|old| old.order != NONE) {
            self.refunds_of.entry(old.order).or_default().retain(|it| *it != number);
        }
        if let Some(new) = new.filter(|new| new.order != NONE) {
            self.refunds_of.entry(new.order).or_default().push(number);
        }
        self.weigh_refund(number, 1);
    }

    pub(super) fn weigh_refund(&mut self, number: u32, sign: i64) {
        let Some(mut refund) = self.refunds.get(number).copied() else { return };
        if self.stale || !self.counts_source(refund.source) {
            return;
        }
        if let Some(order) = self.orders.get(refund.order) {
            let or = |own: u32, others: u32| if own == NONE { others } else { own };
            refund.customer = or(refund.customer, order.customer);
            refund.location = or(refund.location, order.location);
        }
        let place = self.place(refund.location);
        self.ledger.refund(&self.settings, place, &refund, sign);
    }

    fn payment(&mut self, record: &RecordView<'_>) {
        let number = admit!(self, payments, record);
        let source = &record.source;
        let new = body!(record, Payment).map(|it| Payment {
            customer: self.refer_customer(source, it.customer_id.as_ref()),
            paid_at: it.paid_at.0,
            status: it.status,
        });
        self.weigh_payment(number, -1);
        let old = self.payments.put(number, new);
        self.weigh_payment(number, 1);
        self.reindex(number, (old.map(|it| it.customer), new.map(|it| it.customer)), |it| {
            &mut it.payments
        });
    }

    pub(super) fn weigh_payment(&mut self, number: u32, sign: i64) {
        let Some(payment) = self.payments.get(number) else { return };
        let day = self.settings.zone.date(UtcMicros(payment.paid_at));
        let windows = &mut self.ledger.windows;
        if !self.stale && windows.holds(day, 30) {
            match payment.status {
                PaymentStatus::Succeeded => windows.paid30 += sign,
                PaymentStatus::Failed => windows.failed30 += sign,
                PaymentStatus::Pending => {}
            }
        }
    }

    fn membership(&mut self, record: &RecordView<'_>) {
        let number = admit!(self, memberships, record);
        let new = body!(record, Membership).map(|it| Membership {
            customer: self.customers.refer(&record.source, it.customer_id.as_str()),
            status: it.status,
            started_at: it.started_at.0,
            ends_at: it.ends_at.map(|at| at.0),
            cancelled_at: it.cancelled_at.map(|at| at.0),
            mrr: it.mrr().map_or(0, |mrr| mrr.0),
            currency: it.currency,
        });
        self.weigh_membership(number, -1);
        let old = self.memberships.put(number, new);
        self.weigh_membership(number, 1);
        self.reindex(number, (old.map(|it| it.customer), new.map(|it| it.customer)), |it| {
            &mut it.memberships
        });
    }

    pub(super) fn weigh_membership(&mut self, number: u32, sign: i64) {
        let Some(it) = self.memberships.get(number) else { return };
        if self.stale || !self.settings.is_home(it.currency) {
            return;
        }
        let mrr = i128::from(sign) * i128::from(it.mrr);
        let then = vitals_model::Date(self.ledger.windows.today.0 - 30);
        let counted_then = self.counted_on(it, then);
        let active = it.status == MembershipStatus::Active;
        self.ledger.windows.mrr_now += if active { mrr } else { 0 };
        self.ledger.windows.mrr_then += if counted_then { mrr } else { 0 };
    }

    fn invoice(&mut self, record: &RecordView<'_>) {
        let number = admit!(self, invoices, record);
        let new = body!(record, Invoice).map(|it| Invoice {
            customer: self.customers.refer(&record.source, it.customer_id.as_str()),
            due_at: it.due_at.map(|at| at.0),
            status: it.status,
            balance: it.balance.unwrap_or(it.amount).0,
            currency: it.currency,
        });
        self.weigh_invoice(number, -1);
        let old = self.invoices.put(number, new);
        self.weigh_invoice(number, 1);
        self.reindex(number, (old.map(|it| it.customer), new.map(|it| it.customer)), |it| {
            &mut it.rare().invoices
        });
    }

    pub(super) fn weigh_invoice(&mut self, number: u32, sign: i64) {
        let Some(it) = self.invoices.get(number) else { return };
        let open = it.status == InvoiceStatus::Open && self.settings.is_home(it.currency);
        if self.stale || !open {
            return;
        }
        let balance = i128::from(sign) * i128::from(it.balance);
        let windows = &mut self.ledger.windows;
        windows.receivable += balance;
        let due = it.due_at.map(|at| self.settings.zone.date(UtcMicros(at)));
        if due.is_some_and(|due| due < windows.today) {
            windows.overdue += balance;
        }
    }

    fn expense(&mut self, record: &RecordView<'_>) {
        let number = admit!(self, expenses, record);
        let new = body!(record, Expense).map(|it| Expense {
            incurred_at: it.incurred_at.0,
            amount: it.amount.0,
            currency: it.currency,
            marketing: it.category.as_deref().is_some_and(|it| it.to_lowercase() == "marketing"),
        });
        self.weigh_expense(number, -1);
        self.expenses.put(number, new);
        self.weigh_expense(number, 1);
    }

    pub(super) fn weigh_expense(&mut self, number: u32, sign: i64) {
        let Some(it) = self.expenses.get(number) else { return };
        if self.stale || !self.settings.is_home(it.currency) {
            return;
        }
        let day = self.settings.zone.date(UtcMicros(it.incurred_at));
        let amount = i128::from(sign) * i128::from(it.amount);
        let windows = &mut self.ledger.windows;
        windows.expenses30 += if windows.holds(day, 30) { amount } else { 0 };
        if windows.holds(day, 90) {
            windows.expenses90 += amount;
            windows.marketing90 += if it.marketing { amount } else { 0 };
        }
    }
}
