//! The semantic layer: what can be measured, split and said, as `sql/semantic/*.toml` tells it.
//!
//! Promises the files as they stand, read once; a mistake in them is a mistake of this program and stops its
//! tests. Knows no question and no business.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Names in the order of their files' keys.
pub(crate) type Named<T> = BTreeMap<String, T>;

/// A relation that can be measured.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Relation {
    pub(crate) sql: String,
    pub(crate) reads: Vec<String>,
    pub(crate) columns: Vec<String>,
    pub(crate) at: Option<String>,
    #[serde(default)]
    pub(crate) needs: Vec<String>,
    pub(crate) now: Option<String>,
    pub(crate) then: Option<String>,
    pub(crate) definition: Option<String>,
}

/// A measure.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Metric {
    pub(crate) title: String,
    pub(crate) words: Vec<String>,
    #[serde(default)]
    pub(crate) money: bool,
    pub(crate) people: Option<String>,
    pub(crate) each: Option<String>,
    pub(crate) on: Vec<On>,
}

/// How one relation gives a measure.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct On {
    pub(crate) relation: String,
    pub(crate) expr: String,
    pub(crate) r#where: Option<String>,
    pub(crate) vital: Option<String>,
    pub(crate) note: Option<String>,
    /// The dimension by which the measure is split without its condition.
    pub(crate) split: Option<String>,
}

/// What a measure can be split by.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dimension {
    pub(crate) title: String,
    pub(crate) words: Vec<String>,
    pub(crate) column: Option<String>,
    #[serde(default)]
    pub(crate) joins: Vec<String>,
    pub(crate) label: String,
    pub(crate) best: Option<String>,
    pub(crate) count: Option<String>,
    #[serde(default)]
    pub(crate) people: bool,
    #[serde(default)]
    pub(crate) series: bool,
}

/// A question with one answer of its own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer {
    pub(crate) title: String,
    pub(crate) words: Vec<String>,
    pub(crate) tables: Vec<String>,
    pub(crate) sql: String,
    pub(crate) chart: String,
    /// How many leading columns say what a row is of.
    #[serde(default)]
    pub(crate) keys: usize,
    pub(crate) vital: Option<String>,
    #[serde(default)]
    pub(crate) relations: Vec<String>,
    pub(crate) note: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Examples {
    questions: Vec<String>,
}

/// All of it.
#[derive(Debug)]
pub(crate) struct Semantics {
    pub(crate) relations: Named<Relation>,
    pub(crate) metrics: Named<Metric>,
    pub(crate) dimensions: Named<Dimension>,
    pub(crate) answers: Named<Answer>,
    pub(crate) words: Named<Vec<String>>,
    pub(crate) examples: Vec<String>,
}

fn read<T: DeserializeOwned>(text: &str) -> T {
    toml::from_str(text).expect("the semantic layer is part of this program and its tests read it")
}

macro_rules! file {
    ($name:literal) => {
        include_str!(concat!("../../../sql/semantic/", $name, ".toml"))
    };
}

static SEMANTICS: LazyLock<Semantics> = LazyLock::new(|| Semantics {
    relations: read(file!("relations")),
    metrics: read(file!("metrics")),
    dimensions: read(file!("dimensions")),
    answers: read(file!("answers")),
    words: read(file!("words")),
    examples: read::<Examples>(file!("examples")).questions,
});

/// The semantic layer of this program.
pub(crate) fn semantics() -> &'static Semantics {
    &SEMANTICS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_files_name_exists() {
        let semantics = semantics();
        for (name, metric) in &semantics.metrics {
            for other in metric.people.iter().chain(&metric.each) {
                assert!(semantics.metrics.contains_key(other), "{name} names {other}");
            }
            for on in &metric.on {
                assert!(semantics.relations.contains_key(&on.relation), "{name}: {}", on.relation);
            }
        }
        for (name, dimension) in &semantics.dimensions {
            for other in dimension.best.iter().chain(&dimension.count) {
                assert!(semantics.metrics.contains_key(other), "{name} names {other}");
            }
        }
        let needed = semantics.answers.values().flat_map(|it| &it.relations);
        for relation in needed.chain(semantics.relations.values().flat_map(|it| &it.needs)) {
            assert!(semantics.relations.contains_key(relation), "{relation}");
        }
    }
}
