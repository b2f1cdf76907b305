//! Records: the latest known state of one thing in one source, as JSON in the log.
//!
//! Promises a total parse: bytes become a `Record` or a `Reason`, and nothing else. Keeps fields it does
//! not know (the body stays the text it was). Does not decide which version wins: that is the engine's.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::kinds::{Body, Kind};
use crate::limits::{
    ID_BYTES_MAX, QUARANTINE_REASON_CHARS_MAX, RECORD_BYTES_MAX, SOURCE_BYTES_MAX,
};
use crate::tenant::TenantId;
use crate::utc::UtcMicros;

/// The newest schema of bodies. Readers accept this and all older ones.
pub const SCHEMA: u32 = 1;

/// Why a message was quarantined: one sentence for a person, without a full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason(pub String);

impl Reason {
    /// A reason, cut to a length that fits a log line.
    #[must_use]
    pub fn new(text: impl fmt::Display) -> Self {
        let mut text = text.to_string().replace(['\n', '\r', '\0'], " ");
        if let Some((cut, _)) = text.char_indices().nth(QUARANTINE_REASON_CHARS_MAX) {
            text.truncate(cut);
        }
        Self(text)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// At most forty characters of `text`, for an error message.
#[must_use]
pub fn shorten(text: &str) -> &str {
    text.char_indices().nth(40).map_or(text, |(cut, _)| &text[..cut])
}

/// A message that could not be understood, kept with what is known about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// Whose it is, when that much could be read.
    pub tenant: Option<TenantId>,
    /// Where it was: the log partition.
    pub partition: u16,
    /// Where it was: the offset in the partition.
    pub offset: i64,
    /// Why.
    pub reason: Reason,
    /// The bytes as they came (cut at `QUARANTINE_RAW_BYTES_MAX`).
    pub raw: Vec<u8>,
}

/// One record as its owner hands it to the log.
#[derive(Clone, Debug)]
pub struct Record {
    /// Whose it is.
    pub tenant: TenantId,
    /// What kind of thing it describes.
    pub kind: Kind,
    /// The source that knows the thing.
    pub source: String,
    /// The thing's id in that source.
    pub id: String,
    /// Larger is newer.
    pub version: i64,
    /// When we first saw this version.
    pub received_at: UtcMicros,
    /// The kind's fields as JSON text; `None` is a tombstone.
    pub body: Option<Box<RawValue>>,
    /// Version of the body's schema.
    pub schema: u32,
}

/// One record, borrowed from the bytes of its message, its body parsed.
#[derive(Debug)]
pub struct RecordView<'a> {
    /// Whose it is.
    pub tenant: TenantId,
    /// What kind of thing it describes.
    pub kind: Kind,
    /// The source that knows the thing.
    pub source: std::borrow::Cow<'a, str>,
    /// The thing's id in that source.
    pub id: std::borrow::Cow<'a, str>,
    /// Larger is newer.
    pub version: i64,
    /// When we first saw this version.
    pub received_at: UtcMicros,
    /// The typed body; `None` is a tombstone.
    pub body: Option<Body<'a>>,
    /// The body as it came, unknown fields included.
    pub raw_body: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    tenant: TenantId,
    #[serde(borrow)]
    kind: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    source: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    id: std::borrow::Cow<'a, str>,
    version: i64,
    received_at: UtcMicros,
    #[serde(default)]
    deleted: bool,
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
    #[serde(default = "schema_default")]
    schema: u32,
}

fn schema_default() -> u32 {
    SCHEMA
}

#[derive(Serialize)]
struct EnvelopeOut<'a> {
    tenant: TenantId,
    kind: &'a str,
    source: &'a str,
    id: &'a str,
    version: i64,
    received_at: UtcMicros,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    deleted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a RawValue>,
    schema: u32,
}

