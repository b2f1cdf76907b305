//! The arithmetic of the health score: readings become scores, scores categories, categories one number.
//!
//! Promises the very roundings of `docs/definitions.md`, "arithmetic": every division is carried to
//! eighteen decimals, half away from zero, and what is stored is rounded once from there. The SQL
//! definition calls `metric_score` and `variation` by name and writes the rest out in SQL; the dataflow
//! calls `health_row`. Does not know where a reading comes from.

use crate::decimal::MICROS;
use crate::policy::{Category, DEFINITIONS, METRICS, Policy};
use crate::ratio::{ONE, div_half_up, hundredths, millionths, mul_div, ratio, sqrt};
use crate::vital::{HealthRow, MetricRow};

/// One hundred, carried: the best score (for risk the worst).
pub const HUNDRED: i128 = 100 * ONE;
const CARRIED_PER_MICRO: i128 = ONE / 1_000_000;

/// What is known of one metric. Values are carried (eighteen decimals).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reading {
    /// Nothing to judge by.
    #[default]
    Absent,
    /// A number.
    Value(i128),
    /// As good as can be, without a number: no burn at all.
    Best,
}

impl Reading {
    /// The reading of a quotient: absent when there is none.
    #[must_use]
    pub fn of(value: Option<i128>) -> Self {
        value.map_or(Self::Absent, Self::Value)
    }
}

/// An integer of millionths as a carried number.
///
/// ```
/// # use vitals_model::{ratio::ONE, score::carried};
/// assert_eq!(carried(2_500_000), 5 * ONE / 2);
/// ```
#[must_use]
pub fn carried(micros: i64) -> i128 {
    i128::from(micros) * CARRIED_PER_MICRO
}

/// `100 x (value - from) / (to - from)`, rounded half away from zero at the eighteenth decimal, then
/// clamped to 0..=100. `from` is what scores 0 and `to` what scores 100, in micros; they differ.
///
/// ```
/// # use vitals_model::score::{HUNDRED, metric_score, carried};
/// assert_eq!(metric_score(carried(50_000), (100_000, 0)), HUNDRED / 2);
/// assert_eq!(metric_score(carried(-1), (0, 300_000)), 0);
/// ```
#[must_use]
pub fn metric_score(value: i128, (from, to): (i64, i64)) -> i128 {
    let span = i128::from(to) - i128::from(from);
    let above = value.saturating_sub(carried(from));
    match mul_div(above, 100 * i128::from(MICROS), span) {
        Some(score) => score.clamp(0, HUNDRED),
        // Beyond 38 digits (or no span at all): far outside the curve, on the side the signs say.
        None if (above < 0) == (span < 0) => HUNDRED,
        None => 0,
    }
}

/// The mean of carried scores, half away from zero at the eighteenth decimal; `None` of none.
#[must_use]
pub fn mean(scores: &[i128]) -> Option<i128> {
    let count = i128::try_from(scores.len()).ok().filter(|count| *count > 0)?;
    Some(div_half_up(scores.iter().sum(), count))
}

/// The overall score, carried: the weighted mean of the categories present, where risk counts as
/// `100 - risk`. The sum of weight x category is exact; it is divided once. `None` without a category.
#[must_use]
pub fn overall(categories: &[Option<i128>; 5], policy: &Policy) -> Option<i128> {
    let good = |category: Category, score: i128| match category {
        Category::Risk => HUNDRED - score,
        Category::Financial | Category::Customer | Category::Operational | Category::Growth => {
            score
        }
    };
    let sum: i128 = (Category::ALL.iter().zip(categories))
        .filter_map(|(category, score)| {
            score.map(|score| i128::from(policy.weight(*category)) * good(*category, score))
        })
        .sum();
    let present = weight_present(categories, policy);
    (present > 0).then(|| div_half_up(sum, i128::from(present)))
}

/// The weights of the categories present, together, in micros.
#[must_use]
pub fn weight_present(categories: &[Option<i128>; 5], policy: &Policy) -> i64 {
    let present = Category::ALL.iter().zip(categories).filter(|(_, score)| score.is_some());
    present.map(|(category, _)| policy.weight(*category)).sum()
}

/// The share of all weights that is present, in millionths. Default weights add up to one, so that this
/// is the sum of those present; overridden ones need not.
#[must_use]
pub fn coverage(categories: &[Option<i128>; 5], policy: &Policy) -> i64 {
    let all = Category::ALL.iter().map(|category| policy.weight(*category)).sum();
    share(weight_present(categories, policy), all)
}

