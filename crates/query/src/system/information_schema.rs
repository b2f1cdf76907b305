//! `information_schema` over the tenant's tables, as the SQL standard and PostgreSQL have it.
//!
//! What a tenant has none of (views, keys, routines) is an empty table with the columns that tools ask for.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use async_trait::async_trait;
use datafusion::catalog::{SchemaProvider, TableProvider};
use datafusion::error::Result;

use super::pg_catalog::table;
use super::schemas::schemas;
use super::{DATABASE, ROLE};

/// The schemas there are.
const SCHEMAS: [&str; 3] = ["information_schema", "pg_catalog", "public"];

/// Tables without rows: their names, and the columns tools ask for.
const EMPTY: [(&str, &[&str]); 14] = [
    (
        "views",
        &[
            "table_catalog",
            "table_schema",
            "table_name",
            "view_definition",
            "check_option",
            "is_updatable",
        ],
    ),
    (
        "routines",
        &[
            "specific_catalog",
            "specific_schema",
            "specific_name",
            "routine_catalog",
            "routine_schema",
            "routine_name",
            "routine_type",
            "data_type",
            "type_udt_name",
            "routine_definition",
            "external_language",
        ],
    ),
    (
        "parameters",
        &[
            "specific_catalog",
            "specific_schema",
            "specific_name",
            "ordinal_position",
            "parameter_mode",
            "parameter_name",
            "data_type",
        ],
    ),
    (
        "table_constraints",
        &[
            "constraint_catalog",
            "constraint_schema",
            "constraint_name",
            "table_catalog",
            "table_schema",
            "table_name",
            "constraint_type",
            "is_deferrable",
            "initially_deferred",
        ],
    ),
    (
        "key_column_usage",
        &[
            "constraint_catalog",
            "constraint_schema",
            "constraint_name",
            "table_catalog",
            "table_schema",
            "table_name",
            "column_name",
            "ordinal_position",
            "position_in_unique_constraint",
        ],
    ),
    (
        "constraint_column_usage",
        &[
            "table_catalog",
            "table_schema",
            "table_name",
            "column_name",
            "constraint_catalog",
            "constraint_schema",
            "constraint_name",
        ],
    ),
    (
        "referential_constraints",
        &[
            "constraint_catalog",
            "constraint_schema",
            "constraint_name",
            "unique_constraint_catalog",
            "unique_constraint_schema",
            "unique_constraint_name",
            "match_option",
            "update_rule",
            "delete_rule",
        ],
    ),
    (
        "check_constraints",
        &["constraint_catalog", "constraint_schema", "constraint_name", "check_clause"],
    ),
    (
        "column_privileges",
        &[
            "grantor",
            "grantee",
            "table_catalog",
            "table_schema",
            "table_name",
            "column_name",
            "privilege_type",
            "is_grantable",
        ],
    ),
    (
        "triggers",
        &[
            "trigger_catalog",
            "trigger_schema",
            "trigger_name",
            "event_manipulation",
            "event_object_schema",
            "event_object_table",
            "action_statement",
            "action_timing",
        ],
    ),
    ("sequences", &["sequence_catalog", "sequence_schema", "sequence_name", "data_type"]),
    ("domains", &["domain_catalog", "domain_schema", "domain_name", "data_type"]),
    (
        "element_types",
        &[
            "object_catalog",
            "object_schema",
            "object_name",
            "object_type",
            "collection_type_identifier",
            "data_type",
        ],
    ),
    (
        "user_defined_types",
        &["user_defined_type_catalog", "user_defined_type_schema", "user_defined_type_name"],
    ),
];

