//! How much each tenant may ask of a model: questions a minute, and tokens a day.
//!
//! Promises that a question is paid for before it is sent, by what it may cost at most, and settled by what it did
//! cost; and that so many tenants are remembered and no more: whoever asked longest ago is forgotten. A day is UTC's.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use vitals_model::limits::{LLM_KEPT_MAX, LLM_QUESTIONS_PER_MINUTE_MAX};
use vitals_model::utc::SECOND_US;
use vitals_model::{TenantId, UtcMicros};

/// Time after which one more question may be asked.
const QUESTION_US: i64 = 60 * SECOND_US / LLM_QUESTIONS_PER_MINUTE_MAX as i64;
const DAY_US: i64 = 86_400 * SECOND_US;

#[derive(Clone, Copy, Debug)]
struct Use {
    /// When all of its questions are free again.
    full_at: UtcMicros,
    day: i64,
    tokens: u64,
    last: UtcMicros,
}

/// Why a question may not be asked now, and after how many seconds it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spent {
    Questions(u64),
    Tokens(u64),
}

/// The tenants' budgets.
#[derive(Debug)]
pub(crate) struct Budget {
    tokens_per_day: u64,
    used: Mutex<BTreeMap<TenantId, Use>>,
}

fn seconds(us: i64) -> u64 {
    u64::try_from((us + SECOND_US - 1) / SECOND_US).unwrap_or(1)
}

impl Budget {
    pub(crate) fn new(tokens_per_day: u64) -> Self {
        Self { tokens_per_day, used: Mutex::default() }
    }

    fn used(&self) -> std::sync::MutexGuard<'_, BTreeMap<TenantId, Use>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes one question and so many tokens.
    pub(crate) fn take(&self, tenant: TenantId, tokens: u64, now: UtcMicros) -> Result<(), Spent> {
        let mut all = self.used();
        let day = now.0.div_euclid(DAY_US);
        let fresh = Use { full_at: now, day, tokens: 0, last: now };
        let mut one = all.get(&tenant).copied().unwrap_or(fresh);
        if one.day != day {
            (one.day, one.tokens) = (day, 0);
        }
        let full_at = one.full_at.max(now).0 + QUESTION_US;
        let most = now.0 + QUESTION_US * i64::from(LLM_QUESTIONS_PER_MINUTE_MAX);
        if full_at > most {
            return Err(Spent::Questions(seconds(full_at - most)));
        }
        if one.tokens.saturating_add(tokens) > self.tokens_per_day {
            return Err(Spent::Tokens(seconds((day + 1) * DAY_US - now.0)));
        }
        (one.full_at, one.last) = (UtcMicros(full_at), now);
        one.tokens += tokens;
        if all.len() >= LLM_KEPT_MAX && !all.contains_key(&tenant) {
            let oldest = all.iter().min_by_key(|it| it.1.last).map(|it| *it.0);
            oldest.map(|it| all.remove(&it));
        }
        all.insert(tenant, one);
        Ok(())
    }

    /// Gives back what was taken and not needed, or takes what was needed beyond it.
    pub(crate) fn settle(&self, tenant: TenantId, taken: u64, cost: u64, now: UtcMicros) {
        if let Some(one) = self.used().get_mut(&tenant)
            && one.day == now.0.div_euclid(DAY_US)
        {
            one.tokens = one.tokens.saturating_sub(taken).saturating_add(cost);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(number: u128) -> TenantId {
        TenantId(uuid::Uuid::from_u128(number))
    }

    #[test]
    fn twenty_at_once_then_one_every_three_seconds() {
        let (budget, at) = (Budget::new(1_000), |seconds: i64| UtcMicros(seconds * SECOND_US));
        for _ in 0..20 {
            assert_eq!(budget.take(tenant(1), 1, at(100)), Ok(()));
        }
        assert_eq!(budget.take(tenant(1), 1, at(100)), Err(Spent::Questions(3)));
        assert_eq!(budget.take(tenant(2), 1, at(100)), Ok(()), "another tenant has its own");
        assert_eq!(budget.take(tenant(1), 1, at(103)), Ok(()));
        assert_eq!(budget.take(tenant(1), 1, at(103)), Err(Spent::Questions(3)));
        assert_eq!(budget.take(tenant(1), 1, at(10_000)), Ok(()));
    }

    #[test]
    fn tokens_are_of_a_day_and_settled() {
        let (budget, at) = (Budget::new(1_000), |seconds: i64| UtcMicros(seconds * SECOND_US));
        assert_eq!(budget.take(tenant(1), 900, at(0)), Ok(()));
        assert_eq!(budget.take(tenant(1), 200, at(10)), Err(Spent::Tokens(86_390)));
        budget.settle(tenant(1), 900, 300, at(10));
        assert_eq!(budget.take(tenant(1), 700, at(20)), Ok(()));
        assert_eq!(budget.take(tenant(1), 1, at(30)), Err(Spent::Tokens(86_370)));
        assert_eq!(budget.take(tenant(1), 1_000, at(86_400)), Ok(()));
    }
}
