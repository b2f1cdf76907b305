//! The assistant: one question of one tenant to one SELECT that plans, or a reason why not.
//!
//! Promises at most two calls: a second one only when the first SELECT does not plan, and never a third. What is kept
//! is kept for the tenant it was said to. A no, a refusal and a failure are three different answers.

use std::time::Duration;

use async_trait::async_trait;
use vitals_model::limits::{LLM_ANSWER_TOKENS_MAX, LLM_PROMPT_BYTES_MAX, LLM_TIME_MS_MAX};
use vitals_model::{TenantId, UtcMicros};

use crate::breaker::Breaker;
use crate::budget::{Budget, Spent};
use crate::cache::{self, Cache};
use crate::client::{Client, Endpoint, Message};
use crate::reply::{self, Said, Useless};

/// Bytes of a prompt that are at least one token.
const BYTES_PER_TOKEN: u64 = 3;
/// When a failure that is nobody's fault may be over.
const RETRY_S: u64 = 30;

/// Whoever can say whether SQL plans.
#[async_trait]
pub trait Plans: Send + Sync {
    /// Nothing, or why it does not plan: a text without any row's value, which is told to the model.
    async fn plan(&self, sql: &str) -> Result<(), NoPlan>;
}

/// Why SQL does not plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoPlan {
    /// By its own fault: another text could plan.
    Wrong(String),
    /// Not by its fault: it cannot be tried now.
    Elsewhere(String),
}

/// A SELECT that plans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drafted {
    /// The SELECT.
    pub sql: String,
    /// The model's name.
    pub model: String,
}

/// Why there is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoDraft {
    /// The model says that the tables do not hold the answer, or its SELECT did not plan twice.
    #[error("{0}")]
    Declined(&'static str),
    /// The model's server is not there, or of no use.
    #[error("{why}")]
    Unavailable {
        /// One plain sentence, without a word of the server's.
        why: String,
        /// After how many seconds it makes sense to try again.
        retry_after_s: u64,
    },
    /// The tenant has asked as much as it may.
    #[error("{why}")]
    TooMany {
        /// One plain sentence.
        why: &'static str,
        /// After how many seconds it may ask again.
        retry_after_s: u64,
    },
}

/// A question with what a model is told about it.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Whose.
    pub tenant: TenantId,
    /// Schema and definitions; no rows.
    pub prompt: &'a str,
    /// The question.
    pub question: &'a str,
}

/// A language model as a translator.
#[derive(Debug)]
pub struct Assistant {
    client: Client,
    breaker: Breaker,
    budget: Budget,
    cache: Cache,
    within: Duration,
}

impl Assistant {
    /// An assistant at an endpoint, which each tenant may cost so many tokens a day.
    ///
    /// # Errors
    /// One plain sentence: the address is none.
    pub fn new(endpoint: Endpoint, tokens_per_day: u64) -> Result<Self, String> {
        Ok(Self {
            client: Client::new(endpoint)?,
            breaker: Breaker::default(),
            budget: Budget::new(tokens_per_day),
            cache: Cache::default(),
            within: Duration::from_millis(LLM_TIME_MS_MAX),
        })
    }

    /// With another limit of time for all calls of one question.
    #[must_use]
    pub fn within(self, within: Duration) -> Self {
        Self { within, ..self }
    }

    /// A SELECT for a question, when the clock shows `now`.
    ///
    /// # Errors
    /// There is none.
    pub async fn draft(
        &self,
        ask: Ask<'_>,
        plans: &dyn Plans,
        now: UtcMicros,
    ) -> Result<Drafted, NoDraft> {
        if ask.prompt.len() > LLM_PROMPT_BYTES_MAX {
            return Err(NoDraft::Declined("the tables are too many for a model"));
        }
        let key = cache::key(ask.tenant, ask.prompt, ask.question);
        if let Some(said) = self.cache.get(&key, now) {
            return self.drafted(said);
        }
        let worst = worst_cost(&ask);
        self.budget.take(ask.tenant, worst, now).map_err(spent)?;
        let mut cost = 0;
        let outcome = self.try_once((ask, plans), now, &mut cost).await;
        self.budget.settle(ask.tenant, worst, cost, now);
        let said = outcome?;
        self.cache.put(key, said.clone(), now);
        self.drafted(said)
    }

