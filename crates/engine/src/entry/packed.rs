//! Slots as bytes: version, fingerprint, and what is kept of the record, a tag and its fields in order.
//!
//! Promises that what is unpacked is what was packed.

use vitals_dataflows::facts::Outcome;
use vitals_dataflows::packed::{put, take, take_as};
use vitals_model::Date;
use vitals_model::kinds::{Currency, DealStatus, MembershipStatus, PaymentStatus};
use vitals_model::local_time::Zone;

use super::{Entry, OrderEntry, Slot};

const OUTCOMES: [Outcome; 3] = [Outcome::Attended, Outcome::NoShow, Outcome::LateCancelled];
const MEMBERSHIPS: [MembershipStatus; 5] = [
    MembershipStatus::Active,
    MembershipStatus::Paused,
    MembershipStatus::PastDue,
    MembershipStatus::Cancelled,
    MembershipStatus::Expired,
];
const PAYMENTS: [PaymentStatus; 3] =
    [PaymentStatus::Succeeded, PaymentStatus::Failed, PaymentStatus::Pending];
const DEALS: [DealStatus; 3] = [DealStatus::Open, DealStatus::Won, DealStatus::Lost];

impl Slot {
    /// Packs the slot into an empty buffer; a slot that was never seen is no bytes at all.
    pub(crate) fn pack(&self, out: &mut Vec<u8>) {
        out.clear();
        if self.entry == Entry::Unseen {
            return;
        }
        put_instant(out, self.version);
        out.extend(self.fingerprint.to_le_bytes());
        Writer(out).entry(&self.entry);
    }

    pub(crate) fn unpack(mut bytes: &[u8]) -> Self {
        if bytes.is_empty() {
            return Self::default();
        }
        let version = take_instant(&mut bytes);
        let (fingerprint, rest) = bytes.split_first_chunk().expect("what was packed is whole");
        let fingerprint = u32::from_le_bytes(*fingerprint);
        let mut reader = Reader(rest);
        Self { version, fingerprint, entry: reader.entry() }
    }
}

/// Whole seconds are told from microseconds by the lowest bit, and counted from 2020.
const EPOCH_S: i64 = 1_577_836_800;
const SECOND_US: i64 = 1_000_000;

/// Appends an instant or anything else: whole seconds of our time take five bytes.
fn put_instant(out: &mut Vec<u8>, us: i64) {
    if us % SECOND_US == 0 {
        put(out, (us / SECOND_US - EPOCH_S) * 2 + 1);
    } else if let Some(even) = us.checked_mul(2).filter(|even| *even != 0) {
        put(out, even);
    } else {
        put(out, 0);
        put(out, us);
    }
}

fn take_instant(bytes: &mut &[u8]) -> i64 {
    match take(bytes) {
        0 => take(bytes),
        odd if odd & 1 != 0 => ((odd - 1) / 2 + EPOCH_S) * SECOND_US,
        even => even / 2,
    }
}

struct Writer<'a>(&'a mut Vec<u8>);

