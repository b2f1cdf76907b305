//! Every limit, with its unit in its name and the relations between limits asserted at compile time.

/// Largest record the log accepts, in bytes of JSON. Kafka's default `message.max.bytes` is 1,048,588.
pub const RECORD_BYTES_MAX: usize = 1_000_000;
/// Longest id of a thing in its source, in bytes. Log keys hold it and PostgreSQL indexes it.
pub const ID_BYTES_MAX: usize = 255;
/// Longest name of a source, in bytes.
pub const SOURCE_BYTES_MAX: usize = 64;
/// Most lines one order may have.
pub const ORDER_LINES_MAX: usize = 10_000;
/// Most of a quarantined message that is kept beside its reason, in bytes.
pub const QUARANTINE_RAW_BYTES_MAX: usize = 65_536;
/// Most characters of a quarantine reason.
pub const QUARANTINE_REASON_CHARS_MAX: usize = 300;
/// Most messages one `LogBatch` holds. Ticks grow to this under load.
pub const LOG_BATCH_MESSAGES_MAX: usize = 20_000;
/// Most bytes of messages one `LogBatch` holds.
pub const LOG_BATCH_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Most tenants whose local midnight one tick passes; the rest follow in the next ticks.
pub const MIDNIGHTS_PER_TICK_MAX: usize = 64;
/// Most messages one publish call hands to the log.
pub const PUBLISH_MESSAGES_MAX: usize = 20_000;
/// Fewest and most partitions a log may have.
pub const PARTITIONS_MIN: u16 = 1;
/// Most partitions a log may have.
pub const PARTITIONS_MAX: u16 = 1_024;
/// Largest body an HTTP request may have, in bytes.
pub const HTTP_BODY_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Most tags a customer may have.
pub const TAGS_MAX: usize = 1_000;

const _: () = assert!(RECORD_BYTES_MAX < 1_048_588, "a record must fit Kafka's default message");
const _: () = assert!(RECORD_BYTES_MAX < LOG_BATCH_BYTES_MAX, "a batch must hold one record");
const _: () = assert!(QUARANTINE_RAW_BYTES_MAX < RECORD_BYTES_MAX);
const _: () = assert!(RECORD_BYTES_MAX < HTTP_BODY_BYTES_MAX, "one record must fit one request");
