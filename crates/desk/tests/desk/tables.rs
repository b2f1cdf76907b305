//! A tenant's tables in memory behind the guarded session: what stands in for a running Vitals.

use async_trait::async_trait;
use vitals_model::local_time::Zone;
use vitals_model::{Date, TenantId, UtcMicros};
use vitals_query::answers::{Answers, Description, Question, Rows};
use vitals_query::catalog::Catalog;
use vitals_query::{
    AsOf, Definitions, QueryError, Records, Sessions, TenantTables, VitalBatches, formats,
};

/// Any moment: what is asked here depends on the tenant's today alone.
pub(crate) const NOW: UtcMicros = UtcMicros(1_773_835_200_000_000);

#[derive(Debug)]
pub(crate) struct InMemory {
    tables: TenantTables,
    sessions: Sessions,
}

impl InMemory {
    /// The records, and the vitals that the definitions say of others (or of the same).
    pub(crate) async fn new(records: &Records, vitals_of: &Records, today: Date) -> Self {
        let definitions = Definitions::new().await.unwrap();
        let tenant = records.tenant();
        let vitals = definitions.compute(&vitals_of.tables(), tenant, today).await.unwrap();
        let as_of = AsOf { tick: 7, committed_at: NOW, complete_to: None };
        let tables =
            TenantTables::new(tenant, &records.tables(), VitalBatches::of(&vitals), (today, as_of));
        Self { tables, sessions: Sessions::default() }
    }

    pub(crate) fn tenant(&self) -> TenantId {
        self.tables.tenant()
    }

    pub(crate) fn zone(&self) -> Zone {
        self.tables.zone()
    }

    /// Every row of a table.
    #[allow(dead_code, reason = "each test binary uses its part")]
    pub(crate) async fn everything(&self, table: &str) -> serde_json::Value {
        let sql = format!("SELECT * FROM {table}");
        let question = Question::new(self.tables.tenant(), sql);
        let rows = self.sessions.answer(&self.tables, &question, NOW).await.unwrap();
        let answer = rows.collect().await.unwrap();
        formats::json_value(&answer).unwrap()
    }
}

#[async_trait]
impl Answers for InMemory {
    async fn answer(&self, question: Question) -> Result<Rows, QueryError> {
        assert_eq!(question.tenant, self.tenant(), "a question of another tenant");
        self.sessions.answer(&self.tables, &question, NOW).await
    }

    async fn describe(&self, question: Question) -> Result<Description, QueryError> {
        let schema = self.answer(question).await?.schema;
        Ok(Description { schema, params: Vec::new() })
    }
}
