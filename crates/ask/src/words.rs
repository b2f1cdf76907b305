//! A question cut into words, and words that were meant.
//!
//! Promises that a question with a character no question needs is refused whole: what is left are letters and
//! digits. Does not know what a word means.

/// One word of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    /// Without case and plural: what phrases are compared by.
    pub(crate) stem: String,
    /// Whether it was written as a plural.
    pub(crate) plural: bool,
    /// As it was written.
    pub(crate) written: String,
}

/// Words that say nothing, in questions and in phrases: "memberships were cancelled" is "memberships cancelled".
const SILENT: [&str; 8] = ["the", "a", "an", "is", "are", "was", "were", "be"];

/// The words of a question.
///
/// # Errors
/// A character that belongs to no question, such as a semicolon.
pub(crate) fn words(question: &str) -> Result<Vec<Word>, char> {
    if let Some(odd) = question.chars().find(|it| !belongs(*it)) {
        return Err(odd);
    }
    let pieces = question.split(|it: char| it.is_whitespace() || "\"“”/".contains(it));
    Ok(pieces.flat_map(parts).map(|part| word(&part)).filter(|it| !is_silent(it)).collect())
}

fn belongs(it: char) -> bool {
    it.is_alphanumeric() || it.is_whitespace() || "?.,!:'’\"“”-–/&".contains(it)
}

fn is_silent(word: &Word) -> bool {
    SILENT.contains(&word.stem.as_str())
}

/// What stands between two blanks: one word, or the parts that hyphens join; a date stays whole.
fn parts(piece: &str) -> Vec<String> {
    let piece = piece.trim_matches(|it: char| !it.is_alphanumeric());
    let piece: String = piece.chars().filter(|it| *it != '.').collect();
    if vitals_model::Date::parse(&piece).is_some() {
        return vec![piece];
    }
    let digits = piece.chars().all(|it| it.is_ascii_digit() || ",'’".contains(it));
    if digits {
        return vec![piece.chars().filter(char::is_ascii_digit).collect::<String>()]
            .into_iter()
            .filter(|it| !it.is_empty())
            .collect();
    }
    let parts = piece.split(['-', '–', ',', ':', '!', '?', '&']).filter(|it| !it.is_empty());
    parts.map(str::to_owned).collect()
}

fn word(written: &str) -> Word {
    let lower = written.to_lowercase().replace('’', "'");
    let bare = lower.strip_suffix("'s").or_else(|| lower.strip_suffix('\'')).unwrap_or(&lower);
    let bare = bare.replace('\'', "");
    let stem = stem(&bare);
    Word { plural: stem != bare, stem, written: written.to_owned() }
}

/// A word without the ending of its plural. Not grammar: the same for what is written here and in the phrases.
fn stem(word: &str) -> String {
    let cut = |ending: usize| word[..word.len() - ending].to_owned();
    let ends = |endings: &[&str]| endings.iter().any(|it| word.ends_with(it));
    if word.len() <= 3 || ends(&["ss", "us", "is"]) {
        word.to_owned()
    } else if ends(&["ies"]) {
        cut(3) + "y"
    } else if ends(&["sses", "shes", "ches", "xes"]) {
        cut(2)
    } else if ends(&["s"]) {
        cut(1)
    } else {
        word.to_owned()
    }
}

/// How many letters must be changed, added, taken away or swapped to make one word the other.
pub(crate) fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=right.len()).collect()];
    for i in 1..=left.len() {
        let mut row = vec![i];
        for j in 1..=right.len() {
            let same = usize::from(left[i - 1] != right[j - 1]);
            let mut best = (rows[i - 1][j - 1] + same).min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            let swapped =
                i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1];
            if swapped {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[left.len()][right.len()]
}

/// The one known word that an unknown one was probably meant to be: it begins alike and is one letter away, two
/// for long words. Short words are never guessed, nor where two known words are as near.
pub(crate) fn meant<'a>(unknown: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let letters = unknown.chars().count();
    let far = if letters >= 8 { 2 } else { usize::from(letters >= 5) };
    if unknown.chars().any(|it| it.is_ascii_digit()) {
        return None;
    }
    let near = known
        .filter(|it| it.chars().next() == unknown.chars().next())
        .filter(|it| it.chars().count() >= 4 && it.chars().count().abs_diff(letters) <= far)
        .map(|it| (distance(unknown, it), it))
        .filter(|(away, _)| *away <= far);
    let mut near: Vec<_> = near.collect();
    near.sort_unstable();
    near.dedup();
    match near.as_slice() {
        [(_, only)] => Some(only),
        [(first, nearest), (second, _), ..] if first < second => Some(nearest),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stems(question: &str) -> String {
        let words = words(question).unwrap();
        words.iter().map(|it| it.stem.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_question_is_cut_into_stems() {
        assert_eq!(stems("What were March's no-shows, by class?"), "what march no show by class");
        assert_eq!(
            stems("The classes of 2026-03-01 (".trim_end_matches('(')),
            "class of 2026-03-01"
        );
        assert_eq!(stems("Who spent more than 1'000?"), "who spent more than 1000");
        assert_eq!(stems("Who hasn’t come?"), "who hasnt come");
    }

    #[test]
    fn what_no_question_needs_is_refused() {
        for (question, odd) in [("x; drop", ';'), ("a = 1", '='), ("(select", '('), ("a*b", '*')] {
            assert_eq!(words(question), Err(odd));
        }
    }

    #[test]
    fn a_small_slip_is_read_as_the_word_that_was_meant() {
        let known = ["customer", "revenue", "visit", "score", "class"];
        let check = |unknown, expected| assert_eq!(meant(unknown, known.into_iter()), expected);
        check("costumer", Some("customer"));
        check("revnue", Some("revenue"));
        check("reveneu", Some("revenue"));
        check("vists", None);
        check("weather", None);
        check("clas", None);
    }
}
