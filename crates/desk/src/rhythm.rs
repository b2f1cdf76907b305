//! When a schedule is due: every day, week or month at a time of the tenant's clocks.
//!
//! Promises the first such time after an instant, over every change of the clocks: a time that comes twice is its
//! earlier one, a time that is skipped is as much later as it lies in the gap, a day that a month has not is its last.

use vitals_model::local_time::Zone;
use vitals_model::{Date, UtcMicros};

/// Seconds of a minute.
const MINUTE_S: i64 = 60;

/// Which days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Every {
    /// Every day.
    Day,
    /// This ISO weekday.
    Week(u8),
    /// This day of the month.
    Month(u8),
}

/// Which days, and so many minutes after midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rhythm {
    /// Which days.
    pub every: Every,
    /// Minutes after midnight.
    pub at_minute: u16,
}

impl Rhythm {
    fn is_on(self, date: Date) -> bool {
        match self.every {
            Every::Day => true,
            Every::Week(weekday) => date.iso_weekday() == weekday,
            Every::Month(day) => {
                let this = u8::try_from(date.0 - date.month_start().0 + 1).unwrap_or(0);
                let is_last = Date(date.0 + 1).month_start() != date.month_start();
                this == day || (is_last && this < day)
            }
        }
    }

    /// The first time after an instant.
    #[must_use]
    pub fn next(self, zone: Zone, after: UtcMicros) -> UtcMicros {
        let at = |date| zone.resolve(date, i64::from(self.at_minute) * MINUTE_S);
        // A time that is skipped may lie on the day after: one day earlier is looked at too.
        let first = Date(zone.date(after).0 - 1);
        let days = (0..=63).map(|it| Date(first.0 + it));
        let mut due = days.filter(|it| self.is_on(*it)).map(at).filter(|it| *it > after);
        // Sixty-three days hold a day of every kind.
        due.next().unwrap_or(UtcMicros(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(every: Every, at_minute: u16, after: &str, expected: &[&str]) {
        let zone = Zone::named("Europe/Berlin").unwrap();
        let mut at = UtcMicros::parse(after).unwrap();
        let rhythm = Rhythm { every, at_minute };
        let found: Vec<String> = expected
            .iter()
            .map(|_| {
                at = rhythm.next(zone, at);
                at.to_string()
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_time_of_the_day_stays_what_it_is() {
        check(
            Every::Day,
            6 * 60,
            "2026-03-28T05:00:00Z",
            &["2026-03-29T04:00:00Z", "2026-03-30T04:00:00Z"],
        );
        check(
            Every::Day,
            6 * 60,
            "2026-10-24T04:00:00Z",
            &["2026-10-25T05:00:00Z", "2026-10-26T05:00:00Z"],
        );
    }

    #[test]
    fn a_skipped_time_is_later_and_a_repeated_one_is_once() {
        // There is no 02:30 on 29 March, and two on 25 October.
        let half_past_two = 2 * 60 + 30;
        check(
            Every::Day,
            half_past_two,
            "2026-03-28T12:00:00Z",
            &["2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"],
        );
        check(
            Every::Day,
            half_past_two,
            "2026-10-24T12:00:00Z",
            &["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"],
        );
    }

    #[test]
    fn weeks_and_months_have_their_days() {
        check(
            Every::Week(1),
            0,
            "2026-03-22T22:59:59Z",
            &["2026-03-22T23:00:00Z", "2026-03-29T22:00:00Z"],
        );
        check(
            Every::Month(31),
            9 * 60,
            "2026-01-31T08:00:00Z",
            &["2026-02-28T08:00:00Z", "2026-03-31T07:00:00Z", "2026-04-30T07:00:00Z"],
        );
        check(
            Every::Month(1),
            9 * 60,
            "2026-01-15T08:00:00Z",
            &["2026-02-01T08:00:00Z", "2026-03-01T08:00:00Z"],
        );
    }
}
