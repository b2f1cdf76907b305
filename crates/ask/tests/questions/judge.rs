//! The guarded session over the world's tables, and PostgreSQL beside it.

use vitals_ask::{Check, Grammar};
use vitals_query::Question;

use crate::oracle::{Oracle, session_rows};
use crate::tables::InMemory;
use crate::world;

/// What is asked in several phrasings, and what all of them should give.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Meaning {
    pub(crate) sql: String,
    pub(crate) questions: Vec<String>,
}

pub(crate) struct Judge {
    tables: InMemory,
    zone: String,
    pub(crate) grammar: Grammar,
}

/// What the references share, written by hand and otherwise than the grammar does.
const VIEWS: &str = include_str!("../../../../sql/semantic/tests/views.sql");

impl Judge {
    pub(crate) async fn new(zone: &str) -> Self {
        let records = world::records(zone);
        let tables = InMemory::new(&records, &records, world::today()).await;
        Self { tables, zone: zone.to_owned(), grammar: Grammar::new(world::business(zone)) }
    }

    /// The rows that PostgreSQL gives for SELECTs written by hand, as sorted text.
    pub(crate) async fn references(&self, sql: &[&str]) -> Vec<Vec<String>> {
        let oracle = Oracle::start().await;
        oracle.load(&self.tables, &[VIEWS]).await;
        let rows = oracle.rows(&self.zone, sql);
        oracle.stop().await;
        rows
    }

    async fn rows(&self, sql: &str) -> Result<Vec<String>, String> {
        session_rows(&self.tables, Question::new(self.tables.tenant(), sql)).await
    }

    /// The rows of a question's answer, which the second computation must give as well.
    pub(crate) async fn ask(&self, question: &str) -> Result<Vec<String>, String> {
        let translation = self.grammar.translate(question);
        let translation = translation.map_err(|refusal| refusal.to_string())?;
        let told = |rows: Result<Vec<String>, String>| rows.unwrap_or_else(|error| vec![error]);
        let rows = told(self.rows(&translation.sql).await);
        if let Some(Check::Sql(sql)) = &translation.check {
            let checked = told(self.rows(sql).await);
            if rows != checked {
                return Ok(vec![format!("{rows:?} is not {checked:?} of {sql}")]);
            }
        }
        Ok(rows)
    }
}
