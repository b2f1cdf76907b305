//! The rows of one SELECT as plain values, with the moment they are about.

use serde::Deserialize;
use serde_json::Value;
use vitals_model::TenantId;
use vitals_query::formats::{self, Format};
use vitals_query::{Answer, Answers, QueryError, Question};

use crate::asked::Column;

/// Rows, and what is to be known of them.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Table {
    pub(crate) as_of: u64,
    pub(crate) committed_at: String,
    pub(crate) complete_to: Option<String>,
    pub(crate) time_zone: String,
    pub(crate) truncated: bool,
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: Vec<Vec<Value>>,
}

impl Table {
    /// What a tenant's session answers.
    pub(crate) async fn of(
        answers: &dyn Answers,
        tenant: TenantId,
        sql: &str,
    ) -> Result<Self, QueryError> {
        let answer = answers.answer(Question::new(tenant, sql)).await?.collect().await?;
        serde_json::from_value(formats::json_value(&answer)?)
            .map_err(|_| QueryError::unavailable("the answer cannot be read"))
    }
}

/// An answer in a form; a workbook has the title, and tells what it is `about`.
pub(crate) fn in_format(
    answer: &Answer,
    format: Format,
    (title, about): (&str, &[(String, String)]),
) -> Result<Vec<u8>, QueryError> {
    match format {
        Format::Xlsx => formats::xlsx::write(answer, title, about),
        other => formats::write(answer, other),
    }
}
