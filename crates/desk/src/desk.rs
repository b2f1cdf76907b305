//! The desk: where a tenant's question in plain language becomes rows, a sentence and what they rest on.
//!
//! Promises that what a translator says is planned by the guarded session and by nothing else; that a number a
//! vital maintains is computed a second time, and a difference shown; and that what is not understood is refused.

use std::sync::Arc;
use std::time::Duration;

use vitals_ask::{Check, Grammar, Translation, plain};
use vitals_llm::Assistant;
use vitals_model::limits::QUESTION_BYTES_MAX;
use vitals_model::local_time::Zone;
use vitals_model::{TenantId, UtcMicros};
use vitals_query::{Answers, QueryError};

use crate::asked::{Asked, Checked, Dates, NotAnswered};
use crate::businesses::Businesses;
use crate::checked::differences;
use crate::rows::Table;
use crate::{chart, model, sentence};

/// What the translator of this program is called.
const BUILTIN: &str = "builtin";
/// Longest wait for the second computation; the answer does not depend on it.
const CHECK_TIMEOUT: Duration = Duration::from_secs(10);

/// Who is asked to turn a question into SQL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The built-in translator alone.
    Builtin,
    /// A language model alone.
    Model,
    /// The built-in translator, and a model for what it declines.
    #[default]
    Both,
}

/// Answers questions in plain language.
#[derive(Debug)]
pub struct Desk {
    pub(crate) answers: Arc<dyn Answers>,
    recount: Option<Arc<dyn Answers>>,
    assistant: Option<Arc<Assistant>>,
    order: Order,
    businesses: Businesses,
    clock: fn() -> UtcMicros,
}

impl Desk {
    /// A desk over whoever computes answers.
    #[must_use]
    pub fn new(answers: Arc<dyn Answers>, clock: fn() -> UtcMicros) -> Self {
        let (businesses, order) = (Businesses::default(), Order::Builtin);
        Self { answers, recount: None, assistant: None, order, businesses, clock }
    }

    /// With one whose vitals are computed anew by their definitions, for the second computation.
    #[must_use]
    pub fn with_recount(self, recount: Arc<dyn Answers>) -> Self {
        Self { recount: Some(recount), ..self }
    }

    /// With a language model, asked in this order.
    #[must_use]
    pub fn with_assistant(self, assistant: Arc<Assistant>, order: Order) -> Self {
        Self { assistant: Some(assistant), order, ..self }
    }

    /// Answers a tenant's question.
    ///
    /// # Errors
    /// It cannot be answered, or the answer could not be computed.
    pub async fn ask(&self, tenant: TenantId, question: &str) -> Result<Asked, NotAnswered> {
        let question = plain(question);
        let grammar = self.grammar(tenant).await?;
        let (mut translation, by) = self.translate(tenant, &grammar, &question).await?;
        let table = Table::of(self.answers.as_ref(), tenant, &translation.sql).await?;
        if by != BUILTIN {
            let is_key = |it: &&crate::asked::Column| !it.is_number();
            translation.keys = table.columns.iter().take_while(is_key).count();
        }
        let check = self.check(tenant, &translation, &table).await;
        Ok(answer(question, by, translation, (table, check)))
    }

    /// The SQL of a question, and who wrote it.
    async fn translate(
        &self,
        tenant: TenantId,
        grammar: &Grammar,
        question: &str,
    ) -> Result<(Translation, String), NotAnswered> {
        let builtin = || grammar.translate(question).map(|it| (it, BUILTIN.to_owned()));
        let Some(assistant) = self.assistant.as_ref().filter(|_| self.order != Order::Builtin)
        else {
            return Ok(builtin()?);
        };
        let nearest = match builtin() {
            Ok(translated) if self.order == Order::Both => return Ok(translated),
            // A question that is too long, or no text, is nobody's.
            Err(no) if question.len() > QUESTION_BYTES_MAX => return Err(no.into()),
            Err(no) => no.nearest,
            Ok(_) => Vec::new(),
        };
        let business = (tenant, grammar.business());
        let drafted = (question, (self.clock)());
        let drafted = model::translate(assistant, self.answers.as_ref(), business, drafted).await;
        drafted.map_err(|no| model::not_answered(no, nearest))
    }

