//! The functions definitions may call beyond DataFusion's own: calendars, exact division, scores.
//!
//! Each is a thin edge over `vitals-model`, so that the dataflow and the SQL round alike. NULL in gives
//! NULL out unless said otherwise.
//!
//! | function | gives |
//! | --- | --- |
//! | `today()` | what `:today` stands for: the tenant's local date, a DATE |
//! | `local_date(at, zone)` | the local DATE of an instant |
//! | `local_hour(at, zone)`, `local_weekday(at, zone)` | the local hour 0-23; the ISO weekday 1-7 |
//! | `bucket_start(grain, at, zone, week_start)` | the instant at which the local `hour`, `day`, `week` or `month` that holds `at` starts |
//! | `month_start(date)` | the first day of a date's month |
//! | `days_between(a, b)` | the days from date a to date b, negative when b is earlier |
//! | `micros_between(a, b)` | the microseconds from instant a to instant b |
//! | `line_amount(quantity, unit_price)` | their product, rounded half away from zero to a micro: DECIMAL(20,6) |
//! | `mrr(price, quantity, billing_interval, interval_count)` | monthly recurring revenue, to a micro: DECIMAL(20,6) |
//! | `ratio(a, b)` | a / b, half away from zero: DECIMAL(38,18); NULL for b = 0 and beyond 38 digits |
//! | `variation(amounts, n)` | sample standard deviation over mean of a list filled up to n with zeros: DECIMAL(38,18); NULL for a mean that is not positive |
//! | `metric_score(value, bad, good)` | the score 0-100 of a value on a curve: DECIMAL(38,18) |
//! | `round_score(x)`, `round_value(x)` | to two decimals (half up), DECIMAL(18,2); to six, DECIMAL(38,6) |
//! | `policy(json, name)` | a number of the policy, the default where json (or NULL) does not override it: DECIMAL(20,6) |
//! | `json_object(name, value, ...)` | an object as JSON text; decimals become strings, NULL becomes null |

use std::hash::{Hash, Hasher};

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use crate::slots::Today;

mod arguments;
mod calendar;
mod exact;
mod json;

use arguments::Arguments;

/// Digits of a carried number, of which [`CARRIED_SCALE`] are decimals.
const CARRIED_PRECISION: u8 = 38;
/// Decimals of a carried number: those of `vitals_model::ratio`.
const CARRIED_SCALE: i8 = 18;

const CARRIED: DataType = DataType::Decimal128(CARRIED_PRECISION, CARRIED_SCALE);
const MICROS: DataType = DataType::Decimal128(20, 6);

fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// Computes a function's result for a batch of rows.
type Call = fn(&Arguments) -> Result<ArrayRef>;

/// A function whose result depends on its arguments alone.
#[derive(Debug)]
struct Pure {
    name: &'static str,
    signature: Signature,
    returns: DataType,
    call: Call,
}

impl PartialEq for Pure {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Pure {}

impl Hash for Pure {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for Pure {
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
        let arguments = Arguments::new(args)?;
        (self.call)(&arguments).map(ColumnarValue::Array)
    }
}

/// `today()`: volatile, so that no plan keeps the date it was made on.
#[derive(Debug)]
struct TodayFunction {
    today: Today,
    signature: Signature,
}

impl PartialEq for TodayFunction {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for TodayFunction {}

impl Hash for TodayFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        "today".hash(state);
    }
}

impl ScalarUDFImpl for TodayFunction {
    fn name(&self) -> &str {
        "today"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Date32)
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(ScalarValue::Date32(Some(self.today.get().0))))
    }
}

/// Every function, `today()` reading from `today`.
pub(crate) fn all(today: &Today) -> Vec<ScalarUDF> {
    let pure = |name, arguments, returns, call: Call| {
        let signature = Signature::any(arguments, Volatility::Immutable);
        ScalarUDF::from(Pure { name, signature, returns, call })
    };
    let json_signature = Signature::variadic_any(Volatility::Immutable);
    vec![
        ScalarUDF::from(TodayFunction {
            today: today.clone(),
            signature: Signature::nullary(Volatility::Volatile),
        }),
        pure("local_date", 2, DataType::Date32, calendar::local_date),
        pure("local_hour", 2, DataType::Int64, calendar::local_hour),
        pure("local_weekday", 2, DataType::Int64, calendar::local_weekday),
        pure("bucket_start", 4, instant(), calendar::bucket_start),
        pure("month_start", 1, DataType::Date32, calendar::month_start),
        pure("days_between", 2, DataType::Int64, calendar::days_between),
        pure("micros_between", 2, DataType::Int64, calendar::micros_between),
        pure("line_amount", 2, MICROS, exact::line_amount),
        pure("mrr", 4, MICROS, exact::mrr),
        pure("ratio", 2, CARRIED, exact::ratio),
        pure("variation", 2, CARRIED, exact::variation),
        pure("metric_score", 3, CARRIED, exact::metric_score),
        pure("round_score", 1, DataType::Decimal128(18, 2), exact::round_score),
        pure("round_value", 1, DataType::Decimal128(38, 6), exact::round_value),
        pure("policy", 2, MICROS, exact::policy),
        ScalarUDF::from(Pure {
            name: "json_object",
            signature: json_signature,
            returns: DataType::Utf8,
            call: json::object,
        }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_is_documented_above() {
        let documentation = include_str!("functions.rs");
        for function in all(&Today::default()) {
            let call = format!("`{}(", function.name());
            assert!(documentation.contains(&call), "{call} has no row in the table");
        }
    }
}
