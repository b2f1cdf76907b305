//! What is handed to the log, how much of it one asks back, and what may be removed.
//!
//! Promises that a message which breaks a limit is refused before anything is written.

use std::time::Duration;

use vitals_model::limits::{
    LOG_BATCH_BYTES_MAX, LOG_BATCH_MESSAGES_MAX, LOG_KEY_BYTES_MAX, PUBLISH_BYTES_MAX,
    PUBLISH_MESSAGES_MAX, RECORD_BYTES_MAX,
};
use vitals_model::{LogMessage, Offsets, Record};

use crate::Error;

/// One message on its way into the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Into which partition.
    pub partition: u16,
    /// By what topic compaction knows it; the newest message of a key is kept.
    pub key: Vec<u8>,
    /// The bytes.
    pub value: Vec<u8>,
}

impl Message {
    /// The message of a record, in its tenant's partition. A tombstone is a message like any other.
    #[must_use]
    pub fn of(record: &Record, partitions: u16) -> Self {
        Self {
            partition: record.tenant.partition(partitions),
            key: record.log_key(),
            value: record.to_json(),
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.key.len() + self.value.len()
    }
}

/// The version of a message, larger being newer; `None` of one that supersedes nothing and stays.
pub type VersionOf = fn(&LogMessage) -> Option<i64>;

/// What a compaction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Messages below the bound that stay.
    pub kept: u64,
    /// Messages that were superseded and are gone.
    pub removed: u64,
}

/// How much one fetch returns, and how long it waits for a first message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchLimit {
    /// Most messages; at least one, at most `LOG_BATCH_MESSAGES_MAX`.
    pub messages: usize,
    /// Most bytes of keys and values; at most `LOG_BATCH_BYTES_MAX`.
    pub bytes: usize,
    /// How long to wait while there is nothing.
    pub wait: Duration,
}

impl Default for FetchLimit {
    fn default() -> Self {
        Self {
            messages: LOG_BATCH_MESSAGES_MAX,
            bytes: LOG_BATCH_BYTES_MAX,
            wait: Duration::from_secs(1),
        }
    }
}

impl FetchLimit {
    /// The same within what the log allows.
    pub(crate) fn clamped(self) -> Self {
        Self {
            messages: self.messages.clamp(1, LOG_BATCH_MESSAGES_MAX),
            bytes: self.bytes.min(LOG_BATCH_BYTES_MAX),
            wait: self.wait,
        }
    }
}

/// Checks messages against the limits; the bytes they have together.
pub(crate) fn check(messages: &[Message], partitions: u16) -> Result<usize, Error> {
    let mut bytes = 0;
    for message in messages {
        if message.partition >= partitions {
            return Err(Error::NoPartition { partition: message.partition, partitions });
        }
        if message.key.len() > LOG_KEY_BYTES_MAX {
            let (what, max) = ("key", LOG_KEY_BYTES_MAX);
            return Err(Error::TooLarge { what, bytes: message.key.len(), max });
        }
        if message.value.len() > RECORD_BYTES_MAX {
            let (what, max) = ("message", RECORD_BYTES_MAX);
            return Err(Error::TooLarge { what, bytes: message.value.len(), max });
        }
        bytes += message.bytes();
    }
    if messages.len() > PUBLISH_MESSAGES_MAX || bytes > PUBLISH_BYTES_MAX {
        return Err(Error::TooMany { messages: messages.len(), bytes });
    }
    Ok(bytes)
}

/// The next offset of every partition, by partition number.
pub(crate) fn positions(from: &Offsets, partitions: u16) -> Result<Vec<i64>, Error> {
    match from.0.keys().find(|partition| **partition >= partitions) {
        Some(partition) => Err(Error::NoPartition { partition: *partition, partitions }),
        None => Ok((0..partitions).map(|partition| from.get(partition)).collect()),
    }
}

/// The inverse of [`positions`].
pub(crate) fn offsets(positions: &[i64]) -> Offsets {
    Offsets((0..).zip(positions.iter().copied()).collect())
}

#[cfg(test)]
mod tests {
    use vitals_model::{Kind, TenantId, UtcMicros};

    use super::*;

    fn message(key: usize, value: usize) -> Message {
        Message { partition: 0, key: vec![0; key], value: vec![0; value] }
    }

    #[test]
    fn a_record_goes_to_its_tenants_partition_under_its_key() {
        let tenant = TenantId("01890000-0000-7000-8000-000000000001".parse().expect("a uuid"));
        let body: Option<&()> = None;
        let record = Record::new(tenant, Kind::Visit, ("csv", "7"), (3, UtcMicros(0)), body);
        let message = Message::of(&record, 16);
        assert_eq!(message.partition, tenant.partition(16));
        assert_eq!(message.key, format!("{tenant}/visit/csv/7").into_bytes());
        let text = String::from_utf8(message.value).expect("JSON is UTF-8");
        assert!(text.contains(r#""deleted":true"#), "a tombstone has a value: {text}");
    }

    #[test]
    fn what_breaks_a_limit_is_refused() {
        check(&[message(LOG_KEY_BYTES_MAX, RECORD_BYTES_MAX)], 1).expect("the largest is accepted");
        let error = check(&[message(1, RECORD_BYTES_MAX + 1)], 1).expect_err("refused");
        assert_eq!(
            error.to_string(),
            "a message of 1000001 bytes is too large: the log takes at most 1000000"
        );
        let error = check(&[message(LOG_KEY_BYTES_MAX + 1, 1)], 1).expect_err("refused");
        assert!(matches!(error, Error::TooLarge { what: "key", .. }), "{error}");
        let many = vec![message(1, 1); PUBLISH_MESSAGES_MAX + 1];
        assert!(matches!(check(&many, 1), Err(Error::TooMany { .. })));
        let heavy = vec![message(1, RECORD_BYTES_MAX); 70];
        assert!(matches!(check(&heavy, 1), Err(Error::TooMany { .. })));
        let elsewhere = Message { partition: 4, key: vec![], value: vec![] };
        assert!(matches!(check(&[elsewhere], 4), Err(Error::NoPartition { partition: 4, .. })));
    }

    #[test]
    fn a_partition_that_is_not_named_is_read_from_its_beginning() {
        let from = Offsets([(1, 9)].into());
        assert_eq!(positions(&from, 3).expect("known"), [0, 9, 0]);
        assert_eq!(offsets(&[0, 9, 0]), Offsets([(0, 0), (1, 9), (2, 0)].into()));
        assert!(matches!(positions(&from, 1), Err(Error::NoPartition { partition: 1, .. })));
    }
}
