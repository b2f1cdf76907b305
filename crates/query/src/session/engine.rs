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
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::{SQLOptions, SessionConfig};
use datafusion::sql::parser::Statement as Parsed;
use datafusion::sql::sqlparser::ast::Statement;
use futures::TryStreamExt;
use vitals_model::limits::{QUERY_ANSWER_BYTES_MAX, QUERY_MEMORY_BYTES_MAX, QUERY_ROWS_MAX};
use vitals_model::local_time::Zone;

use super::failure;
use crate::error::{QueryError, SqlState};
use crate::guard;
use crate::zoned::{self, Moment};

/// Partitions of a plan: as many as a question has threads.
const PARTITIONS: usize = super::THREADS;

type Rows = (Vec<RecordBatch>, SchemaRef, bool);

/// Plans and computes a statement that has passed the guard.
pub(super) async fn run(
    statement: Statement,
    tables: Vec<(String, Arc<dyn TableProvider>)>,
    moment: Moment,
) -> Result<Rows, QueryError> {
    let state = state(tables, moment)?;
    let planned = state.statement_to_plan(Parsed::Statement(Box::new(statement))).await;
    let plan = planned.map_err(|error| failure::planning(&error))?;
    let options =
        SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    options.verify_plan(&plan).map_err(|error| failure::planning(&error))?;
    let plan = capped(plan)?;
    let physical = state.create_physical_plan(&plan).await;
    let physical = physical.map_err(|error| failure::planning(&error))?;
    guard::plan::check(&physical)?;
    let mut stream =
        execute_stream(physical, state.task_ctx()).map_err(|error| failure::executing(&error))?;
    let schema = shown_schema(&stream.schema(), moment.zone);
    let (mut batches, mut rows, mut bytes) = (Vec::new(), 0, 0);
    while let Some(batch) = stream.try_next().await.map_err(|error| failure::executing(&error))? {
        let batch = batch.slice(0, batch.num_rows().min(QUERY_ROWS_MAX + 1 - rows));
        rows += batch.num_rows();
        bytes += batch.columns().iter().map(sliced_bytes).sum::<usize>();
        if bytes > QUERY_ANSWER_BYTES_MAX {
            return Err(too_large());
        }
        batches.push(shown(&batch, &schema)?);
        if rows > QUERY_ROWS_MAX {
            break;
        }
    }
    let truncated = rows > QUERY_ROWS_MAX;
    if truncated && let Some(last) = batches.pop() {
        batches.push(last.slice(0, last.num_rows() - 1));
    }
    Ok((batches, schema, truncated))
}

fn sliced_bytes(column: &ArrayRef) -> usize {
    column.to_data().get_slice_memory_size().unwrap_or_else(|_| column.get_array_memory_size())
}

fn too_large() -> QueryError {
    QueryError::new(
        SqlState::TooLarge,
        format_args!("the answer has more than {QUERY_ANSWER_BYTES_MAX} bytes"),
        "ask for fewer rows or columns",
    )
}

/// The plan with a limit of one row more than an answer may have.
fn capped(plan: LogicalPlan) -> Result<LogicalPlan, QueryError> {
    if matches!(plan, LogicalPlan::Explain(_)) {
        return Ok(plan);
    }
    let limited = LogicalPlanBuilder::from(plan).limit(0, Some(QUERY_ROWS_MAX + 1));
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
    let field = |field: &Arc<Field>| match field.data_type() {
        DataType::Timestamp(_, Some(_)) => {
            let zoned = DataType::Timestamp(TimeUnit::Microsecond, Some(zone.name().into()));
            Field::new(field.name(), zoned, true)
        }
        // What sums had room in is more than drivers know.
        DataType::Decimal256(_, decimals) => {
            Field::new(field.name(), DataType::Decimal128(38, *decimals), true)
        }
        other => Field::new(field.name(), other.clone(), true),
    };
    Arc::new(Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>()))
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
