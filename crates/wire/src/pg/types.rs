//! The columns of an answer as PostgreSQL's types.
//!
//! Promises that every value of a type fits what it is announced as: digits and decimals of a number are
//! in its modifier, and what has no type of its own there is announced as text.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use pgwire::api::Type;
use pgwire::messages::data::FieldDescription;

/// How the system catalogue marks numbers that are object ids, and texts of one character.
const OID: &str = "pg.oid_alias";
const CHAR: &str = "pg.char";
/// What a type modifier is when there is none.
const NO_MODIFIER: i32 = -1;
/// PostgreSQL adds this to every modifier, for reasons of its own past.
const MODIFIER_HEAD: i32 = 4;

/// One column.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Type,
    pub(super) modifier: i32,
}

/// The columns of an answer.
pub(super) type Columns = Arc<[Column]>;

/// The columns of a schema.
pub(super) fn columns(schema: &Schema) -> Columns {
    let column = |field: &Arc<Field>| Column {
        name: field.name().clone(),
        kind: of_field(field),
        modifier: modifier(field.data_type()),
    };
    schema.fields().iter().map(column).collect()
}

fn of_field(field: &Field) -> Type {
    let marked = |key| field.metadata().contains_key(key);
    match field.data_type() {
        DataType::Int32 if marked(OID) => Type::OID,
        DataType::Utf8 if marked(CHAR) => Type::CHAR,
        of => of_data(of),
    }
}

/// The type of values of an Arrow type.
pub(super) fn of_data(of: &DataType) -> Type {
    match of {
        DataType::Boolean => Type::BOOL,
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => Type::INT2,
        DataType::Int32 | DataType::UInt16 => Type::INT4,
        DataType::Int64 | DataType::UInt32 => Type::INT8,
        DataType::UInt64 | DataType::Decimal128(..) | DataType::Decimal256(..) => Type::NUMERIC,
        DataType::Float32 => Type::FLOAT4,
        DataType::Float64 => Type::FLOAT8,
        DataType::Date32 => Type::DATE,
        DataType::Timestamp(_, Some(_)) => Type::TIMESTAMPTZ,
        DataType::Timestamp(_, None) => Type::TIMESTAMP,
        DataType::List(item) | DataType::LargeList(item) => list(item.data_type()),
        _ => Type::TEXT,
    }
}

fn list(item: &DataType) -> Type {
    match of_data(item) {
        Type::BOOL => Type::BOOL_ARRAY,
        Type::INT2 => Type::INT2_ARRAY,
        Type::INT4 => Type::INT4_ARRAY,
        Type::INT8 => Type::INT8_ARRAY,
        Type::NUMERIC => Type::NUMERIC_ARRAY,
        Type::FLOAT4 => Type::FLOAT4_ARRAY,
        Type::FLOAT8 => Type::FLOAT8_ARRAY,
        Type::DATE => Type::DATE_ARRAY,
        Type::TIMESTAMPTZ => Type::TIMESTAMPTZ_ARRAY,
        Type::TIMESTAMP => Type::TIMESTAMP_ARRAY,
        _ => Type::TEXT_ARRAY,
    }
}

/// Digits and decimals, as PostgreSQL packs them.
fn modifier(of: &DataType) -> i32 {
    match of {
        DataType::Decimal128(digits, decimals) | DataType::Decimal256(digits, decimals) => {
            ((i32::from(*digits) << 16) | (i32::from(*decimals) & 0x7ff)) + MODIFIER_HEAD
        }
        _ => NO_MODIFIER,
    }
}

/// Bytes of a type of fixed width; -1 for the others.
fn width(kind: &Type) -> i16 {
    match *kind {
        Type::BOOL | Type::CHAR => 1,
        Type::INT2 => 2,
        Type::INT4 | Type::FLOAT4 | Type::DATE | Type::OID => 4,
        Type::INT8 | Type::FLOAT8 | Type::TIMESTAMP | Type::TIMESTAMPTZ => 8,
        _ => -1,
    }
}

impl Column {
    /// A column of text.
    pub(super) fn text(name: &str) -> Self {
        Self { name: name.to_owned(), kind: Type::TEXT, modifier: NO_MODIFIER }
    }

    /// As a client is told of it.
    pub(super) fn described(&self, binary: bool) -> FieldDescription {
        let name = self.name.clone();
        let oid = self.kind.oid();
        let format = i16::from(binary);
        FieldDescription::new(name, 0, 0, oid, width(&self.kind), self.modifier, format)
    }
}

/// The Arrow type of a parameter as the type a client is told.
pub(super) fn of_parameter(of: Option<&DataType>) -> Type {
    of.map_or(Type::TEXT, of_data)
}
