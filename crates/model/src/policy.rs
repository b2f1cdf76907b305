//! Policy: the weights, thresholds and curves of the vitals, and a tenant's overrides of them.
//!
//! Every number has a name with dots, such as `churn.points.overdue` or `health.refund_rate.to`. An
//! override is an object of such names, nested or flat; a name we do not know is refused, since a typing
//! error must not silently leave a default in force. Values are micros.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::decimal::Number;

pub mod metrics;

pub use metrics::{Category, DEFINITIONS, HealthMetric, METRICS};

/// A number of the policy that is not a curve's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Setting {
    ChurnPointsAttendance,
    ChurnPointsOverdue,
    ChurnPointsLate,
    ChurnPointsResponse,
    ChurnPointsCompliance,
    ChurnPointsSleep,
    ChurnTrendDown,
    ChurnTrendUp,
    ChurnTrendPrevious,
    ChurnBelowResponse,
    ChurnBelowCompliance,
    ChurnBelowSleep,
    ChurnResponseHours,
    ChurnResponseMessages,
    ChurnGraceDays,
    ChurnLevelMedium,
    ChurnLevelHigh,
    ChurnLevelCritical,
    WeightFinancial,
    WeightCustomer,
    WeightOperational,
    WeightGrowth,
    WeightRisk,
}

const SETTINGS: [(Setting, &str, i64); 23] = [
    (Setting::ChurnPointsAttendance, "churn.points.attendance", 40_000_000),
    (Setting::ChurnPointsOverdue, "churn.points.overdue", 30_000_000),
    (Setting::ChurnPointsLate, "churn.points.late", 15_000_000),
    (Setting::ChurnPointsResponse, "churn.points.response", 20_000_000),
    (Setting::ChurnPointsCompliance, "churn.points.compliance", 15_000_000),
    (Setting::ChurnPointsSleep, "churn.points.sleep", 10_000_000),
    (Setting::ChurnTrendDown, "churn.trend.down", 750_000),
    (Setting::ChurnTrendUp, "churn.trend.up", 1_250_000),
    (Setting::ChurnTrendPrevious, "churn.trend.previous", 2_000_000),
    (Setting::ChurnBelowResponse, "churn.below.response", 500_000),
    (Setting::ChurnBelowCompliance, "churn.below.compliance", 700_000),
    (Setting::ChurnBelowSleep, "churn.below.sleep", 6_000_000),
    (Setting::ChurnResponseHours, "churn.response.hours", 72_000_000),
    (Setting::ChurnResponseMessages, "churn.response.messages", 3_000_000),
    (Setting::ChurnGraceDays, "churn.grace_days", 7_000_000),
    (Setting::ChurnLevelMedium, "churn.level.medium", 30_000_000),
    (Setting::ChurnLevelHigh, "churn.level.high", 60_000_000),
    (Setting::ChurnLevelCritical, "churn.level.critical", 80_000_000),
    (Setting::WeightFinancial, "health.weight.financial", 250_000),
    (Setting::WeightCustomer, "health.weight.customer", 250_000),
    (Setting::WeightOperational, "health.weight.operational", 200_000),
    (Setting::WeightGrowth, "health.weight.growth", 200_000),
    (Setting::WeightRisk, "health.weight.risk", 100_000),
];

/// The policy in force for a tenant: defaults with its overrides applied. Values in micros.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    settings: [i64; SETTINGS.len()],
    curves: [(i64, i64); METRICS],
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            settings: SETTINGS.map(|(_, _, value)| value),
            curves: std::array::from_fn(|i| (DEFINITIONS[i].from, DEFINITIONS[i].to)),
        }
    }
}

impl Policy {
    /// The defaults with `overrides` applied.
    #[must_use]
    pub fn with(overrides: Option<&PolicyOverride>) -> Self {
        let mut policy = Self::default();
        for (name, value) in overrides.iter().flat_map(|it| &it.0) {
            if let Some(slot) = policy.slot(name) {
                *slot = *value;
            }
        }
        policy
    }

    /// One setting, in micros.
    #[must_use]
    pub fn get(&self, setting: Setting) -> i64 {
        let at = SETTINGS.iter().position(|(it, _, _)| *it == setting);
        at.map_or(0, |at| self.settings[at])
    }

    /// A metric's curve: the values (micros) that score 0 and 100.
    #[must_use]
    pub fn curve(&self, metric: HealthMetric) -> (i64, i64) {
        self.curves[metric.index()]
    }

    /// A category's share of the overall score before rescaling, in micros.
    #[must_use]
    pub fn weight(&self, category: Category) -> i64 {
        self.get(match category {
            Category::Financial => Setting::WeightFinancial,
            Category::Customer => Setting::WeightCustomer,
            Category::Operational => Setting::WeightOperational,
            Category::Growth => Setting::WeightGrowth,
            Category::Risk => Setting::WeightRisk,
        })
    }

