//! The rows a definition gave, as the model's rows.
//!
//! Promises every column by its name in the contracts, read without loss: text that is not one of the
//! words it may be, or a number that does not fit, is an error and never a default.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use vitals_model::kinds::Currency;
use vitals_model::local_time::Grain;
use vitals_model::vital::{
    ChurnKey, ChurnRow, Factors, HealthKey, HealthRow, HeatmapKey, HeatmapRow, Level, Metrics,
    Period, RevenueKey, RevenueRow,
};
use vitals_model::{Date, TenantId, UtcMicros, VitalTables};

use crate::definitions::DefinitionError;

type Result<T> = std::result::Result<T, DefinitionError>;

/// Reads the rows of one definition into `tables`; the rows of a notion are no vital's.
pub(crate) fn read(
    name: &'static str,
    batches: &[RecordBatch],
    tenant: TenantId,
    tables: &mut VitalTables,
) -> Result<()> {
    for batch in batches {
        let columns = Columns { name, batch };
        match name {
            "revenue_trend" => tables.revenue.extend(columns.revenue(tenant)?),
            "attendance_heatmap" => tables.heatmap.extend(columns.heatmap(tenant)?),
            "churn_risk" => tables.churn.extend(columns.churn(tenant)?),
            "health_score" => tables.health.extend(columns.health(tenant)?),
            _ => {}
        }
    }
    Ok(())
}

/// The columns of one batch.
struct Columns<'a> {
    name: &'static str,
    batch: &'a RecordBatch,
}

/// One column, whatever type it was read as.
struct Column {
    name: &'static str,
    column: &'static str,
    array: ArrayRef,
}

impl Columns<'_> {
    fn column(&self, column: &'static str, to: &DataType) -> Result<Column> {
        let found = self.batch.column_by_name(column);
        let array = found.and_then(|array| cast(array, to).ok());
        // A cast gives NULL for what does not fit: no such column of ours may gain one.
        let array = array.filter(|it| found.is_some_and(|was| was.null_count() == it.null_count()));
        match array {
            Some(array) => Ok(Column { name: self.name, column, array }),
            None => Err(DefinitionError::Row { name: self.name, column }),
        }
    }

    fn texts(&self, column: &'static str) -> Result<Column> {
        self.column(column, &DataType::Utf8)
    }

    fn ints(&self, column: &'static str) -> Result<Column> {
        self.column(column, &DataType::Int64)
    }

    fn decimals(&self, column: &'static str, scale: i8) -> Result<Column> {
        self.column(column, &DataType::Decimal128(38, scale))
    }

    fn rows(&self) -> std::ops::Range<usize> {
        0..self.batch.num_rows()
    }

    fn revenue(&self, tenant: TenantId) -> Result<Vec<(RevenueKey, RevenueRow)>> {
        let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let (locations, currencies) = (self.texts("location_id")?, self.texts("currency")?);
        let (grains, buckets) = (self.texts("grain")?, self.column("bucket", &instant)?);
        let (gross, discount) = (self.decimals("gross", 6)?, self.decimals("discount", 6)?);
        let (refunds, net) = (self.decimals("refunds", 6)?, self.decimals("net", 6)?);
        let (tax, units) = (self.decimals("tax", 6)?, self.decimals("units", 6)?);
        let (orders, refund_count) = (self.ints("orders")?, self.ints("refund_count")?);
        let (paying, new) = (self.ints("paying_customers")?, self.ints("new_customers")?);
        let active = self.ints("active_customers")?;
        let row = |at: usize| {
            let key = RevenueKey {
                tenant,
                location: locations.text(at).map(ToOwned::to_owned),
                currency: currencies.parsed(at, Currency::parse)?,
                grain: grains.parsed(at, Grain::parse)?,
                bucket: UtcMicros(buckets.instant(at)?),
            };
            let row = RevenueRow {
                gross: gross.decimal(at)?,
                discount: discount.decimal(at)?,
                refunds: refunds.decimal(at)?,
                tax: tax.decimal(at)?,
                orders: orders.int(at)?,
                units: units.decimal(at)?,
                refund_count: refund_count.int(at)?,
                paying_customers: paying.int(at)?,
                new_customers: new.int(at)?,
                active_customers: active.int(at)?,
            };
            if net.decimal(at)? == row.net() { Ok((key, row)) } else { Err(net.unusable()) }
        };
        self.rows().map(row).collect()
    }

    fn heatmap(&self, tenant: TenantId) -> Result<Vec<(HeatmapKey, HeatmapRow)>> {
        let (locations, months) =
            (self.texts("location_id")?, self.column("month", &DataType::Date32)?);
        let windows = self.texts("trailing_window")?;
        let (weekdays, hours) = (self.ints("weekday")?, self.ints("hour")?);
        let (visits, unique) = (self.ints("visits")?, self.ints("unique_customers")?);
        let (bookings, late) = (self.ints("bookings")?, self.ints("late_cancels")?);
        let (no_shows, sessions) = (self.ints("no_shows")?, self.ints("sessions")?);
        let capacity = self.ints("capacity")?;
        let row = |at: usize| {
            let period = match (months.date(at), windows.text(at)) {
                (Some(month), None) => Period::Month(month),
                (None, Some(_)) => windows.parsed(at, window)?,
                _ => return Err(windows.unusable()),
            };
            let key = HeatmapKey {
                tenant,
                location: locations.text(at).map(ToOwned::to_owned),
                period,
                weekday: weekdays.small(at)?,
                hour: hours.small(at)?,
            };
            let row = HeatmapRow {
                visits: visits.int(at)?,
                unique_customers: unique.int(at)?,
                bookings: bookings.int(at)?,
                late_cancels: late.int(at)?,
                no_shows: no_shows.int(at)?,
                sessions: sessions.int(at)?,
                capacity: capacity.int(at)?,
            };
            Ok((key, row))
        };
        self.rows().map(row).collect()
    }

    fn churn(&self, tenant: TenantId) -> Result<Vec<(ChurnKey, ChurnRow)>> {
        let customers = self.texts("customer_id")?;
        let (scores, raws) = (self.decimals("score", 2)?, self.decimals("raw", 2)?);
        let (levels, factors) = (self.texts("level")?, self.texts("factors")?);
        let completeness = self.decimals("data_completeness", 2)?;
        let level = |text: &str| Level::ALL.into_iter().find(|it| it.as_str() == text);
        let row = |at: usize| {
            let key =
                ChurnKey { tenant, customer: customers.parsed(at, |it| Some(it.to_owned()))? };
            let Factors(factors) = factors.parsed(at, |it| serde_json::from_str(it).ok())?;
            let present = factors.iter().filter(|it| it.present).count();
            let row = ChurnRow {
                score: scores.hundredths(at)?,
                raw: raws.hundredths(at)?,
                level: levels.parsed(at, level)?,
                signals_present: u8::try_from(present).unwrap_or(u8::MAX),
                factors,
            };
            if completeness.hundredths(at)? == row.data_completeness() {
                Ok((key, row))
            } else {
                Err(completeness.unusable())
            }
        };
        self.rows().map(row).collect()
    }

    fn health(&self, tenant: TenantId) -> Result<Vec<(HealthKey, HealthRow)>> {
        let overall = self.decimals("overall", 2)?;
        let categories = [
            self.decimals("financial", 2)?,
            self.decimals("customer", 2)?,
            self.decimals("operational", 2)?,
            self.decimals("growth", 2)?,
            self.decimals("risk", 2)?,
        ];
        let (coverage, metrics) = (self.decimals("coverage", 6)?, self.texts("metrics")?);
        let score = |column: &Column, at: usize| -> Result<Option<i64>> {
            if column.array.is_null(at) { Ok(None) } else { column.hundredths(at).map(Some) }
        };
        let row = |at: usize| {
            let Metrics(metrics) = metrics.parsed(at, |it| serde_json::from_str(it).ok())?;
            let mut scores = [None; 5];
            for (slot, column) in scores.iter_mut().zip(&categories) {
                *slot = score(column, at)?;
            }
            let row = HealthRow {
                overall: score(&overall, at)?,
                categories: scores,
                coverage: coverage.hundredths(at)?,
                metrics,
            };
            Ok((HealthKey { tenant }, row))
        };
        self.rows().map(row).collect()
    }
}

