//! What the pieces of a question come to together.
//!
//! Promises that every piece is used or the question is refused with the reason: what the pieces would mean only by
//! guessing is refused too. Knows no SQL.

use crate::business::{Business, NameKind};
use crate::calendar::{Stretch, Unit};
use crate::lexicon::Role;
use crate::reading::{Piece, Than};
use crate::semantics::semantics;

mod gather;
mod people;

use gather::Gathered;

/// Rows of a ranking when the question says no number and speaks of several.
const RANKED_ROWS: i32 = 10;
/// Days of the usual look at busy hours: the heatmap's window of twelve weeks.
const BUSY_DAYS: i32 = 84;

/// A stretch of days and how it was said.
pub(crate) type Said = (Stretch, String);

/// Who is asked for because something did not happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absence {
    /// Not in the stretch, but before it.
    Since,
    /// Not once.
    Never,
}

/// A question understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Meaning {
    pub(crate) metrics: Vec<&'static str>,
    /// What splits the answer: each any of several, of which a relation will have one.
    pub(crate) splits: Vec<Vec<&'static str>>,
    pub(crate) names: Vec<Vec<(NameKind, String)>>,
    pub(crate) weekdays: Vec<u8>,
    pub(crate) time: Option<Said>,
    pub(crate) compared: Option<Said>,
    /// How much each row of a series changed from the one before.
    pub(crate) growth: bool,
    /// Rows, and whether the largest come first.
    pub(crate) ranking: Option<(i32, bool)>,
    pub(crate) threshold: Option<(Than, i32)>,
    /// The number of rows instead of the rows.
    pub(crate) counted: bool,
    pub(crate) absence: Option<Absence>,
}

/// A question understood: as measures, or as one that has an answer of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Understood {
    Answer(&'static str),
    Measures(Box<Meaning>),
}

/// Why not: one plain sentence.
pub(crate) type Refusal = String;

fn refuse<T>(why: impl Into<String>) -> Result<T, Refusal> {
    Err(why.into())
}

/// What the pieces mean together.
pub(crate) fn understand(pieces: &[Piece], business: &Business) -> Result<Understood, Refusal> {
    if let Some(id) = answer(pieces)? {
        return Ok(Understood::Answer(id));
    }
    let mut said = gather::gather(pieces)?;
    let mut meaning = Meaning {
        names: std::mem::take(&mut said.names),
        weekdays: std::mem::take(&mut said.weekdays),
        threshold: said.threshold,
        ..Meaning::default()
    };
    measures(&mut said)?;
    if said.absence.is_some() {
        people::absence(&said, &mut meaning)?;
    } else {
        people::people(&mut said, &mut meaning)?;
        splits(&said, &mut meaning)?;
        ranking(&said, &mut meaning)?;
    }
    times(&said, &mut meaning, business)?;
    if meaning.metrics.is_empty() {
        return refuse("it does not say what to measure");
    }
    settle(&mut meaning)?;
    Ok(Understood::Measures(Box::new(meaning)))
}

/// The answer of its own that is asked for, which takes nothing beside it.
fn answer(pieces: &[Piece]) -> Result<Option<&'static str>, Refusal> {
    let answers = pieces.iter().filter_map(|it| match it {
        Piece::Answer(id) => Some(*id),
        _ => None,
    });
    let answers: Vec<&'static str> = answers.collect();
    let Some(first) = answers.first() else { return Ok(None) };
    let plain = |it: &Piece| matches!(it, Piece::Answer(_) | Piece::Role(Role::By | Role::HowMuch));
    let title = &semantics().answers[*first].title;
    if answers.len() > 1 || !pieces.iter().all(plain) {
        return refuse(format!(
            "the {title} is known as of today and as a whole: it cannot be split, dated or combined"
        ));
    }
    Ok(Some(first))
}

