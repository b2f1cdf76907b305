//! `json_object`: the JSON that `factors` and `metrics` are made of.
//!
//! Promises the bytes `vitals_model::vital` gives the same values: names sorted, decimals as text with all
//! their decimals.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringArray};
use arrow::datatypes::DataType;
use datafusion::common::exec_err;
use datafusion::error::Result;
use serde_json::{Map, Value};
use vitals_model::vital::fixed;

use super::Arguments;
use super::arguments::Exact;

enum Column {
    Texts(StringArray),
    Truths(arrow::array::BooleanArray),
    Numbers(Exact),
    Nulls,
}

impl Column {
    fn get(&self, row: usize) -> Value {
        match self {
            Self::Texts(it) if it.is_valid(row) => it.value(row).into(),
            Self::Truths(it) if it.is_valid(row) => it.value(row).into(),
            Self::Numbers(it) => match it.get(row) {
                Some(value) => fixed(value, it.scale as usize).into(),
                None => Value::Null,
            },
            Self::Texts(_) | Self::Truths(_) | Self::Nulls => Value::Null,
        }
    }
}

pub(super) fn object(arguments: &Arguments) -> Result<ArrayRef> {
    if !arguments.len().is_multiple_of(2) {
        return exec_err!("json_object takes names and values in turn");
    }
    let mut fields = Vec::with_capacity(arguments.len() / 2);
    for at in (0..arguments.len()).step_by(2) {
        let column = match arguments.column(at + 1).data_type() {
            DataType::Boolean => Column::Truths(arguments.truths(at + 1)?),
            DataType::Decimal128(..) => Column::Numbers(arguments.exact(at + 1)?),
            DataType::Null => Column::Nulls,
            _ => Column::Texts(arguments.texts(at + 1)?),
        };
        fields.push((arguments.texts(at)?, column));
    }
    let objects = arguments.rows().map(|row| {
        let entries =
            fields.iter().map(|(names, column)| (names.value(row).to_owned(), column.get(row)));
        Some(Value::Object(entries.collect::<Map<_, _>>()).to_string())
    });
    Ok(Arc::new(objects.collect::<StringArray>()))
}
