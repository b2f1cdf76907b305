//! Questions that can be answered, nearest first.
//!
//! Promises a few of the semantic layer's examples, ordered by the words they share with a question.

use std::collections::BTreeSet;

use crate::semantics::semantics;
use crate::words::{meant, words};

/// Questions offered in place of one that cannot be answered.
const OFFERED: usize = 3;

/// The nearest questions to one.
pub(crate) fn to(question: &str) -> Vec<String> {
    let small: BTreeSet<String> =
        semantics().words.values().flatten().flat_map(|it| stems(it)).collect();
    let asked: BTreeSet<String> = stems(question).difference(&small).cloned().collect();
    let shared = |example: &String| {
        let known = stems(example);
        let shares = |word: &&String| {
            known.contains(*word) || meant(word, known.iter().map(String::as_str)).is_some()
        };
        asked.iter().filter(shares).count()
    };
    let mut ranked: Vec<&String> = semantics().examples.iter().collect();
    ranked.sort_by_key(|it| std::cmp::Reverse(shared(it)));
    ranked.into_iter().take(OFFERED).cloned().collect()
}

fn stems(text: &str) -> BTreeSet<String> {
    // A refused character says nothing about the words around it.
    let plain: String =
        text.chars().map(|it| if it.is_alphanumeric() { it } else { ' ' }).collect();
    words(&plain).unwrap_or_default().into_iter().map(|it| it.stem).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_about_the_same_come_first() {
        assert_eq!(to("refunds per zebra; drop")[0], "How much did we refund last month?");
        assert!(to("members on mars")[0].contains("members"));
        assert_eq!(to("").len(), OFFERED);
    }
}
