//! An answer as one sentence.
//!
//! Promises to say nothing that the rows do not: one value, the largest of several, or how many there are; and of
//! nothing found that it is nothing, never that it is zero.

use serde_json::Value;
use vitals_ask::Translation;

use crate::asked::{Chart, Column};

/// A cell as a person reads it.
pub(crate) fn shown(cell: &Value) -> String {
    match cell {
        Value::Null => "no value".to_owned(),
        Value::String(text) => {
            let number = text.contains('.')
                && text.bytes().all(|it| it.is_ascii_digit() || b".-".contains(&it));
            if number {
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            } else {
                text.clone()
            }
        }
        other => other.to_string(),
    }
}

fn sentence_case(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |it| it.to_uppercase().chain(chars).collect())
}

/// The sentence of an answer.
pub(crate) fn of(
    translation: &Translation,
    columns: &[Column],
    rows: &[Vec<Value>],
    (chart, truncated): (&Chart, bool),
) -> String {
    let when = translation.range.as_ref().map(|it| format!(", {}", it.words));
    let what = sentence_case(&format!("{}{}", translation.title, when.unwrap_or_default()));
    let amount = |cell: &Value, column: &Column| match &translation.currency {
        Some(currency) if column.is_number() && !cell.is_null() => {
            format!("{currency} {}", shown(cell))
        }
        _ => shown(cell),
    };
    let nothing = rows.is_empty() || rows.iter().flatten().all(Value::is_null);
    if nothing {
        return format!("{what}: nothing was found.");
    }
    if let ([row], "number") = (rows, chart.kind.as_str()) {
        let cells = row.iter().zip(columns);
        let said: Vec<String> = match row.len() {
            1 => cells.map(|(cell, column)| amount(cell, column)).collect(),
            _ => cells
                .map(|(cell, it)| format!("{} {}", it.name.replace('_', " "), shown(cell)))
                .collect(),
        };
        return format!("{what}: {}.", said.join(", "));
    }
    let count = match (rows.len(), truncated) {
        (1, _) => "1 row".to_owned(),
        (count, false) => format!("{count} rows"),
        (count, true) => format!("more than {count} rows"),
    };
    match largest(columns, rows, chart) {
        Some((row, at)) => {
            let name: Vec<String> = row[..translation.keys.min(at)].iter().map(shown).collect();
            format!(
                "{what}: {count}, the largest is {} with {}.",
                name.join(", "),
                amount(&row[at], &columns[at])
            )
        }
        None => format!("{what}: {count}."),
    }
}

/// The row whose first height is largest, where there is one above the others.
fn largest<'a>(
    columns: &[Column],
    rows: &'a [Vec<Value>],
    chart: &Chart,
) -> Option<(&'a Vec<Value>, usize)> {
    let at = columns.iter().position(|it| chart.y.first() == Some(&it.name))?;
    let mut ranked: Vec<(f64, &Vec<Value>)> =
        rows.iter().filter_map(|row| Some((shown(&row[at]).parse().ok()?, row))).collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    match ranked.as_slice() {
        [(first, row), (second, _), ..] if first > second => Some((row, at)),
        _ => None,
    }
}
