//! One tenant's current records as the tables of contracts section 6.
//!
//! Promises one row per record with every default filled in, those that come from another record too (a
//! session's capacity, a visit's location, a refund's customer), and one row of `order_lines` per line.
//! Columns are the body's fields in the contracts' order behind `id, source, source_id, version,
//! received_at`. The definitions alone see one more, of `visits`: `own_location_id`, before the session's
//! is filled in.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use vitals_model::kinds::{self, Body, Clock, EventTime, Ident};
use vitals_model::local_time::Zone;
use vitals_model::{Date, Kind, UtcMicros};

use crate::records::{Key, Latest};

mod business;
pub(crate) mod columns;
mod money;
pub mod own;
mod people;
mod signals;
mod words;

use columns::Row;

/// The name of the table of order lines, the only one that is not a kind's.
pub const ORDER_LINES: &str = "order_lines";

/// One tenant's records, table by table.
#[derive(Clone, Debug)]
pub struct RecordTables {
    batches: BTreeMap<&'static str, RecordBatch>,
    /// `visits` as the definitions read it.
    own_visits: RecordBatch,
    zone: Zone,
    clock: Clock,
    last_event: Option<Date>,
}

macro_rules! parsed {
    ($($field:ident $kind:ident),* $(,)?) => {
        /// Every current record, parsed, each kind ordered by source and id.
        #[derive(Debug, Default)]
        pub(crate) struct Parsed<'a> {
            $(pub(crate) $field: Vec<Row<'a, kinds::$kind<'a>>>,)*
            pub(crate) traffic: Vec<Row<'a, kinds::Traffic>>,
            events: Vec<EventTime>,
        }

        impl<'a> Parsed<'a> {
            fn push(
                &mut self,
                (source, id): (&'a str, &'a str),
                (version, received_at): (i64, UtcMicros),
                body: Body<'a>,
            ) {
                self.events.extend(body.event_time());
                match body {
                    $(Body::$kind(body) => {
                        self.$field.push(Row { source, id, version, received_at, body });
                    })*
                    Body::Traffic(body) => {
                        self.traffic.push(Row { source, id, version, received_at, body });
                    }
                }
            }
        }
    };
}

parsed! {
    organizations Organization, locations Location, customers Customer, staff Staff,
    products Product, classes Class, sessions Session, bookings Booking, visits Visit,
    memberships Membership, credits Credit, orders Order, payments Payment, refunds Refund,
    invoices Invoice, expenses Expense, balances Balance, messages Message, deals Deal,
    tickets Ticket, programs Program, wearables Wearable, metrics Metric,
}

/// The record a reference names, among rows ordered by source and id.
pub(crate) fn find<'r, 'a, B>(
    rows: &'r [Row<'a, B>],
    source: &str,
    id: &Ident<'_>,
) -> Option<&'r B> {
    let at = rows.binary_search_by(|row| (row.source, row.id).cmp(&(source, id.as_str())));
    at.ok().map(|at| &rows[at].body)
}

impl RecordTables {
    /// Builds the tables from current records, ordered by kind, source and id, their bodies' text
    /// known to parse.
    pub(crate) fn build<'a>(records: impl Iterator<Item = (&'a Key, &'a Latest, &'a str)>) -> Self {
        let mut parsed = Parsed::default();
        for (key, latest, text) in records {
            let body = Body::parse(key.0, text).expect("a body is parsed before it is kept");
            parsed.push((&key.1, &key.2), (latest.version, latest.received_at), body);
        }
        Self::of(&parsed)
    }

    fn of(parsed: &Parsed<'_>) -> Self {
        let settings =
            parsed.organizations.iter().min_by_key(|row| row.sql_id()).map(|row| &row.body);
        let zone = settings.and_then(|it| it.time_zone.as_deref()).and_then(Zone::named);
        let zone = zone.unwrap_or_else(Zone::utc);
        let event_date = |event: &EventTime| match event {
            EventTime::At(at) => zone.date(*at),
            EventTime::On(date) => *date,
        };
        let mut batches = BTreeMap::new();
        for (kind, batch) in business::tables(parsed, Some(zone))
            .into_iter()
            .chain(people::tables(parsed))
            .chain(money::tables(parsed))
            .chain(signals::tables(parsed))
        {
            batches.insert(kind.table(), batch);
        }
        batches.insert(ORDER_LINES, money::order_lines(&parsed.orders));
        let (visits, own_visits) = people::visits(&parsed.visits, &parsed.sessions);
        batches.insert(Kind::Visit.table(), visits);
        Self {
            batches,
            own_visits,
            zone,
            clock: settings.map(|it| it.clock).unwrap_or_default(),
            last_event: parsed.events.iter().map(event_date).max(),
        }
    }

    /// The tables of a tenant without records: what definitions are planned against.
    #[must_use]
    pub fn empty() -> Self {
        Self::of(&Parsed::default())
    }

    /// Every table's name.
    pub fn names() -> impl Iterator<Item = &'static str> {
        Kind::ALL.iter().map(|kind| kind.table()).chain([ORDER_LINES])
    }

    /// The rows of a table; `None` when there is no table of that name.
    #[must_use]
    pub fn get(&self, table: &str) -> Option<&RecordBatch> {
        self.batches.get(table)
    }

    /// Every table with its name, as the definitions read them.
    pub(crate) fn for_definitions(&self) -> impl Iterator<Item = (&'static str, &RecordBatch)> {
        self.batches.iter().map(|(name, batch)| {
            (*name, if *name == Kind::Visit.table() { &self.own_visits } else { batch })
        })
    }

    /// The tenant's zone: its organization's, else UTC.
    #[must_use]
    pub fn zone(&self) -> Zone {
        self.zone
    }

    /// The tenant's today by its clock, when the wall clock shows `now`: the local date of `now`, or of
    /// the latest event among the records (1970-01-01 without any).
    #[must_use]
    pub fn today(&self, now: UtcMicros) -> Date {
        match self.clock {
            Clock::Wall => self.zone.date(now),
            Clock::Data => self.last_event.unwrap_or_default(),
        }
    }
}
