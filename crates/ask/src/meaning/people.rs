//! What a question means by its customers: how many, which, or those for whom something did not happen.
//!
//! Promises that customers are counted, listed or left out by what the question says of them.

use super::gather::Gathered;
use super::{Absence, Meaning, Refusal, refuse};
use crate::lexicon::Role;
use crate::semantics::semantics;

const CUSTOMER: &str = "customer";

/// The measure that customers are counted by, where this one is said of them.
fn of_people(metric: &'static str) -> Option<&'static str> {
    semantics().metrics[metric].people.as_deref()
}

/// The measure that is shown of each customer.
fn of_each(metric: &'static str) -> &'static str {
    semantics().metrics[metric].each.as_deref().unwrap_or(metric)
}

/// Settles measures and splits where customers are spoken of.
pub(super) fn people(said: &mut Gathered, meaning: &mut Meaning) -> Result<(), Refusal> {
    meaning.metrics = std::mem::take(&mut said.metrics);
    let Some(customers) = &said.customers else {
        if said.threshold.is_some()
            && meaning.metrics.len() == 1
            && of_people(meaning.metrics[0]).is_some()
            && said.dimensions.is_empty()
        {
            return refuse("it does not say whose number is compared");
        }
        return Ok(());
    };
    // "How often did people come": how often all of them together.
    let how_much = said.has(Role::HowMuch) || said.has(Role::HowOften);
    let ranks_customers = said.ranked().is_some() && said.dimensions.is_empty();
    if said.threshold.is_some() {
        meaning.splits.push(vec![CUSTOMER]);
        meaning.counted = said.has(Role::HowMany);
        meaning.metrics.iter_mut().for_each(|it| *it = of_each(it));
    } else if customers.marked || ranks_customers {
        meaning.splits.push(vec![CUSTOMER]);
        meaning.metrics.iter_mut().for_each(|it| *it = of_each(it));
    } else if meaning.metrics.is_empty() {
        let others = said.dimensions.iter().any(|it| it.marked);
        if said.has(Role::HowMany) || others {
            meaning.metrics.push("customers");
        }
    } else if said.counts_customers
        || !said.dimensions.is_empty() && !how_much && !said.has(Role::HowMany)
    {
        let counted: Option<Vec<_>> = meaning.metrics.iter().map(|it| of_people(it)).collect();
        match counted {
            Some(counted) => meaning.metrics = counted,
            None => return refuse("customers are not counted by that"),
        }
    } else if how_much || said.has(Role::HowMany) {
        // "How much did customers spend": all of them together.
        meaning.metrics.iter_mut().for_each(|it| {
            if *it == "paying_customers" {
                *it = "net"
            }
        });
    } else {
        meaning.splits.push(vec![CUSTOMER]);
        meaning.metrics.iter_mut().for_each(|it| *it = of_each(it));
    }
    Ok(())
}

/// Settles a question about what did not happen.
pub(super) fn absence(said: &Gathered, meaning: &mut Meaning) -> Result<(), Refusal> {
    let metric = match said.metrics.as_slice() {
        ["visits" | "visitors"] => "visits",
        ["orders" | "paying_customers"] => "orders",
        _ => return refuse("only of visits and orders is it known who had none"),
    };
    let plain = said.customers.is_some()
        && said.dimensions.is_empty()
        && meaning.weekdays.is_empty()
        && meaning.names.is_empty()
        && said.threshold.is_none()
        && said.number.is_none()
        && !said.has(Role::When)
        && !said.has(Role::HowOften)
        && said.ranked().is_none();
    if !plain {
        return refuse("who did not come or buy can be asked of a time, and of nothing else");
    }
    let dated = said.times.len() == 1;
    if dated != (said.absence == Some(Absence::Since)) {
        return refuse("it does not say since when");
    }
    meaning.metrics = vec![metric];
    meaning.splits = vec![vec![CUSTOMER]];
    meaning.counted = said.has(Role::HowMany);
    meaning.absence = said.absence;
    Ok(())
}