/// One metric's share of the overall score, in millionths: its category's weight over the weights
/// present, split evenly among the category's metrics present.
#[must_use]
pub fn weight_share(weight: i64, present: i64, metrics_present: usize) -> i64 {
    let metrics = i64::try_from(metrics_present).unwrap_or(0);
    share(weight, present.saturating_mul(metrics))
}

fn share(part: i64, whole: i64) -> i64 {
    let carried = ratio(part.into(), whole.into()).unwrap_or(0);
    i64::try_from(millionths(carried)).unwrap_or(0)
}

/// The sample standard deviation of some amounts over their mean, carried; `None` for fewer than two,
/// for a mean that is not positive, and beyond 38 digits.
///
/// Each amount is first divided by the mean (carried), so that no square of money can overflow: with
/// `x = n x amount / sum`, the result is the square root of `sum((x - 1)^2) / (n - 1)`, each square and
/// the quotient rounded half away from zero, the root rounded down.
#[must_use]
pub fn variation(amounts: &[i128]) -> Option<i128> {
    let count = i128::try_from(amounts.len()).ok().filter(|count| *count > 1)?;
    let mut sum: i128 = 0;
    for amount in amounts {
        sum = sum.checked_add(*amount)?;
    }
    if sum <= 0 {
        return None;
    }
    let mut squares: i128 = 0;
    for amount in amounts {
        let deviation = ratio(amount.checked_mul(count)?, sum)? - ONE;
        squares = squares.checked_add(mul_div(deviation, deviation, ONE)?)?;
    }
    sqrt(div_half_up(squares, count - 1))
}

/// The whole row of a health score from what is known of each metric, in the order of [`DEFINITIONS`].
#[must_use]
pub fn health_row(readings: &[Reading; METRICS], policy: &Policy) -> HealthRow {
    let scores: [Option<i128>; METRICS] = std::array::from_fn(|at| match readings[at] {
        Reading::Absent => None,
        Reading::Value(value) => Some(metric_score(value, policy.curve(DEFINITIONS[at].metric))),
        Reading::Best => Some(HUNDRED),
    });
    let of_category = |category: Category| -> Vec<i128> {
        let metrics = DEFINITIONS.iter().zip(scores);
        metrics.filter(|(it, _)| it.category == category).filter_map(|(_, score)| score).collect()
    };
    let present = Category::ALL.map(|category| of_category(category).len());
    let categories = Category::ALL.map(|category| mean(&of_category(category)));
    let weights = weight_present(&categories, policy);
    let metrics = DEFINITIONS.iter().zip(readings).zip(scores).map(|((it, reading), score)| {
        let in_category =
            present[Category::ALL.iter().position(|c| *c == it.category).unwrap_or(0)];
        MetricRow {
            category: it.category,
            metric: it.metric,
            present: score.is_some(),
            value: match reading {
                Reading::Value(value) => Some(millionths(*value)),
                Reading::Absent | Reading::Best => None,
            },
            score: score.map(stored),
            weight: match score {
                Some(_) => weight_share(policy.weight(it.category), weights, in_category),
                None => 0,
            },
        }
    });
    HealthRow {
        overall: overall(&categories, policy).map(stored),
        categories: categories.map(|score| score.map(stored)),
        coverage: coverage(&categories, policy),
        metrics: metrics.collect(),
    }
}

