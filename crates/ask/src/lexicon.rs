//! Which words mean what: the phrases of the semantic layer and the business's own names.
//!
//! Promises that a phrase is found by its stems, so that plurals and case do not matter. Built once per business;
//! knows no question.

use std::collections::{BTreeMap, BTreeSet};

use crate::business::{Business, NameKind};
use crate::semantics::semantics;
use crate::words::words;

/// What a small word does in a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    Glue,
    Also,
    By,
    HowMany,
    HowOften,
    HowMuch,
    Earn,
    Sell,
    Buy,
    Spend,
    Without,
    Never,
    Growth,
    Most,
    Least,
    Busiest,
    Quietest,
    When,
    Compared,
    Previous,
    YearBefore,
    OverYear,
    OverMonth,
    More,
    AtLeast,
    Less,
    AtMost,
    Exactly,
    OrMore,
}

/// The roles by the names that `words.toml` has for them.
const ROLES: [(&str, Role); 29] = [
    ("glue", Role::Glue),
    ("also", Role::Also),
    ("by", Role::By),
    ("how_many", Role::HowMany),
    ("how_often", Role::HowOften),
    ("how_much", Role::HowMuch),
    ("earn", Role::Earn),
    ("sell", Role::Sell),
    ("buy", Role::Buy),
    ("spend", Role::Spend),
    ("without", Role::Without),
    ("never", Role::Never),
    ("growth", Role::Growth),
    ("most", Role::Most),
    ("least", Role::Least),
    ("busiest", Role::Busiest),
    ("quietest", Role::Quietest),
    ("when", Role::When),
    ("compared", Role::Compared),
    ("previous", Role::Previous),
    ("year_before", Role::YearBefore),
    ("over_year", Role::OverYear),
    ("over_month", Role::OverMonth),
    ("more", Role::More),
    ("at_least", Role::AtLeast),
    ("less", Role::Less),
    ("at_most", Role::AtMost),
    ("exactly", Role::Exactly),
    ("or_more", Role::OrMore),
];

/// One meaning of a phrase, the weightiest first: an answer of its own before a measure before a small word.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sense {
    Answer(&'static str),
    Metric(&'static str),
    Dimension(&'static str),
    Role(Role),
    Name(NameKind, String),
}

/// Phrases and what they mean.
#[derive(Clone, Debug)]
pub(crate) struct Lexicon {
    phrases: BTreeMap<String, Vec<Sense>>,
    known: BTreeSet<String>,
    /// Those that carry meaning: what a slip of spelling may be read as.
    contents: BTreeSet<String>,
    longest: usize,
}

impl Lexicon {
    /// The phrases of the semantic layer and of a business.
    pub(crate) fn new(business: &Business) -> Self {
        let mut lexicon = Self {
            phrases: BTreeMap::new(),
            known: BTreeSet::new(),
            contents: BTreeSet::new(),
            longest: 0,
        };
        let semantics = semantics();
        for (id, answer) in &semantics.answers {
            answer.words.iter().for_each(|it| lexicon.add(it, Sense::Answer(id)));
        }
        for (id, metric) in &semantics.metrics {
            metric.words.iter().for_each(|it| lexicon.add(it, Sense::Metric(id)));
        }
        for (id, dimension) in &semantics.dimensions {
            dimension.words.iter().for_each(|it| lexicon.add(it, Sense::Dimension(id)));
        }
        for (name, role) in ROLES {
            semantics.words[name].iter().for_each(|it| lexicon.add(it, Sense::Role(role)));
        }
        for word in &semantics.words["time"] {
            let stems = lexicon.know(word);
            lexicon.contents.extend(stems);
        }
        for (kind, name) in &business.names {
            lexicon.add(name, Sense::Name(*kind, name.clone()));
        }
        lexicon
    }

    fn know(&mut self, phrase: &str) -> Vec<String> {
        let stems = words(phrase).unwrap_or_default().into_iter().map(|it| it.stem);
        let stems: Vec<String> = stems.collect();
        self.known.extend(stems.iter().cloned());
        stems
    }

    fn add(&mut self, phrase: &str, sense: Sense) {
        let stems = self.know(phrase);
        if stems.is_empty() {
            return;
        }
        self.longest = self.longest.max(stems.len());
        if !matches!(sense, Sense::Role(_)) {
            self.contents.extend(stems.iter().cloned());
        }
        let senses = self.phrases.entry(stems.join(" ")).or_default();
        senses.push(sense);
        senses.sort();
        senses.dedup();
    }

    /// Whether a word stands in any phrase.
    pub(crate) fn knows(&self, stem: &str) -> bool {
        self.known.contains(stem)
    }

    /// The words that carry meaning.
    pub(crate) fn contents(&self) -> impl Iterator<Item = &str> {
        self.contents.iter().map(String::as_str)
    }

    /// The longest phrase that `stems` begin with: its length and its meanings.
    pub(crate) fn longest(&self, stems: &[&str]) -> Option<(usize, &[Sense])> {
        let lengths = (1..=self.longest.min(stems.len())).rev();
        let mut found = lengths.filter_map(|length| {
            let senses = self.phrases.get(&stems[..length].join(" "))?;
            Some((length, senses.as_slice()))
        });
        found.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_of_small_words_has_a_role() {
        let roles: BTreeSet<&str> = ROLES.iter().map(|it| it.0).chain(["time"]).collect();
        let lists: BTreeSet<&str> = semantics().words.keys().map(String::as_str).collect();
        assert_eq!(lists, roles);
    }
}
