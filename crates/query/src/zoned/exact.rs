//! Whole numbers that never wrap, sums that have room, and days that are counted.
//!
//! DataFusion adds 64-bit integers modulo 2^64 and sums decimals modulo 2^128, silently. Here an overflow
//! is an error, or does not happen: whole numbers are summed as decimals, wide decimals in 256 bits.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Date32Array, Int64Array};
use arrow::compute::cast;
use arrow::compute::kernels::numeric;
use arrow::datatypes::{DataType, Date32Type, Int64Type};
use datafusion::common::DFSchema;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::expr::{Cast, ScalarFunction};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};

/// Digits of a decimal that can be summed 10^10 times within 38.
const SUMMABLE_DIGITS: u8 = 28;

type Kernel = fn(&ArrayRef, &ArrayRef) -> Result<ArrayRef>;

#[derive(Debug)]
struct Exact {
    name: &'static str,
    returns: DataType,
    signature: Signature,
    kernel: Kernel,
}

impl PartialEq for Exact {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Exact {}

impl std::hash::Hash for Exact {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Exact {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.returns.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [left, right] = <[ColumnarValue; 2]>::try_from(args.args)
            .map_err(|_| DataFusionError::Internal("two arguments are asked for".to_owned()))?;
        let (left, right) =
            (left.into_array(args.number_rows)?, right.into_array(args.number_rows)?);
        (self.kernel)(&left, &right).map(ColumnarValue::Array)
    }
}

fn call(name: &'static str, returns: DataType, kernel: Kernel, args: (Expr, Expr)) -> Expr {
    let signature = Signature::any(2, Volatility::Immutable);
    let function = ScalarUDF::from(Exact { name, returns, signature, kernel });
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(function), vec![args.0, args.1]))
}

fn whole(column: &ArrayRef) -> Result<Int64Array> {
    Ok(cast(column, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
}

/// Whole numbers added, subtracted or multiplied; `None` for any other operator.
pub(super) fn arithmetic(op: Operator, args: (Expr, Expr)) -> Option<Expr> {
    let kernel: (_, Kernel) = match op {
        Operator::Plus => ("exact_add", |a, b| Ok(numeric::add(&whole(a)?, &whole(b)?)?)),
        Operator::Minus => ("exact_sub", |a, b| Ok(numeric::sub(&whole(a)?, &whole(b)?)?)),
        Operator::Multiply => ("exact_mul", |a, b| Ok(numeric::mul(&whole(a)?, &whole(b)?)?)),
        _ => return None,
    };
    Some(call(kernel.0, DataType::Int64, kernel.1, args))
}

/// The days from the second date to the first.
pub(super) fn days(args: (Expr, Expr)) -> Expr {
    let kernel: Kernel = |to, from| {
        let (to, from) = (cast(to, &DataType::Date32)?, cast(from, &DataType::Date32)?);
        let pairs = to.as_primitive::<Date32Type>().iter().zip(from.as_primitive::<Date32Type>());
        let days = pairs.map(|(to, from)| Some(i64::from(to?) - i64::from(from?)));
        Ok(Arc::new(days.collect::<Int64Array>()))
    };
    call("exact_days", DataType::Int64, kernel, args)
}

/// A date some days later, or earlier.
pub(super) fn date(args: (Expr, Expr), earlier: bool) -> Expr {
    fn moved(dates: &ArrayRef, days: &ArrayRef, sign: i64) -> Result<ArrayRef> {
        let (dates, days) = (cast(dates, &DataType::Date32)?, whole(days)?);
        let moved = dates.as_primitive::<Date32Type>().iter().zip(&days).map(|(date, days)| {
            let (Some(date), Some(days)) = (date, days) else { return Ok(None) };
            let moved = days.checked_mul(sign).and_then(|days| i64::from(date).checked_add(days));
            let moved = moved.and_then(|it| i32::try_from(it).ok());
            moved
                .map(Some)
                .ok_or_else(|| DataFusionError::Execution("date out of range".to_owned()))
        });
        Ok(Arc::new(moved.collect::<Result<Date32Array>>()?))
    }
    let (name, kernel): (_, Kernel) = if earlier {
        ("exact_date_before", |dates, days| moved(dates, days, -1))
    } else {
        ("exact_date_after", |dates, days| moved(dates, days, 1))
    };
    call(name, DataType::Date32, kernel, args)
}

/// A sum or an average with room for every row; `None` when it has it already.
pub(super) fn sum(expr: &Expr, schema: &DFSchema) -> Option<Expr> {
    let (name, args) = match expr {
        Expr::AggregateFunction(it) => (it.func.name(), &it.params.args),
        Expr::WindowFunction(it) => (it.fun.name(), &it.params.args),
        _ => return None,
    };
    let [argument] = args.as_slice() else { return None };
    if !matches!(name, "sum" | "avg") {
        return None;
    }
    let roomy = match argument.get_type(schema).ok()? {
        it if it.is_integer() && name == "sum" => DataType::Decimal128(20, 0),
        DataType::Decimal128(digits, scale) if digits > SUMMABLE_DIGITS => {
            DataType::Decimal256(digits, scale)
        }
        _ => return None,
    };
    let argument = Expr::Cast(Cast::new(Box::new(argument.clone()), roomy));
    let mut expr = expr.clone();
    match &mut expr {
        Expr::AggregateFunction(it) => it.params.args = vec![argument],
        Expr::WindowFunction(it) => it.params.args = vec![argument],
        _ => return None,
    }
    Some(expr)
}
