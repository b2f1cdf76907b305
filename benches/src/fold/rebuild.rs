//! A tenant from its facts alone: what a change of settings, of a zone or of today leads to.
//!
//! Promises the same derived state as if every fact had arrived under the settings that are now in force.

use vitals_model::kinds::EventTime;
use vitals_model::utc::Date;

use super::calendar::Calendar;
use super::tenant::Tenant;
use super::windows::Windows;

impl Tenant {
    /// Keeps the churn rows as they were yielded, before the policy they were made by is replaced.
    pub(super) fn restate(&mut self) {
        for (number, person) in (0u32..).zip(&self.ledger.people) {
            if let Some(seen) = person.seen {
                let row = || seen.row(&self.settings.churn);
                self.restated.entry(number).or_insert_with(row);
            }
        }
    }

    /// Derives everything anew, for this today.
    pub(super) fn rebuild(&mut self, today: Date) {
        self.stale = false;
        self.scans_stale = true;
        let ledger = &mut self.ledger;
        ledger.calendar = Calendar::new(self.settings.week_start);
        ledger.windows = Windows::new(today);
        ledger.revenue.clear();
        ledger.heat.clear();
        ledger.net90.clear();
        ledger.product_net30.clear();
        for customer in self.customers.numbers() {
            ledger.person(customer).forget();
        }
        for number in self.orders.numbers() {
            self.weigh_order_alone(number, 1);
        }
        for number in self.refunds.numbers() {
            self.weigh_refund(number, 1);
        }
        for number in self.sessions.numbers() {
            self.weigh_session_alone(number, 1);
        }
        for number in self.bookings.numbers() {
            if let Some(booking) = self.bookings.get(number).copied() {
                self.weigh_booking(&booking, 1);
            }
        }
        for number in self.visits.numbers() {
            if let Some(visit) = self.visits.get(number).copied() {
                self.weigh_lone_visit(&visit, 1);
            }
        }
        self.settle_all();
        self.payments.numbers().for_each(|number| self.weigh_payment(number, 1));
        self.memberships.numbers().for_each(|number| self.weigh_membership(number, 1));
        self.invoices.numbers().for_each(|number| self.weigh_invoice(number, 1));
        self.expenses.numbers().for_each(|number| self.weigh_expense(number, 1));
        self.deals.numbers().for_each(|number| self.weigh_deal(number, 1));
        self.traffic.numbers().for_each(|number| self.weigh_traffic(number, 1));
        self.tickets.numbers().for_each(|number| self.weigh_ticket(number, 1));
    }

    /// The event times of all its records.
    pub(super) fn events(&self) -> impl Iterator<Item = EventTime> {
        let people =
            self.customers.events().chain(self.bookings.events()).chain(self.visits.events());
        let money = self
            .memberships
            .events()
            .chain(self.credits.events())
            .chain(self.orders.events())
            .chain(self.payments.events())
            .chain(self.refunds.events())
            .chain(self.invoices.events())
            .chain(self.expenses.events())
            .chain(self.balances.events());
        let signals = self
            .messages
            .events()
            .chain(self.deals.events())
            .chain(self.traffic.events())
            .chain(self.tickets.events())
            .chain(self.programs.events())
            .chain(self.wearables.events())
            .chain(self.metrics.events());
        people.chain(money).chain(signals)
    }
}
