//! What workers answer is what a session answers.

use std::time::Duration;

use arrow::datatypes::DataType;
use vitals_query::SqlState;
use vitals_query::answers::{Answers, Param, Question};

use crate::canaries::OTHER;
use crate::studio::{Studio, TENANT, ask, lines};
use crate::world::{NUMBERS, World, count};

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_answers_as_a_session_does() {
    let (world, catalog) = (World::patient(2), Studio::new("Europe/Berlin").catalog());
    for sql in [
        "SELECT 1 AS one, 'x' AS text, DATE '2026-03-29' AS day, 1.50 AS money, NULL AS nothing",
        "SELECT count(*) FROM visits",
        "SELECT id, visited_at, status FROM visits WHERE visited_at >= DATE '2026-10-25' ORDER BY id",
        "SELECT status, count(*), min(visited_at) FROM visits GROUP BY status ORDER BY 1",
        "SELECT c.display_name, sum(l.quantity * l.unit_price) FROM orders o \
         JOIN order_lines l ON l.order_id = o.id JOIN customers c ON c.id = o.customer_id \
         WHERE o.status IN ('paid', 'refunded') GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 5",
        "SELECT id, tags FROM customers WHERE email IS NULL ORDER BY id",
        "SELECT v.id FROM visits v JOIN organizations o ON TRUE ORDER BY v.id LIMIT 3",
        "SELECT id FROM visits WHERE status = 'nothing'",
        "SELECT today(), now(), date_trunc('week', now())",
    ] {
        let (here, there) = (ask(&catalog, sql).await.unwrap(), world.ask(TENANT, sql).await);
        let there = there.unwrap_or_else(|error| panic!("{sql}: {error}"));
        assert_eq!(lines(&there), lines(&here), "{sql}");
        assert_eq!(there.schema, here.schema, "{sql}");
        assert_eq!((there.as_of, there.zone), (here.as_of, here.zone));
    }
    let other = world.ask(OTHER, "SELECT first_name FROM customers").await.unwrap();
    assert_eq!((lines(&other), other.as_of.tick), (vec!["CANARY".to_owned()], 3));
    assert_eq!(count(&world.counts.started), 2, "workers are kept");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_are_values_and_a_description_needs_none() {
    let world = World::patient(1);
    let sql =
        "SELECT count(*) AS n FROM orders WHERE total > $1 AND status = $2 AND ordered_at >= $3";
    let params = || {
        let day = Param::Date("2026-03-29".to_owned());
        vec![Param::Number("100.5".to_owned()), Param::Text("paid".to_owned()), day]
    };
    let question = Question::new(TENANT, sql);
    let answer = world.workers.answer(question.clone().with_params(params())).await.unwrap();
    let written = sql.replace("$1", "100.5").replace("$2", "'paid'");
    let written = written.replace("$3", "DATE '2026-03-29'");
    let written = world.ask(TENANT, &written).await.unwrap();
    assert_eq!(lines(&answer.collect().await.unwrap()), lines(&written));

    let description = world.workers.describe(question.clone()).await.unwrap();
    assert_eq!(description.schema.field(0).data_type(), &DataType::Int64);
    let types: Vec<_> = description.params.iter().flatten().map(ToString::to_string).collect();
    assert_eq!(types, ["Decimal128(20, 6)", "Utf8", "Timestamp(µs, \"Europe/Berlin\")"]);

    let error = world.workers.answer(question).await.unwrap_err();
    assert_eq!(error.state, SqlState::Params, "{error}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_has_all_rows_and_an_answer_says_when_it_has_not() {
    let world = World::patient(1);
    let all = world.export("SELECT n, text FROM numbers ORDER BY n").await.unwrap();
    assert_eq!((all.rows(), all.truncated), (NUMBERS as usize, false));
    assert!(all.batches.len() > 3);
    assert_eq!(lines(&all)[149_999], "149999|some text of row 149999");
    let some = world.ask(TENANT, "SELECT n FROM numbers").await.unwrap();
    assert_eq!((some.rows(), some.truncated), (10_000, true));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_keeps_no_worker_and_one_that_leaves_ends_the_work() {
    let world = World::new(1, Duration::from_secs(60));
    let slow = world.workers.answer(Question::new(TENANT, "SELECT n, text FROM numbers")).await;
    assert_eq!(
        lines(&world.ask(TENANT, "SELECT 1").await.unwrap()),
        ["1"],
        "while nobody reads it"
    );
    assert_eq!(slow.unwrap().collect().await.unwrap().rows(), 10_000);

    // Far longer than anybody waits for a place.
    let endless = "SELECT count(*) FROM numbers a JOIN numbers b ON a.n % 2 = b.n % 2";
    let question = world.workers.answer(Question::new(TENANT, endless));
    assert!(tokio::time::timeout(Duration::from_millis(300), question).await.is_err());
    assert_eq!(lines(&world.ask(TENANT, "SELECT 2").await.unwrap()), ["2"]);
    world.stop().await;
}
