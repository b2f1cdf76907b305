//! One version of one record on its way into the lake, and which of two versions is the newer.

use vitals_model::kinds::{Body, EventTime};
use vitals_model::limits::PARTITIONS_MAX;
use vitals_model::record::RecordView;
use vitals_model::{Date, Kind, LogMessage, Offsets, TenantId, UtcMicros};

/// What orders the versions of one record: the greater is the newer. Of equal versions the later in the log
/// wins (contracts section 2), and no two messages have one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    pub(crate) version: i64,
    pub(crate) place: i64,
}

/// One version of one record.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) tenant: TenantId,
    pub(crate) kind: Kind,
    pub(crate) source: Box<str>,
    pub(crate) id: Box<str>,
    pub(crate) rank: Rank,
    pub(crate) received_at: UtcMicros,
    /// The day rows are sorted by: of the event, in UTC.
    pub(crate) day: Option<Date>,
    /// `None` is a tombstone.
    pub(crate) body: Option<Box<str>>,
}

impl Row {
    /// The record of a message; `None` when the message cannot be understood and is the quarantine's.
    pub(crate) fn of(message: &LogMessage) -> Option<Self> {
        let record = RecordView::parse(&message.value).ok()?;
        let place = message.offset * i64::from(PARTITIONS_MAX) + i64::from(message.partition);
        Some(Self {
            tenant: record.tenant,
            kind: record.kind,
            rank: Rank { version: record.version, place },
            received_at: record.received_at,
            day: record.body.as_ref().and_then(day),
            body: record.raw_body.map(|body| body.get().into()),
            source: record.source.into(),
            id: record.id.into(),
        })
    }

    /// Whether its message lies below `offsets`.
    pub(crate) fn is_below(&self, offsets: &Offsets) -> bool {
        let partitions = i64::from(PARTITIONS_MAX);
        let partition = u16::try_from(self.rank.place.rem_euclid(partitions)).unwrap_or(u16::MAX);
        self.rank.place.div_euclid(partitions) < offsets.get(partition)
    }

    /// The record's id in SQL.
    pub(crate) fn sql_id(&self) -> String {
        format!("{}:{}", self.source, self.id)
    }

    /// Bytes it takes in memory, roughly.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.source.len()
            + self.id.len()
            + self.body.as_ref().map_or(0, |it| it.len())
    }
}

/// A session is planned ahead and is no event, but people ask for those of a day.
fn day(body: &Body<'_>) -> Option<Date> {
    const DAY_US: i64 = 24 * vitals_model::utc::HOUR_US;
    let time = match body {
        Body::Session(session) => Some(EventTime::At(session.starts_at)),
        other => other.event_time(),
    };
    match time? {
        EventTime::On(date) => Some(date),
        EventTime::At(at) => i32::try_from(at.0.div_euclid(DAY_US)).ok().map(Date),
    }
}
