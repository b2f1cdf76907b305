//! The calls that [`super`] puts into plans. No question can name them.
//!
//! Thin edges over `vitals_model::local_time`, so that a query cuts days where the vitals do. A wall-clock
//! time that comes twice means the earlier; one that is skipped, the instant as far after the change.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Date32Array, StringArray, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::compute::kernels::cast_utils::string_to_datetime;
use arrow::datatypes::{DataType, IntervalMonthDayNanoType, TimeUnit, TimestampMicrosecondType};
use chrono::{DateTime, FixedOffset, Months, NaiveDateTime, Timelike};
use datafusion::common::exec_err;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, lit,
};
use vitals_model::local_time::Zone;
use vitals_model::{Date, UtcMicros};

const DAY_US: i64 = 86_400_000_000;
const SECOND_US: i64 = 1_000_000;

fn instants() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn wall_clocks() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, None)
}

type Kernel = fn(Zone, &[ArrayRef]) -> Result<ArrayRef>;

/// One function of one zone.
#[derive(Debug)]
struct Zoned {
    name: &'static str,
    zone: Zone,
    returns: DataType,
    signature: Signature,
    kernel: Kernel,
}

impl PartialEq for Zoned {
    fn eq(&self, other: &Self) -> bool {
        (self.name, self.zone) == (other.name, other.zone)
    }
}

impl Eq for Zoned {}

impl std::hash::Hash for Zoned {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (self.name, self.zone).hash(state);
    }
}

impl ScalarUDFImpl for Zoned {
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
        let one = args.args.iter().all(|it| matches!(it, ColumnarValue::Scalar(_)));
        let rows = if one { 1 } else { args.number_rows };
        let arrays = args.args.into_iter().map(|it| it.into_array(rows));
        let array = (self.kernel)(self.zone, &arrays.collect::<Result<Vec<_>>>()?)?;
        if one {
            let value = datafusion::common::ScalarValue::try_from_array(&array, 0)?;
            return Ok(ColumnarValue::Scalar(value));
        }
        Ok(ColumnarValue::Array(array))
    }
}

/// A zone's functions, made once a session.
#[derive(Debug)]
pub(super) struct Calendar {
    instant: Arc<ScalarUDF>,
    date: Arc<ScalarUDF>,
    wall_clock: Arc<ScalarUDF>,
    text: Arc<ScalarUDF>,
    truncate: Arc<ScalarUDF>,
    shift: Arc<ScalarUDF>,
}

impl Calendar {
    pub(super) fn new(zone: Zone) -> Self {
        let of = |name, arguments, returns, kernel: Kernel| {
            let signature = Signature::any(arguments, Volatility::Immutable);
            Arc::new(ScalarUDF::from(Zoned { name, zone, returns, signature, kernel }))
        };
        Self {
            instant: of("zoned_instant", 1, instants(), to_instant),
            date: of("zoned_date", 1, DataType::Date32, to_date),
            wall_clock: of("zoned_wall_clock", 1, wall_clocks(), to_wall_clock),
            text: of("zoned_text", 1, DataType::Utf8, to_text),
            truncate: of("zoned_trunc", 2, instants(), truncate),
            shift: of("zoned_shift", 3, instants(), shift),
        }
    }

    /// A date, a zone-less time or a text as an instant.
    pub(super) fn instant(&self, expr: Expr, of: &DataType) -> Expr {
        if *of == instants() { expr } else { call(&self.instant, vec![expr]) }
    }

    pub(super) fn date(&self, expr: Expr) -> Expr {
        call(&self.date, vec![expr])
    }

    pub(super) fn wall_clock(&self, expr: Expr) -> Expr {
        call(&self.wall_clock, vec![expr])
    }

    pub(super) fn text(&self, expr: Expr) -> Expr {
        call(&self.text, vec![expr])
    }

    pub(super) fn truncate(&self, grain: Expr, at: Expr) -> Expr {
        call(&self.truncate, vec![grain, at])
    }

    pub(super) fn shift(&self, at: Expr, by: Expr, back: bool) -> Expr {
        call(&self.shift, vec![at, by, lit(back)])
    }
}

fn call(function: &Arc<ScalarUDF>, args: Vec<Expr>) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::clone(function), args))
}

/// A name that a question may say, and that the rule replaces before anything is computed.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Placeholder {
    name: &'static str,
    signature: Signature,
}

