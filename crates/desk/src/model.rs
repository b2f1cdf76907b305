//! The language model's part at the desk: what it is told, and whether what it says plans.
//!
//! Promises a prompt of schema, settings and definitions: no row, no name of anybody or anything, and no column that
//! only tells of a person. What the model drafts is planned as its tenant's question before it is taken.

use async_trait::async_trait;
use vitals_ask::prompt::{TableSchema, prompt};
use vitals_ask::{Business, Chart, Translation};
use vitals_llm::{Ask, Assistant, NoDraft, NoPlan, Plans};
use vitals_model::{TenantId, UtcMicros};
use vitals_query::{Answers, Question, SqlState, schema};

use crate::asked::NotAnswered;

/// Columns that say who or where somebody is, and nothing a number could need.
const PERSONAL: [&str; 4] = ["first_name", "last_name", "email", "phone"];

/// The tables as the model is told of them.
fn tables() -> Vec<TableSchema> {
    let told = |(name, columns): (String, Vec<(String, String)>)| TableSchema {
        name,
        columns: columns.into_iter().filter(|it| !PERSONAL.contains(&it.0.as_str())).collect(),
    };
    schema::tables().into_iter().map(told).collect()
}

struct Planner<'a> {
    answers: &'a dyn Answers,
    tenant: TenantId,
}

#[async_trait]
impl Plans for Planner<'_> {
    async fn plan(&self, sql: &str) -> Result<(), NoPlan> {
        let described = self.answers.describe(Question::new(self.tenant, sql)).await;
        described.map(|_| ()).map_err(|error| match error.state {
            SqlState::Internal | SqlState::Busy => NoPlan::Elsewhere(error.detail),
            _ => NoPlan::Wrong(error.detail),
        })
    }
}

/// Asks a model for the SQL of a question; and which model it was.
pub(crate) async fn translate(
    assistant: &Assistant,
    answers: &dyn Answers,
    (tenant, business): (TenantId, &Business),
    (question, now): (&str, UtcMicros),
) -> Result<(Translation, String), NoDraft> {
    let tables = tables();
    let prompt = prompt(&tables, business);
    let ask = Ask { tenant, prompt: &prompt, question };
    let drafted = assistant.draft(ask, &Planner { answers, tenant }, now).await?;
    let words: Vec<String> = drafted
        .sql
        .split(|it: char| !it.is_alphanumeric() && it != '_')
        .map(str::to_lowercase)
        .collect();
    let read = tables.into_iter().map(|it| it.name).filter(|it| words.contains(it));
    let translation = Translation {
        tables: read.collect(),
        sql: drafted.sql,
        check: None,
        range: None,
        title: "the assistant's reading of the question".to_owned(),
        keys: 0,
        currency: None,
        chart: Chart::Bar,
        understood: vec![
            "a language model wrote this SQL: read it before you rely on it".to_owned(),
        ],
    };
    Ok((translation, drafted.model))
}

/// Why there is no answer; `nearest` are questions that have one.
pub(crate) fn not_answered(no: NoDraft, nearest: Vec<String>) -> NotAnswered {
    match no {
        NoDraft::Declined(why) => NotAnswered::Cannot { why: why.to_owned(), nearest },
        NoDraft::Unavailable { why, retry_after_s } => {
            NotAnswered::Unavailable { why, retry_after_s }
        }
        NoDraft::TooMany { why, retry_after_s } => {
            NotAnswered::TooMany { why: why.to_owned(), retry_after_s }
        }
    }
}
