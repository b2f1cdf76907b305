//! `vitals_as_of('revenue_trend', 42)`: a vital's rows as they were.
//!
//! The guard turns the call into the name of a table, which whoever has the catalogue reads back: so nothing in
//! between knows of moments. A moment is a tick, or an instant: with an offset, or by the tenant's clocks.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Timelike};
use datafusion::sql::sqlparser::ast::{
    DataType, Expr, FunctionArg, FunctionArgExpr, Value, ValueWithSpan,
};
use vitals_model::local_time::Zone;
use vitals_model::vital_scan::{ScanMoment, ScanTable};
use vitals_model::{Date, UtcMicros};

use crate::error::{QueryError, SqlState};

/// The function's name, and the name of its rows where they are given none.
pub(crate) const VITALS_AS_OF: &str = "vitals_as_of";

const BETWEEN: &str = " as of ";
const TICK: &str = "tick ";

/// The table that a call of the function stands for.
pub(crate) fn table_of(arguments: &[FunctionArg]) -> Result<String, QueryError> {
    let expressions: Option<Vec<&Expr>> = arguments
        .iter()
        .map(|it| match it {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(it)) => Some(it),
            _ => None,
        })
        .collect();
    let Some([vital, moment]) = expressions.as_deref() else { return Err(misused()) };
    let vital = text(vital).filter(|it| is_kept(it)).ok_or_else(misused)?;
    let moment = match moment {
        Expr::Value(ValueWithSpan { value: Value::Number(tick, _), .. }) => {
            format!("{TICK}{}", tick.parse::<u64>().map_err(|_| misused())?)
        }
        Expr::TypedString(it) if is_instant(&it.data_type) => {
            literal(&it.value).ok_or_else(misused)?.to_owned()
        }
        other => text(other).ok_or_else(misused)?.to_owned(),
    };
    Ok(format!("{vital}{BETWEEN}{moment}"))
}

/// Whether a table's name is one that the function stands for.
pub(crate) fn is_table(name: &str) -> bool {
    name.split_once(BETWEEN).is_some_and(|(vital, _)| is_kept(vital))
}

/// The vital and the moment that a table's name stands for; `None` where it is the name of a table.
///
/// # Errors
/// The moment cannot be understood.
pub fn read(name: &str, zone: Zone) -> Result<Option<(ScanTable, ScanMoment)>, QueryError> {
    if !is_table(name) {
        return Ok(None);
    }
    let Some((vital, moment)) = name.split_once(BETWEEN) else { return Ok(None) };
    let vital = ScanTable::named(vital).ok_or_else(misused)?;
    let at = match moment.strip_prefix(TICK) {
        Some(tick) => ScanMoment::Tick(tick.parse().map_err(|_| misused())?),
        None => ScanMoment::Instant(instant(moment, zone).ok_or_else(misused)?.0),
    };
    Ok(Some((vital, at)))
}

impl QueryError {
    /// A moment was asked about that nobody can tell about.
    pub fn no_moment(what: impl std::fmt::Display) -> Self {
        let (detail, mend) = (what.to_string(), "choose another moment".to_owned());
        Self { state: SqlState::BadValue, detail, mend }
    }
}

fn misused() -> QueryError {
    let detail =
        "vitals_as_of takes the name of a vital and a tick or an instant, written out".to_owned();
    let mend = "write vitals_as_of('revenue_trend', 42) or vitals_as_of('revenue_trend', TIMESTAMP '2026-03-18 12:00')";
    QueryError { state: SqlState::BadValue, detail, mend: mend.to_owned() }
}

/// Whether a vital's rows are kept as they were.
fn is_kept(vital: &str) -> bool {
    ScanTable::named(vital).is_some_and(|it| it.vital().is_some())
}

fn is_instant(of: &DataType) -> bool {
    matches!(of, DataType::Timestamp(..) | DataType::Date)
}

fn text(it: &Expr) -> Option<&str> {
    match it {
        Expr::Value(value) => literal(value),
        _ => None,
    }
}

fn literal(it: &ValueWithSpan) -> Option<&str> {
    match &it.value {
        Value::SingleQuotedString(text) => Some(text),
        _ => None,
    }
}

fn instant(text: &str, zone: Zone) -> Option<UtcMicros> {
    let text = text.trim().replacen('T', " ", 1);
    if let Some(utc) = text.strip_suffix('Z') {
        return local(utc).map(|it| UtcMicros(it.and_utc().timestamp_micros()));
    }
    if let Ok(at) = DateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S%.f%#z") {
        return Some(UtcMicros(at.timestamp_micros()));
    }
    let at = local(&text)?;
    let second = i64::from(at.num_seconds_from_midnight());
    let micros = i64::from(at.nanosecond() / 1_000 % 1_000_000);
    Some(UtcMicros(zone.resolve(Date::from_chrono(at.date()), second).0 + micros))
}

fn local(text: &str) -> Option<NaiveDateTime> {
    let forms = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"];
    let found = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    let midnight = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0);
    let earliest = NaiveDate::from_ymd_opt(1900, 1, 1)?;
    let latest = NaiveDate::from_ymd_opt(2200, 1, 1)?;
    found.or_else(midnight).filter(|it| (earliest..latest).contains(&it.date()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_tick_or_an_instant_by_the_tenants_clocks() {
        let zone = Zone::named("Europe/Berlin").unwrap();
        let read = |name: &str| read(name, zone).unwrap();
        let at = |text: &str| {
            Some((ScanTable::ChurnRisk, ScanMoment::Instant(UtcMicros::parse(text).unwrap().0)))
        };
        assert_eq!(
            read("churn_risk as of tick 42"),
            Some((ScanTable::ChurnRisk, ScanMoment::Tick(42)))
        );
        for (text, instant) in [
            ("2026-01-10 12:00", "2026-01-10T11:00:00Z"),
            ("2026-07-10 12:00:00.5", "2026-07-10T10:00:00.5Z"),
            ("2026-01-10T12:00:00Z", "2026-01-10T12:00:00Z"),
            ("2026-01-10 12:00:00+03", "2026-01-10T09:00:00Z"),
            ("2026-01-10 12:00:00.25-02:30", "2026-01-10T14:30:00.25Z"),
            ("2026-01-10", "2026-01-09T23:00:00Z"),
        ] {
            assert_eq!(read(&format!("churn_risk as of {text}")), at(instant), "{text}");
        }
        for name in ["churn_risk", "visits as of tick 3", "vital_changes as of tick 3", " as of "] {
            assert_eq!(read(name), None, "{name}");
        }
        for name in ["churn_risk as of ", "churn_risk as of tick -1", "churn_risk as of noon"] {
            assert!(super::read(name, zone).is_err(), "{name}");
        }
    }
}
