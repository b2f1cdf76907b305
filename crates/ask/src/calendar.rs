//! Stretches of the tenant's days, and how they move.
//!
//! Promises half-open stretches of local dates; either end may be open. Knows no words.

use chrono::{Datelike, Days, Months, NaiveDate};
use vitals_model::Date;

/// A unit of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

/// Days from the first up to, not including, the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) from: Option<Date>,
    pub(crate) to: Option<Date>,
    /// What "the one before" moves by; `None` is as many days as there are.
    pub(crate) unit: Option<Unit>,
}

fn moved(date: Date, by: impl Fn(NaiveDate) -> Option<NaiveDate>) -> Option<Date> {
    by(date.to_chrono()).map(Date::from_chrono)
}

/// `date` moved by so many units, to the month's last day where it has no such day.
pub(crate) fn shift(date: Date, unit: Unit, count: i32) -> Option<Date> {
    let size = u64::from(count.unsigned_abs());
    let months = |each: u32| Months::new(count.unsigned_abs().saturating_mul(each));
    let add = count >= 0;
    let days = |each: u64| Days::new(size * each);
    moved(date, |it| match unit {
        Unit::Day | Unit::Week => {
            let days = days(if unit == Unit::Week { 7 } else { 1 });
            if add { it.checked_add_days(days) } else { it.checked_sub_days(days) }
        }
        Unit::Month | Unit::Quarter | Unit::Year => {
            let months = months(match unit {
                Unit::Quarter => 3,
                Unit::Year => 12,
                Unit::Day | Unit::Week | Unit::Month => 1,
            });
            if add { it.checked_add_months(months) } else { it.checked_sub_months(months) }
        }
    })
}

/// The first day of the unit that holds `date`.
pub(crate) fn start(date: Date, unit: Unit, week_start: u8) -> Option<Date> {
    let it = date.to_chrono();
    let first = |month| Date::from_ymd(it.year(), month, 1);
    match unit {
        Unit::Day => Some(date),
        Unit::Week => Some(date.week_start(week_start)),
        Unit::Month => Some(date.month_start()),
        Unit::Quarter => first((it.month() - 1) / 3 * 3 + 1),
        Unit::Year => first(1),
    }
}

impl Stretch {
    /// The unit that holds `date`, moved by so many units.
    pub(crate) fn unit(date: Date, unit: Unit, count: i32, week_start: u8) -> Option<Self> {
        let from = shift(start(date, unit, week_start)?, unit, count)?;
        Some(Self { from: Some(from), to: Some(shift(from, unit, 1)?), unit: Some(unit) })
    }

    /// The last so many units that end with `today`.
    pub(crate) fn trailing(today: Date, unit: Unit, count: i32) -> Option<Self> {
        let to = shift(today, Unit::Day, 1)?;
        let from = match unit {
            Unit::Day | Unit::Week => shift(to, unit, -count)?,
            Unit::Month | Unit::Quarter | Unit::Year => {
                shift(shift(today, unit, -count)?, Unit::Day, 1)?
            }
        };
        Some(Self { from: Some(from), to: Some(to), unit: None })
    }

    /// The stretch of equal kind before this one.
    pub(crate) fn before(self) -> Option<Self> {
        let (from, to) = (self.from?, self.to?);
        let (from, to) = match self.unit {
            Some(unit) => (shift(from, unit, -1)?, shift(to, unit, -1)?),
            None => (shift(from, Unit::Day, from.0 - to.0)?, from),
        };
        Some(Self { from: Some(from), to: Some(to), unit: self.unit })
    }

    /// The same stretch a year before.
    pub(crate) fn year_before(self) -> Option<Self> {
        let back = |date| shift(date, Unit::Year, -1);
        let (from, to) = (back(self.from?)?, back(self.to?)?);
        Some(Self { from: Some(from), to: Some(to), unit: self.unit })
    }

    /// The last day, where there is one.
    pub(crate) fn last(self) -> Option<Date> {
        self.to.and_then(|it| shift(it, Unit::Day, -1))
    }

    /// Whether both ends are the first days of a month.
    pub(crate) fn is_whole_months(self) -> bool {
        let first = |it: Option<Date>| it.is_none_or(|it| it == it.month_start());
        first(self.from) && first(self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Date {
        Date::parse(text).unwrap()
    }

    fn told(days: Option<Stretch>) -> String {
        let days = days.unwrap();
        format!("{} {}", days.from.unwrap(), days.to.unwrap())
    }

    #[test]
    fn months_run_from_the_day_after_today_minus_so_many() {
        let told = |today, unit, count| told(Stretch::trailing(date(today), unit, count));
        assert_eq!(told("2026-03-18", Unit::Month, 1), "2026-02-19 2026-03-19");
        assert_eq!(told("2026-03-31", Unit::Month, 1), "2026-03-01 2026-04-01");
        assert_eq!(told("2026-03-18", Unit::Day, 7), "2026-03-12 2026-03-19");
        assert_eq!(told("2026-03-18", Unit::Week, 2), "2026-03-05 2026-03-19");
    }

    #[test]
    fn the_one_before_is_of_the_same_kind() {
        let march = Stretch::unit(date("2026-03-18"), Unit::Month, 0, 1).unwrap();
        assert_eq!(told(march.before()), "2026-02-01 2026-03-01");
        assert_eq!(told(march.year_before()), "2025-03-01 2025-04-01");
        let days = Stretch::trailing(date("2026-03-18"), Unit::Day, 30).unwrap();
        assert_eq!(told(days.before()), "2026-01-18 2026-02-17");
    }

    #[test]
    fn weeks_start_when_the_tenant_says() {
        assert_eq!(
            told(Stretch::unit(date("2026-03-18"), Unit::Week, 0, 1)),
            "2026-03-16 2026-03-23"
        );
        assert_eq!(
            told(Stretch::unit(date("2026-03-18"), Unit::Week, -1, 7)),
            "2026-03-08 2026-03-15"
        );
    }
}