/// A carried score as it is stored: hundredths, half up. Scores are at most 100, so it always fits.
#[must_use]
pub fn stored(score: i128) -> i64 {
    i64::try_from(hundredths(score)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::HealthMetric;
    use proptest::prelude::*;

    #[test]
    fn a_score_runs_along_its_curve_either_way() {
        for (value, curve, expected) in [
            (0, (-200_000, 200_000), 5_000),
            (100_000, (-200_000, 200_000), 7_500),
            (990_000, (850_000, 995_000), 9_655),
            (25_000, (100_000, 0), 7_500),
            (0, (100_000, 0), 10_000),
            (200_000, (100_000, 0), 0),
            (48_000_000, (48_000_000, 1_000_000), 0),
        ] {
            assert_eq!(
                stored(metric_score(carried(value), curve)),
                expected,
                "{value} on {curve:?}"
            );
        }
    }

    #[test]
    fn a_value_past_all_digits_is_at_an_end_of_its_curve() {
        let huge = 10i128.pow(38) - 1;
        assert_eq!(metric_score(huge, (0, 1)), HUNDRED);
        assert_eq!(metric_score(-huge, (0, 1)), 0);
        assert_eq!(metric_score(huge, (1, 0)), 0);
        assert_eq!(metric_score(-huge, (1, 0)), HUNDRED);
    }

    #[test]
    fn a_category_left_out_leaves_the_others_its_weight() {
        let policy = Policy::default();
        // Financial 80 and risk 40: (0.25 x 80 + 0.10 x 60) / 0.35 = 74.285714...
        let categories = [Some(80 * ONE), None, None, None, Some(40 * ONE)];
        assert_eq!(overall(&categories, &policy).map(stored), Some(7_429));
        assert_eq!(coverage(&categories, &policy), 350_000);
        assert_eq!(weight_share(250_000, weight_present(&categories, &policy), 3), 238_095);
        assert_eq!(overall(&[None; 5], &policy), None);
        assert_eq!(coverage(&[None; 5], &policy), 0);
    }

    #[test]
    fn coverage_is_a_share_whatever_the_weights_add_up_to() {
        let json = r#"{"health.weight.financial":30,"health.weight.customer":10,
            "health.weight.operational":5,"health.weight.growth":4,"health.weight.risk":1}"#;
        let overrides = serde_json::from_str(json).expect("a policy");
        let policy = Policy::with(Some(&overrides));
        let categories = [Some(ONE), None, None, None, Some(ONE)];
        assert_eq!(coverage(&categories, &policy), 620_000);
    }

    #[test]
    fn variation_of_known_amounts() {
        // 2, 4, 4, 4, 5, 5, 7, 9: mean 5, sum of squares 32, sample variance 32 / 7.
        let amounts = [2, 4, 4, 4, 5, 5, 7, 9];
        let expected = 427_617; // sqrt(32 / 7) / 5 = 0.42761798...
        assert_eq!(variation(&amounts).map(|it| it / CARRIED_PER_MICRO), Some(expected));
        assert_eq!(variation(&[3, 3, 3]), Some(0));
        assert_eq!(variation(&[1, -1]), None, "no mean to hold it against");
        assert_eq!(variation(&[5]), None);
    }

    #[test]
    fn a_row_of_one_reading_of_each_sort() {
        let mut readings = [Reading::Absent; METRICS];
        readings[HealthMetric::CashRunway.index()] = Reading::Best;
        readings[HealthMetric::RefundRate.index()] = Reading::Value(carried(50_000));
        readings[HealthMetric::Compliance.index()] = Reading::Value(carried(10_000_000));
        let row = health_row(&readings, &Policy::default());
        // Financial (100 + 50) / 2, risk 10: (0.25 x 75 + 0.10 x 90) / 0.35 = 79.2857...
        assert_eq!(row.overall, Some(7_929));
        assert_eq!(row.categories, [Some(7_500), None, None, None, Some(1_000)]);
        assert_eq!(row.coverage, 350_000);
        let runway = &row.metrics[HealthMetric::CashRunway.index()];
        assert_eq!((runway.present, runway.value, runway.score), (true, None, Some(10_000)));
        assert_eq!(runway.weight, 357_143);
        let absent = &row.metrics[HealthMetric::Nps.index()];
        assert_eq!(
            (absent.present, absent.value, absent.score, absent.weight),
            (false, None, None, 0)
        );
        assert_eq!(row.metrics.len(), METRICS);
    }

    proptest! {
        #[test]
        fn a_better_value_never_scores_worse(
            a in -10_000_000i64..10_000_000, b in -10_000_000i64..10_000_000,
            from in -1_000_000i64..1_000_000, span in 1i64..1_000_000,
        ) {
            let (low, high) = (carried(a.min(b)), carried(a.max(b)));
            let curve = (from, from + span);
            prop_assert!(metric_score(low, curve) <= metric_score(high, curve));
            prop_assert!((0..=HUNDRED).contains(&metric_score(low, curve)));
        }

        #[test]
        fn overall_lies_among_its_categories(scores in prop::array::uniform5(prop::option::of(0..=HUNDRED))) {
            let policy = Policy::default();
            let good: Vec<i128> = scores.iter().enumerate()
                .filter_map(|(at, score)| score.map(|it| if at == 4 { HUNDRED - it } else { it }))
                .collect();
            match overall(&scores, &policy) {
                None => prop_assert!(good.is_empty()),
                Some(whole) => {
                    prop_assert!(good.iter().min().is_some_and(|least| *least <= whole));
                    prop_assert!(good.iter().max().is_some_and(|most| *most >= whole));
                }
            }
        }
    }
}
