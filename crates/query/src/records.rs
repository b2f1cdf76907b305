//! The latest version of every record of one tenant, gathered from messages in log order.
//!
//! Promises the contracts' rule: the highest version of a key wins whatever the order of arrival, and of
//! equal versions the later one. What cannot be understood changes nothing, and other tenants' messages
//! are not looked at. Keeps the body as the text it was.

use std::collections::BTreeMap;

use vitals_model::record::RecordView;
use vitals_model::{Kind, Reason, Record, TenantId, UtcMicros};

use crate::tables::RecordTables;

/// One tenant's records.
#[derive(Clone, Debug)]
pub struct Records {
    tenant: TenantId,
    latest: BTreeMap<Key, Latest>,
}

/// A record's key within its tenant.
pub(crate) type Key = (Kind, Box<str>, Box<str>);

/// The latest version of one record.
#[derive(Clone, Debug)]
pub(crate) struct Latest {
    pub(crate) version: i64,
    pub(crate) received_at: UtcMicros,
    /// `None` is a tombstone: kept, since an older version may still arrive.
    pub(crate) body: Option<Box<str>>,
}

impl Records {
    /// No records yet.
    #[must_use]
    pub fn new(tenant: TenantId) -> Self {
        Self { tenant, latest: BTreeMap::new() }
    }

    /// Takes in the value of the next message of the log.
    ///
    /// # Errors
    /// Why the message cannot be understood; nothing has changed then.
    pub fn absorb(&mut self, message: &[u8]) -> Result<(), Reason> {
        let record = RecordView::parse(message)?;
        if record.tenant == self.tenant {
            let body = record.raw_body.map(|body| body.get());
            let key = (record.kind, record.source.as_ref().into(), record.id.as_ref().into());
            self.put(key, (record.version, record.received_at), body);
        }
        Ok(())
    }

    /// Takes in the next record, as `absorb` does with its bytes.
    ///
    /// # Errors
    /// Why the record cannot be understood; nothing has changed then.
    pub fn absorb_record(&mut self, record: &Record) -> Result<(), Reason> {
        self.absorb(&record.to_json())
    }

    fn put(&mut self, key: Key, (version, received_at): (i64, UtcMicros), body: Option<&str>) {
        if self.latest.get(&key).is_some_and(|known| known.version > version) {
            return;
        }
        self.latest.insert(key, Latest { version, received_at, body: body.map(Into::into) });
    }

    /// Whose records these are.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The records as the tables of contracts section 6.
    #[must_use]
    pub fn tables(&self) -> RecordTables {
        RecordTables::build(self.current())
    }

    /// Those that are not deleted, ordered by kind, source and id.
    fn current(&self) -> impl Iterator<Item = (&Key, &Latest, &str)> {
        self.latest.iter().filter_map(|(key, it)| it.body.as_deref().map(|body| (key, it, body)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(version: i64, rest: &str) -> String {
        format!(
            r#"{{"tenant":"01890000-0000-7000-8000-000000000001","kind":"customer","source":"csv","id":"1",
            "received_at":"2026-01-01T00:00:00Z","version":{version},{rest}}}"#
        )
    }

    fn body_after(messages: &[String]) -> Option<String> {
        let tenant = vitals_model::record::tenant_of(messages[0].as_bytes()).unwrap();
        let mut records = Records::new(tenant);
        for message in messages {
            // What is refused changes nothing.
            records.absorb(message.as_bytes()).ok();
        }
        records.current().next().map(|(_, _, body)| body.to_owned())
    }

    #[test]
    fn the_highest_version_wins_and_of_equal_ones_the_later() {
        let named =
            |version, name: &str| message(version, &format!(r#""body":{{"email":"{name}"}}"#));
        let gone = message(3, r#""deleted":true"#);
        let check = |messages: &[String], expected: Option<&str>| {
            let expected = expected.map(|name| format!(r#"{{"email":"{name}"}}"#));
            assert_eq!(body_after(messages), expected, "{messages:?}");
        };
        check(&[named(2, "b"), named(1, "a")], Some("b"));
        check(&[named(2, "b"), named(2, "c")], Some("c"));
        check(&[gone.clone(), named(2, "b")], None);
        check(&[gone, named(3, "d")], Some("d"));
        check(&[named(1, "a"), message(9, r#""body":{"status":"asleep"}"#)], Some("a"));
    }

    #[test]
    fn another_tenant_is_not_looked_at() {
        let mut records = Records::new(TenantId(uuid::Uuid::nil()));
        records.absorb(message(1, r#""body":{}"#).as_bytes()).unwrap();
        assert_eq!(records.current().count(), 0);
    }
}
