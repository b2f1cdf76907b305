//! What a model said to a question, for a day.
//!
//! Promises that an answer is found only by the tenant, the question and the prompt that it was given for: another
//! tenant's, another day's or another schema's is another. Keeps so many and no more; the oldest goes first.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use sha2::{Digest, Sha256};
use vitals_model::limits::LLM_KEPT_MAX;
use vitals_model::utc::SECOND_US;
use vitals_model::{TenantId, UtcMicros};

use crate::reply::Said;

/// How long an answer is kept.
const KEPT_US: i64 = 86_400 * SECOND_US;

/// Tenant, and a digest of prompt and question.
pub(crate) type Key = (TenantId, [u8; 32]);

/// The key of a question. Case and blanks do not make it another.
pub(crate) fn key(tenant: TenantId, prompt: &str, question: &str) -> Key {
    let words: Vec<String> = question.split_whitespace().map(str::to_lowercase).collect();
    let mut digest = Sha256::new();
    digest.update(u64::try_from(prompt.len()).unwrap_or(u64::MAX).to_be_bytes());
    digest.update(prompt);
    digest.update(words.join(" "));
    (tenant, digest.finalize().into())
}

/// The answers of a day.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<BTreeMap<Key, (UtcMicros, Said)>>);

impl Cache {
    pub(crate) fn get(&self, key: &Key, now: UtcMicros) -> Option<Said> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(key).filter(|(at, _)| now.0 - at.0 < KEPT_US).map(|(_, said)| said.clone())
    }

    pub(crate) fn put(&self, key: Key, said: Said, now: UtcMicros) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= LLM_KEPT_MAX && !all.contains_key(&key) {
            let oldest = all.iter().min_by_key(|it| it.1.0).map(|it| *it.0);
            oldest.map(|it| all.remove(&it));
        }
        all.insert(key, (now, said));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_its_tenants_its_prompts_and_a_days() {
        let tenant = |number| TenantId(uuid::Uuid::from_u128(number));
        let (cache, said) = (Cache::default(), Said::Sql("SELECT 1".to_owned()));
        let of = |tenant, prompt, question| key(tenant, prompt, question);
        cache.put(of(tenant(1), "p", "Revenue  last month"), said.clone(), UtcMicros(0));
        let get = |key, at| cache.get(&key, UtcMicros(at));
        assert_eq!(get(of(tenant(1), "p", "revenue last month"), KEPT_US - 1), Some(said));
        assert_eq!(get(of(tenant(1), "p", "revenue last month"), KEPT_US), None);
        assert_eq!(get(of(tenant(2), "p", "revenue last month"), 0), None);
        assert_eq!(get(of(tenant(1), "q", "revenue last month"), 0), None);
        assert_eq!(get(of(tenant(1), "prevenue", "last month"), 0), None);
    }
}
