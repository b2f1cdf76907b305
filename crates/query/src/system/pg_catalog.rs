//! `pg_catalog` over the tenant's tables, made once.
//!
//! The tables and most functions are those of `datafusion-pg-catalog`; what it leaves out is put right here:
//! digits and decimals of numbers, an owner that exists, one order of everything. Promises the same numbers
//! (oids) in every process of one build, so that a tool may ask one process what another has told it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use arrow::array::{
    ArrayRef, AsArray, BooleanArray, Int32Array, RecordBatch, StringArray, new_null_array,
};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, Field, Int32Type, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, SchemaProvider, TableProvider};
use datafusion::datasource::MemTable;
use datafusion::datasource::empty::EmptyTable;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_pg_catalog::pg_catalog::context::{PgCatalogContextProvider, Role};
use datafusion_pg_catalog::setup_pg_catalog;

use super::schemas::schemas;
use super::{DATABASE, ROLE, functions, information_schema};

/// Tables of which nobody has a row here: keys, indexes, defaults, sequences.
pub(super) const EMPTY: [&str; 7] = [
    "pg_attrdef",
    "pg_constraint",
    "pg_index",
    "pg_policy",
    "pg_rewrite",
    "pg_sequence",
    "pg_trigger",
];
/// The number of the one role.
const ROLE_OID: i32 = 10;
/// What PostgreSQL adds to the modifier of a number.
const MODIFIER_HEAD: i32 = 4;

/// The one role there is.
#[derive(Clone, Debug)]
struct Roles;

#[async_trait]
impl PgCatalogContextProvider for Roles {
    async fn roles(&self) -> Vec<String> {
        vec![ROLE.to_owned()]
    }

    async fn role(&self, name: &str) -> Option<Role> {
        (name == ROLE).then(|| Role {
            name: ROLE.to_owned(),
            is_superuser: false,
            can_login: true,
            can_create_db: false,
            can_create_role: false,
            can_create_user: false,
            can_replication: false,
            grants: Vec::new(),
            inherited_roles: Vec::new(),
        })
    }
}

/// The one database: its schemas by name, in order.
#[derive(Debug, Default)]
struct Database(RwLock<BTreeMap<String, Arc<dyn SchemaProvider>>>);

impl CatalogProvider for Database {
    fn schema_names(&self) -> Vec<String> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    fn register_schema(
        &self,
        name: &str,
        schema: Arc<dyn SchemaProvider>,
    ) -> Result<Option<Arc<dyn SchemaProvider>>> {
        let mut schemas = self.0.write().unwrap_or_else(PoisonError::into_inner);
        Ok(schemas.insert(name.to_owned(), schema))
    }
}

/// The tenant's tables: their columns, and no rows.
#[derive(Debug)]
struct Public;

#[async_trait]
impl SchemaProvider for Public {
    fn table_names(&self) -> Vec<String> {
        schemas().iter().map(|(name, _)| (*name).to_owned()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let found = schemas().iter().find(|(it, _)| *it == name);
        Ok(found.map(|(_, schema)| {
            let table: Arc<dyn TableProvider> = Arc::new(EmptyTable::new(Arc::clone(schema)));
            table
        }))
    }

    fn table_exist(&self, name: &str) -> bool {
        super::schemas::is_table(name)
    }
}

/// Tables in memory before those of another schema.
#[derive(Debug)]
struct Mended {
    tables: BTreeMap<&'static str, Arc<dyn TableProvider>>,
    inner: Arc<dyn SchemaProvider>,
}

#[async_trait]
impl SchemaProvider for Mended {
    fn table_names(&self) -> Vec<String> {
        let mut names = self.inner.table_names();
        names.sort();
        names
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        match self.tables.get(name) {
            Some(table) => Ok(Some(Arc::clone(table))),
            None => self.inner.table(name).await,
        }
    }