impl ScalarUDFImpl for Placeholder {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        Ok(match arguments {
            [] => DataType::Date32,
            [_, DataType::Timestamp(_, Some(_))] => wall_clocks(),
            _ => instants(),
        })
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        exec_err!("{} was not replaced", self.name)
    }
}

/// `today()` and `timezone(zone, x)`.
pub(crate) fn placeholders() -> [ScalarUDF; 2] {
    [
        ("today", Signature::nullary(Volatility::Stable)),
        ("timezone", Signature::any(2, Volatility::Stable)),
    ]
    .map(|(name, signature)| ScalarUDF::from(Placeholder { name, signature }))
}

/// The microseconds that a zone's wall clock shows, counted as if it were UTC.
fn wall_of(zone: Zone, at: UtcMicros) -> i64 {
    let local = zone.local(at);
    i64::from(local.date.0) * DAY_US + local.second_of_day * SECOND_US + at.0.rem_euclid(SECOND_US)
}

/// The instant at which a zone's wall clock shows this.
fn instant_of(zone: Zone, wall: i64) -> Option<i64> {
    let (day, rest) = (wall.div_euclid(DAY_US), wall.rem_euclid(DAY_US));
    let date = Date(i32::try_from(day).ok()?);
    if rest == 0 {
        return Some(zone.day_start(date).0);
    }
    Some(zone.resolve(date, rest / SECOND_US).0 + rest % SECOND_US)
}

fn micros(column: &ArrayRef, to: &DataType) -> Result<TimestampMicrosecondArray> {
    Ok(cast(column, to)?.as_primitive::<TimestampMicrosecondType>().clone())
}

fn out_of_range() -> DataFusionError {
    DataFusionError::Execution("timestamp out of range".to_owned())
}

fn mapped(
    values: &TimestampMicrosecondArray,
    of: impl Fn(i64) -> Option<i64>,
) -> Result<TimestampMicrosecondArray> {
    let mapped = values.iter().map(|it| it.map(|it| of(it).ok_or_else(out_of_range)).transpose());
    mapped.collect()
}

fn finished(values: TimestampMicrosecondArray) -> Result<ArrayRef> {
    Ok(Arc::new(values.with_timezone("UTC")))
}

fn to_instant(zone: Zone, arguments: &[ArrayRef]) -> Result<ArrayRef> {
    let column = &arguments[0];
    match column.data_type() {
        DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8 => {
            let texts = cast(column, &DataType::Utf8)?;
            let read = texts.as_string::<i32>().iter().map(|text| text.map(|it| parse(zone, it)));
            let read =
                read.map(Option::transpose).collect::<Result<TimestampMicrosecondArray>>()?;
            finished(read)
        }
        DataType::Timestamp(_, Some(_)) => Ok(cast(column, &instants())?),
        _ => finished(mapped(&micros(column, &wall_clocks())?, |wall| instant_of(zone, wall))?),
    }
}

/// A text as an instant: by its own offset, else by the zone.
fn parse(zone: Zone, text: &str) -> Result<i64> {
    let elsewhere = FixedOffset::east_opt(3_600).ok_or_else(out_of_range)?;
    let read = string_to_datetime(&chrono::Utc, text.trim());
    let again = string_to_datetime(&elsewhere, text.trim());
    let (Ok(utc), Ok(again)) = (read, again) else {
        return exec_err!("a text is no timestamp");
    };
    let micros = utc.timestamp_micros();
    // Read in two zones: what does not move has an offset of its own.
    if micros == again.timestamp_micros() {
        return Ok(micros);
    }
    instant_of(zone, micros).ok_or_else(out_of_range)
}

fn to_date(zone: Zone, arguments: &[ArrayRef]) -> Result<ArrayRef> {
    let at = micros(&arguments[0], &instants())?;
    let dates = at.iter().map(|it| it.map(|it| zone.date(UtcMicros(it)).0));
    Ok(Arc::new(dates.collect::<Date32Array>()))
}

fn to_wall_clock(zone: Zone, arguments: &[ArrayRef]) -> Result<ArrayRef> {
    let at = micros(&arguments[0], &instants())?;
    Ok(Arc::new(mapped(&at, |it| Some(wall_of(zone, UtcMicros(it))))?))
}

