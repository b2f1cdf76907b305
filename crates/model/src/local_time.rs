//! Local calendars: which local hour, day, week and month an instant belongs to, in any IANA zone.
//!
//! Promises that a bucket is named by the instant at which it starts, so that the repeated hour of autumn
//! is two buckets and the skipped hour of spring is none; days of 23 and 25 hours are normal. Zones are
//! tables built once from chrono-tz; a look-up is a binary search.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{LazyLock, OnceLock};

use chrono::{DateTime, Datelike, NaiveDate, Offset, TimeZone};
use chrono_tz::Tz;

use crate::utc::{Date, HOUR_US, SECOND_US, UtcMicros};

/// The width of a revenue bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the words say it")]
pub enum Grain {
    Hour,
    Day,
    Week,
    Month,
}

impl Grain {
    /// All four, finest first.
    pub const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Week, Self::Month];

    /// The grain's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
        }
    }

    /// The grain of this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grain| grain.as_str() == text)
    }
}

/// A zone's table of offsets.
struct Table {
    name: &'static str,
    /// Where each span begins (UTC seconds), ascending; the first reaches back for ever.
    starts: Vec<i64>,
    /// Each span's offset from UTC in seconds.
    offsets: Vec<i32>,
}

/// An IANA time zone: a small copyable handle.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Zone(u16);

static NAMES: LazyLock<BTreeMap<String, u16>> = LazyLock::new(|| {
    let indices = (0u16..).zip(chrono_tz::TZ_VARIANTS.iter());
    indices.map(|(index, tz)| (tz.name().to_owned(), index)).collect()
});

static TABLES: LazyLock<Vec<OnceLock<Table>>> =
    LazyLock::new(|| chrono_tz::TZ_VARIANTS.iter().map(|_| OnceLock::new()).collect());

/// Tables cover the years that instants may have.
const FIRST_YEAR: i32 = 1900;
const LAST_YEAR: i32 = 2200;

impl Table {
    /// Finds every change of offset by probing each day and bisecting the days that differ.
    fn build(tz: Tz) -> Self {
        let offset_at = |seconds: i64| -> i32 {
            DateTime::from_timestamp(seconds, 0).map_or(0, |at| {
                tz.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc()
            })
        };
        let year =
            |y: i32| NaiveDate::from_ymd_opt(y, 1, 1).map_or(0, |d| Date::from_chrono(d).0).into();
        let (first, last): (i64, i64) = (year(FIRST_YEAR), year(LAST_YEAR));
        let mut table = Self {
            name: tz.name(),
            starts: vec![i64::MIN],
            offsets: vec![offset_at(first * 86_400)],
        };
        let mut known = table.offsets[0];
        for day in first..last {
            let next = offset_at((day + 1) * 86_400);
            if next == known {
                continue;
            }
            let (mut low, mut high) = (day * 86_400, (day + 1) * 86_400);
            while high - low > 1 {
                let middle = low + (high - low) / 2;
                if offset_at(middle) == known { low = middle } else { high = middle }
            }
            table.starts.push(high);
            table.offsets.push(next);
            known = next;
        }
        table
    }

    /// The span that holds an instant.
    fn span(&self, seconds: i64) -> usize {
        self.starts.partition_point(|start| *start <= seconds) - 1
    }
}

/// An instant in a zone, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Local {
    /// The local calendar date.
    pub date: Date,
    /// The local hour, 0 to 23.
    pub hour: u8,
    /// Seconds since local midnight on the wall clock.
    pub second_of_day: i64,
}

