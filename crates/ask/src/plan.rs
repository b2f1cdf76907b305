//! Where the numbers of a meaning come from: one relation that has every measure, split and filter of it.
//!
//! Promises that relation, or the reason why there is none. Writes no SQL.

use crate::business::Business;
use crate::calendar::{Unit, shift};
use crate::meaning::{Meaning, Refusal};
use crate::semantics::{Dimension, Metric, On, Relation, semantics};

/// A split that a relation has.
pub(crate) type Split = (&'static str, &'static Dimension);

/// A meaning with where it comes from.
#[derive(Debug)]
pub(crate) struct Plan<'m> {
    pub(crate) meaning: &'m Meaning,
    pub(crate) name: &'static str,
    pub(crate) relation: &'static Relation,
    pub(crate) measures: Vec<(&'static str, &'static Metric, &'static On)>,
    pub(crate) splits: Vec<Split>,
    /// Names asked for, with the split whose value each is.
    pub(crate) names: Vec<(Split, String)>,
}

fn dimension(id: &str) -> Option<Split> {
    semantics().dimensions.get_key_value(id).map(|(id, it)| (id.as_str(), it))
}

fn has(relation: &Relation, split: &Dimension) -> bool {
    match &split.column {
        Some(column) => relation.columns.contains(column),
        None => relation.at.is_some(),
    }
}

/// Finds where a meaning's numbers come from.
///
/// # Errors
/// There is no such place, or a name has several meanings there.
pub(crate) fn plan<'m>(meaning: &'m Meaning, business: &Business) -> Result<Plan<'m>, Refusal> {
    let metrics: Vec<_> =
        meaning.metrics.iter().map(|id| (*id, &semantics().metrics[*id])).collect();
    let (_, first) = metrics[0];
    if metrics.iter().any(|it| it.1.money) && business.currency.is_none() {
        return Err("the business has no currency, so sums of money mean nothing".to_owned());
    }
    let mut plans = first.on.iter().filter_map(|on| on_relation(meaning, &metrics, on));
    let plan = plans.next().ok_or_else(|| no_place(meaning, first))??;
    timed(&plan, business)?;
    Ok(plan)
}

fn no_place(meaning: &Meaning, first: &Metric) -> Refusal {
    let splits = meaning.splits.iter().filter_map(|it| dimension(it.first()?));
    let splits: Vec<String> = splits.map(|it| format!("by {}", it.1.title)).collect();
    let what = if splits.is_empty() {
        "with all that is asked beside it".to_owned()
    } else {
        splits.join(" and ")
    };
    format!("{} is not known {what}", first.title)
}

/// The plan on one relation, if it has all that is asked for.
fn on_relation<'m>(
    meaning: &'m Meaning,
    metrics: &[(&'static str, &'static Metric)],
    first: &'static On,
) -> Option<Result<Plan<'m>, Refusal>> {
    let (name, relation) = semantics().relations.get_key_value(&first.relation)?;
    let measures = metrics.iter().map(|(id, metric)| {
        let on = metric
            .on
            .iter()
            .find(|on| on.relation == first.relation && on.r#where == first.r#where)?;
        Some((*id, *metric, on))
    });
    let measures = measures.collect::<Option<Vec<_>>>()?;
    let splits = meaning
        .splits
        .iter()
        .map(|any_of| any_of.iter().filter_map(|id| dimension(id)).find(|it| has(relation, it.1)));
    let splits = splits.collect::<Option<Vec<_>>>()?;
    if !meaning.weekdays.is_empty() && relation.at.is_none() {
        return None;
    }
    let mut names = Vec::new();
    for choices in &meaning.names {
        let here =
            choices.iter().filter_map(|(kind, name)| Some((dimension(kind.dimension())?, name)));
        let here: Vec<_> = here.filter(|(split, _)| has(relation, split.1)).collect();
        match here.as_slice() {
            [] => return None,
            [(split, name)] => names.push((*split, (*name).clone())),
            [(one, name), (other, _), ..] => {
                let (one, other) = (&one.1.title, &other.1.title);
                return Some(Err(format!("{name} is a {one} and a {other}: say which")));
            }
        }
    }
    let conflicting = names.iter().any(|(split, name)| {
        names.iter().any(|(other, second)| split.0 == other.0 && name != second)
    });
    if conflicting {
        return Some(Err("it names two of a kind: ask for one at a time".to_owned()));
    }
    Some(Ok(Plan { meaning, name, relation, measures, splits, names }))
}

/// Whether the days asked about are days that the relation knows.
fn timed(plan: &Plan<'_>, business: &Business) -> Result<(), Refusal> {
    let title = &plan.measures[0].1.title;
    let Some((stretch, words)) = &plan.meaning.time else { return Ok(()) };
    let planned_ahead = ["booked", "held"].contains(&plan.name);
    if stretch.from > Some(business.today) && !planned_ahead {
        return Err(format!("{words} is to come, and nothing is foretold here"));
    }
    if plan.relation.at.is_some() {
        return Ok(());
    }
    if plan.relation.then.is_none() {
        return Err(format!("{title} are known as of today, not as of {words}"));
    }
    if stretch.from.is_none() && stretch.to.is_none() {
        return Err("it does not say which day".to_owned());
    }
    Ok(())
}

impl Plan<'_> {
    /// Whether the relation is a state asked about at a moment.
    pub(crate) fn is_state(&self) -> bool {
        self.relation.now.is_some()
    }

    /// The day after the one at which a state is asked for, where that is in the past.
    pub(crate) fn next_day(
        stretch: crate::calendar::Stretch,
        business: &Business,
    ) -> Option<vitals_model::Date> {
        let tomorrow = shift(business.today, Unit::Day, 1)?;
        stretch.to.filter(|it| *it < tomorrow)
    }
}
