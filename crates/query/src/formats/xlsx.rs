//! An answer as a workbook of two sheets: its rows, and what they are about.
//!
//! Promises that a number is the number: a decimal of more than the fifteen digits a spreadsheet computes with is
//! text. Dates are dates; instants are the tenant's wall clock, its zone standing on the second sheet. No cell is a
//! formula, whatever its text. The same answer gives the same bytes.

use arrow::datatypes::DataType;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, Worksheet, XlsxError};

use super::{cells, is_text, names};
use crate::error::QueryError;
use crate::session::Answer;

/// Significant digits that a spreadsheet's numbers hold.
const DIGITS_MAX: usize = 15;
/// Characters a cell may hold, counted as UTF-16 does.
const CELL_UNITS_MAX: usize = 32_767;
/// Widths of columns, in characters.
const WIDTHS: std::ops::RangeInclusive<usize> = 8..=60;
/// Days of a spreadsheet begin here.
const FIRST_YEAR: u16 = 1900;

/// Writes an answer under a title; `about` follows the title on the second sheet, a name and a text a line.
///
/// # Errors
/// A value of a type that the form cannot hold.
pub fn write(
    answer: &Answer,
    title: &str,
    about: &[(String, String)],
) -> Result<Vec<u8>, QueryError> {
    workbook(answer, title, about)
        .map_err(|_| QueryError::unavailable("the answer cannot be written in this form"))
}

type Written<T> = Result<T, Box<dyn std::error::Error>>;

fn workbook(answer: &Answer, title: &str, about: &[(String, String)]) -> Written<Vec<u8>> {
    let mut book = Workbook::new();
    let made = ExcelDateTime::from_timestamp(answer.as_of.committed_at.0.div_euclid(1_000_000))?;
    book.set_properties(&DocProperties::new().set_title(title).set_creation_datetime(&made));
    rows(book.add_worksheet().set_name("Rows")?, answer)?;
    let own = [
        ("report".to_owned(), title.to_owned()),
        ("as_of".to_owned(), answer.as_of.tick.to_string()),
        ("committed_at".to_owned(), answer.as_of.committed_at.to_string()),
        ("complete_to".to_owned(), complete_to(answer)),
        ("time_zone".to_owned(), answer.zone.name().to_owned()),
        ("rows".to_owned(), count(answer)),
    ];
    let sheet = book.add_worksheet().set_name("About")?;
    for (row, (name, text)) in (0..).zip(own.iter().chain(about)) {
        sheet.write_string(row, 0, short(name))?.write_string(row, 1, short(text))?;
    }
    sheet.set_column_width(0, 16)?.set_column_width(1, 80)?;
    Ok(book.save_to_buffer()?)
}

fn complete_to(answer: &Answer) -> String {
    answer.as_of.complete_to.map_or("no source says so".to_owned(), |it| it.to_string())
}

fn count(answer: &Answer) -> String {
    let more = if answer.truncated { ", and there are more" } else { "" };
    format!("{}{more}", answer.rows())
}

fn rows(sheet: &mut Worksheet, answer: &Answer) -> Written<()> {
    let head = Format::new().set_bold();
    let mut widths: Vec<usize> = names(&answer.schema).map(|it| it.chars().count()).collect();
    for (column, name) in (0..).zip(names(&answer.schema)) {
        sheet.write_string_with_format(0, column, short(name), &head)?;
    }
    let kinds: Vec<(&DataType, Format)> =
        answer.schema.fields().iter().map(|it| (it.data_type(), format(it.data_type()))).collect();
    let batches = answer.batches.iter().map(cells).collect::<Result<Vec<_>, _>>()?;
    for (row, cells) in (1..).zip(batches.into_iter().flatten()) {
        for (at, (cell, (kind, format))) in cells.into_iter().zip(&kinds).enumerate() {
            let Some(text) = cell else { continue };
            widths[at] = widths[at].max(text.chars().count());
            put(sheet, (row, u16::try_from(at)?), (&text, kind), format)?;
        }
    }
    for (column, width) in (0..).zip(widths) {
        let width = u32::try_from(width.clamp(*WIDTHS.start(), *WIDTHS.end()))?;
        sheet.set_column_width(column, width)?;
    }
    sheet.set_freeze_panes(1, 0)?;
    Ok(())
}

