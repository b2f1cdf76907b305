//! Questions judged by executing: the rows of the SQL that they become against those of SQL written by hand.
//!
//! The questions stand in `sql/semantic/tests/`: `answered.toml` (every meaning in five phrasings), `held_out.toml`
//! (phrasings that were written after the grammar, and to which it was not fitted), `unanswered.toml`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop where it is")]
#![allow(clippy::print_stdout, reason = "a score is to be read")]

mod judge;
mod vitals;
mod world;

use judge::{Judge, Meaning};
use vitals_ask::{Check, Grammar};

/// The share of phrasings that must be answered rightly.
const RIGHT_PERCENT_MIN: usize = 95;

fn meanings(text: &str) -> Vec<Meaning> {
    #[derive(serde::Deserialize)]
    struct File {
        meaning: Vec<Meaning>,
    }
    toml::from_str::<File>(text).unwrap().meaning
}

/// Asks every phrasing of every meaning: how many are right, how many wrong, how many not answered.
async fn score(name: &str, text: &str) -> (usize, usize, usize) {
    let judge = Judge::new().await;
    let (mut right, mut wrong, mut silent) = (0, 0, 0);
    for meaning in meanings(text) {
        let expected = judge.rows(&meaning.sql).await.unwrap();
        assert!(!expected.is_empty(), "a reference without rows shows nothing: {}", meaning.sql);
        for question in &meaning.questions {
            match judge.ask(question).await {
                Ok(rows) if rows == expected => right += 1,
                Ok(rows) => {
                    wrong += 1;
                    let sql = Grammar::translate(question, &judge.business).unwrap().sql;
                    println!("wrong: {question}\n{sql}\n  got {rows:?}\n  not {expected:?}");
                }
                Err(why) => {
                    silent += 1;
                    println!("not answered: {question}: {why}");
                }
            }
        }
    }
    println!("{name}: {right} right, {wrong} wrong, {silent} not answered");
    (right, wrong, silent)
}

#[tokio::test]
async fn questions_are_answered_rightly() {
    let text = include_str!("../../../../sql/semantic/tests/answered.toml");
    let meanings = meanings(text);
    assert!(meanings.len() >= 30 && meanings.iter().all(|it| it.questions.len() >= 5));
    let (right, wrong, silent) = score("answered", text).await;
    let all = right + wrong + silent;
    assert!(all >= 150 && right * 100 >= all * RIGHT_PERCENT_MIN, "{right} of {all}");
    assert_eq!(wrong, 0, "an answer is right or is not given");
}

#[tokio::test]
async fn phrasings_the_grammar_was_not_fitted_to_are_never_answered_wrongly() {
    let text = include_str!("../../../../sql/semantic/tests/held_out.toml");
    let (_, wrong, _) = score("held out", text).await;
    assert_eq!(wrong, 0, "an answer is right or is not given");
}

#[tokio::test]
async fn what_cannot_be_answered_is_not() {
    #[derive(serde::Deserialize)]
    struct File {
        questions: Vec<String>,
    }
    let text = include_str!("../../../../sql/semantic/tests/unanswered.toml");
    let questions = toml::from_str::<File>(text).unwrap().questions;
    assert!(questions.len() >= 40);
    let judge = Judge::new().await;
    let mut answered = Vec::new();
    for question in &questions {
        match Grammar::translate(question, &judge.business) {
            Ok(translation) => answered.push(format!("{question}\n  {:?}", translation.understood)),
            Err(refusal) => {
                assert!(!refusal.why.is_empty() && refusal.nearest.len() == 3, "{refusal:?}");
                for near in refusal.nearest {
                    Grammar::translate(&near, &judge.business).unwrap();
                }
            }
        }
    }
    println!("unanswerable: {} of {} answered", answered.len(), questions.len());
    assert!(answered.is_empty(), "\n{}\n", answered.join("\n"));
}

#[tokio::test]
async fn every_example_is_answered() {
    #[derive(serde::Deserialize)]
    struct File {
        questions: Vec<String>,
    }
    let text = include_str!("../../../../sql/semantic/examples.toml");
    let judge = Judge::new().await;
    for question in toml::from_str::<File>(text).unwrap().questions {
        let rows = judge.ask(&question).await;
        let executed = |rows: &Vec<String>| !rows.iter().any(|it| it.contains("SELECT"));
        assert!(rows.as_ref().is_ok_and(executed), "{question}: {rows:?}");
    }
}

/// A name with a quote in it stays a name, and what is asked of a vital carries its second computation.
#[tokio::test]
async fn names_are_literals_and_vitals_are_checked() {
    let judge = Judge::new().await;
    let translation =
        Grammar::translate("How many visits did Maeve O'Brien make?", &judge.business).unwrap();
    assert!(translation.sql.contains("= 'Maeve O''Brien'"), "{}", translation.sql);
    let revenue = Grammar::translate("net revenue by month in 2025", &judge.business).unwrap();
    assert!(revenue.sql.contains("revenue_trend") && matches!(revenue.check, Some(Check::Sql(_))));
    let risk = Grammar::translate("who is at risk?", &judge.business).unwrap();
    assert_eq!(risk.check, Some(Check::Definition("churn_risk".to_owned())));
    let range = revenue.range.unwrap();
    assert_eq!(range.from.unwrap().to_string(), "2025-01-01");
    assert_eq!(range.to.unwrap().to_string(), "2025-12-31");
}
