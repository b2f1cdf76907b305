//! What is refused in a session, soon, and without a word about others. The corpus of hostile statements is run
//! where it belongs, against processes that may die (`crates/workers/tests/workers/hostile.rs`).

use std::time::{Duration, Instant};

use vitals_model::UtcMicros;
use vitals_query::{Question, Sessions, SqlState};

use crate::studio::{NOW, Studio, TENANT, ask, lines};

#[tokio::test]
async fn a_foreign_table_and_one_that_nobody_has_get_the_same_words() {
    let catalog = Studio::new("UTC").catalog();
    let refusal = async |table: &str| {
        let error = ask(&catalog, &format!("SELECT * FROM {table}")).await.unwrap_err();
        error.to_string().replace(table, "it")
    };
    assert_eq!(refusal("tenants").await, refusal("never_heard_of").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_takes_too_long_is_stopped_and_others_go_on() {
    let catalog = Studio::new("UTC").catalog();
    let sessions = Sessions::with_deadline(Duration::from_millis(300));
    let long = "SELECT count(*) FROM visits a JOIN visits b ON a.source = b.source \
                JOIN visits c ON a.source = c.source JOIN visits d ON a.source = d.source";
    let now = UtcMicros::parse(NOW).unwrap();
    let began = Instant::now();
    let error = sessions.answer(&catalog, &Question::new(TENANT, long), now).await.unwrap_err();
    assert_eq!(error.state, SqlState::TooSlow);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert_eq!(lines(&ask(&catalog, "SELECT 1").await.unwrap()), ["1"]);
}

#[tokio::test]
async fn rows_beyond_the_limit_are_cut_and_that_is_said() {
    let catalog = Studio::new("UTC").catalog();
    let pairs = "SELECT a.id, b.id AS other FROM visits a JOIN visits b ON a.source = b.source";
    let answer = ask(&catalog, pairs).await.unwrap();
    assert!(answer.truncated);
    assert_eq!(answer.rows(), vitals_model::limits::QUERY_ROWS_MAX);
    let answer = ask(&catalog, &format!("{pairs} LIMIT 10")).await.unwrap();
    assert!(!answer.truncated);
}
