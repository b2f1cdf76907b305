//! What would show an answer well: a kind of chart and which columns go where.
//!
//! Promises a suggestion that fits the columns: nothing is drawn whose heights are no numbers.

use vitals_ask::Translation;

use crate::asked::{Chart, Column};

/// Bars that can still be told apart; more are a table.
const BARS_MAX: usize = 50;

fn names(columns: &[Column]) -> Vec<String> {
    columns.iter().map(|it| it.name.clone()).collect()
}

/// The suggestion for an answer of so many rows.
pub(crate) fn suggest(translation: &Translation, columns: &[Column], rows: usize) -> Chart {
    let of = |kind: &str, x: Option<&Column>, y: &[Column], series: Option<&Column>| Chart {
        kind: kind.to_owned(),
        x: x.map(|it| it.name.clone()),
        y: names(y),
        series: series.map(|it| it.name.clone()),
    };
    let (keys, values) = columns.split_at(translation.keys.min(columns.len()));
    let table = of("table", None, &[], None);
    if values.is_empty() || !values.iter().all(Column::is_number) {
        return table;
    }
    match keys {
        [] if rows <= 1 => of("number", None, values, None),
        _ if translation.chart == vitals_ask::Chart::Table => table,
        [x] if x.is_time() => of("line", Some(x), values, None),
        [x] if rows <= BARS_MAX => of("bar", Some(x), values, None),
        [a, b] if values.len() == 1 && (a.is_time() || b.is_time()) => {
            let (x, series) = if b.is_time() { (b, a) } else { (a, b) };
            of("line", Some(x), values, Some(series))
        }
        // A weekday and an hour: seven times twenty-four bars, in seven colours.
        [a, b] if values.len() == 1 => of("bar", Some(b), values, Some(a)),
        _ => table,
    }
}
