//! What service and worker say to each other.
//!
//! The service sends the tables of a question and then the question; the worker asks for rows of these
//! tables, a batch at a time, sends the answer, and says when it is ready for the next question. Rows are
//! asked for one batch at a time, so that each side always has room for what it is sent: neither can make
//! the other wait for ever.

use arrow::datatypes::{Schema, SchemaRef};
use serde::{Deserialize, Serialize};
use vitals_model::local_time::Zone;
use vitals_model::{Date, UtcMicros};
use vitals_query::QueryError;
use vitals_query::answers::{Param, Question, Size, Surface};
use vitals_query::elsewhere::Scan;

/// What the service says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum ToWorker {
    /// A table of the next question. The body is its schema.
    Table { name: String, rows: Option<usize>, source: Source },
    /// A question over the tables sent since the last one.
    Ask(Box<Ask>),
    /// The next rows of a scan: the body.
    Rows { scan: u32 },
    /// A scan has no more rows.
    RowsEnd { scan: u32 },
    /// A scan failed.
    RowsFailed { scan: u32, error: QueryError },
    /// Nobody wants the answer any more.
    Cancel,
}

/// Where a worker finds a table's rows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Source {
    /// The service sends them.
    Streamed,
}

/// A question.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Ask {
    pub(crate) sql: String,
    pub(crate) params: Vec<Param>,
    pub(crate) surface: Surface,
    pub(crate) size: Size,
    /// Only what it would give.
    pub(crate) describe: bool,
    pub(crate) tenant: vitals_model::TenantId,
    pub(crate) zone: String,
    /// The tenant's today, as days since 1970-01-01.
    pub(crate) today: i32,
    /// The wall clock, as UTC microseconds.
    pub(crate) now: i64,
    /// How long it may compute, in milliseconds.
    pub(crate) time_ms: u64,
}

impl Ask {
    pub(crate) fn new(
        question: &Question,
        describe: bool,
        (zone, today, now): (Zone, Date, UtcMicros),
        time_ms: u64,
    ) -> Self {
        let Question { tenant, sql, params, surface, size } = question.clone();
        let (zone, today, now) = (zone.name().to_owned(), today.0, now.0);
        Self { sql, params, surface, size, describe, tenant, zone, today, now, time_ms }
    }

    pub(crate) fn question(&self) -> Question {
        let Self { tenant, sql, params, surface, size, .. } = self.clone();
        Question { tenant, sql, params, surface, size }
    }
}

/// What the worker says.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum FromWorker {
    /// It is there.
    Ready,
    /// It wants a table's rows, and the first of them now.
    Scan { id: u32, scan: Scan },
    /// It wants the next rows of a scan.
    More { id: u32 },
    /// It wants no more of a scan.
    Close { id: u32 },
    /// The body is the answer's schema.
    Schema,
    /// The body is some of its rows.
    Batch,
    /// The answer is complete.
    End { truncated: bool },
    /// Which parameters have a known type. The body is a schema of as many columns of these types.
    Params { known: Vec<bool> },
    /// The body is the schema of what the question would give.
    Described,
    /// The question failed.
    Failed(QueryError),
    /// The question has ended, and so have its threads; the next one may come. `worn`: better to another
    /// process, this one holds much address space.
    Idle { worn: bool },
}

/// The parameters' types as a schema, and which of them are known.
pub(crate) fn params_out(types: &[Option<arrow::datatypes::DataType>]) -> (Vec<bool>, SchemaRef) {
    use arrow::datatypes::{DataType, Field};
    let field = |of: &Option<DataType>| Field::new("", of.clone().unwrap_or(DataType::Null), true);
    let schema = Schema::new(types.iter().map(field).collect::<Vec<_>>());
    (types.iter().map(Option::is_some).collect(), SchemaRef::new(schema))
}

/// The parameters' types again.
pub(crate) fn params_in(
    known: &[bool],
    schema: &Schema,
) -> Vec<Option<arrow::datatypes::DataType>> {
    let fields = schema.fields().iter().zip(known);
    fields.map(|(field, known)| known.then(|| field.data_type().clone())).collect()
}