fn format(kind: &DataType) -> Format {
    let shown = match kind {
        DataType::Date32 => "yyyy-mm-dd".to_owned(),
        DataType::Timestamp(..) => "yyyy-mm-dd hh:mm:ss".to_owned(),
        DataType::Decimal128(_, scale) | DataType::Decimal256(_, scale) => match *scale {
            ..=0 => "0".to_owned(),
            scale @ 1..=2 => format!("0.{}", "0".repeat(usize::from(scale.unsigned_abs()))),
            scale => format!("0.00{}", "#".repeat(usize::from(scale.unsigned_abs()) - 2)),
        },
        _ => "General".to_owned(),
    };
    Format::new().set_num_format(shown)
}

fn put(
    sheet: &mut Worksheet,
    (row, column): (u32, u16),
    (text, kind): (&str, &DataType),
    format: &Format,
) -> Result<(), XlsxError> {
    let number = || exact(text).filter(|_| kind.is_numeric());
    if *kind == DataType::Boolean {
        sheet.write_boolean(row, column, text == "true")?;
    } else if let (false, Some(number)) = (is_text(kind), number()) {
        sheet.write_number_with_format(row, column, number, format)?;
    } else if let (DataType::Date32 | DataType::Timestamp(..), Some(moment)) = (kind, moment(text))
    {
        sheet.write_datetime_with_format(row, column, &moment, format)?;
    } else {
        sheet.write_string(row, column, short(text))?;
    }
    Ok(())
}

/// A number that a spreadsheet holds exactly.
fn exact(text: &str) -> Option<f64> {
    let plain = text.strip_prefix('-').unwrap_or(text);
    let plain = if plain.contains('.') { plain.trim_end_matches('0') } else { plain };
    let digits = plain.chars().filter(char::is_ascii_digit).collect::<String>();
    let significant = digits.trim_start_matches('0').len();
    let number: f64 = text.parse().ok()?;
    (number.is_finite() && significant <= DIGITS_MAX).then_some(number)
}

/// Year, month, day; hour, minute, second.
type Clock = ((u16, u8, u8), (u16, u8, u8));

/// A date, or the wall clock of an instant, from `2026-03-29 03:00:00.5+02:00`.
fn clock(text: &str) -> Option<Clock> {
    fn three<A: std::str::FromStr, B: std::str::FromStr>(
        text: &str,
        between: char,
    ) -> Option<(A, B, B)> {
        let mut parts = text.splitn(3, between);
        let first = parts.next()?.parse().ok()?;
        let mut next = || parts.next()?.parse().ok();
        Some((first, next()?, next()?))
    }
    let (date, time) = text.split_once(' ').unwrap_or((text, "00:00:00"));
    let date = three::<u16, u8>(date, '-').filter(|it| it.0 >= FIRST_YEAR)?;
    Some((date, three(time.get(..8)?, ':')?))
}

fn moment(text: &str) -> Option<ExcelDateTime> {
    let ((year, month, day), (hour, minute, second)) = clock(text)?;
    ExcelDateTime::from_ymd(year, month, day).ok()?.and_hms(hour, minute, second).ok()
}

/// A text that a cell can hold.
fn short(text: &str) -> String {
    if text.encode_utf16().count() <= CELL_UNITS_MAX {
        return text.to_owned();
    }
    // Every character is at most two units.
    text.chars().take(CELL_UNITS_MAX / 2 - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_round_stays_text() {
        assert_eq!(exact("12345678901.234500"), Some(12_345_678_901.234_5));
        assert_eq!(exact("-0.000001"), Some(-0.000_001));
        assert_eq!(exact("123456789012345"), Some(123_456_789_012_345.0));
        assert_eq!(exact("1234567890123456"), None);
        assert_eq!(exact("1234567890.123456"), None);
        assert_eq!(exact("NaN"), None);
    }

    #[test]
    fn an_instant_is_its_wall_clock() {
        assert_eq!(clock("2026-03-29 03:00:00+02:00"), Some(((2026, 3, 29), (3, 0, 0))));
        assert_eq!(clock("2026-03-29"), Some(((2026, 3, 29), (0, 0, 0))));
        assert_eq!(clock("1899-12-31"), None);
        assert_eq!(clock("tomorrow"), None);
        assert!(moment("2026-03-29 23:59:59").is_some() && moment("2026-02-30").is_none());
    }

    #[test]
    fn a_long_text_is_cut_to_a_cell() {
        assert_eq!(short("=1+1"), "=1+1");
        assert!(short(&"🜁".repeat(40_000)).encode_utf16().count() <= CELL_UNITS_MAX);
    }
}
