//! DataFusion, with everything switched off that a question does not need.
//!
//! A session state is made for each question and dropped with it: it knows the tables the guard let
//! through, no catalogue beside them, no file format, no object store, no information schema.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::{CatalogProvider, MemoryCatalogProvider, SchemaProvider};
use datafusion::catalog::{MemorySchemaProvider, TableProvider};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::object_store::{
    DefaultObjectStoreRegistry, ObjectStoreRegistry, ObjectStoreUrl,
};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SendableRecordBatchStream, SessionState, SessionStateBuilder};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::{SQLOptions, SessionConfig};
use datafusion::sql::parser::Statement as Parsed;
use datafusion::sql::sqlparser::ast::Statement;
use futures::TryStreamExt;
use vitals_model::limits::QUERY_MEMORY_BYTES_MAX;
use vitals_model::local_time::Zone;

use super::{failure, params};
use crate::answers::{Description, Param, Size};
use crate::error::{QueryError, SqlState};
use crate::guard;
use crate::zoned::{self, Moment};

/// Partitions of a plan: as many as a question has threads.
const PARTITIONS: usize = super::threads::THREADS;

/// What a session is asked to compute: a statement that has passed the guard, and what it reads.
pub(super) struct Asked {
    pub(super) statement: Statement,
    pub(super) tables: Vec<(String, Arc<dyn TableProvider>)>,
    pub(super) moment: Moment,
}

/// An answer that is being computed.
pub(super) struct Answering {
    stream: SendableRecordBatchStream,
    /// The columns, as they are shown.
    pub(super) schema: SchemaRef,
    /// What may still come.
    left: Size,
    given: bool,
    /// Whether there was more than was allowed.
    pub(super) truncated: bool,
}

/// Plans a statement and begins to compute it.
pub(super) async fn begin(
    asked: Asked,
    params: &[Param],
    size: Size,
) -> Result<Answering, QueryError> {
    let Asked { mut statement, tables, moment } = asked;
    let state = state(tables, moment)?;
    let places = params::count(&statement)?;
    params::enough(places, params)?;
    if places > 0 {
        params::fit(params, &types(&state, &statement, places).await)?;
        params::fill(&mut statement, params)?;
    }
    let plan = capped(logical(&state, statement).await?, size)?;
    let physical = state.create_physical_plan(&plan).await;
    let physical = physical.map_err(|error| failure::planning(&error))?;
    guard::plan::check(&physical)?;
    let stream =
        execute_stream(physical, state.task_ctx()).map_err(|error| failure::executing(&error))?;
    let schema = shown_schema(&stream.schema(), moment.zone);
    Ok(Answering { stream, schema, left: size, given: false, truncated: false })
}

/// The columns a statement would give, and the types of its parameters.
pub(super) async fn describe(asked: Asked) -> Result<Description, QueryError> {
    let Asked { mut statement, tables, moment } = asked;
    let state = state(tables, moment)?;
    let places = params::count(&statement)?;
    let types = types(&state, &statement, places).await;
    params::fill_with_nulls(&mut statement, &types)?;
    let plan = logical(&state, statement).await?;
    let plan = state.optimize(&plan).map_err(|error| failure::planning(&error))?;
    let schema = shown_schema(plan.schema().as_arrow(), moment.zone);
    let shown = |of: Option<DataType>| of.map(|of| shown_type(&of, moment.zone));
    Ok(Description { schema, params: types.into_iter().map(shown).collect() })
}

/// The types that the parameters' places ask for, where they ask for one.
async fn types(
    state: &SessionState,
    statement: &Statement,
    places: usize,
) -> Vec<Option<DataType>> {
    let planned = match places {
        0 => return Vec::new(),
        _ => state.statement_to_plan(Parsed::Statement(Box::new(statement.clone()))).await,
    };
    // A place may be such that only a value tells its type: then anything may stand there.
    let types = planned.and_then(|plan| plan.get_parameter_types()).unwrap_or_default();
    let of = |place: usize| types.get(&format!("${place}")).cloned().flatten();
    (1..=places).map(|place| of(place).filter(|of| !of.is_null())).collect()
}

async fn logical(state: &SessionState, statement: Statement) -> Result<LogicalPlan, QueryError> {
    let planned = state.statement_to_plan(Parsed::Statement(Box::new(statement))).await;
    let plan = planned.map_err(|error| failure::planning(&error))?;
    let options =
        SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    options.verify_plan(&plan).map_err(|error| failure::planning(&error))?;
    Ok(plan)
}

impl Answering {
    /// The next rows, as they are shown; `None` after the last, or after as much as is allowed.
    pub(super) async fn next(&mut self) -> Result<Option<RecordBatch>, QueryError> {
        while !self.truncated {
            let next = self.stream.try_next().await.map_err(|error| failure::executing(&error))?;
            let Some(batch) = next else { return Ok(None) };
            let fits = fitting(&batch, self.left);
            self.truncated = fits < batch.num_rows();
            if self.truncated && fits == 0 && !self.given && self.left.rows > 0 {
                return Err(too_large());
            }
            let batch = batch.slice(0, fits);
            self.left.rows -= fits;
            self.left.bytes -= bytes(&batch);
            if fits > 0 {
                self.given = true;
                return shown(&batch, &self.schema).map(Some);
            }
        }
        Ok(None)
    }
}

