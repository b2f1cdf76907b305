//! The log of records: Kafka, and its embedded twin.