/// What a verb without a measure measures, and whether one with a measure goes with it.
fn measures(said: &mut Gathered) -> Result<(), Refusal> {
    let of_product = said.names.iter().flatten().any(|it| it.0 == NameKind::Product)
        || said.has_product
        || said.dimensions.iter().any(|it| it.any_of.contains(&"product"));
    let money = said.has(Role::Earn)
        || said.has(Role::Sell)
        || said.has(Role::Buy)
        || said.has(Role::Spend);
    if said.metrics.is_empty() && said.has(Role::HowOften) {
        if !said.has(Role::Buy) {
            return refuse("it does not say what is counted");
        }
        said.metrics.push("orders");
        return Ok(());
    }
    if said.metrics.is_empty() {
        let of_customers = said.customers.is_some()
            || said.names.iter().flatten().any(|it| it.0 == NameKind::Customer);
        if said.has(Role::Spend) && !of_customers {
            return refuse(
                "it does not say who spent: ask for expenses, or for what customers spent",
            );
        }
        let metric = if said.has(Role::Spend) || said.has(Role::Earn) || said.has(Role::HowMuch) {
            Some("net")
        } else if said.has(Role::Buy) && said.customers.is_some() {
            Some("paying_customers")
        } else if (said.has(Role::Sell) || said.has(Role::Buy))
            && (said.has(Role::HowMany) || of_product)
        {
            Some("units")
        } else if said.has(Role::Buy) || said.has(Role::Sell) {
            Some("net")
        } else {
            None
        };
        if money {
            said.metrics.extend(metric);
        }
        return Ok(());
    }
    if said.has(Role::Earn) && said.metrics.contains(&"bookings") {
        return refuse("bookings are dated by their session, not by when they were made");
    }
    let sold = [
        "net",
        "gross",
        "discount",
        "units",
        "orders",
        "average_order",
        "refunds",
        "profit",
        "paying_customers",
        "new_customers",
        "new_memberships",
    ];
    if (said.has(Role::Buy) || said.has(Role::Sell) || said.has(Role::Spend))
        && !said.metrics.iter().all(|it| sold.contains(it))
    {
        return refuse("it asks for buying and for something else at once: ask for one at a time");
    }
    Ok(())
}

/// What the answer is split by, customers aside.
fn splits(said: &Gathered, meaning: &mut Meaning) -> Result<(), Refusal> {
    let ranked = said.ranked().is_some();
    if said.dimensions.iter().filter(|it| !it.marked).count() > 1 {
        return refuse("it is not clear which of its words splits the answer: say \"by\"");
    }
    for dimension in &said.dimensions {
        let count =
            dimension.any_of.iter().find_map(|it| semantics().dimensions[*it].count.as_deref());
        let title = &semantics().dimensions[dimension.any_of[0]].title;
        if dimension.marked || ranked {
            meaning.splits.push(dimension.any_of.clone());
        } else if said.has(Role::HowMany) && meaning.metrics.is_empty() && count.is_some() {
            meaning.metrics.extend(count);
        } else if meaning.metrics == ["units"] && dimension.any_of.contains(&"product") {
            // "How many products did we sell": the products are what the units are of.
        } else {
            return refuse(format!(
                "it is not clear what {title} is asked for: say \"by {title}\", or its name"
            ));
        }
    }
    if (said.has(Role::Busiest) || said.has(Role::Quietest)) && meaning.metrics.is_empty() {
        meaning.metrics.push("visits");
    }
    if meaning.splits.is_empty()
        && (said.has(Role::Busiest) || said.has(Role::Quietest) || said.has(Role::When))
    {
        if !ranked {
            return refuse(
                "\"when\" can be answered of the busiest and quietest hours, or of the most and least of something",
            );
        }
        meaning.splits = vec![vec!["weekday"], vec!["hour"]];
    } else if said.has(Role::When) {
        let timed = |id: &&'static str| semantics().dimensions[*id].column.is_none();
        if !ranked || !meaning.splits.iter().flatten().all(timed) {
            return refuse(
                "\"when\" needs something to rank: the busiest hours, the day with the most sales",
            );
        }
    }
    Ok(())
}

