//! Functions of the system catalogue that tools call and nobody else brings.
//!
//! Most of them have one answer here: nothing is in recovery, nobody has written a comment, everything is
//! visible. Those are a table of constants.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, StringArray};
use arrow::datatypes::{DataType, Int32Type};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature,
    Volatility,
};
use datafusion::prelude::SessionContext;

use super::{DATABASE, ROLE, VERSION};

/// A function that says the same whatever it is asked.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Constant {
    name: &'static str,
    value: ScalarValue,
    signature: Signature,
}

impl ScalarUDFImpl for Constant {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.value.data_type())
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(self.value.clone()))
    }
}

/// `current_setting(name [, missing_ok])`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct CurrentSetting(Signature);

impl ScalarUDFImpl for CurrentSetting {
    fn name(&self) -> &str {
        "current_setting"
    }

    fn signature(&self) -> &Signature {
        &self.0
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let names = args.args[0].to_array(args.number_rows)?;
        let values = names.as_string::<i32>().iter().map(|name| setting(name?));
        let values: ArrayRef = Arc::new(values.collect::<StringArray>());
        Ok(ColumnarValue::Array(values))
    }
}

/// `has_.._privilege(.., privilege)`: everything may be read, and nothing else done.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Privilege(&'static str, Signature);

impl ScalarUDFImpl for Privilege {
    fn name(&self) -> &str {
        self.0
    }

    fn signature(&self) -> &Signature {
        &self.1
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let asked = args.args.last().map(|it| it.to_array(args.number_rows)).transpose()?;
        let reads = |it: &str| {
            let it = it.to_ascii_lowercase();
            ["select", "usage", "connect", "execute"].iter().any(|word| it.contains(word))
        };
        let answers: BooleanArray = match asked.as_ref().and_then(|it| it.as_string_opt::<i32>()) {
            Some(asked) => asked.iter().map(|it| it.map(reads)).collect(),
            None => std::iter::repeat_n(Some(false), args.number_rows).collect(),
        };
        Ok(ColumnarValue::Array(Arc::new(answers)))
    }
}

/// `pg_table_is_visible(oid)`.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Visible(BTreeSet<i32>, Signature);

impl ScalarUDFImpl for Visible {
    fn name(&self) -> &str {
        "pg_table_is_visible"
    }

    fn signature(&self) -> &Signature {
        &self.1
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let oids = args.args[0].to_array(args.number_rows)?;
        let oids = oids.as_primitive::<Int32Type>().iter();
        let answers: BooleanArray = oids.map(|oid| Some(self.0.contains(&oid?))).collect();
        Ok(ColumnarValue::Array(Arc::new(answers)))
    }
}

/// Makes it known which relations are visible.
pub(super) fn register_visible(context: &SessionContext, oids: BTreeSet<i32>) {
    let signature = Signature::exact(vec![DataType::Int32], Volatility::Stable);
    context.register_udf(ScalarUDF::from(Visible(oids, signature)));
}

/// Functions that ask for a privilege.
const PRIVILEGES: [&str; 7] = [
    "has_any_column_privilege",
    "has_column_privilege",
    "has_database_privilege",
    "has_function_privilege",
    "has_schema_privilege",
    "has_sequence_privilege",
    "has_table_privilege",
];

fn setting(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "server_version" => "16.6",
        "server_version_num" => "160006",
        "search_path" => "public",
        "server_encoding" | "client_encoding" => "UTF8",
        "timezone" => "UTC",
        "datestyle" => "ISO, MDY",
        "standard_conforming_strings"
        | "transaction_read_only"
        | "default_transaction_read_only" => "on",
        "max_index_keys" => "32",
        "block_size" => "8192",
        "max_identifier_length" => "63",
        "is_superuser" => "off",
        _ => return None,
    })
}

fn text(value: &str) -> ScalarValue {
    ScalarValue::Utf8(Some(value.to_owned()))
}

