//! The definitions of the vitals: plain SQL, planned once, computed as often as one likes.
//!
//! Promises that `compute` gives exactly the rows that `sql/vitals/NAME.sql` says, of the records and the
//! today it is handed and of nothing else. What several vitals share (an attendance, a counted order)
//! stands once in `sql/notions/` and is a table to them; a vital may read another by its name.
//!
//! # Cost
//! Planning takes some hundred milliseconds. A computation runs on the calling thread: one partition, no
//! repartitioning, every join's and subquery's state reset, nothing planned again.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::error::Result as PlanResult;
use datafusion::execution::SessionStateBuilder;
use datafusion::physical_plan::execution_plan::reset_plan_states;
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::prelude::{SessionConfig, SessionContext};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;
use vitals_model::vital::VITALS;
use vitals_model::{Date, TenantId, VitalTables};

use crate::slots::{Slot, Today};
use crate::tables::RecordTables;
use crate::{functions, one_stream, rows};

mod error;

pub use error::DefinitionError;

/// Part of every definition's hash: raised when a function the SQL calls, or what fills the tables,
/// changes what it gives.
const CODE_VERSION: u32 = 1;

/// A named piece of SQL that gives a table.
#[derive(Debug)]
pub struct Definition {
    /// The table's name.
    pub name: &'static str,
    /// The SQL.
    pub sql: &'static str,
    /// The definitions whose tables it reads, besides the record tables.
    pub reads: &'static [&'static str],
}

macro_rules! definition {
    ($folder:literal, $name:literal, $reads:expr) => {
        Definition {
            name: $name,
            sql: include_str!(concat!("../../../sql/", $folder, "/", $name, ".sql")),
            reads: &$reads,
        }
    };
}

/// Every definition, each after those it reads.
pub const DEFINITIONS: [Definition; 9] = [
    definition!("notions", "settings", []),
    definition!("notions", "attendances", ["settings"]),
    definition!("notions", "counted_orders", ["settings"]),
    definition!("notions", "counted_refunds", ["settings"]),
    definition!(
        "vitals",
        "revenue_trend",
        ["settings", "attendances", "counted_orders", "counted_refunds"]
    ),
    definition!("vitals", "attendance_heatmap", ["settings", "attendances"]),
    definition!("vitals", "churn_risk", ["settings", "attendances", "counted_orders"]),
    definition!(
        "notions",
        "health_readings",
        ["settings", "attendances", "counted_orders", "counted_refunds", "churn_risk"]
    ),
    definition!("vitals", "health_score", ["settings", "health_readings"]),
];

/// One definition's plan, and the table its rows become for those that read it.
#[derive(Debug)]
struct Stage {
    name: &'static str,
    plan: Arc<dyn ExecutionPlan>,
    slot: Arc<Slot>,
}

/// The definitions, planned.
///
/// One computation runs at a time; callers that want several at once make several of these.
pub struct Definitions {
    context: SessionContext,
    today: Today,
    tables: BTreeMap<&'static str, Arc<Slot>>,
    stages: Mutex<Vec<Stage>>,
}

impl std::fmt::Debug for Definitions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = DEFINITIONS.iter().map(|it| it.name);
        f.debug_struct("Definitions").field("names", &names.collect::<Vec<_>>()).finish()
    }
}

/// A session that plans for one thread and reuse.
fn session(today: &Today) -> SessionContext {
    let mut config = SessionConfig::new().with_target_partitions(1).with_information_schema(false);
    let options = config.options_mut();
    options.execution.coalesce_batches = false;
    options.execution.time_zone = Some("UTC".into());
    options.optimizer.enable_round_robin_repartition = false;
    // A filter a join learns while it runs belongs to one run, and small tables gain nothing by it.
    options.optimizer.enable_dynamic_filter_pushdown = false;
    options.sql_parser.parse_float_as_decimal = true;
    options.sql_parser.map_string_types_to_utf8view = false;
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_default_features()
        .with_physical_optimizer_rules(one_stream::rules())
        .build();
    let context = SessionContext::new_with_state(state);
    for function in functions::all(today) {
        context.register_udf(function);
    }
    context
}