    fn table_exist(&self, name: &str) -> bool {
        self.tables.contains_key(name) || self.inner.table_exist(name)
    }
}

/// Everything a statement about the system catalogue is planned over.
pub(super) async fn state() -> Result<SessionState> {
    let mut config = SessionConfig::new()
        .with_target_partitions(1)
        .with_information_schema(false)
        .with_create_default_catalog_and_schema(false)
        .with_default_catalog_and_schema(DATABASE, "public");
    config.options_mut().sql_parser.map_string_types_to_utf8view = false;
    config.options_mut().sql_parser.default_null_ordering = "nulls_max".into();
    let state = SessionStateBuilder::new().with_config(config).with_default_features().build();
    let context = SessionContext::new_with_state(state);
    let database = Arc::new(Database::default());
    database.register_schema("public", Arc::new(Public))?;
    database.register_schema("information_schema", information_schema::schema()?)?;
    context.register_catalog(DATABASE, Arc::clone(&database) as Arc<dyn CatalogProvider>);
    setup_pg_catalog(&context, DATABASE, Roles).map_err(|error| *error)?;
    functions::register(&context);
    mend(&context, &database).await?;
    Ok(context.state())
}

/// Puts right what the crate leaves out, and fixes every number once and for all.
async fn mend(context: &SessionContext, database: &Database) -> Result<()> {
    let missing = || DataFusionError::Internal("there is no pg_catalog".to_owned());
    let inner = database.schema("pg_catalog").ok_or_else(missing)?;
    let mut tables: BTreeMap<&'static str, Arc<dyn TableProvider>> = BTreeMap::new();
    let class = all(context, "pg_class").await?;
    let class = with_numbers(&class, "relowner", |_| ROLE_OID)?;
    let class = with_nothing(&class, &["relacl", "reloptions"])?;
    functions::register_visible(context, visible(&class, &all(context, "pg_namespace").await?)?);
    let attribute = all(context, "pg_attribute").await?;
    let modifiers = modifiers(&class);
    let (relations, names) = (numbers(&attribute, "attrelid")?, texts(&attribute, "attname")?);
    let attribute = with_numbers(&attribute, "atttypmod", |row| {
        modifiers.get(&(relations.value(row), names.value(row))).copied().unwrap_or(-1)
    })?;
    let namespace = with_numbers(&all(context, "pg_namespace").await?, "nspowner", |_| ROLE_OID)?;
    let roles = with_numbers(&all(context, "pg_roles").await?, "oid", |_| ROLE_OID)?;
    let database_table = all(context, "pg_database").await?;
    let own = texts(&database_table, "datname")?.iter().map(|name| Some(name == Some(DATABASE)));
    let database_table = filter_record_batch(&database_table, &own.collect::<BooleanArray>())?;
    for (name, batch) in [
        ("pg_class", class),
        ("pg_attribute", attribute),
        ("pg_namespace", namespace),
        ("pg_database", database_table),
        ("pg_roles", roles),
    ] {
        tables.insert(name, table(batch)?);
    }
    for name in EMPTY {
        if let Some(table) = inner.table(name).await? {
            tables.insert(name, Arc::new(EmptyTable::new(table.schema())));
        }
    }
    database.register_schema("pg_catalog", Arc::new(Mended { tables, inner }))?;
    Ok(())
}

/// The relations that are found without naming their schema: all but those of `information_schema`.
fn visible(class: &RecordBatch, namespace: &RecordBatch) -> Result<BTreeSet<i32>> {
    let (spaces, names) = (numbers(namespace, "oid")?, texts(namespace, "nspname")?);
    let mut named = spaces.values().iter().zip(names.iter());
    let hidden = named.find(|(_, name)| *name == Some("information_schema")).map(|(oid, _)| *oid);
    let (relations, spaces) = (numbers(class, "oid")?, numbers(class, "relnamespace")?);
    let all = relations.values().iter().zip(spaces.values());
    Ok(all.filter(|(_, space)| Some(**space) != hidden).map(|(oid, _)| *oid).collect())
}

/// A table in memory.
pub(super) fn table(batch: RecordBatch) -> Result<Arc<dyn TableProvider>> {
    Ok(Arc::new(MemTable::try_new(batch.schema(), vec![vec![batch]])?))
}

async fn all(context: &SessionContext, table: &str) -> Result<RecordBatch> {
    let frame = context.sql(&format!("SELECT * FROM pg_catalog.{table}")).await?;
    let schema: SchemaRef = Arc::clone(frame.schema().inner());
    let batches = frame.collect().await?;
    Ok(arrow::compute::concat_batches(&schema, &batches)?)
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef> {
    let missing = || DataFusionError::Internal(format!("there is no column {name}"));
    batch.column_by_name(name).ok_or_else(missing)
}

fn numbers<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a Int32Array> {
    let wrong = || DataFusionError::Internal(format!("{name} holds no numbers"));
    column(batch, name)?.as_primitive_opt::<Int32Type>().ok_or_else(wrong)
}

fn texts<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a StringArray> {
    let wrong = || DataFusionError::Internal(format!("{name} holds no texts"));
    column(batch, name)?.as_string_opt::<i32>().ok_or_else(wrong)
}

/// A table with other numbers in one column.
fn with_numbers(batch: &RecordBatch, name: &str, of: impl Fn(usize) -> i32) -> Result<RecordBatch> {
    let at = batch.schema().index_of(name)?;
    let mut columns = batch.columns().to_vec();
    let new = Int32Array::from_iter_values((0..batch.num_rows()).map(of));
    columns[at] = Arc::new(new);
    Ok(RecordBatch::try_new(batch.schema(), columns)?)
}

/// A table with columns of lists that nobody has.
fn with_nothing(batch: &RecordBatch, names: &[&str]) -> Result<RecordBatch> {
    let list = DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)));
    let mut fields = batch.schema().fields().to_vec();
    let mut columns = batch.columns().to_vec();
    for name in names {
        fields.push(Arc::new(Field::new(*name, list.clone(), true)));
        columns.push(new_null_array(&list, batch.num_rows()));
    }
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

/// Digits and decimals of the tenant's numbers, by relation and column.
fn modifiers(class: &RecordBatch) -> BTreeMap<(i32, &'static str), i32> {
    let mut found = BTreeMap::new();
    let (Ok(oids), Ok(names)) = (numbers(class, "oid"), texts(class, "relname")) else {
        return found;
    };
    for row in 0..oids.len() {
        let Some((_, schema)) = schemas().iter().find(|(it, _)| *it == names.value(row)) else {
            continue;
        };
        for field in schema.fields() {
            if let DataType::Decimal128(digits, decimals) = field.data_type() {
                let packed = (i32::from(*digits) << 16) | i32::from(*decimals);
                found.insert((oids.value(row), field.name().as_str()), packed + MODIFIER_HEAD);
            }
        }
    }
    found
}