    /// A tenant's zone.
    ///
    /// # Errors
    /// The tenant's settings cannot be read.
    pub async fn zone(&self, tenant: TenantId) -> Result<Zone, QueryError> {
        Ok(self.grammar(tenant).await?.business().zone)
    }

    pub(crate) async fn grammar(&self, tenant: TenantId) -> Result<Arc<Grammar>, QueryError> {
        self.businesses.grammar(self.answers.as_ref(), tenant, (self.clock)()).await
    }

    /// Computes the rows a second time, if they are a vital's.
    async fn check(
        &self,
        tenant: TenantId,
        translation: &Translation,
        answered: &Table,
    ) -> Option<Checked> {
        let (by, other, sql) = match translation.check.as_ref()? {
            Check::Sql(sql) => ("records", Some(&self.answers), sql),
            Check::Definition(_) => ("definition", self.recount.as_ref(), &translation.sql),
        };
        let compared = async {
            let other = other.ok_or_else(|| "nobody here computes it anew".to_owned())?;
            let said = |error: QueryError| error.to_string();
            let computed = Table::of(other.as_ref(), tenant, sql).await.map_err(said)?;
            let found = differences(&answered.rows, &computed.rows, translation.keys);
            if found.is_empty() {
                return Ok(found);
            }
            // A tick may have come between: only what is there at one tick, twice, is a difference.
            let again =
                Table::of(self.answers.as_ref(), tenant, &translation.sql).await.map_err(said)?;
            let computed = Table::of(other.as_ref(), tenant, sql).await.map_err(said)?;
            if again.as_of != computed.as_of {
                return Err("the numbers are moving: ask again".to_owned());
            }
            Ok(differences(&again.rows, &computed.rows, translation.keys))
        };
        let compared = tokio::time::timeout(CHECK_TIMEOUT, compared).await;
        let compared = compared.unwrap_or_else(|_| Err("it took too long".to_owned()));
        let (agrees, why_not, differences) = match compared {
            Ok(found) => (Some(found.is_empty()), None, found),
            Err(why) => (None, Some(why), Vec::new()),
        };
        if agrees == Some(false) {
            tracing::warn!(tenant = %tenant, by, "two computations of one number differ");
        }
        Some(Checked { by: by.to_owned(), sql: sql.clone(), agrees, why_not, differences })
    }
}

fn answer(
    question: String,
    translator: String,
    translation: Translation,
    (table, check): (Table, Option<Checked>),
) -> Asked {
    let chart = chart::suggest(&translation, &table.columns, table.rows.len());
    let said = (&chart, table.truncated);
    let mut answer = sentence::of(&translation, &table.columns, &table.rows, said);
    if let Some(Checked { agrees: Some(false), differences, .. }) = &check
        && let Some(first) = differences.first()
    {
        let side = |it: &Option<String>| it.clone().unwrap_or_else(|| "no row".to_owned());
        answer.push_str(&format!(
            " A second computation differs: {} here, {} there.",
            side(&first.answered),
            side(&first.computed)
        ));
    }
    let dates = translation.range.map(|it| Dates {
        words: it.words,
        from: it.from.map(|it| it.to_string()),
        to: it.to.map(|it| it.to_string()),
    });
    Asked {
        question,
        answer,
        translator,
        understood: translation.understood,
        sql: translation.sql,
        tables: translation.tables,
        dates,
        as_of: table.as_of,
        committed_at: table.committed_at,
        complete_to: table.complete_to,
        time_zone: table.time_zone,
        truncated: table.truncated,
        columns: table.columns,
        rows: table.rows,
        chart,
        check,
    }
}
