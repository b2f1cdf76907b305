//! How a message lies on the disk.
//!
//! Promises that ids sort as (partition, offset) do, and that decoding is total: what is not of our making
//! is `None`. Does not checksum: the store below does, for every block.

use std::ops::RangeInclusive;

use vitals_model::LogMessage;

/// Bytes of an id: a partition and an offset.
const ID_BYTES: usize = 10;

/// The id of one message. Negative offsets do not exist, and count as 0.
pub(super) fn id(partition: u16, offset: i64) -> [u8; ID_BYTES] {
    let mut id = [0; ID_BYTES];
    id[..2].copy_from_slice(&partition.to_be_bytes());
    id[2..].copy_from_slice(&u64::try_from(offset).unwrap_or(0).to_be_bytes());
    id
}

/// The ids of all messages of a partition.
pub(super) fn partition(partition: u16) -> RangeInclusive<[u8; ID_BYTES]> {
    id(partition, 0)..=id(partition, i64::MAX)
}

/// The partition and offset of an id.
pub(super) fn parse(id: &[u8]) -> Option<(u16, i64)> {
    let (partition, offset) = id.split_first_chunk::<2>()?;
    let offset = u64::from_be_bytes(offset.try_into().ok()?);
    Some((u16::from_be_bytes(*partition), i64::try_from(offset).ok()?))
}

/// A key and a value as one.
pub(super) fn encode(key: &[u8], value: &[u8]) -> Vec<u8> {
    let key_bytes = u32::try_from(key.len()).expect("a key within its limit has a short length");
    let mut bytes = Vec::with_capacity(4 + key.len() + value.len());
    bytes.extend_from_slice(&key_bytes.to_be_bytes());
    bytes.extend_from_slice(key);
    bytes.extend_from_slice(value);
    bytes
}

/// The key and the value of what [`encode`] made.
pub(super) fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (key_bytes, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*key_bytes)).ok()?)
}

/// The message of an id and its bytes.
pub(super) fn decode(id: &[u8], bytes: &[u8]) -> Option<LogMessage> {
    let (partition, offset) = parse(id)?;
    let (key, value) = split(bytes)?;
    Some(LogMessage { partition, offset, key: key.to_vec(), value: value.to_vec() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ids_sort_as_partitions_and_offsets_do(
            a in (any::<u16>(), 0..i64::MAX), b in (any::<u16>(), 0..i64::MAX),
        ) {
            prop_assert_eq!(id(a.0, a.1).cmp(&id(b.0, b.1)), a.cmp(&b));
            prop_assert_eq!(parse(&id(a.0, a.1)), Some(a));
            prop_assert!(partition(a.0).contains(&id(a.0, a.1)));
        }

        #[test]
        fn a_message_comes_back_as_it_was(key: Vec<u8>, value: Vec<u8>) {
            let message = decode(&id(3, 7), &encode(&key, &value));
            prop_assert_eq!(message, Some(LogMessage { partition: 3, offset: 7, key, value }));
        }

        #[test]
        fn any_bytes_are_a_message_or_none(id: Vec<u8>, bytes: Vec<u8>) {
            let _ = decode(&id, &bytes);
        }
    }

    #[test]
    fn a_key_longer_than_the_entry_is_damage() {
        assert_eq!(split(&[0, 0, 0, 2, 1]), None);
        assert_eq!(split(&[0, 0, 0]), None);
        assert_eq!(split(&[0, 0, 0, 0]), Some((&[][..], &[][..])));
    }
}
