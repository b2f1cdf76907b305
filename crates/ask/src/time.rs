//! Time phrases: the words that name a stretch of days.
//!
//! Promises the longest phrase at the place where it is asked to read, or nothing. Days are the tenant's; a month
//! or weekday without a year is the latest that is not after today. Reads no clock: today is an argument.

use chrono::Datelike;
use vitals_model::Date;

use crate::calendar::{Stretch, Unit, shift, start};

const MONTHS: [(&str, &str); 12] = [
    ("january", "jan"),
    ("february", "feb"),
    ("march", "mar"),
    ("april", "apr"),
    ("may", "may"),
    ("june", "jun"),
    ("july", "jul"),
    ("august", "aug"),
    ("september", "sep"),
    ("october", "oct"),
    ("november", "nov"),
    ("december", "dec"),
];
const WEEKDAYS: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const NUMBERS: [(&str, i32); 22] = [
    ("one", 1),
    ("two", 2),
    ("three", 3),
    ("four", 4),
    ("five", 5),
    ("six", 6),
    ("seven", 7),
    ("eight", 8),
    ("nine", 9),
    ("ten", 10),
    ("twelve", 12),
    ("twenty", 20),
    ("thirty", 30),
    ("sixty", 60),
    ("ninety", 90),
    ("hundred", 100),
    ("once", 1),
    ("twice", 2),
    ("couple", 2),
    ("dozen", 12),
    ("fourteen", 14),
    ("fifty", 50),
];
/// No business asks about more units than these at once.
const UNITS_MAX: i32 = 3_700;

/// What a phrase depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Calendar {
    pub(crate) today: Date,
    pub(crate) week_start: u8,
}

/// A stretch, after how many words it ends.
type Read = Option<(usize, Stretch)>;

/// A whole number in digits or words.
pub(crate) fn number(word: &str) -> Option<i32> {
    let known = NUMBERS.iter().find(|(name, _)| *name == word).map(|(_, number)| *number);
    known.or_else(|| word.parse().ok().filter(|it| *it >= 0))
}

/// Whether a word is a month's name.
pub(crate) fn is_month(word: &str) -> bool {
    month(word).is_some()
}

/// The weekday of a word, 1 to 7.
pub(crate) fn weekday(word: &str) -> Option<u8> {
    (1..).zip(WEEKDAYS).find(|(_, name)| *name == word).map(|(number, _)| number)
}

fn month(word: &str) -> Option<u32> {
    let word = if word == "sept" { "sep" } else { word };
    (1..).zip(MONTHS).find(|(_, (long, short))| word == *long || word == *short).map(|it| it.0)
}

fn unit(word: &str) -> Option<Unit> {
    Some(match word {
        "day" => Unit::Day,
        "week" => Unit::Week,
        "month" => Unit::Month,
        "quarter" => Unit::Quarter,
        "year" => Unit::Year,
        _ => return None,
    })
}

fn year(word: &str) -> Option<i32> {
    word.parse().ok().filter(|it| (1990..2100).contains(it))
}

/// A day of a month: `3`, `3rd`.
fn day(word: &str) -> Option<u32> {
    let digits = word.trim_end_matches(|it: char| it.is_ascii_alphabetic());
    let suffix = &word[digits.len()..];
    let day = digits.parse().ok().filter(|it| (1..=31).contains(it));
    day.filter(|_| ["", "st", "nd", "rd", "th"].contains(&suffix))
}

impl Calendar {
    /// The longest time phrase that `words` begin with.
    pub(crate) fn read(&self, words: &[&str]) -> Read {
        let readers: [fn(&Self, &[&str]) -> Read; 4] =
            [Self::bounded, Self::so_far, Self::trailing, Self::named];
        let read = readers.iter().filter_map(|read| read(self, words));
        read.reduce(|best, other| if other.0 > best.0 { other } else { best })
    }

    fn tomorrow(&self) -> Option<Date> {
        shift(self.today, Unit::Day, 1)
    }

