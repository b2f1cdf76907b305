//! The pieces of a question sorted by kind, with what their neighbours say of them.
//!
//! Promises that no piece is lost: what is said twice in ways that differ is refused.

use super::{Absence, Refusal, Said, refuse};
use crate::business::NameKind;
use crate::lexicon::Role;
use crate::reading::{Piece, Than};
use crate::semantics::semantics;

/// Something to split by.
#[derive(Clone, Debug)]
pub(crate) struct Split {
    pub(crate) any_of: Vec<&'static str>,
    /// "By" it, or "which" of it, or an adverb: it was clearly meant to split.
    pub(crate) marked: bool,
    pub(crate) plural: bool,
}

/// A question's pieces by kind.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) metrics: Vec<&'static str>,
    pub(crate) dimensions: Vec<Split>,
    pub(crate) customers: Option<Split>,
    /// Whether "how many" is said of the customers.
    pub(crate) counts_customers: bool,
    /// Whether comparing is what it begins with.
    pub(crate) begins_with_compare: bool,
    /// Whether "product" stands beside a product's name.
    pub(crate) has_product: bool,
    pub(crate) names: Vec<Vec<(NameKind, String)>>,
    pub(crate) weekdays: Vec<u8>,
    pub(crate) times: Vec<Said>,
    pub(crate) threshold: Option<(Than, i32)>,
    pub(crate) number: Option<i32>,
    pub(crate) absence: Option<Absence>,
    roles: Vec<Role>,
}

impl Gathered {
    pub(crate) fn has(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Whether rows are ranked, and then whether the largest come first.
    pub(crate) fn ranked(&self) -> Option<bool> {
        let up = self.has(Role::Least) || self.has(Role::Quietest);
        let down = self.has(Role::Most) || self.has(Role::Busiest);
        (up != down).then_some(down)
    }
}

pub(crate) fn gather(pieces: &[Piece]) -> Result<Gathered, Refusal> {
    let begins_with_compare = pieces.first() == Some(&Piece::Role(Role::Compared));
    let mut said = Gathered { begins_with_compare, ..Gathered::default() };
    for (at, piece) in pieces.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| &pieces[at]);
        let after = pieces.get(at + 1);
        match piece {
            // Answers of their own are dealt with before.
            Piece::Answer(_) => {}
            Piece::Metric(id) if said.metrics.contains(id) => {}
            Piece::Metric(id) => metric(&mut said, id, before)?,
            Piece::Dimension { any_of, plural, adverb } => {
                let marked =
                    *adverb || before == Some(&Piece::Role(Role::By)) || is_ranked_by(pieces, at);
                let split = Split { any_of: any_of.clone(), marked, plural: *plural };
                dimension(&mut said, split, before, after)?;
            }
            Piece::Name(names) => said.names.push(kinds_beside(names, before, after)),
            Piece::Time(stretch, words) => said.times.push((*stretch, words.clone())),
            Piece::Weekdays(days) => said.weekdays.extend(days),
            Piece::Threshold(than, number) => {
                if said.threshold.replace((*than, *number)).is_some() {
                    return refuse("it compares with more numbers than one");
                }
            }
            Piece::Number(number) => {
                if said.number.replace(*number).is_some_and(|it| it != *number) || *number == 0 {
                    return refuse("it is not clear what its numbers stand for");
                }
            }
            Piece::Role(role @ (Role::Without | Role::Never)) => {
                let absence = if *role == Role::Never { Absence::Never } else { Absence::Since };
                if said.absence.replace(absence).is_some_and(|it| it != absence) {
                    return refuse("it says no twice");
                }
            }
            Piece::Role(
                Role::More
                | Role::AtLeast
                | Role::Less
                | Role::AtMost
                | Role::Exactly
                | Role::OrMore,
            ) => {
                return refuse("it compares with no number");
            }
            Piece::Role(Role::By) if after.is_none() => {
                return refuse("it does not say by what");
            }
            Piece::Role(role) => said.roles.push(*role),
        }
    }
    let (up, down) = (
        said.has(Role::Least) || said.has(Role::Quietest),
        said.has(Role::Most) || said.has(Role::Busiest),
    );
    if up && down {
        return refuse("it asks for the most and the least at once");
    }
    Ok(said)
}

/// Another measure is asked for beside the first only when the question says "and"; a verb of the first is part of
/// it: "different people attended".
fn metric(said: &mut Gathered, id: &'static str, before: Option<&Piece>) -> Result<(), Refusal> {
    let metrics = &semantics().metrics;
    let is_verb = said.metrics.last().is_some_and(|it| metrics[*it].each.as_deref() == Some(id));
    if is_verb {
        return Ok(());
    }
    if !said.metrics.is_empty() && before != Some(&Piece::Role(Role::Also)) {
        return refuse("it speaks of two measures: ask for one, or join them by \"and\"");
    }
    said.metrics.push(id);
    Ok(())
}

/// "Which 3 classes": the number stands between.
fn is_ranked_by(pieces: &[Piece], at: usize) -> bool {
    at >= 2 && matches!(pieces[at - 1], Piece::Number(_)) && pieces[at - 2] == Piece::Role(Role::By)
}

fn dimension(
    said: &mut Gathered,
    split: Split,
    before: Option<&Piece>,
    after: Option<&Piece>,
) -> Result<(), Refusal> {
    let beside = |piece: Option<&Piece>| match piece {
        Some(Piece::Name(names)) => names.iter().any(|it| split.any_of.contains(&it.0.dimension())),
        _ => false,
    };
    if beside(before) || beside(after) {
        // "Class Yoga", "Yoga classes": the name says which.
        said.has_product |= split.any_of.contains(&"product");
        return Ok(());
    }
    if split.any_of.iter().any(|it| semantics().dimensions[*it].people) {
        said.counts_customers |= before == Some(&Piece::Role(Role::HowMany));
        said.customers = match said.customers.take() {
            Some(first) => Some(Split {
                marked: first.marked || split.marked,
                plural: first.plural || split.plural,
                ..first
            }),
            None => Some(split),
        };
        return Ok(());
    }
    match said.dimensions.iter_mut().find(|it| it.any_of == split.any_of) {
        Some(first) => first.marked |= split.marked,
        None => said.dimensions.push(split),
    }
    Ok(())
}

/// The meanings of a name that a word beside it leaves: "product Yoga" is no class.
fn kinds_beside(
    names: &[(NameKind, String)],
    before: Option<&Piece>,
    after: Option<&Piece>,
) -> Vec<(NameKind, String)> {
    for piece in [before, after].into_iter().flatten() {
        if let Piece::Dimension { any_of, .. } = piece {
            let left = names.iter().filter(|it| any_of.contains(&it.0.dimension())).cloned();
            let left: Vec<_> = left.collect();
            if !left.is_empty() {
                return left;
            }
        }
    }
    names.to_vec()
}