/// Which rows come first, and how many.
fn ranking(said: &Gathered, meaning: &mut Meaning) -> Result<(), Refusal> {
    let Some(descending) = said.ranked() else {
        return match said.number {
            Some(number) => refuse(format!("it is not clear what {number} stands for")),
            None => Ok(()),
        };
    };
    let by_default = said.dimensions.is_empty() && said.customers.is_none();
    if meaning.splits.len() > 1 && !by_default {
        return refuse("it is not clear what is ranked within what");
    }
    let dimensions = &semantics().dimensions;
    let first = meaning.splits.iter().flatten().next();
    let Some(first) = first else {
        return refuse("it does not say what to rank: customers, products, classes, months");
    };
    if meaning.metrics.is_empty() {
        match &dimensions[*first].best {
            Some(best) => meaning.metrics.push(best),
            None => {
                return refuse(format!(
                    "it does not say by what to rank a {}: revenue, visits",
                    dimensions[*first].title
                ));
            }
        }
    }
    let several = said.dimensions.iter().chain(&said.customers).any(|it| it.plural);
    let rows = said.number.unwrap_or(if several || by_default { RANKED_ROWS } else { 1 });
    meaning.ranking = Some((rows, descending));
    Ok(())
}

/// The days asked about, and those they are compared with.
fn times(said: &Gathered, meaning: &mut Meaning, business: &Business) -> Result<(), Refusal> {
    let mut times = said.times.iter().cloned();
    meaning.time = times.next();
    let second = times.next();
    if times.next().is_some() || (second.is_some() && !said.has(Role::Compared)) {
        return refuse("it speaks of more times than one: say which is compared with which");
    }
    let busy = said.has(Role::Busiest) || said.has(Role::Quietest) || said.has(Role::When);
    if meaning.time.is_none() && busy {
        let stretch = Stretch::trailing(business.today, Unit::Day, BUSY_DAYS);
        meaning.time = stretch.map(|it| (it, "the last 12 weeks".to_owned()));
    }
    let growth = said.has(Role::Growth);
    let year = said.has(Role::YearBefore) || said.has(Role::OverYear);
    let before = said.has(Role::Previous) || said.has(Role::OverMonth);
    // "Compare revenue by location": the rows are what is compared.
    let rows_compared = said.begins_with_compare && !meaning.splits.is_empty() && second.is_none();
    let compared = said.has(Role::Compared) && !rows_compared;
    let asked = growth || year || before || compared;
    if !asked {
        return Ok(());
    }
    let series = meaning.splits.iter().flatten().any(|it| semantics().dimensions[*it].series);
    if series {
        meaning.growth = (growth || said.has(Role::OverMonth))
            && !year
            && meaning.splits.len() == 1
            && second.is_none();
        return if meaning.growth {
            Ok(())
        } else {
            refuse("a series over time is not compared with another one")
        };
    }
    let Some((stretch, _)) = &meaning.time else {
        return refuse("it does not say which time is compared");
    };
    let last_year = second.as_ref().is_some_and(|(it, words)| {
        it.unit == Some(Unit::Year)
            && words.to_lowercase() == "last year"
            && stretch.unit != Some(Unit::Year)
    });
    meaning.compared = match second {
        Some(second) if !last_year && !year && !before => Some(second),
        Some(_) if !last_year => return refuse("it names two times to compare with"),
        _ if year || last_year => {
            stretch.year_before().map(|it| (it, "the same days a year before".to_owned()))
        }
        _ if before || (growth && stretch.unit.is_some()) => {
            stretch.before().map(|it| (it, "the one before".to_owned()))
        }
        _ => None,
    };
    if meaning.compared.as_ref().is_some_and(|it| it.0 == *stretch) {
        return refuse("it compares a time with itself");
    }
    match (&meaning.compared, meaning.ranking) {
        (None, _) => refuse("it does not say with what to compare"),
        (Some(_), Some(_)) => refuse("a ranking is not compared with another time"),
        (Some(_), None) if meaning.threshold.is_some() || meaning.absence.is_some() => {
            refuse("customers picked by a number are not compared with another time")
        }
        (Some(_), None) => Ok(()),
    }
}

/// What only the whole shows.
fn settle(meaning: &mut Meaning) -> Result<(), Refusal> {
    if meaning.metrics == ["active_customers"] && meaning.time.is_none() {
        meaning.metrics = vec!["status_active"];
    }
    if meaning.threshold.is_some() && (meaning.splits.is_empty() || meaning.metrics.len() != 1) {
        return refuse("it does not say whose number is compared");
    }
    if meaning.counted && meaning.threshold.is_none() && meaning.absence.is_none() {
        return refuse("it is not clear what is counted");
    }
    Ok(())
}
