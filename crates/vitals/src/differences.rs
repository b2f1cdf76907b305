//! Differences between two sets of rows, counted and shown.
//!
//! Promises at most so many lines as asked for, each a row with what is stored and what should be.

use std::collections::BTreeMap;

use serde_json::Value;
use vitals_model::VitalChanges;
use vitals_model::vital::{Change, VITALS, VitalKey, VitalRow};

/// Most differences anyone is shown.
pub(crate) const SHOWN_MAX: usize = 20;

/// Most characters of a row anyone is shown: one with all its factors or metrics is long.
const ROW_CHARS_MAX: usize = 300;

/// How many rows of each vital differ.
pub(crate) fn count(changes: &VitalChanges) -> BTreeMap<&'static str, usize> {
    let counts =
        [changes.revenue.len(), changes.heatmap.len(), changes.churn.len(), changes.health.len()];
    VITALS.into_iter().zip(counts).collect()
}

/// The first differences as lines. `old` is what is stored, `new` what should be.
pub(crate) fn show(changes: &VitalChanges, most: usize) -> Vec<String> {
    let [revenue, heatmap, churn, health] = VITALS;
    lines(revenue, &changes.revenue)
        .chain(lines(heatmap, &changes.heatmap))
        .chain(lines(churn, &changes.churn))
        .chain(lines(health, &changes.health))
        .take(most)
        .collect()
}

fn lines<'a, K: VitalKey, R: VitalRow>(
    vital: &'a str,
    changes: &'a [Change<K, R>],
) -> impl Iterator<Item = String> + 'a {
    changes.iter().map(move |change| {
        let (old, new) = (change.old.as_ref().map(R::to_json), change.new.as_ref().map(R::to_json));
        format!(
            "{vital} of tenant {} {}: stored {}, should be {}",
            change.key.tenant(),
            change.key.to_json(),
            shown(old.as_ref(), new.as_ref()),
            shown(new.as_ref(), old.as_ref())
        )
    })
}

/// A row as text; beside another row, only the fields that differ from it.
fn shown(row: Option<&Value>, other: Option<&Value>) -> String {
    let Some(Value::Object(fields)) = row else { return "no row".to_owned() };
    let differing: serde_json::Map<String, Value> = fields
        .iter()
        .filter(|(name, value)| other.and_then(|other| other.get(name.as_str())) != Some(*value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let mut text = Value::Object(differing).to_string();
    if let Some((cut, _)) = text.char_indices().nth(ROW_CHARS_MAX) {
        text.truncate(cut);
        text.push_str("..");
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_differs_is_shown() {
        let (a, b) = (json!({"orders": 1, "net": "2"}), json!({"orders": 3, "net": "2"}));
        assert_eq!(shown(Some(&a), Some(&b)), r#"{"orders":1}"#);
        assert_eq!(shown(Some(&a), None), r#"{"net":"2","orders":1}"#);
        assert_eq!(shown(None, Some(&a)), "no row");
    }
}
