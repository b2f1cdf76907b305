//! The id Kafka gives a topic when it is created: it tells a topic from another one of the same name.
//!
//! Promises an answer or an error within the timeout. A broker from before topic ids (2.8) has none, and
//! that is `None`.

#![expect(
    unsafe_code,
    reason = "librdkafka tells topic ids, its Rust wrapper does not pass them on"
)]

use std::ffi::{CStr, CString};
use std::ptr;
use std::time::Duration;

use rdkafka::bindings as native;
use rdkafka::client::Client;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;

use super::client::Telemetry;

/// The base64 of no id.
const NONE: &str = "AAAAAAAAAAAAAAAAAAAAAA";

/// Asks a broker, by its id, for the id of a topic that exists. Blocks.
pub(super) fn topic_id(
    client: &Client<Telemetry>,
    broker: i32,
    name: &str,
    timeout: Duration,
) -> Result<Option<String>, KafkaError> {
    let name = CString::new(name)?;
    let mut names = [name.as_ptr()];
    let timeout_ms = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
    // SAFETY: `client` keeps the handle alive; `names` outlives the call, which copies it; each of the
    // four things made here is destroyed here, once, and the event after what is read from it.
    let id = unsafe {
        let handle = client.native_ptr();
        let queue = native::rd_kafka_queue_new(handle);
        let topics = native::rd_kafka_TopicCollection_of_topic_names(names.as_mut_ptr(), 1);
        let operation = native::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
        let options = native::rd_kafka_AdminOptions_new(handle, operation);
        // By itself the client would ask the controller, which a broker need not tell us of.
        native::rd_kafka_AdminOptions_set_broker(options, broker, ptr::null_mut(), 0);
        // Refused only outside of 0 to an hour; then the client's own timeout holds.
        native::rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, ptr::null_mut(), 0);
        native::rd_kafka_DescribeTopics(handle, topics, options, queue);
        let event = native::rd_kafka_queue_poll(queue, timeout_ms);
        let id = read(event);
        if !event.is_null() {
            native::rd_kafka_event_destroy(event);
        }
        native::rd_kafka_AdminOptions_destroy(options);
        native::rd_kafka_TopicCollection_destroy(topics);
        native::rd_kafka_queue_destroy(queue);
        id
    };
    match id {
        Ok(id) => Ok(Some(id).filter(|it| it != NONE)),
        Err(RDKafkaErrorCode::UnsupportedFeature) => Ok(None),
        Err(code) => Err(KafkaError::MetadataFetch(code)),
    }
}

/// Reads the id out of the answer.
///
/// # Safety
/// `event` is null or an event that is not destroyed yet.
unsafe fn read(event: *mut native::rd_kafka_event_t) -> Result<String, RDKafkaErrorCode> {
    if event.is_null() {
        return Err(RDKafkaErrorCode::OperationTimedOut);
    }
    // SAFETY: the event lives, and what is read from it belongs to it; the string is copied.
    unsafe {
        let failed = native::rd_kafka_event_error(event);
        if failed != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Err(failed.into());
        }
        let result = native::rd_kafka_event_DescribeTopics_result(event);
        let mut count = 0;
        let topics = match result.is_null() {
            true => ptr::null_mut(),
            false => native::rd_kafka_DescribeTopics_result_topics(result, &raw mut count),
        };
        if topics.is_null() || count == 0 {
            return Err(RDKafkaErrorCode::UnknownTopic);
        }
        let failed = native::rd_kafka_TopicDescription_error(*topics);
        let failed = native::rd_kafka_error_code(failed);
        if failed != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Err(failed.into());
        }
        let id = native::rd_kafka_TopicDescription_topic_id(*topics);
        let text = match id.is_null() {
            true => ptr::null(),
            false => native::rd_kafka_Uuid_base64str(id),
        };
        if text.is_null() {
            return Err(RDKafkaErrorCode::UnsupportedFeature);
        }
        Ok(CStr::from_ptr(text).to_string_lossy().into_owned())
    }
}
