//! Questions in SQL: one tenant's tables gathered from the log and the store, and a session over them.
//!
//! Promises the vitals of one committed tick, and records at least as new. The log is read from its
//! beginning for each question: right first; a lake behind the same `Catalog` makes it quick.

use async_trait::async_trait;
use vitals_api::operator::{Refusal, RefusalKind, SqlAnswer, SqlHead, SqlQuestion};
use vitals_log::SharedLog;
use vitals_model::TenantId;
use vitals_model::limits::QUESTION_PARAMS_MAX;
use vitals_model::tenant::TenantScope;
use vitals_query::answers::{Answers, Description, Param, Question, Rows, Surface};
use vitals_query::vital_tables::{VITAL_CHANGES, VitalChange};
use vitals_query::{
    AsOf, Format, QueryError, RecordTables, Sessions, SqlState, TenantTables, VitalBatches,
    formats, params, system,
};
use vitals_store::{Position, Scoped, Store};

use crate::start::SHARD;
use crate::{clock, verify};

/// Rows of history fetched at a time.
const HISTORY_PAGE: u32 = 10_000;
/// Most rows of history a question sees.
const HISTORY_ROWS_MAX: usize = 200_000;
/// How often the vitals are read again, when a tick was committed while the position was read.
const READ_TRIES: u32 = 3;

/// Answers from the whole log and the store, in this very process.
#[derive(Debug)]
pub(crate) struct FromTheLog {
    log: SharedLog,
    store: Store,
    sessions: Sessions,
}

impl FromTheLog {
    pub(crate) fn new(log: SharedLog, store: Store) -> Self {
        Self { log, store, sessions: Sessions::default() }
    }
}

#[async_trait]
impl Answers for FromTheLog {
    async fn answer(&self, question: Question) -> Result<Rows, QueryError> {
        if question.surface == Surface::Wire && system::concerns(&question.sql) {
            return system::answer(&question).await.map(Rows::from);
        }
        let sql = params::bind(&question.sql, &question.params)?;
        // Whether history is read at all; the session decides what the word means.
        let history = sql.to_ascii_lowercase().contains(VITAL_CHANGES);
        let gathered = catalog((&self.log, &self.store), question.tenant, history).await;
        let catalog = gathered.map_err(QueryError::unavailable)?;
        let answered = self.sessions.answer(&catalog, &sql, clock::now()).await;
        answered.map(Rows::from)
    }

    async fn describe(&self, question: Question) -> Result<Description, QueryError> {
        let count = params::count(&question.sql);
        if count > QUESTION_PARAMS_MAX {
            return Err(QueryError::unavailable("there are too many parameters"));
        }
        // The columns are the same whatever the values are.
        let question = question.with_params(vec![Param::Null; count]);
        let schema = self.answer(question).await?.schema;
        Ok(Description { schema, params: vec![None; count] })
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

fn store_failed(error: &vitals_store::Error) -> Refusal {
    Refusal::failed(error, "")
}

async fn catalog(
    (log, store): (&SharedLog, &Store),
    tenant: TenantId,
    history: bool,
) -> Result<TenantTables, Refusal> {
    let scope = TenantScope::of_operator(tenant);
    let (mut scoped, position) = view(store, &scope).await?;
    let vitals = scoped.vitals().await.map_err(|error| store_failed(&error))?;
    let mut vitals = VitalBatches::of(&vitals);
    if history {
        vitals = vitals.with_changes(&changes(&mut scoped).await?);
    }
    let seen = scoped.as_of().await.map_err(|error| store_failed(&error))?;
    drop(scoped);
    let (mut tenants, _) = verify::read(log.as_ref(), &position.offsets, Some(tenant)).await?;
    let records = tenants.remove(&tenant);
    let tables = tokio::task::block_in_place(|| match records {
        Some(records) => records.tables(),
        None => RecordTables::empty(),
    });
    let as_of = AsOf {
        tick: seen.map_or(position.tick, |it| it.tick),
        committed_at: seen.map_or(position.clock, |it| it.committed_at),
        complete_to: None,
    };
    // Today is committed with the tick; before the first, it is what the clock says.
    let today = seen.map_or_else(|| tables.today(clock::now()), |it| it.today);
    Ok(TenantTables::new(tenant, &tables, vitals, (today, as_of)))
}

/// A view of the vitals and the shard's position, of one tick unless ticks come too fast.
async fn view(store: &Store, scope: &TenantScope) -> Result<(Scoped, Position), Refusal> {
    let mut tries = 1;
    loop {
        let mut scoped = store.scoped(scope).await.map_err(|error| store_failed(&error))?;
        let seen = scoped.as_of().await.map_err(|error| store_failed(&error))?;
        let position = store.position(SHARD).await.map_err(|error| store_failed(&error))?;
        if tries == READ_TRIES || seen.is_none_or(|it| it.tick == position.tick) {
            return Ok((scoped, position));
        }
        tries += 1;
    }
}

async fn changes(scoped: &mut Scoped) -> Result<Vec<VitalChange>, Refusal> {
    let too_many = || {
        Refusal::new(
            RefusalKind::Invalid,
            format_args!("the history has more than {HISTORY_ROWS_MAX} rows"),
            "ask without vital_changes",
        )
    };
    let (mut changes, mut after) = (Vec::new(), 0);
    loop {
        let page = scoped.history_after(after, HISTORY_PAGE).await;
        let mut page = page.map_err(|error| store_failed(&error))?;
        let full = page.len() == HISTORY_PAGE as usize;
        if full {
            // The last tick may go on: it is read again, from its beginning.
            let last = page.last().map_or(0, |it| it.tick);
            page.retain(|it| it.tick < last);
            after = page.last().map(|it| it.tick).ok_or_else(too_many)?;
        }
        changes.extend(page.into_iter().map(|it| VitalChange {
            tick: it.tick,
            committed_at: it.committed_at,
            vital: it.vital,
            key: it.key.to_string(),
            old: it.old.map(|it| it.to_string()),
            new: it.new.map(|it| it.to_string()),
            cause: serde_json::Value::String(it.cause).to_string(),
        }));
        if !full {
            return Ok(changes);
        }
        if changes.len() > HISTORY_ROWS_MAX {
            return Err(too_many());
        }
    }
}