    /// `between X and Y`, `from X to Y`, `since X`, `after X`, `before X`, `until X`.
    fn bounded(&self, words: &[&str]) -> Read {
        let (word, rest) = words.split_first()?;
        let open = Stretch { from: None, to: None, unit: None };
        match *word {
            "between" | "from" => {
                let (read, first) = self.named(rest)?;
                let joins: &[&str] =
                    if *word == "between" { &["and"] } else { &["to", "until", "till", "through"] };
                joins.contains(rest.get(read)?).then_some(())?;
                let (second_read, second) = self.named(&rest[read + 1..])?;
                let stretch = self.span(first, second, &rest[..read])?;
                Some((read + second_read + 2, stretch))
            }
            "since" => {
                let (read, first) = self.named(rest)?;
                Some((read + 1, Stretch { from: first.from, to: self.tomorrow(), ..open }))
            }
            "after" => {
                let (read, first) = self.named(rest)?;
                Some((read + 1, Stretch { from: first.to, to: self.tomorrow(), ..open }))
            }
            "before" | "until" | "till" => {
                let (read, first) = self.named(rest)?;
                let to = if *word == "before" { first.from } else { first.to };
                Some((read + 1, Stretch { to, ..open }))
            }
            _ => None,
        }
    }

    /// From the beginning of one to the end of another: `January to March 2026` is of one year.
    fn span(&self, first: Stretch, second: Stretch, words: &[&str]) -> Option<Stretch> {
        let mut from = first.from?;
        let to = second.to?;
        let says_year = words.iter().any(|it| year(it).is_some() || Date::parse(it).is_some());
        if !says_year && month(words.first()?).or_else(|| month(words.get(1)?)).is_some() {
            while from >= to {
                from = shift(from, Unit::Year, -1)?;
            }
            while shift(from, Unit::Year, 1)? < second.from? {
                from = shift(from, Unit::Year, 1)?;
            }
        }
        (from < to).then_some(Stretch { from: Some(from), to: Some(to), unit: None })
    }

    /// `year to date`, `last year to date`, `so far this year`, `this month so far`.
    fn so_far(&self, words: &[&str]) -> Read {
        let to_date = |unit, years: i32| {
            let from = start(self.today, unit, self.week_start)?;
            let to = self.tomorrow()?;
            let back = |date| shift(date, Unit::Year, -years);
            Some(Stretch { from: Some(back(from)?), to: Some(back(to)?), unit: Some(unit) })
        };
        let (read, unit, years) = match words {
            ["ytd", ..] => (1, Unit::Year, 0),
            ["mtd", ..] => (1, Unit::Month, 0),
            ["qtd", ..] => (1, Unit::Quarter, 0),
            ["last", "year", "to", "date", ..] => (4, Unit::Year, 1),
            ["this", name, "to", "date", ..] => (4, unit(name)?, 0),
            [name, "to", "date", ..] => (3, unit(name)?, 0),
            ["so", "far", "this", name, ..] | ["this", name, "so", "far", ..] => {
                (4, unit(name)?, 0)
            }
            _ => return None,
        };
        Some((read, to_date(unit, years)?))
    }

    /// `last 30 days`, `past month`.
    fn trailing(&self, words: &[&str]) -> Read {
        let ("last" | "past" | "previous" | "trailing" | "recent" | "rolling") = *words.first()?
        else {
            return None;
        };
        let (read, count, name) = match words {
            [_, "couple", "of", name, ..] => (4, 2, name),
            [_, count, name, ..] if number(count).is_some() => (3, number(count)?, name),
            ["past" | "trailing" | "rolling", name, ..] => (2, 1, name),
            _ => return None,
        };
        let unit = unit(name)?;
        let sound = (1..=UNITS_MAX).contains(&count);
        sound.then(|| Some((read, Stretch::trailing(self.today, unit, count)?)))?
    }