impl Definitions {
    /// Plans every definition.
    ///
    /// # Errors
    /// A definition that does not plan: a mistake in this program, not in any data.
    pub async fn new() -> Result<Self, DefinitionError> {
        let plan_error = |name, source| DefinitionError::Plan { name, source: Box::new(source) };
        let today = Today::default();
        let context = session(&today);
        let mut tables = BTreeMap::new();
        for (name, batch) in RecordTables::empty().for_definitions() {
            let slot = Slot::new(batch.schema());
            register(&context, name, &slot).map_err(|error| plan_error(name, error))?;
            tables.insert(name, slot);
        }
        let mut stages = Vec::with_capacity(DEFINITIONS.len());
        for Definition { name, sql, .. } in &DEFINITIONS {
            let stage = plan(&context, name, sql).await;
            stages.push(stage.map_err(|error| plan_error(name, error))?);
        }
        Ok(Self { context, today, tables, stages: Mutex::new(stages) })
    }

    /// Every row of every vital of one tenant, from its records and its today.
    ///
    /// # Errors
    /// A definition failed on these records, or gave a row that the vital cannot hold.
    pub async fn compute(
        &self,
        tables: &RecordTables,
        tenant: TenantId,
        today: Date,
    ) -> Result<VitalTables, DefinitionError> {
        let mut stages = self.stages.lock().await;
        self.today.put(today);
        for (name, batch) in tables.for_definitions() {
            self.tables[name].put(vec![batch.clone()]);
        }
        let mut vitals = VitalTables::default();
        for stage in stages.iter_mut() {
            let name = stage.name;
            let batches = self.run(stage).await;
            let batches = batches
                .map_err(|error| DefinitionError::Compute { name, source: Box::new(error) })?;
            rows::read(name, &batches, tenant, &mut vitals)?;
            stage.slot.put(batches);
        }
        let slots = self.tables.values().chain(stages.iter().map(|it| &it.slot));
        slots.for_each(|slot| slot.put(Vec::new()));
        Ok(vitals)
    }

    async fn run(&self, stage: &mut Stage) -> PlanResult<Vec<RecordBatch>> {
        stage.plan = reset_plan_states(Arc::clone(&stage.plan))?;
        collect(Arc::clone(&stage.plan), self.context.task_ctx()).await
    }
}

async fn plan(context: &SessionContext, name: &'static str, sql: &str) -> PlanResult<Stage> {
    let frame = context.sql(&sql.replace(":today", "today()")).await?;
    let plan = frame.create_physical_plan().await?;
    let slot = Slot::new(plan.schema());
    register(context, name, &slot)?;
    Ok(Stage { name, plan, slot })
}

fn register(context: &SessionContext, name: &str, slot: &Arc<Slot>) -> PlanResult<()> {
    context.register_table(name, slot.table()?).map(|_| ())
}

/// The hash of what each vital means: SHA-256, in hexadecimal, of its SQL and of all it reads, without
/// comments and layout, and of this code's version. It changes when the vital must be restated.
#[must_use]
pub fn definition_hashes() -> BTreeMap<String, String> {
    let hash = |vital: &str| {
        let mut hasher = Sha256::new();
        hasher.update(CODE_VERSION.to_le_bytes());
        for name in all_read_by(vital) {
            let sql = DEFINITIONS.iter().find(|it| it.name == name).map_or("", |it| it.sql);
            hasher.update(normalized(sql));
            hasher.update([0]);
        }
        hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    VITALS.iter().map(|vital| ((*vital).to_owned(), hash(vital))).collect()
}

/// A definition and all that it reads, directly or not, in the order of [`DEFINITIONS`].
fn all_read_by(name: &str) -> Vec<&'static str> {
    let mut needed = vec![name];
    // Each definition stands after those it reads, so one pass from the end finds them all.
    for definition in DEFINITIONS.iter().rev() {
        if needed.contains(&definition.name) {
            needed.extend(definition.reads);
        }
    }
    DEFINITIONS.iter().map(|it| it.name).filter(|it| needed.contains(it)).collect()
}

/// SQL without comments, every run of white space one blank.
fn normalized(sql: &str) -> String {
    let code = sql.lines().map(|line| line.split("--").next().unwrap_or(""));
    code.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