impl Writer<'_> {
    fn tag(&mut self, tag: u8, flags: u8) -> &mut Self {
        self.0.extend([tag, flags]);
        self
    }

    fn number(&mut self, number: impl Into<i64>) -> &mut Self {
        put(self.0, number.into());
        self
    }

    fn instant(&mut self, at: i64) -> &mut Self {
        put_instant(self.0, at);
        self
    }

    fn perhaps(&mut self, number: Option<impl Into<i64>>) -> &mut Self {
        match number {
            Some(number) => self.number(1).number(number),
            None => self.number(0),
        }
    }

    fn currency(&mut self, currency: Option<Currency>) -> &mut Self {
        // No letter is zero.
        self.0.extend(currency.map_or([0; 3], |it| it.0));
        self
    }

    fn entry(&mut self, entry: &Entry) {
        match entry {
            Entry::Unseen => unreachable!("a slot that was never seen has no bytes"),
            Entry::Deleted => self.tag(1, 0),
            Entry::Other { event } => self.tag(2, 0).perhaps(*event),
            Entry::Organization => self.tag(3, 0),
            Entry::Location { zone } => self.tag(4, 0).perhaps(zone.map(Zone::number)),
            Entry::Customer { live, created } => self.tag(5, u8::from(*live)).perhaps(*created),
            Entry::Product { first_sold } => self.tag(6, 0).perhaps(*first_sold),
            Entry::Class { capacity } => self.tag(7, 0).perhaps(*capacity),
            Entry::Session { class, at, location, capacity, cancelled } => self
                .tag(8, u8::from(*cancelled))
                .number(*class)
                .instant(*at)
                .number(*location)
                .perhaps(*capacity),
            Entry::Booking { customer, session, outcome, waitlisted, booked } => self
                .tag(9, u8::from(*waitlisted))
                .number(*customer)
                .number(*session)
                .perhaps(outcome.map(|it| it as u8))
                .perhaps(*booked),
            Entry::Visit { customer, session, location, at, outcome } => self
                .tag(10, *outcome as u8)
                .number(*customer)
                .number(*session)
                .number(*location)
                .instant(*at),
            Entry::Membership { customer, status, start, end, mrr, currency } => self
                .tag(11, *status as u8)
                .number(*customer)
                .instant(*start)
                .instant(*end)
                .number(*mrr)
                .currency(*currency),
            Entry::Order(order) => self.order(order),
            Entry::Payment { customer, at, status } => {
                self.tag(13, *status as u8).number(*customer).instant(*at)
            }
            Entry::Refund { order, customer, location, at, amount, currency } => self
                .tag(14, 0)
                .number(*order)
                .number(*customer)
                .number(*location)
                .instant(*at)
                .number(*amount)
                .currency(Some(*currency)),
            Entry::Invoice { customer, open, issued, due, balance, currency } => self
                .tag(15, u8::from(*open))
                .number(*customer)
                .instant(*issued)
                .perhaps(*due)
                .number(*balance)
                .currency(*currency),
            _ => self.signals(entry),
        };
    }

    fn order(&mut self, order: &OrderEntry) -> &mut Self {
        let OrderEntry { at, customer, location, currency, counted, .. } = order;
        self.tag(12, u8::from(*counted)).instant(*at).number(*customer).number(*location);
        self.currency(Some(*currency));
        for sum in [order.gross, order.discount, order.tax, order.units] {
            self.number(sum);
        }
        let lines = i64::try_from(order.lines.len()).expect("an order has few lines");
        self.number(lines);
        for (product, amount) in &order.lines {
            self.number(*product).number(*amount);
        }
        self
    }

    fn signals(&mut self, entry: &Entry) -> &mut Self {
        match *entry {
            Entry::Expense { at, amount, currency, marketing } => {
                self.tag(16, u8::from(marketing)).instant(at).number(amount).currency(currency)
            }
            Entry::Balance { account, at, amount, currency } => {
                self.tag(17, 0).number(account).instant(at).number(amount).currency(currency)
            }
            Entry::Message { customer, at, outbound, reply } => {
                self.tag(18, u8::from(outbound)).number(customer).instant(at).perhaps(reply)
            }
            Entry::Deal { opened, closed, status } => {
                self.tag(19, status as u8).instant(opened).perhaps(closed)
            }
            Entry::Traffic { on, sessions, conversions } => {
                self.tag(20, 0).number(on.0).number(sessions).number(conversions)
            }
            Entry::Ticket { opened, response, nps } => {
                self.tag(21, 0).instant(opened).perhaps(response).perhaps(nps)
            }
            Entry::Program { customer, on, compliance } => {
                self.tag(22, 0).number(customer).number(on.0).perhaps(compliance)
            }
            Entry::Wearable { customer, on, hours } => {
                self.tag(23, 0).number(customer).number(on.0).perhaps(hours)
            }
            Entry::Metric { slot, percent, at, value } => {
                self.tag(24, u8::from(percent)).perhaps(slot).instant(at).number(value)
            }
            _ => unreachable!("packed before"),
        }
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().expect("what was packed is whole");
        self.0 = rest;
        *first
    }

    fn number<T: TryFrom<i64>>(&mut self) -> T {
        take_as(&mut self.0)
    }

    fn instant(&mut self) -> i64 {
        take_instant(&mut self.0)
    }

    fn perhaps<T: TryFrom<i64>>(&mut self) -> Option<T> {
        (take(&mut self.0) != 0).then(|| self.number())
    }

    fn currency(&mut self) -> Option<Currency> {
        let code = [self.byte(), self.byte(), self.byte()];
        (code != [0; 3]).then_some(Currency(code))
    }

    fn entry(&mut self) -> Entry {
        let (tag, flags) = (self.byte(), self.byte());
        let flag = flags != 0;
        match tag {
            1 => Entry::Deleted,
            2 => Entry::Other { event: self.perhaps() },
            3 => Entry::Organization,
            4 => Entry::Location { zone: self.perhaps().and_then(Zone::numbered) },
            5 => Entry::Customer { live: flag, created: self.perhaps() },
            6 => Entry::Product { first_sold: self.perhaps() },
            7 => Entry::Class { capacity: self.perhaps() },
            8 => Entry::Session {
                cancelled: flag,
                class: self.number(),
                at: self.instant(),
                location: self.number(),
                capacity: self.perhaps(),
            },
            9 => Entry::Booking {
                waitlisted: flag,
                customer: self.number(),
                session: self.number(),
                outcome: self.perhaps().map(|it: u8| OUTCOMES[usize::from(it)]),
                booked: self.perhaps(),
            },
            10 => Entry::Visit {
                outcome: OUTCOMES[usize::from(flags)],
                customer: self.number(),
                session: self.number(),
                location: self.number(),
                at: self.instant(),
            },
            11 => Entry::Membership {
                status: MEMBERSHIPS[usize::from(flags)],
                customer: self.number(),
                start: self.instant(),
                end: self.instant(),
                mrr: self.number(),
                currency: self.currency(),
            },
            12 => Entry::Order(Box::new(self.order(flag))),
            13 => Entry::Payment {
                status: PAYMENTS[usize::from(flags)],
                customer: self.number(),
                at: self.instant(),
            },
            14 => Entry::Refund {
                order: self.number(),
                customer: self.number(),
                location: self.number(),
                at: self.instant(),
                amount: self.number(),
                currency: self.currency().expect("a refund has a currency"),
            },
            15 => Entry::Invoice {
                open: flag,
                customer: self.number(),
                issued: self.instant(),
                due: self.perhaps(),
                balance: self.number(),
                currency: self.currency(),
            },
            _ => self.signals(tag, flags),
        }
    }

    fn order(&mut self, counted: bool) -> OrderEntry {
        OrderEntry {
            counted,
            at: self.instant(),
            customer: self.number(),
            location: self.number(),
            currency: self.currency().expect("an order has a currency"),
            gross: self.number(),
            discount: self.number(),
            tax: self.number(),
            units: self.number(),
            lines: {
                let lines: u32 = self.number();
                (0..lines).map(|_| (self.number(), self.number())).collect()
            },
        }
    }

    fn signals(&mut self, tag: u8, flags: u8) -> Entry {
        let flag = flags != 0;
        match tag {
            16 => Entry::Expense {
                marketing: flag,
                at: self.instant(),
                amount: self.number(),
                currency: self.currency(),
            },
            17 => Entry::Balance {
                account: self.number(),
                at: self.instant(),
                amount: self.number(),
                currency: self.currency(),
            },
            18 => Entry::Message {
                outbound: flag,
                customer: self.number(),
                at: self.instant(),
                reply: self.perhaps(),
            },
            19 => Entry::Deal {
                status: DEALS[usize::from(flags)],
                opened: self.instant(),
                closed: self.perhaps(),
            },
            20 => Entry::Traffic {
                on: Date(self.number()),
                sessions: self.number(),
                conversions: self.number(),
            },
            21 => Entry::Ticket {
                opened: self.instant(),
                response: self.perhaps(),
                nps: self.perhaps(),
            },
            22 => Entry::Program {
                customer: self.number(),
                on: Date(self.number()),
                compliance: self.perhaps(),
            },
            23 => Entry::Wearable {
                customer: self.number(),
                on: Date(self.number()),
                hours: self.perhaps(),
            },
            24 => Entry::Metric {
                percent: flag,
                slot: self.perhaps(),
                at: self.instant(),
                value: self.number(),
            },
            tag => unreachable!("nothing is packed under {tag}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_entry(n: i64, flag: bool) -> Vec<Entry> {
        let (who, some) = (u32::MAX, flag.then_some(n));
        let currency = flag.then_some(Currency(*b"EUR"));
        let lines = Box::new([(who, n), (0, -1)]);
        let order = OrderEntry {
            at: n,
            customer: who,
            location: 0,
            currency: Currency(*b"USD"),
            counted: flag,
            gross: n,
            discount: 0,
            tax: -1,
            units: n,
            lines,
        };
        let mut entries = vec![
            Entry::Unseen,
            Entry::Deleted,
            Entry::Other { event: some },
            Entry::Organization,
            Entry::Location { zone: flag.then(Zone::utc) },
            Entry::Customer { live: flag, created: some },
            Entry::Product { first_sold: some },
            Entry::Class { capacity: flag.then_some(who) },
            Entry::Session { class: who, at: n, location: 0, capacity: None, cancelled: flag },
            Entry::Order(Box::new(order)),
            Entry::Invoice {
                customer: who,
                open: flag,
                issued: n,
                due: some,
                balance: n,
                currency,
            },
            Entry::Expense { at: n, amount: n, currency, marketing: flag },
            Entry::Balance { account: who, at: n, amount: n, currency },
            Entry::Message { customer: who, at: n, outbound: flag, reply: some },
            Entry::Traffic { on: Date(i32::MIN), sessions: n, conversions: n },
            Entry::Ticket { opened: n, response: some, nps: some },
            Entry::Program { customer: who, on: Date(i32::MAX), compliance: some },
            Entry::Wearable { customer: who, on: Date(0), hours: some },
            Entry::Metric { slot: flag.then_some(7), percent: flag, at: n, value: n },
        ];
        let refund = (Currency(*b"CHF"), who);
        entries.push(Entry::Refund {
            order: who,
            customer: 0,
            location: refund.1,
            at: n,
            amount: n,
            currency: refund.0,
        });
        for outcome in OUTCOMES {
            entries.push(Entry::Visit { customer: who, session: 0, location: who, at: n, outcome });
            entries.push(Entry::Booking {
                customer: who,
                session: who,
                outcome: flag.then_some(outcome),
                waitlisted: flag,
                booked: some,
            });
        }
        for status in MEMBERSHIPS {
            let (customer, end) = (who, i64::MAX);
            entries.push(Entry::Membership { customer, status, start: n, end, mrr: n, currency });
        }
        entries.extend(PAYMENTS.map(|status| Entry::Payment { customer: who, at: n, status }));
        entries.extend(DEALS.map(|status| Entry::Deal { opened: n, closed: some, status }));
        entries
    }

    #[test]
    fn every_entry_comes_back() {
        let mut bytes = Vec::new();
        let second = SECOND_US;
        for n in [0, 1, -1, second, -second, 7 * second + 1, i64::MIN, i64::MAX, EPOCH_S * second] {
            for flag in [false, true] {
                for entry in every_entry(n, flag) {
                    let seen = entry != Entry::Unseen;
                    let (version, fingerprint) = if seen { (n, u32::MAX - 7) } else { (0, 0) };
                    let slot = Slot { version, fingerprint, entry };
                    slot.pack(&mut bytes);
                    assert_eq!(Slot::unpack(&bytes), slot);
                }
            }
        }
    }
}
