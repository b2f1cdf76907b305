//! Records as columns, each by what it says itself: what a file of records holds.
//!
//! Promises the columns of contracts section 6, with the defaults that a body settles alone. What comes from
//! another record (a session's capacity, a visit's location) is left NULL: that record may change later, and
//! [`FILLED`] says how it is looked up then.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use vitals_model::kinds::Body;
use vitals_model::{Kind, UtcMicros};

use super::{Parsed, RecordTables, business, money, people, signals};

/// One record that is not deleted.
#[derive(Clone, Copy, Debug)]
pub struct Own<'a> {
    /// The source that knows the thing.
    pub source: &'a str,
    /// The thing's id in that source.
    pub id: &'a str,
    /// Larger is newer.
    pub version: i64,
    /// When this version was first seen.
    pub received_at: UtcMicros,
    /// Its body's text, known to parse.
    pub body: &'a str,
}

/// A table whose rows take defaults from other records.
#[derive(Clone, Copy, Debug)]
pub struct Filled {
    /// Its name.
    pub table: &'static str,
    /// The columns that are filled in.
    pub columns: &'static [&'static str],
    /// The table that it reads besides itself.
    pub reads: &'static str,
    /// The query that fills them in, over tables as [`rows`] gives them.
    pub sql: &'static str,
}

/// Every table whose rows take defaults from other records.
pub const FILLED: [Filled; 4] = [
    Filled {
        table: "locations",
        columns: &["time_zone"],
        reads: "organizations",
        sql: "select l.id, l.source, l.source_id, l.version, l.received_at, l.name, \
                coalesce(l.time_zone, o.time_zone, 'UTC') as time_zone \
         from locations l left join (select time_zone from organizations order by id limit 1) o on true",
    },
    Filled {
        table: "sessions",
        columns: &["capacity", "instructor_id"],
        reads: "classes",
        sql: "select s.id, s.source, s.source_id, s.version, s.received_at, s.class_id, s.starts_at, s.ends_at, \
                s.location_id, coalesce(s.capacity, c.capacity) as capacity, \
                coalesce(s.instructor_id, c.instructor_id) as instructor_id, s.status \
         from sessions s left join classes c on c.id = s.class_id",
    },
    Filled {
        table: "visits",
        columns: &["location_id"],
        reads: "sessions",
        sql: "select v.id, v.source, v.source_id, v.version, v.received_at, v.customer_id, v.visited_at, \
                v.session_id, coalesce(v.location_id, s.location_id) as location_id, v.status \
         from visits v left join sessions s on s.id = v.session_id",
    },
    Filled {
        table: "refunds",
        columns: &["customer_id", "location_id"],
        reads: "orders",
        sql: "select r.id, r.source, r.source_id, r.version, r.received_at, r.refunded_at, r.amount, r.currency, \
                r.order_id, coalesce(r.customer_id, o.customer_id) as customer_id, \
                coalesce(r.location_id, o.location_id) as location_id, r.reason \
         from refunds r left join orders o on o.id = r.order_id",
    },
];

/// The columns of a record table; `None` when there is no table of that name.
#[must_use]
pub fn schema(table: &str) -> Option<SchemaRef> {
    RecordTables::empty().get(table).map(RecordBatch::schema)
}

/// Records of one kind as rows of its table, in the order given.
///
/// # Panics
/// A body does not parse: none is kept that does not.
#[must_use]
pub fn rows(kind: Kind, records: &[Own<'_>]) -> RecordBatch {
    let parsed = parse(kind, records);
    let tables = business::tables(&parsed, None)
        .into_iter()
        .chain(people::tables(&parsed))
        .chain(money::tables(&parsed))
        .chain(signals::tables(&parsed));
    let visits = (Kind::Visit, people::visits(&parsed.visits, &[]).0);
    let of_kind = tables.chain([visits]).find(|(it, _)| *it == kind);
    of_kind.map(|(_, batch)| batch).expect("every kind has a table")
}

/// The lines of orders as rows of `order_lines`, in the order given, and how many each order has.
///
/// # Panics
/// As [`rows`].
#[must_use]
pub fn lines(orders: &[Own<'_>]) -> (RecordBatch, Vec<usize>) {
    let orders = parse(Kind::Order, orders).orders;
    (money::order_lines(&orders), orders.iter().map(|it| it.body.lines.len()).collect())
}

fn parse<'a>(kind: Kind, records: &[Own<'a>]) -> Parsed<'a> {
    let mut parsed = Parsed::default();
    for it in records {
        let body = Body::parse(kind, it.body).expect("a body is parsed before it is kept");
        parsed.push((it.source, it.id), (it.version, it.received_at), body);
    }
    parsed
}