    fn slot(&mut self, name: &str) -> Option<&mut i64> {
        if let Some(at) = SETTINGS.iter().position(|(_, it, _)| *it == name) {
            return Some(&mut self.settings[at]);
        }
        let (metric, end) = name.strip_prefix("health.")?.split_once('.')?;
        let at = DEFINITIONS.iter().position(|it| it.name == metric)?;
        match end {
            "from" => Some(&mut self.curves[at].0),
            "to" => Some(&mut self.curves[at].1),
            _ => None,
        }
    }

    /// Every name with its value, for documentation and for SQL.
    #[must_use]
    pub fn entries(&self) -> Vec<(String, i64)> {
        let settings =
            SETTINGS.iter().zip(&self.settings).map(|((_, name, _), v)| ((*name).to_owned(), *v));
        let curves = DEFINITIONS.iter().zip(&self.curves).flat_map(|(it, (from, to))| {
            [(format!("health.{}.from", it.name), *from), (format!("health.{}.to", it.name), *to)]
        });
        settings.chain(curves).collect()
    }

    fn check(&self) -> Result<(), String> {
        for (name, value) in self.entries() {
            let signed = name.ends_with(".from") || name.ends_with(".to");
            if !signed && value < 0 {
                return Err(format!("policy {name} is negative"));
            }
            if value.unsigned_abs() > 1_000_000_000_000 {
                return Err(format!("policy {name} is beyond a million"));
            }
            // A signal alone can make the score full; stored points have five digits.
            if name.starts_with("churn.points.") && value > 100_000_000 {
                return Err(format!("policy {name} is beyond 100"));
            }
        }
        for (definition, (from, to)) in DEFINITIONS.iter().zip(&self.curves) {
            if from == to {
                return Err(format!(
                    "policy health.{0}.from equals health.{0}.to",
                    definition.name
                ));
            }
        }
        if Category::ALL.iter().any(|category| self.weight(*category) == 0) {
            return Err("policy health.weight must be positive for every category".into());
        }
        Ok(())
    }
}

/// A tenant's overrides: names and values in micros, checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyOverride(pub BTreeMap<String, i64>);

fn flatten(
    prefix: &str,
    raw: &str,
    into: &mut BTreeMap<String, i64>,
    depth: u8,
) -> Result<(), String> {
    if depth > 4 {
        return Err("policy is nested too deeply".into());
    }
    let branch: BTreeMap<String, &serde_json::value::RawValue> =
        serde_json::from_str(raw).map_err(|_| format!("policy {prefix} is not an object"))?;
    for (name, value) in branch {
        let name = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
        if value.get().starts_with('{') {
            flatten(&name, value.get(), into, depth + 1)?;
            continue;
        }
        let number: Number = serde_json::from_str(value.get())
            .map_err(|_| format!("policy {name} is not a number"))?;
        into.insert(name, number.0);
    }
    Ok(())
}

impl<'de> Deserialize<'de> for PolicyOverride {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let raw = <&'de serde_json::value::RawValue>::deserialize(deserializer)?;
        let mut values = BTreeMap::new();
        flatten("", raw.get(), &mut values, 0).map_err(D::Error::custom)?;
        let mut policy = Policy::default();
        for (name, value) in &values {
            let slot = policy.slot(name);
            *slot.ok_or_else(|| D::Error::custom(format_args!("policy has no '{name}'")))? = *value;
        }
        policy.check().map_err(D::Error::custom)?;
        Ok(Self(values))
    }
}

impl Serialize for PolicyOverride {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, Number(*value))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: &str) {
        let error = serde_json::from_str::<PolicyOverride>(json).expect_err("refused").to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn overrides_apply_by_name_nested_or_flat() {
        let json = r#"{"churn":{"points":{"overdue":35}},"health.refund_rate.to":"0.01"}"#;
        let overrides: PolicyOverride = serde_json::from_str(json).expect("a policy");
        let policy = Policy::with(Some(&overrides));
        assert_eq!(policy.get(Setting::ChurnPointsOverdue), 35_000_000);
        assert_eq!(policy.curve(HealthMetric::RefundRate), (100_000, 10_000));
        let again = serde_json::to_string(&overrides).expect("json");
        assert_eq!(serde_json::from_str::<PolicyOverride>(&again).expect("a policy"), overrides);
    }

    #[test]
    fn a_name_that_does_not_exist_is_refused() {
        check(r#"{"churn.points.overdu":35}"#, "no 'churn.points.overdu'");
        check(r#"{"health":{"nps":{"from":70}}}"#, "equals");
        check(r#"{"health.weight.risk":0}"#, "positive");
        check(r#"{"churn.points.late":"many"}"#, "not a number");
        check(r#"{"churn.points.late":"100.000001"}"#, "beyond 100");
    }
}