impl Column {
    fn unusable(&self) -> DefinitionError {
        DefinitionError::Row { name: self.name, column: self.column }
    }

    fn text(&self, at: usize) -> Option<&str> {
        let array = self.array.as_string::<i32>();
        array.is_valid(at).then(|| array.value(at))
    }

    fn parsed<T>(&self, at: usize, parse: impl Fn(&str) -> Option<T>) -> Result<T> {
        self.text(at).and_then(parse).ok_or_else(|| self.unusable())
    }

    fn valid(&self, at: usize) -> Result<usize> {
        if self.array.is_valid(at) { Ok(at) } else { Err(self.unusable()) }
    }

    fn int(&self, at: usize) -> Result<i64> {
        Ok(self.array.as_primitive::<Int64Type>().value(self.valid(at)?))
    }

    fn small(&self, at: usize) -> Result<u8> {
        u8::try_from(self.int(at)?).map_err(|_| self.unusable())
    }

    fn decimal(&self, at: usize) -> Result<i128> {
        Ok(self.array.as_primitive::<Decimal128Type>().value(self.valid(at)?))
    }

    /// A decimal small enough for 64 bits: a score in hundredths, a share in millionths.
    fn hundredths(&self, at: usize) -> Result<i64> {
        i64::try_from(self.decimal(at)?).map_err(|_| self.unusable())
    }

    fn instant(&self, at: usize) -> Result<i64> {
        Ok(self.array.as_primitive::<TimestampMicrosecondType>().value(self.valid(at)?))
    }

    fn date(&self, at: usize) -> Option<Date> {
        let array = self.array.as_primitive::<Date32Type>();
        array.is_valid(at).then(|| Date(array.value(at)))
    }
}

fn window(text: &str) -> Option<Period> {
    let periods = Period::WEEKS.into_iter().map(Period::Trailing);
    periods.into_iter().find(|period| period.window_name().as_deref() == Some(text))
}