    /// One day, week, month, quarter, half or year.
    fn named(&self, words: &[&str]) -> Read {
        let whole = |unit, count| Stretch::unit(self.today, unit, count, self.week_start);
        match words {
            ["day", "before", "yesterday", ..] => Some((3, whole(Unit::Day, -2)?)),
            ["today", ..] => Some((1, whole(Unit::Day, 0)?)),
            ["yesterday", ..] => Some((1, whole(Unit::Day, -1)?)),
            ["tomorrow", ..] => Some((1, whole(Unit::Day, 1)?)),
            ["start" | "beginning", "of", rest @ ..] => {
                let (read, stretch) =
                    self.named(rest).or_else(|| Some((1, whole(unit(rest.first()?)?, 0)?)))?;
                let from = stretch.from?;
                let to = shift(from, Unit::Day, 1);
                Some((read + 2, Stretch { from: Some(from), to, unit: Some(Unit::Day) }))
            }
            ["end", "of", rest @ ..] => {
                let (read, stretch) = self.named(rest)?;
                let from = stretch.last()?;
                Some((
                    read + 2,
                    Stretch { from: Some(from), to: stretch.to, unit: Some(Unit::Day) },
                ))
            }
            ["this" | "current", name, ..] if unit(name).is_some() => {
                Some((2, whole(unit(name)?, 0)?))
            }
            ["last" | "previous", name, ..] if unit(name).is_some() => {
                Some((2, whole(unit(name)?, -1)?))
            }
            ["last", name, ..] if weekday(name).is_some() => {
                Some((2, self.weekday(weekday(name)?)?))
            }
            [name, ..] if weekday(name).is_some() => Some((1, self.weekday(weekday(name)?)?)),
            [count, name, "ago", ..] => {
                let count = number(count).filter(|it| (1..=UNITS_MAX).contains(it))?;
                let day = shift(self.today, unit(name)?, -count)?;
                Some((3, Stretch::unit(day, Unit::Day, 0, self.week_start)?))
            }
            _ => self.dated(words),
        }
    }

    /// What is named by number and year: a date, a month, a quarter, a half, a year.
    fn dated(&self, words: &[&str]) -> Read {
        let (first, rest) = words.split_first()?;
        if let Some(date) = Date::parse(first) {
            return Some((1, Stretch::unit(date, Unit::Day, 0, self.week_start)?));
        }
        if let Some(year) = year(first) {
            return Some((1, Stretch::unit(Date::from_ymd(year, 1, 1)?, Unit::Year, 0, 1)?));
        }
        if let Some(number) = month(first) {
            let dated = rest
                .first()
                .and_then(|it| day(it))
                .filter(|_| rest.first().is_none_or(|it| year(it).is_none()));
            return match dated {
                Some(day) => self.of_year(&rest[1..], 2, |year| date(year, number, day)),
                None => self.of_year(rest, 1, |year| whole_month(year, number)),
            };
        }
        if let (Some(day), Some(at)) = (day(first), rest.iter().position(|it| month(it).is_some()))
            && (at == 0 || (at == 1 && rest[0] == "of"))
        {
            let number = month(rest[at])?;
            return self.of_year(&rest[at + 1..], at + 2, |year| date(year, number, day));
        }
        let ordinal =
            |word: &str| ["first", "second", "third", "fourth"].iter().position(|it| *it == word);
        let named = match words {
            [name, "quarter", ..] => ordinal(name).map(|it| (2, it, 3)),
            [name, "half", ..] => ordinal(name).filter(|it| *it < 2).map(|it| (2, it, 6)),
            [name, ..] => {
                let quarter = ["q1", "q2", "q3", "q4"].iter().position(|it| it == name);
                let half = || ["h1", "h2"].iter().position(|it| it == name).map(|it| (1, it, 6));
                quarter.map(|it| (1, it, 3)).or_else(half)
            }
            [] => None,
        };
        let (read, place, months) = named?;
        let skip = usize::from(
            matches!(words.get(read), Some(&("of" | "in")))
                && words.get(read + 1).is_some_and(|it| year(it).is_some()),
        );
        self.of_year(&words[read + skip..], read + skip, |year| part(year, place, months))
    }

    /// With the year that follows, else the latest such that does not begin after today.
    fn of_year(&self, rest: &[&str], read: usize, make: impl Fn(i32) -> Option<Stretch>) -> Read {
        let (rest, read) = match rest {
            ["of", rest @ ..] if rest.first().is_some_and(|it| year(it).is_some()) => {
                (rest, read + 1)
            }
            _ => (rest, read),
        };
        if let Some(year) = rest.first().and_then(|it| year(it)) {
            return Some((read + 1, make(year)?));
        }
        let this = self.today.to_chrono().year();
        if let [which @ ("this" | "last"), "year", ..] = rest {
            return Some((read + 2, make(this - i32::from(*which == "last"))?));
        }
        let stretch = make(this).filter(|it| it.from <= Some(self.today));
        Some((read, stretch.or_else(|| make(this - 1))?))
    }

