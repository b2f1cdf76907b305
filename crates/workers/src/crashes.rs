//! The texts that ended workers: after the second time, such a text rests for a while.
//!
//! Kept per tenant, so that nobody's questions depend on what another asked; as hashes, so that no text is
//! kept; and bounded, the oldest forgotten first.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use vitals_model::limits::WORKER_CRASHED_TEXTS_MAX;
use vitals_query::answers::Question;
use vitals_query::{QueryError, SqlState};

/// How often a text may end a worker.
const TIMES: u32 = 2;
/// How long a text rests then, after its last time.
const REST: Duration = Duration::from_secs(600);

/// A tenant's text.
pub(crate) type Text = [u8; 32];

/// Which text of which tenant a question has.
pub(crate) fn text(question: &Question) -> Text {
    let mut hash = Sha256::new();
    hash.update(question.tenant.0.as_bytes());
    hash.update(question.sql.as_bytes());
    hash.finalize().into()
}

/// What ended workers lately.
#[derive(Debug, Default)]
pub(crate) struct Crashes(Mutex<HashMap<Text, (u32, Instant)>>);

impl Crashes {
    fn texts(&self) -> MutexGuard<'_, HashMap<Text, (u32, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers that a text ended a worker.
    pub(crate) fn note(&self, text: Text, now: Instant) {
        let mut texts = self.texts();
        texts.retain(|_, (_, last)| now - *last < REST);
        if texts.len() >= WORKER_CRASHED_TEXTS_MAX && !texts.contains_key(&text) {
            let oldest = texts.iter().min_by_key(|(_, (_, last))| *last).map(|(text, _)| *text);
            oldest.map(|oldest| texts.remove(&oldest));
        }
        let (times, last) = texts.entry(text).or_insert((0, now));
        (*times, *last) = (*times + 1, now);
    }

    /// Refuses a text that has ended workers before.
    pub(crate) fn check(&self, text: &Text, now: Instant) -> Result<(), QueryError> {
        let rests = |(times, last): &(u32, Instant)| *times >= TIMES && now - *last < REST;
        if !self.texts().get(text).is_some_and(rests) {
            return Ok(());
        }
        Err(QueryError::new(
            SqlState::Quarantined,
            "this query has ended the process that computed it several times",
            "write it differently, or try again in ten minutes",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(tenant: u128, sql: &str) -> Question {
        let tenant = serde_json::from_value(format!("{tenant:032x}").into()).unwrap();
        Question::new(tenant, sql)
    }

    #[test]
    fn a_text_rests_after_the_second_time_and_is_tried_again_later() {
        let (crashes, now) = (Crashes::default(), Instant::now());
        let text = text(&question(1, "SELECT 1"));
        crashes.note(text, now);
        assert!(crashes.check(&text, now).is_ok(), "once may be bad luck");
        crashes.note(text, now);
        assert_eq!(crashes.check(&text, now).unwrap_err().state, SqlState::Quarantined);
        for other in [question(2, "SELECT 1"), question(1, "SELECT 2")] {
            let other = super::text(&other);
            assert!(crashes.check(&other, now).is_ok(), "another tenant's, another text");
        }
        assert!(crashes.check(&text, now + REST).is_ok());
    }

    #[test]
    fn only_so_many_are_remembered_and_the_newest_are() {
        let (crashes, now) = (Crashes::default(), Instant::now());
        let text_of = |n: usize| text(&question(1, &n.to_string()));
        let most = 2 * WORKER_CRASHED_TEXTS_MAX;
        for n in 0..most {
            crashes.note(text_of(n), now + Duration::from_micros(n as u64));
        }
        assert_eq!(crashes.texts().len(), WORKER_CRASHED_TEXTS_MAX);
        let later = now + Duration::from_secs(1);
        for n in [0, most - 1] {
            crashes.note(text_of(n), later);
        }
        assert!(crashes.check(&text_of(0), later).is_ok(), "the oldest was forgotten");
        assert!(crashes.check(&text_of(most - 1), later).is_err());
    }
}