impl Zone {
    /// The zone of this IANA name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        NAMES.get(name).copied().map(Self)
    }

    /// Coordinated universal time.
    #[must_use]
    pub fn utc() -> Self {
        Self::named("UTC").unwrap_or(Self(0))
    }

    /// A number that stands for the zone within one build of the program, never in what is stored.
    #[must_use]
    pub fn number(self) -> u16 {
        self.0
    }

    /// The zone that a number stands for.
    #[must_use]
    pub fn numbered(number: u16) -> Option<Self> {
        (usize::from(number) < chrono_tz::TZ_VARIANTS.len()).then_some(Self(number))
    }

    /// Every zone there is.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.values().copied().map(Self)
    }

    /// The zone's IANA name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.table().name
    }

    fn table(self) -> &'static Table {
        let index = usize::from(self.0);
        TABLES[index].get_or_init(|| Table::build(chrono_tz::TZ_VARIANTS[index]))
    }

    /// Takes an instant apart.
    #[must_use]
    pub fn local(self, at: UtcMicros) -> Local {
        let table = self.table();
        let seconds = at.0.div_euclid(SECOND_US);
        let local = seconds + i64::from(table.offsets[table.span(seconds)]);
        let second_of_day = local.rem_euclid(86_400);
        let date = Date(i32::try_from(local.div_euclid(86_400)).unwrap_or(0));
        Local { date, hour: u8::try_from(second_of_day / 3_600).unwrap_or(0), second_of_day }
    }

    /// The local date of an instant.
    #[must_use]
    pub fn date(self, at: UtcMicros) -> Date {
        self.local(at).date
    }

    /// The instant at which a local date begins: its first moment, even where midnight is skipped.
    #[must_use]
    pub fn day_start(self, date: Date) -> UtcMicros {
        let table = self.table();
        let midnight = i64::from(date.0) * 86_400;
        // The earliest instant whose wall clock shows this midnight or later, on this date. Offsets lie
        // within a day and a bit of UTC, so only the spans around it can matter.
        let last = table.span(midnight + 2 * 86_400);
        for span in table.span(midnight - 2 * 86_400)..=last {
            let begins = table.starts[span];
            let ends = table.starts.get(span + 1).copied().unwrap_or(i64::MAX);
            let at = (midnight - i64::from(table.offsets[span])).max(begins);
            if at < ends {
                return UtcMicros(at * SECOND_US);
            }
        }
        UtcMicros(midnight * SECOND_US)
    }

    /// The start of the local hour that runs at an instant. An hour that a change of offset cuts in two
    /// is two hours.
    #[must_use]
    pub fn hour_start(self, at: UtcMicros) -> UtcMicros {
        let table = self.table();
        let seconds = at.0.div_euclid(SECOND_US);
        let span = table.span(seconds);
        let into_hour = (seconds + i64::from(table.offsets[span])).rem_euclid(3_600);
        UtcMicros((seconds - into_hour).max(table.starts[span]) * SECOND_US)
    }

    /// The start of the bucket that holds an instant.
    ///
    /// # Units
    /// `week_start` is the ISO weekday (1-7) on which the tenant's weeks begin.
    #[must_use]
    pub fn bucket_start(self, grain: Grain, at: UtcMicros, week_start: u8) -> UtcMicros {
        let date = || self.date(at);
        match grain {
            Grain::Hour => self.hour_start(at),
            Grain::Day => self.day_start(date()),
            Grain::Week => self.day_start(date().week_start(week_start)),
            Grain::Month => self.day_start(date().month_start()),
        }
    }

    /// The instant that a wall clock means: the earlier of two in the repeated hour, and for a time that
    /// is skipped, the instant as far after the change as it lies into the gap.
    #[must_use]
    pub fn resolve(self, date: Date, second_of_day: i64) -> UtcMicros {
        let table = self.table();
        let wall = i64::from(date.0) * 86_400 + second_of_day;
        let last = table.span(wall + 2 * 86_400);
        let first = table.span(wall - 2 * 86_400);
        for span in first..=last {
            let at = wall - i64::from(table.offsets[span]);
            let ends = table.starts.get(span + 1).copied().unwrap_or(i64::MAX);
            if at >= table.starts[span] && at < ends {
                return UtcMicros(at * SECOND_US);
            }
        }
        // In a gap: read with the offset before it, which lands as far after the change.
        let gap = (first..last).find(|span| {
            let change = table.starts[span + 1];
            wall - i64::from(table.offsets[*span]) >= change
                && wall - i64::from(table.offsets[span + 1]) < change
        });
        let before = table.offsets[gap.unwrap_or(first)];
        UtcMicros((wall - i64::from(before)) * SECOND_US)
    }

    /// The next local midnight after an instant: when this zone's date next changes.
    #[must_use]
    pub fn next_midnight(self, after: UtcMicros) -> UtcMicros {
        let today = self.date(after);
        (1..=3)
            .map(|days| self.day_start(Date(today.0 + days)))
            .find(|start| *start > after)
            .unwrap_or(UtcMicros(after.0 + 24 * HOUR_US))
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The first day of the calendar month `months` before the month of `date`.
#[must_use]
pub fn month_before(date: Date, months: i32) -> Date {
    let first = date.month_start().to_chrono();
    let index = first.year() * 12 + i32::try_from(first.month0()).unwrap_or(0) - months;
    let month0 = u32::try_from(index.rem_euclid(12)).unwrap_or(0);
    Date::from_ymd(index.div_euclid(12), month0 + 1, 1).unwrap_or(date)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> Zone {
        Zone::named(name).expect("a zone")
    }

    fn at(text: &str) -> UtcMicros {
        UtcMicros::parse(text).expect("an instant")
    }

    fn check(name: &str, grain: Grain, instant: &str, expected: &str) {
        let start = zone(name).bucket_start(grain, at(instant), 1);
        assert_eq!(start.to_string(), expected, "{grain:?} of {instant} in {name}");
    }

    #[test]
    fn both_kinds_of_change() {
        // London, autumn 2024: 01:00-02:00 local runs twice.
        check("Europe/London", Grain::Hour, "2024-10-27T00:30:00Z", "2024-10-27T00:00:00Z");
        check("Europe/London", Grain::Hour, "2024-10-27T01:30:00Z", "2024-10-27T01:00:00Z");
        // Spring 2024: local midnight is 00:00Z, the day has 23 hours.
        check("Europe/London", Grain::Day, "2024-03-31T22:59:59Z", "2024-03-31T00:00:00Z");
        check("Europe/London", Grain::Day, "2024-03-31T23:00:00Z", "2024-03-31T23:00:00Z");
        // Lord Howe moves by half an hour: the cut hour is two.
        check("Australia/Lord_Howe", Grain::Hour, "2024-04-06T14:50:00Z", "2024-04-06T14:00:00Z");
        check("Australia/Lord_Howe", Grain::Hour, "2024-04-06T15:10:00Z", "2024-04-06T15:00:00Z");
        // Cairo 2023: midnight of 28 April was skipped; the day starts at 01:00 local.
        check("Africa/Cairo", Grain::Day, "2023-04-28T12:00:00Z", "2023-04-27T22:00:00Z");
        check("Asia/Kathmandu", Grain::Month, "2026-03-01T00:00:00Z", "2026-02-28T18:15:00Z");
        check("America/St_Johns", Grain::Week, "2026-03-18T00:00:00Z", "2026-03-16T02:30:00Z");
    }

    #[test]
    fn wall_clocks_resolve() {
        let london = zone("Europe/London");
        let date = |text| Date::parse(text).expect("a date");
        let resolve = |day, hour: i64, minute: i64| {
            london.resolve(date(day), hour * 3_600 + minute * 60).to_string()
        };
        assert_eq!(resolve("2011-06-01", 12, 0), "2011-06-01T11:00:00Z");
        assert_eq!(resolve("2024-10-27", 1, 30), "2024-10-27T00:30:00Z", "the earlier of two");
        assert_eq!(resolve("2024-03-31", 1, 30), "2024-03-31T01:30:00Z", "as far after the gap");
    }

    /// Every zone, around every change of offset from 1990 to 2037: the table says what chrono says, and
    /// buckets nest, hold their instant and start where they say.
    #[test]
    fn every_zone_around_every_change() {
        let (from, to) = (at("1990-01-01T00:00:00Z"), at("2037-01-01T00:00:00Z"));
        for zone in Zone::all() {
            let tz: Tz = zone.name().parse().expect("chrono knows it");
            let starts = &zone.table().starts;
            let changes = starts.iter().map(|s| s.saturating_mul(SECOND_US));
            let changes: Vec<i64> = changes.filter(|us| (from.0..to.0).contains(us)).collect();
            for change in changes
                .iter()
                .flat_map(|c| [-90, -31, -1, 0, 1, 29, 61, 1_500].map(|m| c + m * 60 * SECOND_US))
            {
                check_instant(zone, tz, UtcMicros(change));
            }
        }
    }

    fn check_instant(zone: Zone, tz: Tz, instant: UtcMicros) {
        let local = zone.local(instant);
        let expected = instant.to_chrono().with_timezone(&tz).naive_local();
        assert_eq!(local.date.to_chrono(), expected.date(), "{zone:?} {instant}");
        let mut narrower = instant;
        for grain in [Grain::Hour, Grain::Day, Grain::Week] {
            let start = zone.bucket_start(grain, instant, 1);
            assert!(start <= narrower, "{zone:?} {grain:?} {instant}");
            assert_eq!(zone.bucket_start(grain, start, 1), start, "{zone:?} {grain:?} {instant}");
            narrower = start;
        }
        let day = zone.day_start(local.date);
        assert_eq!(zone.date(day), local.date, "{zone:?} {instant}");
        assert_ne!(zone.date(UtcMicros(day.0 - 1)), local.date, "{zone:?} {instant}");
        assert!(zone.next_midnight(instant) > instant);
    }
}
