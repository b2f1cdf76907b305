//! Questions in SQL: one tenant's catalogue, and a session over it.
//!
//! Promises the vitals of one committed tick, and records at least as new.

use async_trait::async_trait;
use vitals_api::operator::{Refusal, RefusalKind, SqlAnswer, SqlHead, SqlQuestion};
use vitals_model::TenantId;
use vitals_query::answers::{Answers, Description, Question, Rows};
use vitals_query::{Format, QueryError, Sessions, SqlState, formats};

use crate::catalogue::Catalogues;
use crate::clock;

/// Answers from the lake and the store, in this very process.
#[derive(Debug)]
pub(crate) struct InThisProcess {
    catalogues: Catalogues,
    sessions: Sessions,
}

impl InThisProcess {
    pub(crate) fn new(catalogues: Catalogues) -> Self {
        Self { catalogues, sessions: Sessions::default() }
    }
}

#[async_trait]
impl Answers for InThisProcess {
    async fn answer(&self, question: Question) -> Result<Rows, QueryError> {
        let catalogue = self.catalogues.open(question.tenant).await?;
        let answered = self.sessions.answer(&catalogue, &question.sql, clock::now()).await;
        answered.map(Rows::from)
    }

    async fn describe(&self, question: Question) -> Result<Description, QueryError> {
        let schema = self.answer(question).await?.schema;
        Ok(Description { schema, params: Vec::new() })
    }
}

/// Answers a question of the command line.
pub(crate) async fn answer(
    answers: &dyn Answers,
    tenant: TenantId,
    question: &SqlQuestion,
) -> Result<SqlAnswer, Refusal> {
    let format = Format::parse(&question.format).ok_or_else(|| {
        let all = Format::ALL.map(Format::as_str).join(", ");
        Refusal::new(
            RefusalKind::Invalid,
            "there is no such form",
            format_args!("choose one of {all}"),
        )
    })?;
    let rows = answers.answer(Question::new(tenant, &question.sql)).await;
    let answer = rows.map_err(|error| refusal(&error))?.collect().await;
    let answer = answer.map_err(|error| refusal(&error))?;
    let body = formats::write(&answer, format).map_err(|error| refusal(&error))?;
    let head = SqlHead {
        tick: answer.as_of.tick,
        committed_at: answer.as_of.committed_at.to_string(),
        complete_to: answer.as_of.complete_to.map(|it| it.to_string()),
        rows: answer.rows() as u64,
        truncated: answer.truncated,
    };
    Ok(SqlAnswer { head, body })
}

fn refusal(error: &QueryError) -> Refusal {
    let kind = match error.state {
        SqlState::Internal | SqlState::Busy => RefusalKind::Failed,
        _ => RefusalKind::Invalid,
    };
    let detail = format_args!("{} ({} {})", error.detail, error.state.slug(), error.state.code());
    Refusal::new(kind, detail, &error.mend)
}
