//! `sql/tests/*.slt`: every question is answered as PostgreSQL answers it on the same rows.

use std::path::Path;

use crate::postgres::Postgres;
use crate::studio::{Studio, ask, lines};

/// A question of a file.
struct Question {
    at: String,
    sql: String,
    /// Whether its rows come in an order that it asks for.
    ordered: bool,
}

/// The questions of a file: blocks of `query rowsort` or `query nosort`, then SQL up to an empty line.
fn questions(file: &Path) -> Vec<Question> {
    let text = std::fs::read_to_string(file).unwrap();
    let mut questions = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let ordered = match line.trim() {
            "query rowsort" => false,
            "query nosort" => true,
            "" => continue,
            comment if comment.starts_with('#') => continue,
            other => panic!("{}:{}: what is '{other}'?", file.display(), number + 1),
        };
        let sql = lines.by_ref().map(|(_, line)| line).take_while(|line| !line.trim().is_empty());
        let at = format!("{}:{}", file.file_name().unwrap().to_string_lossy(), number + 2);
        questions.push(Question { at, sql: sql.collect::<Vec<_>>().join("\n"), ordered });
    }
    questions
}

/// Whether two cells say the same. PostgreSQL divides to more digits than we show.
fn same(ours: &str, theirs: &str) -> bool {
    if ours == theirs {
        return true;
    }
    match (ours.parse::<f64>(), theirs.parse::<f64>()) {
        (Ok(ours), Ok(theirs)) => {
            let most = ours.abs().max(theirs.abs());
            (ours - theirs).abs() <= (1e-9 * most).max(6e-5)
        }
        _ => false,
    }
}

fn same_rows(ours: &[String], theirs: &[String]) -> bool {
    let same_row = |(ours, theirs): (&String, &String)| {
        let (ours, theirs): (Vec<_>, Vec<_>) =
            (ours.split('|').collect(), theirs.split('|').collect());
        ours.len() == theirs.len() && ours.iter().zip(&theirs).all(|(a, b)| same(a, b))
    };
    ours.len() == theirs.len() && ours.iter().zip(theirs).all(same_row)
}

/// Numbers in one form, so that lines of both sort alike.
fn sorted(rows: &[String]) -> Vec<String> {
    let normal = |cell: &str| match cell.parse::<f64>() {
        Ok(number) => format!("{number:.4}"),
        Err(_) => cell.to_owned(),
    };
    let mut rows: Vec<(String, String)> = rows
        .iter()
        .map(|row| (row.split('|').map(normal).collect::<Vec<_>>().join("|"), row.clone()))
        .collect();
    rows.sort();
    rows.into_iter().map(|it| it.1).collect()
}

pub(crate) async fn compare(
    postgres: &Postgres,
    zone: &str,
    file: &str,
    complaints: &mut Vec<String>,
) -> usize {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sql/tests").join(file);
    let questions = questions(&path);
    let studio = Studio::new(zone);
    postgres.load(&studio.tables());
    let catalog = studio.catalog();
    let texts: Vec<&str> = questions.iter().map(|it| it.sql.as_str()).collect();
    let theirs = postgres.answers(zone, &texts);
    for (question, theirs) in questions.iter().zip(theirs) {
        let ours = match ask(&catalog, &question.sql).await {
            Ok(answer) => lines(&answer),
            Err(error) => {
                complaints.push(format!(
                    "{} in {zone}: {} {error}\n{}",
                    question.at,
                    error.state.code(),
                    question.sql
                ));
                continue;
            }
        };
        let equal = if question.ordered {
            same_rows(&ours, &theirs)
        } else {
            same_rows(&sorted(&ours), &sorted(&theirs))
        };
        if !equal {
            let some =
                |rows: &[String]| rows.iter().take(8).cloned().collect::<Vec<_>>().join("\n  ");
            let (ours, theirs) = (some(&ours), some(&theirs));
            complaints.push(format!(
                "{} in {zone}:\n{}\nours:\n  {ours}\nPostgreSQL's:\n  {theirs}",
                question.at, question.sql
            ));
        }
    }
    questions.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_postgresqls() {
    let postgres = Postgres::start().await;
    let (mut complaints, mut asked) = (Vec::new(), 0);
    for file in ["select.slt", "group.slt", "join.slt", "window.slt"] {
        asked += compare(&postgres, "Europe/Berlin", file, &mut complaints).await;
    }
    for zone in [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "Africa/Cairo",
    ] {
        asked += compare(&postgres, zone, "zones.slt", &mut complaints).await;
    }
    postgres.stop().await;
    assert!(complaints.is_empty(), "{} of {asked}:\n{}", complaints.len(), complaints.join("\n\n"));
}
