//! Two computations of the same rows, compared.
//!
//! Promises that rows are compared as numbers and texts, in any order, and that a difference shows both. A
//! difference is told only if it is there twice: between two readings a tick may have been committed.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::asked::Difference;
use crate::sentence::shown;

/// Differences that are shown.
const SHOWN: usize = 10;

fn told(row: &[Value]) -> String {
    row.iter().map(shown).collect::<Vec<_>>().join(" | ")
}

/// What only one of two sets of rows has; paired by their first `keys` columns.
pub(crate) fn differences(
    answered: &[Vec<Value>],
    computed: &[Vec<Value>],
    keys: usize,
) -> Vec<Difference> {
    let mut counts: BTreeMap<String, (i64, &[Value])> = BTreeMap::new();
    for (rows, by) in [(answered, 1), (computed, -1)] {
        for row in rows {
            counts.entry(told(row)).or_insert((0, row)).0 += by;
        }
    }
    let mut pairs: BTreeMap<String, Vec<Difference>> = BTreeMap::new();
    for (text, (count, row)) in counts.into_iter().filter(|it| it.1.0 != 0) {
        let key = told(&row[..keys.min(row.len())]);
        let pair = pairs.entry(key).or_default();
        let half = pair
            .iter_mut()
            .find(|it| if count > 0 { it.answered.is_none() } else { it.computed.is_none() });
        match (half, count > 0) {
            (Some(half), true) => half.answered = Some(text),
            (Some(half), false) => half.computed = Some(text),
            (None, true) => pair.push(Difference { answered: Some(text), computed: None }),
            (None, false) => pair.push(Difference { answered: None, computed: Some(text) }),
        }
    }
    pairs.into_values().flatten().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows(of: Value) -> Vec<Vec<Value>> {
        serde_json::from_value(of).unwrap()
    }

    #[test]
    fn numbers_are_equal_however_they_are_written() {
        let (a, b) = (
            rows(json!([["x", "1.500"], ["y", 2]])),
            rows(json!([["y", "2.000000"], ["x", "1.5"]])),
        );
        assert_eq!(differences(&a, &b, 1), []);
    }

    #[test]
    fn a_difference_shows_both_numbers() {
        let (a, b) =
            (rows(json!([["x", 1], ["y", 2], ["z", null]])), rows(json!([["x", 1], ["y", 3]])));
        let of = |answered: Option<&str>, computed: Option<&str>| Difference {
            answered: answered.map(str::to_owned),
            computed: computed.map(str::to_owned),
        };
        let expected = [of(Some("y | 2"), Some("y | 3")), of(Some("z | no value"), None)];
        assert_eq!(differences(&a, &b, 1), expected);
        // A row that comes twice is not the same as one that comes once.
        assert_eq!(
            differences(&rows(json!([[1], [1]])), &rows(json!([[1]])), 0),
            [of(Some("1"), None)]
        );
    }
}