/// Reads as much of a message as says whose it is, for a message that breaks another rule.
#[must_use]
pub fn tenant_of(bytes: &[u8]) -> Option<TenantId> {
    #[derive(Deserialize)]
    struct Owner {
        tenant: TenantId,
    }
    serde_json::from_slice::<Owner>(bytes).ok().map(|owner| owner.tenant)
}

impl<'a> RecordView<'a> {
    /// Parses the bytes of one message.
    ///
    /// # Errors
    /// Why it cannot be understood: not JSON, a field missing or of the wrong type, or a rule broken.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Reason> {
        if bytes.len() > RECORD_BYTES_MAX {
            return Err(Reason::new(format_args!(
                "a record has at most {RECORD_BYTES_MAX} bytes, this one has {}",
                bytes.len()
            )));
        }
        let envelope: Envelope<'a> = serde_json::from_slice(bytes).map_err(Reason::new)?;
        let kind = Kind::parse(&envelope.kind).ok_or_else(|| {
            Reason::new(format_args!("unknown kind '{}'", shorten(&envelope.kind)))
        })?;
        check_name("source", &envelope.source, SOURCE_BYTES_MAX)?;
        if envelope.source.contains([':', '/']) {
            return Err(Reason::new("source must not contain ':' or '/'"));
        }
        check_name("id", &envelope.id, ID_BYTES_MAX)?;
        if envelope.schema == 0 || envelope.schema > SCHEMA {
            return Err(Reason::new(format_args!(
                "schema {} is newer than this program knows ({SCHEMA})",
                envelope.schema
            )));
        }
        let raw_body = envelope.body.filter(|raw| raw.get() != "null");
        let body = match (envelope.deleted, raw_body) {
            (true, None) => None,
            (true, Some(_)) => return Err(Reason::new("a tombstone has no body")),
            (false, None) => return Err(Reason::new("body is missing")),
            (false, Some(raw)) => Some(Body::parse(kind, raw.get())?),
        };
        Ok(Self {
            tenant: envelope.tenant,
            kind,
            source: envelope.source,
            id: envelope.id,
            version: envelope.version,
            received_at: envelope.received_at,
            body,
            raw_body,
        })
    }

    /// The key its log message should have, see [`Record::log_key`].
    #[must_use]
    pub fn log_key(&self) -> Vec<u8> {
        log_key(self.tenant, self.kind, &self.source, &self.id)
    }

    /// An owned copy, to hand on.
    #[must_use]
    pub fn to_record(&self) -> Record {
        Record {
            tenant: self.tenant,
            kind: self.kind,
            source: self.source.clone().into_owned(),
            id: self.id.clone().into_owned(),
            version: self.version,
            received_at: self.received_at,
            body: self.raw_body.map(ToOwned::to_owned),
            schema: SCHEMA,
        }
    }
}

fn check_name(what: &str, text: &str, bytes_max: usize) -> Result<(), Reason> {
    if text.is_empty() {
        return Err(Reason::new(format_args!("{what} is empty")));
    }
    if text.len() > bytes_max {
        return Err(Reason::new(format_args!("{what} is longer than {bytes_max} bytes")));
    }
    if text.contains(|c: char| c.is_control()) {
        return Err(Reason::new(format_args!("{what} contains a control character")));
    }
    Ok(())
}

impl Record {
    /// A record of a typed body, serialised.
    ///
    /// # Panics
    /// When the body's own `Serialize` fails; those of this crate do not.
    #[must_use]
    pub fn new(
        tenant: TenantId,
        kind: Kind,
        (source, id): (&str, &str),
        (version, received_at): (i64, UtcMicros),
        body: Option<&impl Serialize>,
    ) -> Self {
        let body = body.map(|body| {
            serde_json::value::to_raw_value(body).expect("a body of plain fields serialises")
        });
        let (source, id) = (source.to_owned(), id.to_owned());
        Self { tenant, kind, source, id, version, received_at, body, schema: SCHEMA }
    }