    /// The latest such day before today.
    fn weekday(&self, weekday: u8) -> Option<Stretch> {
        let back = (1..=7).find(|back| {
            shift(self.today, Unit::Day, -back).is_some_and(|it| it.iso_weekday() == weekday)
        })?;
        Stretch::unit(self.today, Unit::Day, -back, self.week_start)
    }
}

fn date(year: i32, month: u32, day: u32) -> Option<Stretch> {
    Stretch::unit(Date::from_ymd(year, month, day)?, Unit::Day, 0, 1)
}

fn whole_month(year: i32, month: u32) -> Option<Stretch> {
    Stretch::unit(Date::from_ymd(year, month, 1)?, Unit::Month, 0, 1)
}

/// The part of a year that is so many months long.
fn part(year: i32, place: usize, months: u32) -> Option<Stretch> {
    let month = u32::try_from(place).ok()? * months + 1;
    let from = Date::from_ymd(year, month, 1)?;
    let to = shift(from, Unit::Month, i32::try_from(months).ok()?)?;
    Some(Stretch { from: Some(from), to: Some(to), unit: (months == 3).then_some(Unit::Quarter) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Wednesday, 18 March 2026.
    fn check(phrase: &str, expected: &str) {
        let calendar = Calendar { today: Date::parse("2026-03-18").unwrap(), week_start: 1 };
        let words: Vec<&str> = phrase.split(' ').collect();
        let told = calendar.read(&words).map_or("nothing".to_owned(), |(read, stretch)| {
            let date = |it: Option<Date>| it.map_or("..".to_owned(), |it| it.to_string());
            format!("{read}: {} {}", date(stretch.from), date(stretch.to))
        });
        assert_eq!(told, expected, "{phrase}");
    }

    #[test]
    fn phrases_are_read_to_their_end() {
        check("yesterday", "1: 2026-03-17 2026-03-18");
        check("day before yesterday", "3: 2026-03-16 2026-03-17");
        check("last month by class", "2: 2026-02-01 2026-03-01");
        check("this week", "2: 2026-03-16 2026-03-23");
        check("past 90 day", "3: 2025-12-19 2026-03-19");
        check("last three month", "3: 2025-12-19 2026-03-19");
        check("since march", "2: 2026-03-01 2026-03-19");
        check("since last month", "3: 2026-02-01 2026-03-19");
        check("in march", "nothing");
        check("april", "1: 2025-04-01 2025-05-01");
        check("march 2025", "2: 2025-03-01 2025-04-01");
        check("march of 2025 by class", "3: 2025-03-01 2025-04-01");
        check("q2 2026", "2: 2026-04-01 2026-07-01");
        check("second quarter of 2025", "4: 2025-04-01 2025-07-01");
        check("first half of 2025", "4: 2025-01-01 2025-07-01");
        check("last year to date", "4: 2025-01-01 2025-03-19");
        check("between 1 january and 15 february 2026", "7: 2026-01-01 2026-02-16");
        check("from november to january", "4: 2025-11-01 2026-02-01");
        check("from 2026-01-05 to 2026-01-06", "4: 2026-01-05 2026-01-07");
        check("before march 2026", "3: .. 2026-03-01");
        check("after 2025", "2: 2026-01-01 2026-03-19");
        check("monday", "1: 2026-03-16 2026-03-17");
        check("wednesday", "1: 2026-03-11 2026-03-12");
        check("3rd of february", "3: 2026-02-03 2026-02-04");
        check("march 31 2025", "3: 2025-03-31 2025-04-01");
        check("start of year", "3: 2026-01-01 2026-01-02");
        check("10 day ago", "3: 2026-03-08 2026-03-09");
        check("last 0 day", "nothing");
        check("30 february 2026", "nothing");
        check("last 99999999999 day", "nothing");
    }
}
