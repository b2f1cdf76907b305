//! `sql/tests/hostile.txt`: every statement gets the refusal it deserves, soon, and the sessions live on.

use std::time::{Duration, Instant};

use vitals_model::UtcMicros;
use vitals_query::{Sessions, SqlState};

use crate::studio::{NOW, Studio, ask, lines};

/// A statement of the corpus, and the refusals that are right for it.
struct Attack {
    sql: String,
    right: Vec<String>,
}

/// The first innermost `{{..}}` of a line, as what is before, inside and after it.
fn braces(line: &str) -> Option<(&str, &str, &str)> {
    let end = line.find("}}")?;
    // `{{4**}}}}`: the last two of a run of braces close.
    let end = end + line[end + 2..].bytes().take_while(|it| *it == b'}').count() % 2;
    let start = line[..end].rfind("{{")?;
    Some((&line[..start], &line[start + 2..end], &line[end + 2..]))
}

fn expand(line: &str) -> Vec<String> {
    let Some((before, inside, after)) = braces(line) else { return vec![line.to_owned()] };
    let repeated = inside.split_once("**").and_then(|(n, text)| Some((n.parse().ok()?, text)));
    let choices: Vec<String> = match repeated {
        Some((times, text)) => vec![str::repeat(text, times)],
        None => inside.split(";;").map(ToOwned::to_owned).collect(),
    };
    choices.iter().flat_map(|it| expand(&format!("{before}{it}{after}"))).collect()
}

fn corpus() -> Vec<Attack> {
    let text = include_str!("../../../../sql/tests/hostile.txt");
    let (mut attacks, mut right) = (Vec::new(), Vec::new());
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            Some(words) => right = words.split(' ').map(ToOwned::to_owned).collect(),
            None => attacks
                .extend(expand(line).into_iter().map(|sql| Attack { sql, right: right.clone() })),
        }
    }
    attacks
}

#[tokio::test(flavor = "multi_thread")]
async fn every_attack_is_refused_as_it_deserves_and_soon() {
    let catalog = Studio::new("Europe/Berlin").catalog();
    let attacks = corpus();
    let mut complaints = Vec::new();
    for Attack { sql, right } in &attacks {
        let shown: String = sql.chars().take(120).collect();
        let began = Instant::now();
        let outcome = match ask(&catalog, sql).await {
            Ok(answer) => format!("answered {:?}", lines(&answer).first()),
            Err(error) => {
                let text = format!("{error} {}", error.mend);
                // What a row holds, or a slug in the catalogue's place, is nobody's business.
                if text.contains("attended") || text.contains("example.org") {
                    complaints.push(format!("{shown}: tells a value: {text}"));
                }
                error.state.slug().to_owned()
            }
        };
        if !right.contains(&outcome) {
            complaints.push(format!("{shown}: {outcome}, not {}", right.join(" or ")));
        }
        if began.elapsed() > Duration::from_secs(5) {
            complaints.push(format!("{shown}: took {:?}", began.elapsed()));
        }
    }
    assert!(attacks.len() >= 300, "{} attacks", attacks.len());
    assert!(
        complaints.is_empty(),
        "{} of {}:\n{}",
        complaints.len(),
        attacks.len(),
        complaints.join("\n")
    );
    assert_eq!(lines(&ask(&catalog, "SELECT count(*) FROM visits").await.unwrap()), ["400"]);
}

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
    let error = sessions.answer(&catalog, long, now).await.unwrap_err();
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
