//! A function's arguments as typed columns.
//!
//! Promises columns of one length, cast to what the function reads: a NULL literal is a column of NULLs,
//! and any whole or decimal number is read exactly.

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Decimal128Type, Int64Type, TimestampMicrosecondType};
use datafusion::error::Result;
use datafusion::logical_expr::ScalarFunctionArgs;

/// The arguments of one call.
pub(super) struct Arguments {
    columns: Vec<ArrayRef>,
    rows: usize,
}

/// Whole numbers or decimals: integers of 10^-scale.
pub(super) struct Exact {
    values: Decimal128Array,
    pub(super) scale: u32,
}

impl Exact {
    pub(super) fn get(&self, row: usize) -> Option<i128> {
        self.values.is_valid(row).then(|| self.values.value(row))
    }

    /// The value as an integer of 10^-`scale`, when it fits and is not cut.
    pub(super) fn at_scale(&self, row: usize, scale: u32) -> Option<i128> {
        let up = 10i128.checked_pow(scale.checked_sub(self.scale)?)?;
        self.get(row)?.checked_mul(up)
    }
}

impl Arguments {
    pub(super) fn new(args: ScalarFunctionArgs) -> Result<Self> {
        let rows = args.number_rows;
        let columns = args.args.into_iter().map(|it| it.into_array(rows));
        Ok(Self { columns: columns.collect::<Result<_>>()?, rows })
    }

    pub(super) fn rows(&self) -> std::ops::Range<usize> {
        0..self.rows
    }

    pub(super) fn len(&self) -> usize {
        self.columns.len()
    }

    pub(super) fn column(&self, at: usize) -> &ArrayRef {
        &self.columns[at]
    }

    fn cast(&self, at: usize, to: &DataType) -> Result<ArrayRef> {
        let column = &self.columns[at];
        if column.data_type() == to { Ok(ArrayRef::clone(column)) } else { Ok(cast(column, to)?) }
    }

    pub(super) fn texts(&self, at: usize) -> Result<StringArray> {
        Ok(self.cast(at, &DataType::Utf8)?.as_string::<i32>().clone())
    }

    pub(super) fn truths(&self, at: usize) -> Result<BooleanArray> {
        Ok(self.cast(at, &DataType::Boolean)?.as_boolean().clone())
    }

    pub(super) fn ints(&self, at: usize) -> Result<Int64Array> {
        Ok(self.cast(at, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
    }

    pub(super) fn dates(&self, at: usize) -> Result<Date32Array> {
        Ok(self.cast(at, &DataType::Date32)?.as_primitive::<Date32Type>().clone())
    }

    pub(super) fn instants(&self, at: usize) -> Result<TimestampMicrosecondArray> {
        let column = self.cast(at, &super::instant())?;
        Ok(column.as_primitive::<TimestampMicrosecondType>().clone())
    }

    pub(super) fn exact(&self, at: usize) -> Result<Exact> {
        let column = match self.columns[at].data_type() {
            DataType::Decimal128(..) => ArrayRef::clone(&self.columns[at]),
            _ => cast(&self.columns[at], &DataType::Decimal128(38, 0))?,
        };
        let values = column.as_primitive::<Decimal128Type>().clone();
        let scale = u32::try_from(values.scale()).unwrap_or(0);
        Ok(Exact { values, scale })
    }
}