    /// The record as one line of JSON: the value of its log message.
    ///
    /// # Panics
    /// Never: plain fields serialise.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let envelope = EnvelopeOut {
            tenant: self.tenant,
            kind: self.kind.as_str(),
            source: &self.source,
            id: &self.id,
            version: self.version,
            received_at: self.received_at,
            deleted: self.body.is_none(),
            body: self.body.as_deref(),
            schema: self.schema,
        };
        serde_json::to_vec(&envelope).expect("a record of plain fields serialises")
    }

    /// The record's key, `tenant/kind/source/id`: the key of its log message, so that the topic can be
    /// compacted. Neither a kind nor a source contains a slash, so two records never share a key.
    #[must_use]
    pub fn log_key(&self) -> Vec<u8> {
        log_key(self.tenant, self.kind, &self.source, &self.id)
    }
}

fn log_key(tenant: TenantId, kind: Kind, source: &str, id: &str) -> Vec<u8> {
    format!("{tenant}/{}/{source}/{id}", kind.as_str()).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "01890000-0000-7000-8000-000000000001";

    fn line(rest: &str) -> String {
        format!(r#"{{"tenant":"{TENANT}","received_at":"2026-01-01T00:00:00Z",{rest}}}"#)
    }

    fn check(rest: &str, expected: &str) {
        let bytes = line(rest);
        let reason = RecordView::parse(bytes.as_bytes()).expect_err("quarantined").0;
        assert!(reason.contains(expected), "{reason:?} should say {expected:?}");
    }

    #[test]
    fn says_why_a_record_is_refused() {
        check(r#""kind":"customer","source":"csv","id":"1","version":1"#, "body is missing");
        check(r#""kind":"x","source":"csv","id":"1","version":1,"body":{}"#, "unknown kind 'x'");
        check(r#""kind":"visit","source":"csv","id":"","version":1,"body":{}"#, "id is empty");
        check(r#""kind":"visit","source":"a:b","id":"1","version":1,"body":{}"#, "source must not");
        check(r#""kind":"visit","source":"csv","id":"1","version":1,"body":{}"#, "customer_id");
        check(r#""kind":"visit","source":"csv","id":"1","body":{}"#, "version");
        check(r#""kind":"visit","source":"c","id":"1","version":1.5,"body":{}"#, "invalid type");
        check(
            r#""kind":"refund","source":"c","id":"1","version":1,"body":{"refunded_at":"2026-01-01T00:00:00Z","amount":"1.0000001","currency":"EUR"}"#,
            "more than six decimals",
        );
        check(
            r#""kind":"visit","source":"c","id":"1","version":1,"deleted":true,"body":{}"#,
            "tombstone",
        );
        check(
            r#""kind":"visit","source":"c","id":"1","version":1,"schema":2,"body":{}"#,
            "schema 2",
        );
        assert!(RecordView::parse(b"{").is_err());
        assert!(RecordView::parse(b"\xff\xfe").is_err());
    }

    #[test]
    fn unknown_fields_are_kept() {
        let bytes = line(
            r#""kind":"customer","source":"csv","id":"1","version":1,"body":{"email":"a@b.c","x":{"y":[1]}}"#,
        );
        let record = RecordView::parse(bytes.as_bytes()).expect("a record").to_record();
        let again = record.to_json();
        assert!(String::from_utf8_lossy(&again).contains(r#""x":{"y":[1]}"#));
        assert!(RecordView::parse(&again).is_ok());
    }

    #[test]
    fn a_tombstone_round_trips() {
        let bytes = line(r#""kind":"customer","source":"csv","id":"1","version":9,"deleted":true"#);
        let record = RecordView::parse(bytes.as_bytes()).expect("a record").to_record();
        assert!(record.body.is_none());
        assert!(RecordView::parse(&record.to_json()).expect("a record").body.is_none());
        assert_eq!(record.log_key(), format!("{TENANT}/customer/csv/1").into_bytes());
    }
}
