//! Factors and metrics read back from the JSON that rows carry them in.
//!
//! Promises exactly the lists that `factors_json` and `metrics_json` write: every signal or metric once, in
//! its order, its numbers to the last digit. Anything else is an error and never a default.

use serde::Deserialize;

use super::{Factor, MetricRow, Signal, parse_fixed};
use crate::policy::DEFINITIONS;

/// The factors of a churn risk, one of each signal in the order of [`Signal::ALL`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<FactorJson>")]
pub struct Factors(pub Vec<Factor>);

/// The metrics of a health score, in the order of [`DEFINITIONS`].
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<MetricJson>")]
pub struct Metrics(pub Vec<MetricRow>);

#[derive(Deserialize)]
struct FactorJson {
    signal: String,
    present: bool,
    value: Option<String>,
    compared_with: Option<String>,
    points: String,
}

#[derive(Deserialize)]
struct MetricJson {
    category: String,
    metric: String,
    present: bool,
    value: Option<String>,
    score: Option<String>,
    weight: String,
}

/// An integer of 10^-`decimals` that fits 64 bits.
fn small(text: &str, decimals: usize) -> Option<i64> {
    parse_fixed(text, decimals)?.try_into().ok()
}

/// What is there must be readable; what is not there is fine.
fn optional<T>(text: Option<&str>, read: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    text.map_or(Some(None), |text| read(text).map(Some))
}

impl FactorJson {
    fn read(self, signal: Signal) -> Option<Factor> {
        let (present, value, compared_with) = (self.present, self.value, self.compared_with);
        let points = small(&self.points, 2)?;
        (self.signal == signal.as_str()).then_some(Factor {
            signal,
            present,
            value,
            compared_with,
            points,
        })
    }
}

impl TryFrom<Vec<FactorJson>> for Factors {
    type Error = &'static str;

    fn try_from(list: Vec<FactorJson>) -> Result<Self, Self::Error> {
        let whole = list.len() == Signal::ALL.len();
        let factors = list.into_iter().zip(Signal::ALL).map(|(it, signal)| it.read(signal));
        let factors: Option<Vec<Factor>> = factors.collect();
        factors.filter(|_| whole).map(Self).ok_or("not the five factors of a churn risk")
    }
}

impl TryFrom<Vec<MetricJson>> for Metrics {
    type Error = &'static str;

    fn try_from(list: Vec<MetricJson>) -> Result<Self, Self::Error> {
        let whole = list.len() == DEFINITIONS.len();
        let metrics = list.into_iter().zip(&DEFINITIONS).map(|(it, definition)| {
            let (category, name) = (definition.category.as_str(), definition.metric.as_str());
            (it.category == category && it.metric == name).then_some(())?;
            Some(MetricRow {
                category: definition.category,
                metric: definition.metric,
                present: it.present,
                value: optional(it.value.as_deref(), |text| parse_fixed(text, 6))?,
                score: optional(it.score.as_deref(), |text| small(text, 2))?,
                weight: small(&it.weight, 6)?,
            })
        });
        let metrics: Option<Vec<MetricRow>> = metrics.collect();
        metrics.filter(|_| whole).map(Self).ok_or("not the metrics of a health score")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vital::{ChurnRow, HealthRow, Level};

    fn churn() -> ChurnRow {
        let factors = Signal::ALL.map(|signal| Factor {
            signal,
            present: signal == Signal::Payment,
            value: Some("over\"due".into()),
            compared_with: None,
            points: 3_005,
        });
        let factors = factors.to_vec();
        ChurnRow { score: 0, raw: 0, level: Level::Low, signals_present: 1, factors }
    }

    fn health() -> HealthRow {
        let metrics = DEFINITIONS.iter().zip(-3..).map(|(it, n)| MetricRow {
            category: it.category,
            metric: it.metric,
            present: n > 0,
            value: (n > 1).then_some(i128::from(n) - 2_000_000),
            score: (n > 0).then_some(n),
            weight: 43_478,
        });
        HealthRow { overall: None, categories: [None; 5], coverage: 0, metrics: metrics.collect() }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let row = churn();
        let read: Factors = serde_json::from_value(row.factors_json()).expect("factors");
        assert_eq!(read.0, row.factors);
        let row = health();
        let read: Metrics = serde_json::from_value(row.metrics_json()).expect("metrics");
        assert_eq!(read.0, row.metrics);
    }

    #[test]
    fn what_we_would_not_write_is_refused() {
        let factors = churn().factors_json().to_string();
        let metrics = health().metrics_json().to_string();
        for (from, to) in [
            ("attendance", "payment"),
            ("30.05", "30.5"),
            ("\"present\":true", "\"present\":1"),
            ("[{", "[{},{"),
            ("nps", "spn"),
            ("financial", "growth"),
            ("0.043478", "0.04"),
            ("-1.999998", "wild"),
        ] {
            let (bad_factors, bad_metrics) =
                (factors.replacen(from, to, 1), metrics.replacen(from, to, 1));
            let factors_hold = serde_json::from_str::<Factors>(&bad_factors).is_ok();
            let metrics_hold = serde_json::from_str::<Metrics>(&bad_metrics).is_ok();
            assert_eq!(factors_hold, bad_factors == factors, "{from} -> {to}");
            assert_eq!(metrics_hold, bad_metrics == metrics, "{from} -> {to}");
        }
        let four: Vec<_> = churn().factors_json().as_array().expect("a list")[..4].to_vec();
        assert!(serde_json::from_value::<Factors>(four.into()).is_err());
    }
}
