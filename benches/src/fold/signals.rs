//! The kinds that say how things are rather than what was sold: messages, deals, traffic, tickets, readings,
//! balances and free metrics.

use vitals_model::Kind;
use vitals_model::decimal::MICROS;
use vitals_model::kinds::{Body, DealStatus, Direction};
use vitals_model::record::RecordView;
use vitals_model::utc::UtcMicros;

use super::NONE;
use super::arrive::{admit, body};
use super::customers::Person;
use super::facts::{Balance, Deal, Message, Metric, Reading, Ticket, Traffic};
use super::tenant::Tenant;

impl Tenant {
    /// Takes in a record of a kind this file keeps.
    pub(super) fn arrive_signal(&mut self, record: &RecordView<'_>) {
        match record.kind {
            Kind::Message => self.message(record),
            Kind::Deal => self.deal(record),
            Kind::Traffic => self.arrive_traffic(record),
            Kind::Ticket => self.ticket(record),
            Kind::Program => self.program(record),
            Kind::Wearable => self.wearable(record),
            Kind::Balance => self.balance(record),
            _ => self.metric(record),
        }
    }

    /// Moves a record's number from one customer's list to another's.
    pub(super) fn reindex(
        &mut self,
        number: u32,
        (old, new): (Option<u32>, Option<u32>),
        list: impl Fn(&mut Person) -> &mut Vec<u32>,
    ) {
        let [old, new] = [old, new].map(|it| it.filter(|customer| *customer != NONE));
        if let Some(old) = old {
            list(self.ledger.person(old)).retain(|it| *it != number);
        }
        if let Some(new) = new {
            list(self.ledger.person(new)).push(number);
        }
    }

    fn message(&mut self, record: &RecordView<'_>) {
        let number = admit!(self, messages, record);
        let new = body!(record, Message).map(|it| Message {
            customer: self.customers.refer(&record.source, it.customer_id.as_str()),
            sent_at: it.sent_at.0,
            outbound: it.direction == Direction::Out,
            replied_at: it.replied_at.map(|at| at.0),
        });
        let old = self.messages.put(number, new);
        self.reindex(number, (old.map(|it| it.customer), new.map(|it| it.customer)), |it| {
            &mut it.rare().messages
        });
    }

    fn program(&mut self, record: &RecordView<'_>) {
        let number = admit!(self, programs, record);
        let new = body!(record, Program).map(|it| Reading {
            customer: self.customers.refer(&record.source, it.customer_id.as_str()),
            on: it.on_date,
            value: it.compliance.map(|it| it.0),
        });
        let old = self.programs.put(number, new);
        self.reindex(number, (old.map(|it| it.customer), new.map(|it| it.customer)), |it| {
            &mut it.rare().programs
        });
    }

    fn wearable(&mut self, record: &RecordView<'_>) {
        let number = admit!(self, wearables, record);
        let new = body!(record, Wearable).map(|it| Reading {
            customer: self.customers.refer(&record.source, it.customer_id.as_str()),
            on: it.on_date,
            value: it.sleep_hours.map(|it| it.0),
        });
        let old = self.wearables.put(number, new);
        self.reindex(number, (old.map(|it| it.customer), new.map(|it| it.customer)), |it| {
            &mut it.rare().wearables
        });
    }

    fn deal(&mut self, record: &RecordView<'_>) {
        let number = admit!(self, deals, record);
        let new = body!(record, Deal)
            .map(|it| Deal { status: it.status, closed_at: it.closed_at.map(|at| at.0) });
        self.weigh_deal(number, -1);
        self.deals.put(number, new);
        self.weigh_deal(number, 1);
    }

    pub(super) fn weigh_deal(&mut self, number: u32, sign: i64) {
        let Some(it) = self.deals.get(number) else { return };
        let Some(closed_at) = it.closed_at else { return };
        let day = self.settings.zone.date(UtcMicros(closed_at));
        let windows = &mut self.ledger.windows;
        if !self.stale && windows.holds(day, 90) {
            match it.status {
                DealStatus::Won => windows.won += sign,
                DealStatus::Lost => windows.lost += sign,
                DealStatus::Open => {}
            }
        }
    }

    fn arrive_traffic(&mut self, record: &RecordView<'_>) {
        let number = admit!(self, traffic, record);
        let new = body!(record, Traffic).map(|it| Traffic {
            on: it.on_date,
            sessions: it.sessions.map_or(0, |it| it.0),
            conversions: it.conversions.map_or(0, |it| it.0),
        });
        self.weigh_traffic(number, -1);
        self.traffic.put(number, new);
        self.weigh_traffic(number, 1);
    }

    pub(super) fn weigh_traffic(&mut self, number: u32, sign: i64) {
        let Some(it) = self.traffic.get(number) else { return };
        let windows = &mut self.ledger.windows;
        if !self.stale && windows.holds(it.on, 30) {
            windows.traffic_sessions += i128::from(sign) * i128::from(it.sessions);
            windows.conversions += i128::from(sign) * i128::from(it.conversions);
        }
    }

    fn ticket(&mut self, record: &RecordView<'_>) {
        let number = admit!(self, tickets, record);
        let new = body!(record, Ticket).map(|it| Ticket {
            opened_at: it.opened_at.0,
            first_response_at: it.first_response_at.map(|at| at.0),
            nps: it.nps.map(|it| it.0),
        });
        self.weigh_ticket(number, -1);
        self.tickets.put(number, new);
        self.weigh_ticket(number, 1);
        self.scans_stale = true;
    }

    pub(super) fn weigh_ticket(&mut self, number: u32, sign: i64) {
        let Some(it) = self.tickets.get(number) else { return };
        let Some(nps) = it.nps else { return };
        let day = self.settings.zone.date(UtcMicros(it.opened_at));
        let windows = &mut self.ledger.windows;
        if !self.stale && windows.holds(day, 90) {
            windows.asked += sign;
            windows.promoters += if nps >= 9 * MICROS { sign } else { 0 };
            windows.detractors += if nps <= 6 * MICROS { sign } else { 0 };
        }
    }

    fn balance(&mut self, record: &RecordView<'_>) {
        let number = admit!(self, balances, record);
        let new = body!(record, Balance).map(|it| Balance {
            recorded_at: it.recorded_at.0,
            amount: it.amount.0,
            currency: it.currency,
            account: (self.source(&record.source), it.account.as_deref().map(str::to_owned)),
        });
        self.balances.put(number, new);
        self.scans_stale = true;
    }

    fn metric(&mut self, record: &RecordView<'_>) {
        let number = admit!(self, metrics, record);
        let new = body!(record, Metric).map(|it| Metric {
            name: it.metric_type.to_string(),
            value: it.value.0,
            percent: matches!(it.unit.as_deref(), Some("%" | "percent")),
            recorded_at: it.recorded_at.0,
        });
        self.metrics.put(number, new);
        self.scans_stale = true;
    }
}
