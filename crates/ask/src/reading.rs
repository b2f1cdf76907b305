//! A question read from left to right into pieces that each mean something.
//!
//! Promises that every word becomes part of a piece, or is handed back as not understood: nothing is skipped.
//! Knows phrases, not what they come to together.

use crate::business::NameKind;
use crate::calendar::Stretch;
use crate::lexicon::{Lexicon, Role, Sense};
use crate::time::{Calendar, is_month, number, weekday};
use crate::words::{Word, meant, words};

/// A comparison with a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Than {
    More,
    AtLeast,
    Less,
    AtMost,
    Exactly,
}

/// Some words of a question and what they mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Answer(&'static str),
    Metric(&'static str),
    /// What may be meant, and whether in the plural, and as an adverb ("daily").
    Dimension {
        any_of: Vec<&'static str>,
        plural: bool,
        adverb: bool,
    },
    Name(Vec<(NameKind, String)>),
    Time(Stretch, String),
    Weekdays(Vec<u8>),
    Threshold(Than, i32),
    Number(i32),
    Role(Role),
}

/// What a question was read as.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading {
    pub(crate) pieces: Vec<Piece>,
    /// Words that were read as others: as written, as meant.
    pub(crate) slips: Vec<(String, String)>,
    /// Words that mean nothing here, as written.
    pub(crate) unknown: Vec<String>,
}

/// Reads a question.
///
/// # Errors
/// A character that belongs to no question.
pub(crate) fn read(question: &str, lexicon: &Lexicon, calendar: Calendar) -> Result<Reading, char> {
    let mut words = words(question)?;
    let mut reading = Reading::default();
    for word in &mut words {
        let known =
            lexicon.knows(&word.stem) || word.stem.starts_with(|it: char| it.is_ascii_digit());
        if !known && let Some(other) = meant(&word.stem, lexicon.contents()) {
            reading.slips.push((word.written.clone(), other.to_owned()));
            word.stem = other.to_owned();
        }
    }
    let stems: Vec<&str> = words.iter().map(|it| it.stem.as_str()).collect();
    let mut at = 0;
    while at < words.len() {
        // "March compared with the previous month": the one before March, not before today.
        let said = |it: fn(&Piece) -> bool| reading.pieces.iter().any(it);
        let after_compared = said(|it| *it == Piece::Role(Role::Compared))
            && said(|it| matches!(it, Piece::Time(..)));
        match next(&words[at..], &stems[at..], lexicon, calendar, after_compared) {
            Some((read, piece)) => {
                reading.pieces.push(piece);
                at += read;
            }
            None => {
                reading.unknown.push(words[at].written.clone());
                at += 1;
            }
        }
    }
    reading.pieces.retain(|it| *it != Piece::Role(Role::Glue));
    Ok(reading)
}

/// The piece that the words begin with, and how many of them it is.
fn next(
    words: &[Word],
    stems: &[&str],
    lexicon: &Lexicon,
    calendar: Calendar,
    after_compared: bool,
) -> Option<(usize, Piece)> {
    if let Some(threshold) = threshold(stems, lexicon) {
        return Some(threshold);
    }
    if words[0].plural
        && let Some(day) = weekday(stems[0])
    {
        return Some((1, Piece::Weekdays(vec![day])));
    }
    if stems[0] == "weekend" {
        return Some((1, Piece::Weekdays(vec![6, 7])));
    }
    // "Mars" is no plural of March.
    let sound = |read: usize| !words[..read].iter().any(|it| it.plural && is_month(&it.stem));
    let time = calendar.read(stems).filter(|it| sound(it.0));
    let phrase = lexicon.longest(stems);
    let time_length = time.as_ref().map_or(0, |it| it.0);
    let phrase_length = phrase.map_or(0, |it| it.0);
    let phrase_wins =
        phrase_length > time_length || (phrase_length == time_length && after_compared);
    if let Some((read, stretch)) = time
        && !phrase_wins
    {
        let written: Vec<&str> = words[..read].iter().map(|it| it.written.as_str()).collect();
        return Some((read, Piece::Time(stretch, written.join(" "))));
    }
    if let Some((read, senses)) = phrase {
        return Some((read, of_senses(senses, &words[..read])));
    }
    number(stems[0]).map(|it| (1, Piece::Number(it)))
}

/// `more than 5`, `at least 3`, `5 or more`.
fn threshold(stems: &[&str], lexicon: &Lexicon) -> Option<(usize, Piece)> {
    let role = |stems| {
        let (read, senses) = lexicon.longest(stems)?;
        senses.iter().find_map(|sense| match sense {
            Sense::Role(role) => Some((read, *role)),
            Sense::Answer(_) | Sense::Metric(_) | Sense::Dimension(_) | Sense::Name(..) => None,
        })
    };
    if let Some(count) = number(stems.first()?)
        && let Some((read, Role::OrMore)) = role(&stems[1..])
    {
        return Some((read + 1, Piece::Threshold(Than::AtLeast, count)));
    }
    let (read, role) = role(stems)?;
    let than = match role {
        Role::More => Than::More,
        Role::AtLeast => Than::AtLeast,
        Role::Less => Than::Less,
        Role::AtMost => Than::AtMost,
        Role::Exactly => Than::Exactly,
        _ => return None,
    };
    let count = number(stems.get(read)?)?;
    Some((read + 1, Piece::Threshold(than, count)))
}

fn of_senses(senses: &[Sense], words: &[Word]) -> Piece {
    let last = words.last().map_or("", |it| it.stem.as_str());
    let plural = words.iter().any(|it| it.plural) || last == "people";
    let dimensions: Vec<&'static str> = senses
        .iter()
        .filter_map(|it| if let Sense::Dimension(id) = it { Some(*id) } else { None })
        .collect();
    let names: Vec<(NameKind, String)> = senses
        .iter()
        .filter_map(|it| {
            if let Sense::Name(kind, name) = it { Some((*kind, name.clone())) } else { None }
        })
        .collect();
    match &senses[0] {
        Sense::Answer(id) => Piece::Answer(id),
        Sense::Metric(id) => Piece::Metric(id),
        Sense::Dimension(_) => {
            let adverb = last.ends_with("ly") || (words.len() == 3 && words[1].stem == "by");
            Piece::Dimension { any_of: dimensions, plural, adverb }
        }
        Sense::Role(role) => Piece::Role(*role),
        Sense::Name(..) => Piece::Name(names),
    }
}