#[derive(Debug)]
struct InformationSchema(BTreeMap<&'static str, Arc<dyn TableProvider>>);

#[async_trait]
impl SchemaProvider for InformationSchema {
    fn table_names(&self) -> Vec<String> {
        self.0.keys().map(|name| (*name).to_owned()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        Ok(self.0.get(name).map(Arc::clone))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

/// The schema.
pub(super) fn schema() -> Result<Arc<dyn SchemaProvider>> {
    let mut tables: BTreeMap<&'static str, Arc<dyn TableProvider>> = BTreeMap::new();
    for (name, batch) in [
        ("schemata", schemata()?),
        ("tables", tables_table()?),
        ("columns", columns()?),
        ("table_privileges", privileges()?),
        ("role_table_grants", privileges()?),
        ("enabled_roles", Table::default().same("role_name", ROLE, 1).finish()?),
        ("applicable_roles", roles()?),
    ] {
        tables.insert(name, table(batch)?);
    }
    for (name, columns) in EMPTY {
        let empty =
            columns.iter().fold(Table::default(), |table, column| table.same(column, "", 0));
        tables.insert(name, table(empty.finish()?)?);
    }
    Ok(Arc::new(InformationSchema(tables)))
}

/// A table that is being built, column by column.
#[derive(Debug, Default)]
struct Table(Vec<(String, ArrayRef)>);

impl Table {
    fn texts<'a>(mut self, name: &str, values: impl Iterator<Item = Option<&'a str>>) -> Self {
        self.0.push((name.to_owned(), Arc::new(values.collect::<StringArray>())));
        self
    }

    fn numbers(mut self, name: &str, values: impl Iterator<Item = Option<i32>>) -> Self {
        self.0.push((name.to_owned(), Arc::new(values.collect::<Int32Array>())));
        self
    }

    fn same(self, name: &str, value: &str, rows: usize) -> Self {
        self.texts(name, std::iter::repeat_n(Some(value), rows))
    }

    fn none(self, names: &[&str], rows: usize) -> Self {
        names.iter().fold(self, |table, name| table.texts(name, std::iter::repeat_n(None, rows)))
    }

    fn finish(self) -> Result<RecordBatch> {
        let field =
            |(name, array): &(String, ArrayRef)| Field::new(name, array.data_type().clone(), true);
        let schema = Schema::new(self.0.iter().map(field).collect::<Vec<_>>());
        let arrays = self.0.into_iter().map(|(_, array)| array).collect();
        Ok(RecordBatch::try_new(Arc::new(schema), arrays)?)
    }
}

fn schemata() -> Result<RecordBatch> {
    let rows = SCHEMAS.len();
    Table::default()
        .same("catalog_name", DATABASE, rows)
        .texts("schema_name", SCHEMAS.into_iter().map(Some))
        .same("schema_owner", ROLE, rows)
        .none(&["default_character_set_catalog", "default_character_set_schema"], rows)
        .none(&["default_character_set_name", "sql_path"], rows)
        .finish()
}

fn tables_table() -> Result<RecordBatch> {
    let rows = schemas().len();
    Table::default()
        .same("table_catalog", DATABASE, rows)
        .same("table_schema", "public", rows)
        .texts("table_name", schemas().iter().map(|(name, _)| Some(*name)))
        .same("table_type", "BASE TABLE", rows)
        .none(&["self_referencing_column_name", "reference_generation"], rows)
        .none(&["user_defined_type_catalog", "user_defined_type_schema"], rows)
        .none(&["user_defined_type_name"], rows)
        .same("is_insertable_into", "NO", rows)
        .same("is_typed", "NO", rows)
        .none(&["commit_action"], rows)
        .finish()
}

fn privileges() -> Result<RecordBatch> {
    let rows = schemas().len();
    Table::default()
        .same("grantor", ROLE, rows)
        .same("grantee", ROLE, rows)
        .same("table_catalog", DATABASE, rows)
        .same("table_schema", "public", rows)
        .texts("table_name", schemas().iter().map(|(name, _)| Some(*name)))
        .same("privilege_type", "SELECT", rows)
        .same("is_grantable", "NO", rows)
        .same("with_hierarchy", "YES", rows)
        .finish()
}

fn roles() -> Result<RecordBatch> {
    let table = Table::default().same("grantee", ROLE, 1).same("role_name", ROLE, 1);
    table.same("is_grantable", "NO", 1).finish()
}

/// A type by its names in the standard and in PostgreSQL.
fn names_of(kind: &DataType) -> (&'static str, &'static str) {
    match kind {
        DataType::Boolean => ("boolean", "bool"),
        DataType::Int64 => ("bigint", "int8"),
        DataType::Int32 => ("integer", "int4"),
        DataType::Decimal128(..) => ("numeric", "numeric"),
        DataType::Float64 => ("double precision", "float8"),
        DataType::Date32 => ("date", "date"),
        DataType::Timestamp(_, Some(_)) => ("timestamp with time zone", "timestamptz"),
        DataType::Timestamp(_, None) => ("timestamp without time zone", "timestamp"),
        DataType::List(_) => ("ARRAY", "_text"),
        _ => ("text", "text"),
    }
}

/// Digits, their base, and decimals of a number.
fn digits_of(kind: &DataType) -> (Option<i32>, Option<i32>, Option<i32>) {
    match kind {
        DataType::Int64 => (Some(64), Some(2), Some(0)),
        DataType::Int32 => (Some(32), Some(2), Some(0)),
        DataType::Decimal128(digits, decimals) => {
            (Some((*digits).into()), Some(10), Some((*decimals).into()))
        }
        DataType::Float64 => (Some(53), Some(2), None),
        _ => (None, None, None),
    }
}

fn columns() -> Result<RecordBatch> {
    let all: Vec<(&str, usize, &Field)> = schemas()
        .iter()
        .flat_map(|(table, schema)| {
            schema.fields().iter().enumerate().map(|(at, field)| (*table, at + 1, field.as_ref()))
        })
        .collect();
    let rows = all.len();
    let kinds = || all.iter().map(|(.., field)| field.data_type());
    let instants = |kind: &DataType| match kind {
        DataType::Timestamp(..) => Some(6),
        DataType::Date32 => Some(0),
        _ => None,
    };
    Table::default()
        .same("table_catalog", DATABASE, rows)
        .same("table_schema", "public", rows)
        .texts("table_name", all.iter().map(|(table, ..)| Some(*table)))
        .texts("column_name", all.iter().map(|(.., field)| Some(field.name().as_str())))
        .numbers("ordinal_position", all.iter().map(|(_, at, _)| i32::try_from(*at).ok()))
        .none(&["column_default"], rows)
        .same("is_nullable", "YES", rows)
        .texts("data_type", kinds().map(|it| Some(names_of(it).0)))
        .numbers("character_maximum_length", std::iter::repeat_n(None, rows))
        .numbers("character_octet_length", std::iter::repeat_n(None, rows))
        .numbers("numeric_precision", kinds().map(|it| digits_of(it).0))
        .numbers("numeric_precision_radix", kinds().map(|it| digits_of(it).1))
        .numbers("numeric_scale", kinds().map(|it| digits_of(it).2))
        .numbers("datetime_precision", kinds().map(instants))
        .none(&["interval_type", "interval_precision", "character_set_catalog"], rows)
        .none(&["character_set_schema", "character_set_name", "collation_catalog"], rows)
        .none(&["collation_schema", "collation_name", "domain_catalog", "domain_schema"], rows)
        .none(&["domain_name"], rows)
        .same("udt_catalog", DATABASE, rows)
        .same("udt_schema", "pg_catalog", rows)
        .texts("udt_name", kinds().map(|it| Some(names_of(it).1)))
        .none(&["scope_catalog", "scope_schema", "scope_name", "maximum_cardinality"], rows)
        .none(&["dtd_identifier"], rows)
        .same("is_self_referencing", "NO", rows)
        .same("is_identity", "NO", rows)
        .none(&["identity_generation", "identity_start", "identity_increment"], rows)
        .none(&["identity_maximum", "identity_minimum"], rows)
        .same("identity_cycle", "NO", rows)
        .same("is_generated", "NEVER", rows)
        .none(&["generation_expression"], rows)
        .same("is_updatable", "NO", rows)
        .finish()
}