/// As PostgreSQL writes it: `2026-03-29 02:30:00+02`.
fn to_text(zone: Zone, arguments: &[ArrayRef]) -> Result<ArrayRef> {
    let at = micros(&arguments[0], &instants())?;
    let text = |at: i64| {
        let wall = wall_of(zone, UtcMicros(at));
        let offset = (wall - at) / SECOND_US;
        let shown = DateTime::from_timestamp_micros(wall)?.naive_utc();
        let mut text = shown.format("%Y-%m-%d %H:%M:%S").to_string();
        let fraction = shown.nanosecond() / 1_000;
        if fraction != 0 {
            text.push_str(format!(".{fraction:06}").trim_end_matches('0'));
        }
        let (sign, offset) = (if offset < 0 { '-' } else { '+' }, offset.abs());
        text.push_str(&format!("{sign}{:02}", offset / 3_600));
        if offset % 3_600 != 0 {
            text.push_str(&format!(":{:02}", offset % 3_600 / 60));
        }
        Some(text)
    };
    let texts = at.iter().map(|it| it.map(|it| text(it).ok_or_else(out_of_range)).transpose());
    Ok(Arc::new(texts.collect::<Result<StringArray>>()?))
}

fn truncate(zone: Zone, arguments: &[ArrayRef]) -> Result<ArrayRef> {
    let grains = cast(&arguments[0], &DataType::Utf8)?;
    let (grains, at) = (grains.as_string::<i32>(), micros(&arguments[1], &instants())?);
    let one = |row: usize| -> Result<Option<i64>> {
        if grains.is_null(row) || at.is_null(row) {
            return Ok(None);
        }
        truncated(zone, &grains.value(row).to_ascii_lowercase(), at.value(row)).map(Some)
    };
    finished((0..at.len()).map(one).collect::<Result<_>>()?)
}

fn truncated(zone: Zone, grain: &str, at: i64) -> Result<i64> {
    let wall = wall_of(zone, UtcMicros(at));
    let finer = match grain {
        "microseconds" | "microsecond" => Some(1),
        "milliseconds" | "millisecond" => Some(1_000),
        "second" => Some(SECOND_US),
        "minute" => Some(60 * SECOND_US),
        "hour" => Some(3_600 * SECOND_US),
        _ => None,
    };
    if let Some(step) = finer {
        // Within the same offset: the repeated hour stays the one it is.
        return Ok(at - wall.rem_euclid(step));
    }
    let date = zone.date(UtcMicros(at));
    let year = chrono::Datelike::year(&date.to_chrono());
    let first = |year, month| Date::from_ymd(year, month, 1).ok_or_else(out_of_range);
    let month = chrono::Datelike::month(&date.to_chrono());
    let start = match grain {
        "day" => date,
        "week" => date.week_start(1),
        "month" => date.month_start(),
        "quarter" => first(year, (month - 1) / 3 * 3 + 1)?,
        "year" => first(year, 1)?,
        "decade" => first(year.div_euclid(10) * 10, 1)?,
        "century" => first((year - 1).div_euclid(100) * 100 + 1, 1)?,
        _ => return exec_err!("date_trunc has no such grain"),
    };
    Ok(zone.day_start(start).0)
}

fn shift(zone: Zone, arguments: &[ArrayRef]) -> Result<ArrayRef> {
    let at = micros(&arguments[0], &instants())?;
    let by = arguments[1].as_primitive::<IntervalMonthDayNanoType>();
    let back = arguments[2].as_boolean();
    let one = |row: usize| -> Result<Option<i64>> {
        if at.is_null(row) || by.is_null(row) {
            return Ok(None);
        }
        let by = by.value(row);
        let sign = if back.value(row) { -1 } else { 1 };
        let by = (by.months * sign, by.days * sign, by.nanoseconds * i64::from(sign));
        shifted(zone, at.value(row), by).ok_or_else(out_of_range).map(Some)
    };
    finished((0..at.len()).map(one).collect::<Result<_>>()?)
}

/// Months, then days, by the wall clock; what is finer by the clock that never jumps.
fn shifted(zone: Zone, at: i64, (months, days, nanos): (i32, i32, i64)) -> Option<i64> {
    let mut at = at;
    if months != 0 || days != 0 {
        let wall = DateTime::from_timestamp_micros(wall_of(zone, UtcMicros(at)))?.naive_utc();
        let count = Months::new(months.unsigned_abs());
        let moved = if months < 0 {
            wall.checked_sub_months(count)?
        } else {
            wall.checked_add_months(count)?
        };
        let moved: NaiveDateTime = moved.checked_add_signed(chrono::Duration::days(days.into()))?;
        at = instant_of(zone, moved.and_utc().timestamp_micros())?;
    }
    at.checked_add(nanos / 1_000)
}
