//! Facts: what the door makes of records, and the dataflow reads.
//!
//! Every name is interned (a tenant, a customer, a location is a `u32`; 0 is none), every reference is
//! resolved, every default filled in. Facts are small, copyable and ordered; no text crosses an operator.

use vitals_model::kinds::Currency;
use vitals_model::local_time::Zone;

pub use crate::dated::Dated;
use crate::packed::Pack;

/// Where something happened, and by which calendars it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Whose.
    pub tenant: u32,
    /// At which location; 0 is none.
    pub location: u32,
    /// The tenant's zone.
    pub tenant_zone: Zone,
    /// The location's zone; the tenant's without a location.
    pub zone: Zone,
    /// ISO weekday on which the tenant's weeks begin.
    pub week_start: u8,
}

impl Pack for Place {
    fn pack(&self, out: &mut Vec<u8>) {
        (self.tenant, self.location, self.week_start).pack(out);
        (self.tenant_zone, self.zone).pack(out);
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        let (tenant, location, week_start) = Pack::unpack(bytes);
        let (tenant_zone, zone) = Pack::unpack(bytes);
        Self { tenant, location, tenant_zone, zone, week_start }
    }
}

/// A counted order. Money and units in micros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "contracts section 2 names them")]
pub struct Sale {
    pub place: Place,
    pub customer: u32,
    pub currency: Currency,
    /// Whether the currency is the tenant's own.
    pub home: bool,
    pub at: i64,
    pub gross: i64,
    pub discount: i64,
    pub tax: i64,
    pub units: i64,
}

/// A counted refund, its order's customer and location filled in. Money in micros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "contracts section 2 names them")]
pub struct Refund {
    pub place: Place,
    pub customer: u32,
    pub currency: Currency,
    /// Whether the currency is the tenant's own.
    pub home: bool,
    pub at: i64,
    pub amount: i64,
}

/// How an attendance turned out, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the words say it")]
pub enum Outcome {
    Attended,
    NoShow,
    LateCancelled,
}

impl Pack for Outcome {
    fn pack(&self, out: &mut Vec<u8>) {
        (*self as u8).pack(out);
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        match u8::unpack(bytes) {
            0 => Self::Attended,
            1 => Self::NoShow,
            _ => Self::LateCancelled,
        }
    }
}

/// One attendance: of a (customer, session), or a visit without a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attendance {
    /// Where.
    pub place: Place,
    /// Who.
    pub customer: u32,
    /// The tenant's currency, in whose revenue rows an active customer counts.
    pub currency: Currency,
    /// The session's start, else the visit's instant.
    pub at: i64,
    /// How it turned out.
    pub outcome: Outcome,
}

/// What one record says of an attendance at a session; several may speak of the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Testimony {
    /// A visit's word stands above a booking's.
    pub visit: bool,
    /// When the visit says it was.
    pub seen_at: i64,
    /// What the attendance would be by this record alone.
    pub attendance: Attendance,
}

impl Pack for Testimony {
    fn pack(&self, out: &mut Vec<u8>) {
        let Self { visit, seen_at, attendance } = *self;
        (visit, seen_at).pack(out);
        let Attendance { place, customer, currency, at, outcome } = attendance;
        (place, customer).pack(out);
        (currency, at, outcome).pack(out);
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        let (visit, seen_at) = Pack::unpack(bytes);
        let (place, customer) = Pack::unpack(bytes);
        let (currency, at, outcome) = Pack::unpack(bytes);
        let attendance = Attendance { place, customer, currency, at, outcome };
        Self { visit, seen_at, attendance }
    }
}

/// Something planned: a place taken in a session, or a session itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the words say it")]
pub struct Planned {
    pub place: Place,
    pub at: i64,
    pub what: Plan,
}

/// What is planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the words say it")]
pub enum Plan {
    Booking,
    Session { capacity: u32 },
}

/// What is known of a customer without regard to any date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the words say it")]
pub enum Standing {
    /// A customer record; `live` is active or paused. `policy` is the tenant's.
    Record { live: bool, policy: u32 },
    /// An invoice, membership or payment names them.
    Billed,
    /// A membership is past due.
    PastDue,
    /// A membership is active.
    Member,
}

/// What is known of a tenant without regard to any date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the words say it")]
pub enum Holding {
    /// The organization record in force.
    Organization { policy: u32 },
    /// Monthly recurring revenue of an active membership.
    Mrr { amount: i64 },
    /// Balance of an open invoice.
    Receivable { balance: i64 },
}

/// One fact, on its way into the dataflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "named as what they hold")]
pub enum Fact {
    Sale(Sale),
    Refund(Refund),
    Alone(Attendance),
    Testimony {
        customer: u32,
        session: u32,
        testimony: Testimony,
    },
    Planned(Planned),
    Dated {
        tenant: u32,
        day: i32,
        what: Dated,
    },
    Customer {
        tenant: u32,
        customer: u32,
        standing: Standing,
    },
    Tenant {
        tenant: u32,
        holding: Holding,
    },
    /// A reading of cash in one account.
    Balance {
        tenant: u32,
        account: u32,
        at: i64,
        amount: i64,
    },
    /// A reading of a metric the health score knows (see `health_score::supplied`), its value carried.
    Metric {
        tenant: u32,
        slot: u8,
        at: i64,
        value: i128,
    },
    /// The tenant's today; exactly one at a time.
    Today {
        tenant: u32,
        day: i32,
    },
}
