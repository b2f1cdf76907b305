//! The months of a report's time, as a table: `months (first_day, next_day)`.
//!
//! Promises every month that a day from `from` to `to` lies in; the last ends the day after `to`, so that a month
//! that is not over is asked about as it is.

use vitals_model::Date;

use super::params::Filled;

/// Months that one report may have.
const MONTHS_MAX: usize = 120;

/// The table as a named subquery.
pub(super) fn table(filled: &Filled) -> Result<String, String> {
    let day = |name| filled.date(name).ok_or_else(|| format!("the report has no day '{name}'"));
    let (from, to) = (day("from")?, day("to")?);
    let after = Date(to.0.saturating_add(1));
    let mut rows = Vec::new();
    let mut first = from.month_start();
    while first < after {
        if rows.len() == MONTHS_MAX {
            return Err(format!("from {from} to {to} are more than {MONTHS_MAX} months"));
        }
        // The day 31 days after a month's first is in the next month.
        let next = Date(first.0 + 31).month_start();
        rows.push(format!("(DATE '{first}', DATE '{}')", next.min(after)));
        first = next;
    }
    if rows.is_empty() {
        return Err(format!("from {from} to {to} there is no day"));
    }
    Ok(format!("months (first_day, next_day) AS (VALUES {})", rows.join(", ")))
}
