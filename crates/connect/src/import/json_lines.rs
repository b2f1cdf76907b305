//! `records`: our own records, one JSON object a line.
//!
//! A line may leave out its tenant (then it is the importing one's; another's is refused), its version
//! (then it is its event's time, else its arrival) and `received_at` (then it is its arrival).

use serde::Deserialize;
use serde_json::value::RawValue;
use vitals_model::kinds::{Body, EventTime, Kind};
use vitals_model::local_time::Zone;
use vitals_model::record::{SCHEMA, shorten};
use vitals_model::{Reason, Record, TenantId, UtcMicros};

use super::{ImportContext, accept};

pub(super) struct JsonLines {
    ctx: ImportContext,
}

#[derive(Deserialize)]
struct Line<'a> {
    tenant: Option<TenantId>,
    kind: String,
    source: String,
    id: String,
    version: Option<i64>,
    received_at: Option<UtcMicros>,
    #[serde(default)]
    deleted: bool,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
    schema: Option<u32>,
}

impl JsonLines {
    pub(super) fn new(ctx: ImportContext) -> Self {
        Self { ctx }
    }

    pub(super) fn line(&mut self, text: &str) -> Result<Record, Reason> {
        let line: Line<'_> = serde_json::from_str(text).map_err(Reason::new)?;
        if let Some(other) = line.tenant.filter(|tenant| *tenant != self.ctx.tenant) {
            let (own, whose) = (self.ctx.tenant, "the record belongs to tenant");
            return Err(Reason::new(format_args!("{whose} {other}, the import to {own}")));
        }
        let kind = Kind::parse(&line.kind)
            .ok_or_else(|| Reason::new(format_args!("unknown kind '{}'", shorten(&line.kind))))?;
        if line.deleted && line.body.is_some_and(|body| body.get() != "null") {
            return Err(Reason::new("a tombstone has no body"));
        }
        let body = line.body.filter(|_| !line.deleted);
        if body.is_none() && !line.deleted {
            return Err(Reason::new("body is missing"));
        }
        let version = match line.version {
            Some(version) => version,
            None => self.version_of(kind, body)?,
        };
        accept(Record {
            tenant: self.ctx.tenant,
            kind,
            source: line.source,
            id: line.id,
            version,
            received_at: line.received_at.unwrap_or(self.ctx.now),
            body: body.map(ToOwned::to_owned),
            schema: line.schema.unwrap_or(SCHEMA),
        })
    }

    /// The version of a record that names none: when its event happened, else its arrival.
    fn version_of(&self, kind: Kind, body: Option<&RawValue>) -> Result<i64, Reason> {
        let event = match body {
            Some(body) => Body::parse(kind, body.get())?.event_time(),
            None => None,
        };
        Ok(match event {
            Some(EventTime::At(at)) => at.0,
            Some(EventTime::On(date)) => {
                self.ctx.time_zone.unwrap_or_else(Zone::utc).day_start(date).0
            }
            None => self.ctx.now.0,
        })
    }
}
