//! Questions of the command line in SQL: who is asked, in which form the answer goes out, and refusals.

use vitals_api::operator::{Refusal, RefusalKind, SqlAnswer, SqlHead, SqlQuestion};
use vitals_model::TenantId;
use vitals_query::answers::{Answers, Question};
use vitals_query::{Answer, Format, QueryError, SqlState, formats};

/// Answers a question of the command line.
pub(crate) async fn answer(
    answers: &dyn Answers,
    tenant: TenantId,
    question: &SqlQuestion,
) -> Result<SqlAnswer, Refusal> {
    let format = format(&question.format)?;
    let rows = answers.answer(Question::new(tenant, &question.sql)).await;
    let answer = rows.map_err(|error| refusal(&error))?.collect().await;
    let answer = answer.map_err(|error| refusal(&error))?;
    let body = formats::write(&answer, format).map_err(|error| refusal(&error))?;
    Ok(SqlAnswer { head: head(&answer), body })
}

/// The form of this name.
pub(crate) fn format(name: &str) -> Result<Format, Refusal> {
    Format::parse(name).ok_or_else(|| {
        let all = Format::ALL.map(Format::as_str).join(", ");
        Refusal::new(
            RefusalKind::Invalid,
            "there is no such form",
            format_args!("choose one of {all}"),
        )
    })
}

/// What is to be known of an answer besides its rows.
pub(crate) fn head(answer: &Answer) -> SqlHead {
    SqlHead {
        tick: answer.as_of.tick,
        committed_at: answer.as_of.committed_at.to_string(),
        complete_to: answer.as_of.complete_to.map(|it| it.to_string()),
        rows: answer.rows() as u64,
        truncated: answer.truncated,
    }
}

fn refusal(error: &QueryError) -> Refusal {
    let kind = match error.state {
        SqlState::Internal | SqlState::Busy | SqlState::Crashed => RefusalKind::Failed,
        _ => RefusalKind::Invalid,
    };
    let detail = format_args!("{} ({} {})", error.detail, error.state.slug(), error.state.code());
    Refusal::new(kind, detail, &error.mend)
}
