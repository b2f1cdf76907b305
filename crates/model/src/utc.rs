//! Instants and dates: UTC microseconds and days since 1970-01-01, parsed strictly.
//!
//! An instant must carry its offset (`Z` or `+01:00`): a local time without a zone is refused here and
//! must be resolved where the zone is known.

use std::fmt;

use chrono::{DateTime, Datelike, NaiveDate, SecondsFormat};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Microseconds in a second.
pub const SECOND_US: i64 = 1_000_000;
/// Microseconds in an hour.
pub const HOUR_US: i64 = 3_600 * SECOND_US;

/// An instant: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcMicros(pub i64);

/// Instants outside 1900..2200 are refused: they are broken clocks or wrong units, and no calendar
/// table reaches them.
const EARLIEST_US: i64 = -2_208_988_800 * SECOND_US;
const LATEST_US: i64 = 7_258_118_400 * SECOND_US;

impl UtcMicros {
    /// Parses RFC 3339 text; `None` without an offset, or outside the years 1900 to 2199.
    ///
    /// ```
    /// # use vitals_model::UtcMicros;
    /// assert_eq!(UtcMicros::parse("1970-01-01T00:00:01.5Z"), Some(UtcMicros(1_500_000)));
    /// assert_eq!(UtcMicros::parse("1970-01-01T01:00:00+01:00"), Some(UtcMicros(0)));
    /// assert_eq!(UtcMicros::parse("1970-01-01T00:00:01"), None);
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(fast) = parse_zulu(text.as_bytes()) {
            return Self::checked(fast);
        }
        let parsed = DateTime::parse_from_rfc3339(text).ok()?;
        Self::checked(parsed.timestamp_micros())
    }

    fn checked(us: i64) -> Option<Self> {
        (EARLIEST_US..LATEST_US).contains(&us).then_some(Self(us))
    }

    /// The instant as a chrono value, for the edges that need one.
    #[must_use]
    pub fn to_chrono(self) -> DateTime<chrono::Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or_default()
    }
}

/// The form most records use, `YYYY-MM-DDTHH:MM:SS[.ffffff]Z`; anything else is left to chrono.
fn parse_zulu(b: &[u8]) -> Option<i64> {
    if b.len() < 20 || b[b.len() - 1] != b'Z' || b[10] != b'T' || b[13] != b':' || b[16] != b':' {
        return None;
    }
    let date = Date::parse_bytes(&b[..10])?;
    let (hour, minute, second) = (two(b, 11)?, two(b, 14)?, two(b, 17)?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut micros = 0;
    if b.len() > 20 {
        let digits = &b[20..b.len() - 1];
        if b[19] != b'.' || digits.is_empty() || digits.len() > 6 {
            return None;
        }
        for place in 0..6 {
            let digit = digits.get(place).copied().unwrap_or(b'0');
            micros = micros * 10 + i64::from(digit.is_ascii_digit().then_some(digit - b'0')?);
        }
    }
    let seconds = i64::from(date.0) * 86_400 + hour * 3_600 + minute * 60 + second;
    Some(seconds * SECOND_US + micros)
}

fn two(b: &[u8], at: usize) -> Option<i64> {
    let (tens, ones) = (b[at], b[at + 1]);
    (tens.is_ascii_digit() && ones.is_ascii_digit())
        .then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
}

impl fmt::Display for UtcMicros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_chrono().to_rfc3339_opts(SecondsFormat::AutoSi, true))
    }
}

impl Serialize for UtcMicros {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for UtcMicros {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format_args!(
                "'{}' is not an RFC 3339 instant with an offset, between 1900 and 2199",
                crate::record::shorten(&text)
            ))
        })
    }
}

/// A calendar date: days since 1970-01-01 (negative before).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(pub i32);

/// Days from 0001-01-01 (chrono's day 1) to 1970-01-01.
const EPOCH_FROM_CE: i32 = 719_163;

impl Date {
    /// Parses `YYYY-MM-DD`.
    ///
    /// ```
    /// # use vitals_model::Date;
    /// assert_eq!(Date::parse("1970-01-02"), Some(Date(1)));
    /// assert_eq!(Date::parse("2023-02-29"), None);
    /// ```
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::parse_bytes(text.as_bytes())
    }

    fn parse_bytes(b: &[u8]) -> Option<Self> {
        if b.len() != 10 || b[4] != b'-' || b[7] != b'-' {
            return None;
        }
        let year = i32::try_from(two(b, 0)? * 100 + two(b, 2)?).ok()?;
        let (month, day) = (two(b, 5)?, two(b, 8)?);
        Self::from_ymd(year, u32::try_from(month).ok()?, u32::try_from(day).ok()?)
    }

    /// The date of a year, month (1-12) and day (1-31), if there is one.
    #[must_use]
    pub fn from_ymd(year: i32, month: u32, day: u32) -> Option<Self> {
        NaiveDate::from_ymd_opt(year, month, day).map(Self::from_chrono)
    }

    /// From chrono's date.
    #[must_use]
    pub fn from_chrono(date: NaiveDate) -> Self {
        Self(date.num_days_from_ce() - EPOCH_FROM_CE)
    }

    /// As chrono's date.
    #[must_use]
    pub fn to_chrono(self) -> NaiveDate {
        NaiveDate::from_num_days_from_ce_opt(self.0 + EPOCH_FROM_CE).unwrap_or_default()
    }

    /// ISO weekday, Monday 1 to Sunday 7.
    #[must_use]
    pub fn iso_weekday(self) -> u8 {
        // 1970-01-01 was a Thursday (4).
        u8::try_from((self.0 + 3).rem_euclid(7) + 1).unwrap_or(1)
    }

    /// The first day of the week that holds this date, for a week that starts on ISO day `start`.
    #[must_use]
    pub fn week_start(self, start: u8) -> Self {
        let back = (i32::from(self.iso_weekday()) - i32::from(start)).rem_euclid(7);
        Self(self.0 - back)
    }

    /// The first day of this date's month.
    #[must_use]
    pub fn month_start(self) -> Self {
        let day = i32::try_from(self.to_chrono().day0()).unwrap_or(0);
        Self(self.0 - day)
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.to_chrono(), f)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let date = Self::parse(&text).filter(|d| (-25_567..84_006).contains(&d.0));
        date.ok_or_else(|| {
            serde::de::Error::custom(format_args!(
                "'{}' is not a date YYYY-MM-DD between 1900 and 2199",
                crate::record::shorten(&text)
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fast_path_agrees_with_chrono() {
        for text in [
            "2024-02-29T23:59:59Z",
            "2011-12-09T12:50:00.25Z",
            "1969-12-31T23:59:59.999999Z",
            "2026-03-18T00:00:00+05:30",
        ] {
            let expected = DateTime::parse_from_rfc3339(text).expect("valid").timestamp_micros();
            assert_eq!(UtcMicros::parse(text), Some(UtcMicros(expected)), "{text}");
        }
        for text in [
            "",
            "2024-02-30T00:00:00Z",
            "2024-01-01T24:00:00Z",
            "2024-01-01",
            "9999-01-01T00:00:00Z",
        ] {
            assert_eq!(UtcMicros::parse(text), None, "{text}");
        }
    }

    #[test]
    fn weekdays_and_starts() {
        let sunday = Date::parse("2026-03-29").expect("a date");
        assert_eq!(sunday.iso_weekday(), 7);
        assert_eq!(sunday.week_start(1).to_string(), "2026-03-23");
        assert_eq!(sunday.week_start(7), sunday);
        assert_eq!(sunday.month_start().to_string(), "2026-03-01");
    }
}
