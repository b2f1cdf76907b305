//! Where statements about the system catalogue are computed: threads, places, memory and time of their own.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::error::DataFusionError;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::object_store::{
    DefaultObjectStoreRegistry, ObjectStoreRegistry, ObjectStoreUrl,
};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::SQLOptions;
use datafusion::sql::parser::Statement as Parsed;
use futures::TryStreamExt;
use tokio::sync::{OnceCell, Semaphore, oneshot};
use vitals_model::limits::{QUERY_TIME_MS_MAX, SYSTEM_MEMORY_BYTES_MAX, SYSTEM_QUERIES_MAX};

use super::{Allowed, guard, pg_catalog};
use crate::answers::Size;
use crate::error::{QueryError, SqlState};

/// Stack of a thread that parses, rewrites, plans and computes.
const STACK_BYTES: usize = 16 * 1024 * 1024;

type Rows = (SchemaRef, Vec<RecordBatch>, bool);

static PLACES: Semaphore = Semaphore::const_new(SYSTEM_QUERIES_MAX);

/// Computes a statement on a thread of its own, which is left to end when it can at the deadline.
pub(super) async fn answer(sql: String, size: Size) -> Result<Rows, QueryError> {
    let deadline = Duration::from_millis(QUERY_TIME_MS_MAX);
    let place = tokio::time::timeout(deadline, PLACES.acquire()).await;
    let place = place.ok().and_then(Result::ok).ok_or_else(|| {
        QueryError::new(SqlState::Busy, "too many queries are running", "try again in a moment")
    })?;
    let (done, answer) = oneshot::channel();
    let work = move || {
        let outcome = run(&sql, size);
        // Whoever waited may be gone.
        done.send(outcome).ok();
        drop(place);
    };
    let thread = std::thread::Builder::new().stack_size(STACK_BYTES).name("system".to_owned());
    thread.spawn(work).map_err(|_| QueryError::unavailable("no thread could be started"))?;
    match tokio::time::timeout(deadline, answer).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) => Err(QueryError::unavailable("the query ended in a panic")),
        Err(_) => Err(too_slow()),
    }
}

fn too_slow() -> QueryError {
    QueryError::new(SqlState::TooSlow, "the query took too long and was stopped", "ask for less")
}

fn run(sql: &str, size: Size) -> Result<Rows, QueryError> {
    let allowed = guard::pass(sql)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(|_| QueryError::unavailable("no runtime could be started"))?;
    let deadline = Duration::from_millis(QUERY_TIME_MS_MAX);
    runtime.block_on(async {
        tokio::time::timeout(deadline, compute(allowed, size)).await.map_err(|_| too_slow())?
    })
}

/// The catalogue is built once: it is the same for everyone, and its numbers must not change.
async fn state() -> Result<SessionState, QueryError> {
    static STATE: OnceCell<SessionState> = OnceCell::const_new();
    let state = STATE.get_or_try_init(pg_catalog::state).await.map_err(|error| failed(&error))?;
    let state = SessionStateBuilder::new_from_existing(state.clone());
    Ok(state.with_runtime_env(memory()?).build())
}

/// An error in our words: whatever it quotes is the statement's or the catalogue's.
fn failed(error: &DataFusionError) -> QueryError {
    let root = error.find_root();
    let state = match root {
        DataFusionError::SchemaError(..) => SqlState::NoColumn,
        DataFusionError::Plan(text) if text.contains("not found") => SqlState::NoTable,
        DataFusionError::SQL(..) => SqlState::Syntax,
        DataFusionError::ResourcesExhausted(_) => SqlState::TooLarge,
        _ => SqlState::NotSupported,
    };
    let text = root.to_string();
    QueryError::new(
        state,
        "the catalogue does not answer this",
        text.lines().next().unwrap_or_default(),
    )
}

async fn compute(Allowed(statement): Allowed, size: Size) -> Result<Rows, QueryError> {
    let state = state().await?;
    let plan = state.statement_to_plan(Parsed::Statement(Box::new(statement))).await;
    let plan = plan.map_err(|error| failed(&error))?;
    let options =
        SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    options.verify_plan(&plan).map_err(|error| failed(&error))?;
    let plan = state.create_physical_plan(&plan).await;
    let plan = plan.map_err(|error| failed(&error))?;
    let stream = execute_stream(plan, state.task_ctx());
    let mut stream = stream.map_err(|error| failed(&error))?;
    let schema = stream.schema();
    let (mut batches, mut rows, mut bytes) = (Vec::new(), 0, 0);
    while let Some(batch) = stream.try_next().await.map_err(|error| failed(&error))? {
        let left = size.rows - rows;
        if batch.num_rows() > left {
            batches.push(batch.slice(0, left));
            return Ok((schema, batches, true));
        }
        rows += batch.num_rows();
        bytes += batch.get_array_memory_size();
        if bytes > size.bytes.min(SYSTEM_MEMORY_BYTES_MAX) {
            return Err(QueryError::new(
                SqlState::TooLarge,
                "the answer is too large",
                "ask for less",
            ));
        }
        batches.push(batch);
    }
    Ok((schema, batches, false))
}

/// Bounded memory, no disk, no store of objects.
fn memory() -> Result<Arc<RuntimeEnv>, QueryError> {
    let stores = DefaultObjectStoreRegistry::new();
    stores
        .deregister_store(ObjectStoreUrl::local_filesystem().as_ref())
        .map_err(|error| failed(&error))?;
    RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(SYSTEM_MEMORY_BYTES_MAX)))
        .with_disk_manager_builder(
            DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled),
        )
        .with_object_store_registry(Arc::new(stores))
        .build_arc()
        .map_err(|error| failed(&error))
}
