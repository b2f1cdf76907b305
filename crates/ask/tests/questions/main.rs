//! Questions judged by executing: the rows that the guarded session gives for the SQL they become, against those that
//! PostgreSQL gives for SQL written by hand. In UTC, and in Berlin over a change of its clocks.
//!
//! The questions stand in `sql/semantic/tests/`: `answered.toml` (every meaning in five phrasings), `held_out.toml`
//! (phrasings that were written after the grammar, and to which it was not fitted), `unanswered.toml`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]
#![allow(clippy::print_stdout, reason = "a score is to be read")]

mod judge;
#[path = "../../../desk/tests/desk/oracle.rs"]
mod oracle;
#[path = "../../../desk/tests/desk/tables.rs"]
mod tables;
mod world;

use judge::{Judge, Meaning};
use vitals_ask::Check;

/// The share of phrasings that must be answered rightly.
const RIGHT_PERCENT_MIN: usize = 95;

fn meanings(text: &str) -> Vec<Meaning> {
    #[derive(serde::Deserialize)]
    struct File {
        meaning: Vec<Meaning>,
    }
    toml::from_str::<File>(text).unwrap().meaning
}

/// How many phrasings are right, wrong, not answered.
type Score = (usize, usize, usize);

/// Asks every phrasing of every meaning in a zone.
async fn score(name: &str, text: &str, zone: &str) -> Score {
    let judge = Judge::new(zone).await;
    let meanings = meanings(text);
    let references: Vec<&str> = meanings.iter().map(|it| it.sql.as_str()).collect();
    let expected = judge.references(&references).await;
    let (mut right, mut wrong, mut silent) = (0, 0, 0);
    for (meaning, expected) in meanings.iter().zip(expected) {
        assert!(!expected.is_empty(), "a reference without rows shows nothing: {}", meaning.sql);
        for question in &meaning.questions {
            match judge.ask(question).await {
                Ok(rows) if rows == expected => right += 1,
                Ok(rows) => {
                    wrong += 1;
                    let sql = judge.grammar.translate(question).unwrap().sql;
                    println!("wrong: {question}\n{sql}\n  got {rows:?}\n  not {expected:?}");
                }
                Err(why) => {
                    silent += 1;
                    println!("not answered: {question}: {why}");
                }
            }
        }
    }
    println!("{name}, {zone}: {right} right, {wrong} wrong, {silent} not answered");
    (right, wrong, silent)
}

const ANSWERED: &str = include_str!("../../../../sql/semantic/tests/answered.toml");

async fn answered_rightly(zone: &str) {
    let meanings = meanings(ANSWERED);
    assert!(meanings.len() >= 30 && meanings.iter().all(|it| it.questions.len() >= 5));
    let (right, wrong, silent) = score("answered", ANSWERED, zone).await;
    let all = right + wrong + silent;
    assert!(all >= 150 && right * 100 >= all * RIGHT_PERCENT_MIN, "{right} of {all}");
    assert_eq!(wrong, 0, "an answer is right or is not given");
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_are_answered_rightly() {
    answered_rightly("UTC").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_are_answered_rightly_where_clocks_change() {
    answered_rightly("Europe/Berlin").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn phrasings_the_grammar_was_not_fitted_to_are_never_answered_wrongly() {
    let text = include_str!("../../../../sql/semantic/tests/held_out.toml");
    let (_, wrong, _) = score("held out", text, "Europe/Berlin").await;
    assert_eq!(wrong, 0, "an answer is right or is not given");
}

/// Phrasings written before the vocabulary was last widened, and by which it was not.
#[tokio::test(flavor = "multi_thread")]
async fn fresh_phrasings_are_never_answered_wrongly() {
    let text = include_str!("../../../../sql/semantic/tests/fresh.toml");
    let (_, wrong, _) = score("fresh", text, "UTC").await;
    assert_eq!(wrong, 0, "an answer is right or is not given");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_answered_is_not() {
    #[derive(serde::Deserialize)]
    struct File {
        questions: Vec<String>,
    }
    let text = include_str!("../../../../sql/semantic/tests/unanswered.toml");
    let questions = toml::from_str::<File>(text).unwrap().questions;
    assert!(questions.len() >= 40);
    let judge = Judge::new("UTC").await;
    let mut answered = Vec::new();
    for question in &questions {
        match judge.grammar.translate(question) {
            Ok(translation) => answered.push(format!("{question}\n  {:?}", translation.understood)),
            Err(refusal) => {
                assert!(!refusal.why.is_empty() && refusal.nearest.len() == 3, "{refusal:?}");
                for near in refusal.nearest {
                    judge.grammar.translate(&near).unwrap();
                }
            }
        }
    }
    println!("unanswerable: {} of {} answered", answered.len(), questions.len());
    assert!(answered.is_empty(), "\n{}\n", answered.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_example_is_answered() {
    #[derive(serde::Deserialize)]
    struct File {
        questions: Vec<String>,
    }
    let text = include_str!("../../../../sql/semantic/examples.toml");
    let judge = Judge::new("UTC").await;
    for question in toml::from_str::<File>(text).unwrap().questions {
        let rows = judge.ask(&question).await;
        let executed = |rows: &Vec<String>| !rows.iter().any(|it| it.contains("SELECT"));
        assert!(rows.as_ref().is_ok_and(executed), "{question}: {rows:?}");
    }
}

/// A name with a quote in it stays a name, and what is asked of a vital carries its second computation.
#[tokio::test(flavor = "multi_thread")]
async fn names_are_literals_and_vitals_are_checked() {
    let judge = Judge::new("UTC").await;
    let translation = judge.grammar.translate("How many visits did Maeve O'Brien make?").unwrap();
    assert!(translation.sql.contains("= 'Maeve O''Brien'"), "{}", translation.sql);
    let revenue = judge.grammar.translate("net revenue by month in 2025").unwrap();
    assert!(revenue.sql.contains("revenue_trend") && matches!(revenue.check, Some(Check::Sql(_))));
    let risk = judge.grammar.translate("who is at risk?").unwrap();
    assert_eq!(risk.check, Some(Check::Definition("churn_risk".to_owned())));
    let range = revenue.range.unwrap();
    assert_eq!(range.from.unwrap().to_string(), "2025-01-01");
    assert_eq!(range.to.unwrap().to_string(), "2025-12-31");
}