/// Functions that are always true.
const TRUTHS: [&str; 8] = [
    "has_type_privilege",
    "has_language_privilege",
    "pg_function_is_visible",
    "pg_type_is_visible",
    "pg_opclass_is_visible",
    "pg_operator_is_visible",
    "pg_collation_is_visible",
    "pg_has_role",
];
/// Functions that are never true.
const LIES: [&str; 3] = ["pg_is_in_recovery", "pg_is_other_temp_schema", "pg_is_wal_replay_paused"];
/// Functions that have nothing to say, in text.
const NOTHINGS: [&str; 17] = [
    "obj_description",
    "col_description",
    "shobj_description",
    "pg_get_viewdef",
    "pg_get_indexdef",
    "pg_get_serial_sequence",
    "pg_get_triggerdef",
    "pg_get_ruledef",
    "pg_get_functiondef",
    "pg_get_function_result",
    "pg_get_function_arguments",
    "pg_get_function_identity_arguments",
    "pg_get_statisticsobjdef",
    "json_build_object",
    "pg_tablespace_location",
    "set_config",
    "inet_server_addr",
];
/// Functions that find no number.
const UNKNOWN: [&str; 7] = [
    "generate_subscripts",
    "to_regclass",
    "to_regtype",
    "to_regproc",
    "to_regnamespace",
    "to_regrole",
    "inet_server_port",
];
/// Functions of sizes and ages: of what is not stored here.
const SIZES: [&str; 6] = [
    "pg_database_size",
    "pg_tablespace_size",
    "pg_table_size",
    "pg_indexes_size",
    "age",
    "mxid_age",
];

/// Every constant, by name.
fn constants() -> Vec<(&'static str, ScalarValue)> {
    let (yes, no) = (ScalarValue::Boolean(Some(true)), ScalarValue::Boolean(Some(false)));
    let (none, no_text) = (ScalarValue::Int32(None), ScalarValue::Utf8(None));
    let zero = ScalarValue::Int64(Some(0));
    let mut all = vec![
        ("version", text(VERSION)),
        ("current_catalog", text(DATABASE)),
        ("session_user", text(ROLE)),
        ("current_role", text(ROLE)),
        ("pg_get_userbyid", text(ROLE)),
        ("pg_client_encoding", text("UTF8")),
        ("pg_size_pretty", text("0 bytes")),
        ("pg_char_to_encoding", ScalarValue::Int32(Some(6))),
        ("pg_my_temp_schema", ScalarValue::Int32(Some(0))),
        ("txid_current", zero.clone()),
    ];
    all.extend(TRUTHS.map(|name| (name, yes.clone())));
    all.extend(LIES.map(|name| (name, no.clone())));
    all.extend(NOTHINGS.map(|name| (name, no_text.clone())));
    all.extend(UNKNOWN.map(|name| (name, none.clone())));
    all.extend(SIZES.map(|name| (name, zero.clone())));
    all
}

/// Functions that `datafusion-pg-catalog` brings.
const BROUGHT: [&str; 26] = [
    "array_lower",
    "array_upper",
    "current_database",
    "current_schema",
    "current_schemas",
    "format_type",
    "generate_series",
    "parse_ident",
    "pg_backend_pid",
    "pg_encoding_to_char",
    "pg_get_constraintdef",
    "pg_get_expr",
    "pg_get_keywords",
    "pg_get_partkeydef",
    "pg_get_statisticsobjdef_columns",
    "pg_partition_ancestors",
    "pg_relation_is_publishable",
    "pg_relation_size",
    "pg_stat_get_numscans",
    "pg_table_is_visible",
    "pg_total_relation_size",
    "quote_ident",
    "string_to_array",
    "unnest",
    "array_cat",
    "make_array",
];

/// Whether a name is that of a function of the system catalogue.
pub(super) fn is_own(name: &str) -> bool {
    name == "current_setting"
        || name == "current_user"
        || BROUGHT.contains(&name)
        || PRIVILEGES.contains(&name)
        || constants().iter().any(|(it, _)| *it == name)
}

/// Makes the functions known.
pub(super) fn register(context: &SessionContext) {
    for (name, value) in constants() {
        let any = TypeSignature::OneOf(vec![TypeSignature::Nullary, TypeSignature::VariadicAny]);
        let signature = Signature::new(any, Volatility::Immutable);
        context.register_udf(ScalarUDF::from(Constant { name, value, signature }));
    }
    for name in PRIVILEGES {
        let signature = Signature::new(TypeSignature::VariadicAny, Volatility::Stable);
        context.register_udf(ScalarUDF::from(Privilege(name, signature)));
    }
    let named = TypeSignature::OneOf(vec![
        TypeSignature::Exact(vec![DataType::Utf8]),
        TypeSignature::Exact(vec![DataType::Utf8, DataType::Boolean]),
    ]);
    let signature = Signature::new(named, Volatility::Stable);
    context.register_udf(ScalarUDF::from(CurrentSetting(signature)));
}
