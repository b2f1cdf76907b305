//! A session over the world's tables that runs SQL and tells the rows.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::prelude::{SessionConfig, SessionContext};
use vitals_ask::{Business, Check, Grammar};
use vitals_query::{Definitions, RecordTables};

use crate::{vitals, world};

/// What is asked in several phrasings, and what all of them should give.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Meaning {
    pub(crate) sql: String,
    pub(crate) questions: Vec<String>,
}

pub(crate) struct Judge {
    context: SessionContext,
    pub(crate) business: Business,
}

/// What the references share, written by hand and otherwise than the grammar does.
const VIEWS: &str = include_str!("../../../../sql/semantic/tests/views.sql");

impl Judge {
    pub(crate) async fn new() -> Self {
        let mut config = SessionConfig::new().with_target_partitions(1);
        let options = config.options_mut();
        options.execution.time_zone = Some("UTC".into());
        options.sql_parser.parse_float_as_decimal = true;
        options.sql_parser.map_string_types_to_utf8view = false;
        let context = SessionContext::new_with_config(config);
        let records = world::records();
        let tables = records.tables();
        for name in RecordTables::names() {
            context.register_batch(name, tables.get(name).unwrap().clone()).unwrap();
        }
        let business = world::business();
        let definitions = Definitions::new().await.unwrap();
        let rows = definitions.compute(&tables, records.tenant(), business.today).await.unwrap();
        for (name, batch) in vitals::batches(&rows) {
            context.register_batch(name, batch).unwrap();
        }
        for view in VIEWS.split(";\n") {
            context.sql(view).await.unwrap().collect().await.unwrap();
        }
        Self { context, business }
    }

    /// The rows of a SELECT as sorted text.
    pub(crate) async fn rows(&self, sql: &str) -> Result<Vec<String>, String> {
        let frame = self.context.sql(sql).await.map_err(|error| format!("{error}\n{sql}"))?;
        let batches = frame.collect().await.map_err(|error| format!("{error}\n{sql}"))?;
        let mut rows: Vec<String> = batches.iter().flat_map(told).collect();
        rows.sort();
        Ok(rows)
    }

    /// The rows of a question's answer, which the second computation must give as well.
    pub(crate) async fn ask(&self, question: &str) -> Result<Vec<String>, String> {
        let translation = Grammar::translate(question, &self.business);
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

/// Every row as text, decimals without the zeros nobody says.
fn told(batch: &RecordBatch) -> Vec<String> {
    let columns: Vec<(bool, arrow::array::ArrayRef)> = batch
        .columns()
        .iter()
        .map(|it| {
            (
                it.data_type().is_decimal() || it.data_type().is_floating(),
                cast(it, &DataType::Utf8).unwrap(),
            )
        })
        .collect();
    let cell = |(is_decimal, column): &(bool, arrow::array::ArrayRef), at: usize| {
        let texts = column.as_string::<i32>();
        match texts.is_null(at) {
            true => "-".to_owned(),
            false if *is_decimal && texts.value(at).contains('.') => {
                texts.value(at).trim_end_matches('0').trim_end_matches('.').to_owned()
            }
            false => texts.value(at).to_owned(),
        }
    };
    let row = |at| columns.iter().map(|it| cell(it, at)).collect::<Vec<_>>().join(" | ");
    (0..batch.num_rows()).map(row).collect()
}
