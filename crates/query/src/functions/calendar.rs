//! Calendar functions: thin edges over `vitals_model::local_time`.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Date32Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use datafusion::error::Result;
use vitals_model::local_time::{Grain, Zone};
use vitals_model::{Date, UtcMicros};

use super::Arguments;

/// A column of zone names; neighbours mostly agree, so the last look-up is kept.
struct Zones {
    names: StringArray,
    last: Option<(usize, Option<Zone>)>,
}

impl Zones {
    fn new(names: StringArray) -> Self {
        Self { names, last: None }
    }

    fn get(&mut self, row: usize) -> Option<Zone> {
        if self.names.is_null(row) {
            return None;
        }
        let name = self.names.value(row);
        if let Some((at, zone)) = self.last
            && self.names.value(at) == name
        {
            return zone;
        }
        let zone = Zone::named(name);
        self.last = Some((row, zone));
        zone
    }
}

fn value(instants: &TimestampMicrosecondArray, row: usize) -> Option<UtcMicros> {
    instants.is_valid(row).then(|| UtcMicros(instants.value(row)))
}

fn date_value(dates: &Date32Array, row: usize) -> Option<Date> {
    dates.is_valid(row).then(|| Date(dates.value(row)))
}

fn localized<T>(
    arguments: &Arguments,
    of: impl Fn(Zone, UtcMicros) -> T,
) -> Result<Vec<Option<T>>> {
    let (instants, mut zones) = (arguments.instants(0)?, Zones::new(arguments.texts(1)?));
    let values = arguments.rows().map(|row| Some(of(zones.get(row)?, value(&instants, row)?)));
    Ok(values.collect())
}

pub(super) fn local_date(arguments: &Arguments) -> Result<ArrayRef> {
    let dates = localized(arguments, |zone, at| zone.date(at).0)?;
    Ok(Arc::new(Date32Array::from(dates)))
}

pub(super) fn local_hour(arguments: &Arguments) -> Result<ArrayRef> {
    let hours = localized(arguments, |zone, at| i64::from(zone.local(at).hour))?;
    Ok(Arc::new(Int64Array::from(hours)))
}

pub(super) fn local_weekday(arguments: &Arguments) -> Result<ArrayRef> {
    let days = localized(arguments, |zone, at| i64::from(zone.date(at).iso_weekday()))?;
    Ok(Arc::new(Int64Array::from(days)))
}

pub(super) fn bucket_start(arguments: &Arguments) -> Result<ArrayRef> {
    let grains = arguments.texts(0)?;
    let instants = arguments.instants(1)?;
    let mut zones = Zones::new(arguments.texts(2)?);
    let week_starts = arguments.ints(3)?;
    let starts = arguments.rows().map(|row| {
        let grain = grains.is_valid(row).then(|| Grain::parse(grains.value(row)))??;
        let week_start = week_starts.is_valid(row).then(|| week_starts.value(row))?;
        let week_start = u8::try_from(week_start).ok()?;
        Some(zones.get(row)?.bucket_start(grain, value(&instants, row)?, week_start).0)
    });
    let starts: TimestampMicrosecondArray = starts.collect();
    Ok(Arc::new(starts.with_timezone("UTC")))
}

pub(super) fn month_start(arguments: &Arguments) -> Result<ArrayRef> {
    let dates = arguments.dates(0)?;
    let starts = arguments.rows().map(|row| Some(date_value(&dates, row)?.month_start().0));
    Ok(Arc::new(starts.collect::<Date32Array>()))
}

pub(super) fn days_between(arguments: &Arguments) -> Result<ArrayRef> {
    let (from, to) = (arguments.dates(0)?, arguments.dates(1)?);
    let days = arguments.rows().map(|row| {
        let (from, to) = (date_value(&from, row)?, date_value(&to, row)?);
        Some(i64::from(to.0) - i64::from(from.0))
    });
    Ok(Arc::new(days.collect::<Int64Array>()))
}

pub(super) fn micros_between(arguments: &Arguments) -> Result<ArrayRef> {
    let (from, to) = (arguments.instants(0)?, arguments.instants(1)?);
    let micros = arguments.rows().map(|row| value(&to, row)?.0.checked_sub(value(&from, row)?.0));
    Ok(Arc::new(micros.collect::<Int64Array>()))
}