    fn drafted(&self, said: Said) -> Result<Drafted, NoDraft> {
        match said {
            Said::Sql(sql) => Ok(Drafted { sql, model: self.client.model().to_owned() }),
            Said::No => Err(NoDraft::Declined("the assistant finds no answer in these tables")),
        }
    }

    /// Passes the breaker, and tells it what became of the calls.
    async fn try_once(
        &self,
        asked: (Ask<'_>, &dyn Plans),
        now: UtcMicros,
        cost: &mut u64,
    ) -> Result<Said, NoDraft> {
        self.breaker.pass(now).map_err(|retry_after_s| NoDraft::Unavailable {
            why: "it failed several times and is left alone for a moment".to_owned(),
            retry_after_s,
        })?;
        let talk = tokio::time::timeout(self.within, self.talk(asked, cost)).await;
        let talk = talk.unwrap_or_else(|_| Err(failed("it did not answer in time")));
        match &talk {
            Err(Fault::Server(no)) => {
                tracing::warn!(why = %no, model = self.client.model(), "the assistant failed");
                self.breaker.failed(now);
            }
            // It answered: what it said is another matter.
            Ok(_) | Err(Fault::Other(_)) => self.breaker.succeeded(),
        }
        talk.map_err(|(Fault::Server(no) | Fault::Other(no))| no)
    }

    async fn talk(
        &self,
        (ask, plans): (Ask<'_>, &dyn Plans),
        cost: &mut u64,
    ) -> Result<Said, Fault> {
        let mut messages: Vec<Message> =
            vec![("system", ask.prompt.to_owned()), ("user", ask.question.to_owned())];
        let said = self.call(&messages, cost).await?;
        let Said::Sql(sql) = &said else { return Ok(said) };
        let why = match plans.plan(sql).await {
            Ok(()) => return Ok(said),
            Err(NoPlan::Elsewhere(why)) => return Err(Fault::Other(unavailable(why))),
            Err(NoPlan::Wrong(why)) => why,
        };
        messages.push(("assistant", sql.clone()));
        messages.push(("user", format!("That SELECT was refused: {why}. Mend it, or decline.")));
        let said = self.call(&messages, cost).await?;
        let Said::Sql(sql) = &said else { return Ok(said) };
        match plans.plan(sql).await {
            Ok(()) => Ok(said),
            Err(NoPlan::Elsewhere(why)) => Err(Fault::Other(unavailable(why))),
            Err(NoPlan::Wrong(_)) => Err(Fault::Other(NoDraft::Declined(
                "the assistant did not find SQL that these tables can answer",
            ))),
        }
    }

    async fn call(&self, messages: &[Message], cost: &mut u64) -> Result<Said, Fault> {
        let sent: usize = messages.iter().map(|it| it.1.len()).sum();
        let answer = self.client.ask(messages).await.map_err(|no| failed(&no.to_string()))?;
        let (said, tokens) = reply::read(&answer);
        let guessed = tokens_of(sent) + tokens_of(answer.len());
        // A server that says it cost nothing is not believed.
        *cost += tokens.filter(|it| *it > 0).unwrap_or(guessed);
        said.map_err(|useless| match useless {
            Useless::Garbage => failed("its answer is not what was asked for"),
            Useless::Refused => {
                Fault::Other(unavailable("its provider refused to answer this".to_owned()))
            }
        })
    }
}

/// Why there is nothing, and whether the server is to blame.
#[derive(Debug)]
enum Fault {
    Server(NoDraft),
    Other(NoDraft),
}

fn failed(why: &str) -> Fault {
    Fault::Server(unavailable(why.to_owned()))
}

fn unavailable(why: String) -> NoDraft {
    NoDraft::Unavailable { why, retry_after_s: RETRY_S }
}

fn spent(spent: Spent) -> NoDraft {
    let (why, retry_after_s) = match spent {
        Spent::Questions(seconds) => ("too many questions in a minute for the assistant", seconds),
        Spent::Tokens(seconds) => ("the assistant's budget of today is used up", seconds),
    };
    NoDraft::TooMany { why, retry_after_s }
}

fn tokens_of(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX) / BYTES_PER_TOKEN
}

/// What two calls may cost at most.
fn worst_cost(ask: &Ask<'_>) -> u64 {
    2 * (tokens_of(ask.prompt.len() + ask.question.len()) + u64::from(LLM_ANSWER_TOKENS_MAX))
}
