//! What a report or saved query may be told: named values with a type, a default and bounds.
//!
//! Promises that a value is checked before it is used, and that it enters SQL as one literal of its type: a text's
//! quotes are doubled, numbers and dates are written anew from what was read. Names are found outside of texts,
//! quoted names and comments only.

use std::collections::BTreeMap;
use std::fmt;

use vitals_model::Date;
use vitals_model::limits::REPORT_VALUE_BYTES_MAX;
use vitals_model::local_time::month_before;

/// Values as they were given, by name.
pub type Given = BTreeMap<String, String>;

/// The type of a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A day.
    Date,
    /// A whole number from the first to the second.
    Int(i64, i64),
    /// An exact decimal.
    Number,
    /// Any text.
    Text,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Date => f.write_str("date"),
            Self::Int(least, most) => write!(f, "int {least}..{most}"),
            Self::Number => f.write_str("number"),
            Self::Text => f.write_str("text"),
        }
    }
}

impl Kind {
    /// The type of this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "date" => Some(Self::Date),
            "int" => Some(Self::Int(i64::MIN, i64::MAX)),
            "number" => Some(Self::Number),
            "text" => Some(Self::Text),
            _ => {
                let (least, most) = text.strip_prefix("int ")?.split_once("..")?;
                Some(Self::Int(least.parse().ok()?, most.parse().ok()?))
            }
        }
    }
}

/// A parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Param {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: Kind,
    /// What it is when nothing is said; of a day also `today - 29 days` and `month - 11 months`.
    pub default: String,
    /// What it does.
    pub says: String,
}

/// A value, read.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Date(Date),
    Int(i64),
    Number(String),
    Text(String),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Date(it) => write!(f, "{it}"),
            Self::Int(it) => write!(f, "{it}"),
            Self::Number(it) | Self::Text(it) => f.write_str(it),
        }
    }
}

impl Value {
    fn literal(&self) -> String {
        match self {
            Self::Date(it) => format!("DATE '{it}'"),
            // In parentheses: a minus behind a minus would begin a comment.
            Self::Int(it) if *it < 0 => format!("({it})"),
            Self::Int(it) => it.to_string(),
            Self::Number(it) => format!("({it})"),
            Self::Text(it) => format!("'{}'", it.replace('\'', "''")),
        }
    }
}

impl Param {
    /// Reads `name type = default: what it does`.
    pub(crate) fn parse(line: &str) -> Result<Self, String> {
        let parts = line.split_once(": ").and_then(|(left, says)| {
            let (left, default) = left.split_once(" = ")?;
            let (name, kind) = left.split_once(' ')?;
            let (name, default, says) = (name.to_owned(), default.to_owned(), says.to_owned());
            Some(Self { name, kind: Kind::parse(kind)?, default, says })
        });
        parts.ok_or_else(|| "a parameter is 'name type = default: what it does'".to_owned())
    }

    fn read(&self, text: &str, today: Date) -> Option<Value> {
        if text.len() > REPORT_VALUE_BYTES_MAX || text.chars().any(char::is_control) {
            return None;
        }
        match self.kind {
            Kind::Date => day(text, today).map(Value::Date),
            Kind::Int(least, most) => {
                text.parse().ok().filter(|it| (least..=most).contains(it)).map(Value::Int)
            }
            Kind::Number => is_decimal(text).then(|| Value::Number(text.to_owned())),
            Kind::Text => Some(Value::Text(text.to_owned())),
        }
    }
}

fn is_decimal(text: &str) -> bool {
    let plain = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = plain.split_once('.').unwrap_or((plain, "0"));
    let digits = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
    plain.len() <= 38 && digits(whole) && digits(fraction)
}

/// A day: `2026-03-18`, `today`, `today - 29 days`, `month` (its first day), `month - 11 months`.
fn day(text: &str, today: Date) -> Option<Date> {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        ["today"] => Some(today),
        ["month"] => Some(today.month_start()),
        ["today", "-", count, "days" | "day"] => {
            Some(Date(today.0.checked_sub(count.parse::<u16>().ok()?.into())?))
        }
        ["month", "-", count, "months" | "month"] => {
            let count = count.parse::<u8>().ok()?;
            Some(month_before(today.month_start(), count.into()))
        }
        [date] => Date::parse(date),
        _ => None,
    }
}

/// The values of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filled(BTreeMap<String, Value>);

impl Filled {
    /// The values given, and the defaults of the others.
    ///
    /// # Errors
    /// One plain sentence: a name that is no parameter, or a value that is none of its type.
    pub fn new(params: &[Param], given: &Given, today: Date) -> Result<Self, String> {
        if let Some(unknown) =
            given.keys().find(|it| !params.iter().any(|param| param.name == **it))
        {
            let names: Vec<&str> = params.iter().map(|it| it.name.as_str()).collect();
            let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let unknown: String = unknown.chars().take(64).collect();
            return Err(format!("there is no parameter '{unknown}'; there are {names}"));
        }
        let value = |param: &Param| {
            let text = given.get(&param.name).unwrap_or(&param.default);
            let read = param.read(text, today);
            let read =
                read.ok_or_else(|| format!("parameter '{}' is {}", param.name, param.kind))?;
            Ok((param.name.clone(), read))
        };
        params.iter().map(value).collect::<Result<_, _>>().map(Self)
    }

