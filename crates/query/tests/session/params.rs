//! Values in the places of `$1`, `$2`: what they mean, and which are refused.

use arrow::datatypes::DataType;
use vitals_model::UtcMicros;
use vitals_query::answers::{Description, Param};
use vitals_query::{QueryError, Question, Sessions, SqlState};

use crate::studio::{NOW, Studio, TENANT, ask, lines};

fn text(it: &str) -> Param {
    Param::Text(it.to_owned())
}

fn number(it: &str) -> Param {
    Param::Number(it.to_owned())
}

fn date(it: &str) -> Param {
    Param::Date(it.to_owned())
}

fn instant(it: &str) -> Param {
    Param::Instant(it.to_owned())
}

async fn asked(sql: &str, params: Vec<Param>) -> Result<Vec<String>, QueryError> {
    let catalog = Studio::new("America/New_York").catalog();
    let question = Question::new(TENANT, sql).with_params(params);
    let now = UtcMicros::parse(NOW).unwrap();
    let answer = Sessions::default().answer(&catalog, &question, now).await?.collect().await?;
    Ok(lines(&answer))
}

async fn described(sql: &str) -> Result<Description, QueryError> {
    let catalog = Studio::new("America/New_York").catalog();
    let now = UtcMicros::parse(NOW).unwrap();
    Sessions::default().describe(&catalog, &Question::new(TENANT, sql), now).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_is_what_it_would_be_if_it_were_written_out() {
    let catalog = Studio::new("America/New_York").catalog();
    for (sql, params, written) in [
        ("SELECT $1 + 1", vec![number("41")], vec!["41"]),
        ("SELECT $1 * 3", vec![number("-0.1")], vec!["(-0.1)"]),
        (
            "SELECT $2 AS a, $1 AS b, $2 AS c",
            vec![text("a'b; --"), Param::Null],
            vec!["'a''b; --'", "NULL"],
        ),
        ("SELECT NOT $1", vec![Param::Bool(true)], vec!["TRUE"]),
        (
            "SELECT id FROM visits WHERE visited_at >= $1 AND visited_at < $2 ORDER BY id",
            vec![date("2026-03-08"), text("2026-03-09")],
            vec!["DATE '2026-03-08'", "'2026-03-09'"],
        ),
        (
            "SELECT count(*) FROM visits WHERE visited_at > $1",
            vec![instant("2026-06-01T12:00:00")],
            vec!["TIMESTAMP '2026-06-01 12:00:00'"],
        ),
        (
            "SELECT count(*) FROM visits WHERE visited_at > $1",
            vec![instant("2026-06-01T12:00:00+09:00")],
            vec!["TIMESTAMPTZ '2026-06-01 03:00:00Z'"],
        ),
        ("SELECT id FROM orders WHERE total = $1 ORDER BY id", vec![number("7.50")], vec!["7.50"]),
        ("SELECT id FROM visits ORDER BY id LIMIT $1", vec![number("3")], vec!["3"]),
        (
            "SELECT id FROM visits WHERE status IN ($1) ORDER BY id",
            vec![text("no_show")],
            vec!["'no_show'"],
        ),
        (
            "SELECT date_trunc('month', $1)",
            vec![instant("2026-03-01T02:00:00Z")],
            vec!["TIMESTAMPTZ '2026-03-01T02:00:00Z'"],
        ),
    ] {
        let mut literal = sql.to_owned();
        for (at, text) in written.iter().enumerate() {
            literal = literal.replace(&format!("${}", at + 1), text);
        }
        let theirs = lines(&ask(&catalog, &literal).await.unwrap());
        let ours = asked(sql, params).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(ours, theirs, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_does_not_fit_is_refused_by_its_number() {
    let by_status = "SELECT id FROM visits WHERE status = $1";
    let by_total = "SELECT id FROM orders WHERE total > $1";
    let by_time = "SELECT id FROM visits WHERE visited_at > $1";
    for (sql, params, right) in [
        (by_status, vec![], SqlState::Params),
        (by_status, vec![text("a"), text("b")], SqlState::Params),
        ("SELECT 1", vec![text("a")], SqlState::Params),
        ("SELECT $2", vec![text("a"), text("b")], SqlState::Params),
        ("SELECT $0", vec![text("a")], SqlState::Params),
        ("SELECT $a", vec![text("a")], SqlState::Params),
        (by_status, vec![number("5")], SqlState::Types),
        (by_total, vec![text("5")], SqlState::Types),
        (by_total, vec![date("2026-01-01")], SqlState::Types),
        (by_time, vec![Param::Bool(true)], SqlState::Types),
        (by_total, vec![number("1e9")], SqlState::BadValue),
        (by_total, vec![number("0x10")], SqlState::BadValue),
        (by_total, vec![number("1 OR 1=1")], SqlState::BadValue),
        (by_time, vec![date("2026-02-30")], SqlState::BadValue),
        (by_time, vec![instant("yesterday")], SqlState::BadValue),
        (by_status, vec![text(&"x".repeat(70_000))], SqlState::TooComplex),
        ("SELECT id FROM customers WHERE email ~ $1", vec![text("a")], SqlState::NotSupported),
        ("SELECT * FROM $1", vec![text("visits")], SqlState::Syntax),
    ] {
        let error = asked(sql, params.clone()).await.unwrap_err();
        assert_eq!(error.state, right, "{sql} {params:?}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_description_has_columns_and_types_and_computes_nothing() {
    let zoned = |it: &DataType| it.to_string();
    let it = described(
        "SELECT visited_at, sum(1) OVER (), status || $1 AS text FROM visits \
         WHERE visited_at >= $2 AND version > $3 LIMIT $4",
    );
    let it = it.await.unwrap();
    let columns: Vec<_> = it.schema.fields().iter().map(|it| zoned(it.data_type())).collect();
    assert_eq!(columns[0], "Timestamp(µs, \"America/New_York\")");
    assert_eq!(columns[2], "Utf8");
    let params: Vec<_> = it.params.iter().map(|it| it.as_ref().map(zoned)).collect();
    assert_eq!(params[1].as_deref(), Some("Timestamp(µs, \"America/New_York\")"));
    assert_eq!(params[2].as_deref(), Some("Int64"));
    assert_eq!(params.len(), 4);
    for sql in ["SELECT 1 / (version - version) FROM visits", "SELECT count(*) FROM visits"] {
        let (catalog, described) = (Studio::new("UTC").catalog(), described(sql).await.unwrap());
        if let Ok(answer) = ask(&catalog, sql).await {
            assert_eq!(described.schema, answer.schema);
        }
    }
    assert_eq!(
        described("SELECT nothing FROM visits").await.unwrap_err().state,
        SqlState::NoColumn
    );
    assert_eq!(described("DELETE FROM visits").await.unwrap_err().state, SqlState::NotReadOnly);
}
