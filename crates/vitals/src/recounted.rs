//! Answers over vitals that are computed anew, each by its definition: the second opinion on a maintained number.
//!
//! Promises records and vitals of exactly the committed tick, and nothing taken from the rows that the engine
//! maintains. Reads the whole log for it, one question at a time: whoever asks sets a limit of its own.

use async_trait::async_trait;
use tokio::sync::Semaphore;
use vitals_log::SharedLog;
use vitals_query::answers::{Answers, Description, Question, Rows};
use vitals_query::{AsOf, QueryError, RecordTables, Sessions, TenantTables, VitalBatches};
use vitals_store::Store;

use crate::start::SHARD;
use crate::{clock, verify};

/// Answers by the definitions.
#[derive(Debug)]
pub(crate) struct Recounted {
    log: SharedLog,
    store: Store,
    sessions: Sessions,
    turn: Semaphore,
}

impl Recounted {
    pub(crate) fn new(log: SharedLog, store: Store) -> Self {
        Self { log, store, sessions: Sessions::default(), turn: Semaphore::new(1) }
    }
}

#[async_trait]
impl Answers for Recounted {
    async fn answer(&self, question: Question) -> Result<Rows, QueryError> {
        let _turn = self.turn.acquire().await.map_err(QueryError::unavailable)?;
        let tenant = question.tenant;
        let snapshot = self.store.snapshot(SHARD, Some(&[tenant])).await;
        let snapshot = snapshot.map_err(QueryError::unavailable)?;
        let (tenants, _) =
            verify::read(self.log.as_ref(), &snapshot.position.offsets, Some(tenant))
                .await
                .map_err(QueryError::unavailable)?;
        let vitals = verify::compute(&tenants, &snapshot).await.map_err(QueryError::unavailable)?;
        let tables = tokio::task::block_in_place(|| match tenants.get(&tenant) {
            Some(records) => records.tables(),
            None => RecordTables::empty(),
        });
        let clock = snapshot.position.clock;
        let today = snapshot.todays.get(&tenant).copied();
        let today = today.unwrap_or_else(|| vitals_query::today(&tables, clock));
        let as_of = AsOf { tick: snapshot.position.tick, committed_at: clock, complete_to: None };
        let catalog = TenantTables::new(tenant, &tables, VitalBatches::of(&vitals), (today, as_of));
        self.sessions.answer(&catalog, &question, clock::now()).await
    }

    async fn describe(&self, question: Question) -> Result<Description, QueryError> {
        let schema = self.answer(question).await?.schema;
        Ok(Description { schema, params: Vec::new() })
    }
}
