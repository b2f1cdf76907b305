//! Messages for the log as bytes of one HTTP body: how `import` and `simulate` hand them to `vitals up`.
//!
//! Promises that what is decoded is what was encoded, and that a broken body is refused whole. Is no
//! public format: both ends are the same program.
//!
//! A body is frames one after the other: partition (u16), length of the key (u32), the key, length of
//! the value (u32), the value; numbers little-endian.

use vitals_log::Message;
use vitals_model::limits::{HTTP_BODY_BYTES_MAX, PUBLISH_MESSAGES_MAX};

/// Bytes of a frame beside its key and value.
const OVERHEAD_BYTES: usize = 2 + 4 + 4;

/// Encodes as many messages from the front of `messages` as one body may hold, and says how many.
///
/// # Panics
/// When a part of a message has 4 GiB or more, which no log accepts.
#[must_use]
pub fn encode(messages: &[Message]) -> (Vec<u8>, usize) {
    let mut body = Vec::new();
    let mut count = 0;
    for message in messages.iter().take(PUBLISH_MESSAGES_MAX) {
        let bytes = OVERHEAD_BYTES + message.key.len() + message.value.len();
        if count > 0 && body.len() + bytes > HTTP_BODY_BYTES_MAX {
            break;
        }
        body.extend_from_slice(&message.partition.to_le_bytes());
        for part in [&message.key, &message.value] {
            let length = u32::try_from(part.len()).expect("a record is far below 4 GiB");
            body.extend_from_slice(&length.to_le_bytes());
            body.extend_from_slice(part);
        }
        count += 1;
    }
    (body, count)
}

/// Decodes a body; `None` when it is not whole frames or holds too many.
#[must_use]
pub fn decode(mut body: &[u8]) -> Option<Vec<Message>> {
    let mut messages = Vec::new();
    while !body.is_empty() {
        if messages.len() == PUBLISH_MESSAGES_MAX {
            return None;
        }
        let (partition, rest) = body.split_first_chunk()?;
        body = rest;
        let key = take_part(&mut body)?;
        let value = take_part(&mut body)?;
        messages.push(Message { partition: u16::from_le_bytes(*partition), key, value });
    }
    Some(messages)
}

fn take_part(body: &mut &[u8]) -> Option<Vec<u8>> {
    let (length, rest) = body.split_first_chunk()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (part, rest) = rest.split_at_checked(length)?;
    *body = rest;
    Some(part.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(partition: u16, key: &str, value: &str) -> Message {
        Message { partition, key: key.into(), value: value.into() }
    }

    #[test]
    fn what_goes_in_comes_out() {
        let messages = vec![message(0, "a", "{}"), message(7, "", ""), message(65_535, "k", "v")];
        let (body, count) = encode(&messages);
        assert_eq!(count, 3);
        assert_eq!(decode(&body), Some(messages));
        // Where a frame ends, fewer messages are a valid body; everywhere else a cut body is refused.
        let ends = [13, 13 + 10];
        for cut in 1..body.len() {
            assert_eq!(decode(&body[..cut]).is_some(), ends.contains(&cut), "cut at {cut}");
        }
    }

    #[test]
    fn a_body_stays_under_its_limit() {
        let large = "x".repeat(900_000);
        let messages: Vec<Message> = (0..40).map(|_| message(1, "k", &large)).collect();
        let (body, count) = encode(&messages);
        assert!(count < 40 && body.len() <= HTTP_BODY_BYTES_MAX);
        assert_eq!(decode(&body).map(|m| m.len()), Some(count));
    }
}