/// How many of a batch's rows are no more, and have no more bytes, than may come.
fn fitting(batch: &RecordBatch, left: Size) -> usize {
    let most = batch.num_rows().min(left.rows);
    let fit = |rows: usize| bytes(&batch.slice(0, rows)) <= left.bytes;
    if fit(most) {
        return most;
    }
    let (mut fits, mut too_many) = (0, most);
    while too_many - fits > 1 {
        let middle = fits + (too_many - fits) / 2;
        if fit(middle) { fits = middle } else { too_many = middle }
    }
    fits
}

fn bytes(batch: &RecordBatch) -> usize {
    let of = |column: &ArrayRef| {
        column.to_data().get_slice_memory_size().unwrap_or_else(|_| column.get_array_memory_size())
    };
    batch.columns().iter().map(of).sum()
}

fn too_large() -> QueryError {
    QueryError::new(
        SqlState::TooLarge,
        "the first row alone has more bytes than the answer may have",
        "ask for fewer columns",
    )
}

/// The plan with a limit of one row more than an answer may have.
fn capped(plan: LogicalPlan, size: Size) -> Result<LogicalPlan, QueryError> {
    if matches!(plan, LogicalPlan::Explain(_)) {
        return Ok(plan);
    }
    let limited = LogicalPlanBuilder::from(plan).limit(0, Some(size.rows + 1));
    limited.and_then(LogicalPlanBuilder::build).map_err(|error| failure::planning(&error))
}

fn state(
    tables: Vec<(String, Arc<dyn TableProvider>)>,
    moment: Moment,
) -> Result<SessionState, QueryError> {
    let schema = MemorySchemaProvider::new();
    for (name, table) in tables {
        schema.register_table(name, table).map_err(|error| failure::planning(&error))?;
    }
    let mut config = SessionConfig::new()
        .with_target_partitions(PARTITIONS)
        .with_information_schema(false)
        .with_create_default_catalog_and_schema(false)
        .with_default_catalog_and_schema("vitals", "public");
    let options = config.options_mut();
    options.execution.time_zone = Some("UTC".into());
    options.sql_parser.parse_float_as_decimal = true;
    options.sql_parser.map_string_types_to_utf8view = false;
    options.sql_parser.default_null_ordering = "nulls_max".into();
    let mut state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime()?)
        .with_default_features()
        .with_analyzer_rules(zoned::rules(moment))
        .build();
    for function in zoned::placeholders() {
        datafusion::execution::FunctionRegistry::register_udf(&mut state, Arc::new(function))
            .map_err(|error| failure::planning(&error))?;
    }
    let catalog = MemoryCatalogProvider::new();
    catalog
        .register_schema("public", Arc::new(schema))
        .map_err(|error| failure::planning(&error))?;
    state.catalog_list().register_catalog("vitals".to_owned(), Arc::new(catalog));
    Ok(state)
}

/// Bounded memory, no disk, and no store of objects: not even the file system's.
fn runtime() -> Result<Arc<RuntimeEnv>, QueryError> {
    let stores = DefaultObjectStoreRegistry::new();
    let files = ObjectStoreUrl::local_filesystem();
    stores.deregister_store(files.as_ref()).map_err(|error| failure::planning(&error))?;
    let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
    RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(QUERY_MEMORY_BYTES_MAX)))
        .with_disk_manager_builder(disk)
        .with_object_store_registry(Arc::new(stores))
        .build_arc()
        .map_err(|error| failure::planning(&error))
}

/// The columns as they are shown: instants in the tenant's zone.
fn shown_schema(schema: &Schema, zone: Zone) -> SchemaRef {
    let field =
        |field: &Arc<Field>| Field::new(field.name(), shown_type(field.data_type(), zone), true);
    Arc::new(Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>()))
}

fn shown_type(of: &DataType, zone: Zone) -> DataType {
    match of {
        DataType::Timestamp(_, Some(_)) => {
            DataType::Timestamp(TimeUnit::Microsecond, Some(zone.name().into()))
        }
        // What sums had room in is more than drivers know.
        DataType::Decimal256(_, decimals) => DataType::Decimal128(38, *decimals),
        other => other.clone(),
    }
}

fn shown(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, QueryError> {
    let exact = CastOptions { safe: false, ..CastOptions::default() };
    let columns = batch.columns().iter().zip(schema.fields());
    let columns = columns.map(|(column, field)| match column.data_type() {
        of if of == field.data_type() => Ok(ArrayRef::clone(column)),
        _ => cast_with_options(column, field.data_type(), &exact),
    });
    let columns = columns.collect::<Result<Vec<_>, _>>();
    let batch = columns.and_then(|columns| {
        let rows = arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(Arc::clone(schema), columns, &rows)
    });
    batch.map_err(|error| failure::executing(&error.into()))
}