    /// The values as texts.
    #[must_use]
    pub fn shown(&self) -> BTreeMap<String, String> {
        self.0.iter().map(|(name, value)| (name.clone(), value.to_string())).collect()
    }

    /// A day of this name.
    pub(super) fn date(&self, name: &str) -> Option<Date> {
        match self.0.get(name) {
            Some(Value::Date(date)) => Some(*date),
            _ => None,
        }
    }

    /// SQL with a literal in the place of each `:name`.
    #[must_use]
    pub fn into_sql(&self, sql: &str) -> String {
        let mut text = String::with_capacity(sql.len());
        for piece in pieces(sql) {
            match piece {
                Piece::Name(name) => match self.0.get(name) {
                    Some(value) => text.push_str(&value.literal()),
                    None => text.extend([":", name]),
                },
                Piece::Text(other) => text.push_str(other),
            }
        }
        text
    }
}

/// The names that SQL asks for, sorted.
#[must_use]
pub fn named(sql: &str) -> std::collections::BTreeSet<String> {
    let name = |it| if let Piece::Name(name) = it { Some(name.to_owned()) } else { None };
    pieces(sql).into_iter().filter_map(name).collect()
}

enum Piece<'a> {
    /// Without its colon.
    Name(&'a str),
    Text(&'a str),
}

/// SQL cut at its names. A colon within a text, a quoted name, a comment or a cast (`::`) begins none.
fn pieces(sql: &str) -> Vec<Piece<'_>> {
    let bytes = sql.as_bytes();
    let (mut pieces, mut at, mut begun) = (Vec::new(), 0, 0);
    let is_word = |it: u8| it.is_ascii_alphanumeric() || it == b'_';
    while at < bytes.len() {
        let rest = &sql[at..];
        let skipped = match bytes[at] {
            b'\'' => end(&rest[1..], "'", 1),
            b'"' => end(&rest[1..], "\"", 1),
            b'-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            b'/' if rest.starts_with("/*") => end(&rest[2..], "*/", 2),
            b':' if rest.starts_with("::") => 2,
            b':' if rest[1..].starts_with(|it: char| it.is_ascii_lowercase()) => {
                let length = bytes[at + 1..].iter().take_while(|it| is_word(**it)).count();
                pieces.push(Piece::Text(&sql[begun..at]));
                pieces.push(Piece::Name(&sql[at + 1..at + 1 + length]));
                begun = at + 1 + length;
                1 + length
            }
            _ => rest.chars().next().map_or(1, char::len_utf8),
        };
        at += skipped;
    }
    pieces.push(Piece::Text(&sql[begun..]));
    pieces
}

/// The length of what ends with `mark`, and which `before` bytes began.
fn end(rest: &str, mark: &str, before: usize) -> usize {
    before + rest.find(mark).map_or(rest.len(), |it| it + mark.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn param(line: &str) -> Param {
        Param::parse(line).unwrap()
    }

    fn filled(params: &[Param], given: &[(&str, &str)]) -> Result<Filled, String> {
        let given = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Filled::new(params, &given.collect(), Date::parse("2026-03-31").unwrap())
    }

    #[test]
    fn days_are_counted_from_the_tenants_today() {
        let day = |text| day(text, Date::parse("2026-03-31").unwrap()).map(|it| it.to_string());
        assert_eq!(day("today").as_deref(), Some("2026-03-31"));
        assert_eq!(day("today - 29 days").as_deref(), Some("2026-03-02"));
        assert_eq!(day("month").as_deref(), Some("2026-03-01"));
        assert_eq!(day("month - 11 months").as_deref(), Some("2025-04-01"));
        assert_eq!(day("2026-02-29"), None);
        assert_eq!(day("today - 99999999999 days"), None);
    }

    #[test]
    fn a_value_is_one_literal() {
        let params = [
            param("who text = x: a name"),
            param("rows int 1..9 = 3: how many"),
            param("least number = -1.5: a sum"),
        ];
        let filled = filled(&params, &[("who", "O'Brien'; DROP TABLE x --")]).unwrap();
        let head = "SELECT ':who', \":who\", a::text, '''', /* :rows */ b -- :rows\nWHERE c = ";
        assert_eq!(
            filled.into_sql(&format!("{head}:who AND d > :least LIMIT :rows")),
            format!("{head}'O''Brien''; DROP TABLE x --' AND d > (-1.5) LIMIT 3")
        );
        let names = named(&format!("{head}:who AND d > :least LIMIT :rows"));
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["least", "rows", "who"]);
        // Nothing that is cut is lost, whatever the text.
        for odd in ["'", "\"", "--", "/*", ":", "::", "é':é", "'é", ":é :a"] {
            assert_eq!(Filled::default().into_sql(odd), odd);
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let params = [
            param("day date = today: a day"),
            param("rows int 1..9 = 3: how many"),
            param("sum number = 0: a sum"),
        ];
        for given in [
            ("rows", "10"),
            ("rows", "1; DROP"),
            ("day", "2026-02-30"),
            ("sum", "1e9"),
            ("sum", "1."),
            ("day", "2026-01-01\n"),
            ("odd", "1"),
        ] {
            assert!(filled(&params, &[given]).is_err(), "{given:?}");
        }
        let long = "1".repeat(REPORT_VALUE_BYTES_MAX + 1);
        assert!(filled(&params, &[("sum", &long)]).is_err());
        assert!(Param::parse("a b c").is_err() && Param::parse("a int 1..x = 1: b").is_err());
    }
}
