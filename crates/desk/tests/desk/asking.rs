//! Questions at the desk: what an answer rests on, two computations that differ, and a business that changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use async_trait::async_trait;
use serde_json::json;
use vitals_desk::{Asked, Desk, NotAnswered};
use vitals_model::UtcMicros;
use vitals_query::QueryError;
use vitals_query::answers::{Answers, Description, Question, Rows};

use crate::tables::{InMemory, NOW};
use crate::world;

async fn ask(desk: &Desk, answers: &InMemory, question: &str) -> Asked {
    desk.ask(answers.tenant(), question).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_says_what_it_rests_on() {
    let records = world::records("Europe/Berlin");
    let answers = Arc::new(InMemory::new(&records, &records, world::today()).await);
    let desk = Desk::new(answers.clone(), || NOW);
    let asked = ask(&desk, &answers, "Net revenue by month in 2025").await;
    assert_eq!(
        (asked.as_of, asked.time_zone.as_str(), asked.translator.as_str()),
        (7, "Europe/Berlin", "builtin")
    );
    assert_eq!(asked.tables, ["order_lines", "orders", "refunds", "revenue_trend"]);
    let dates = asked.dates.unwrap();
    assert_eq!(
        (dates.from.as_deref(), dates.to.as_deref()),
        (Some("2025-01-01"), Some("2025-12-31"))
    );
    assert_eq!(
        (asked.chart.kind.as_str(), asked.chart.x.as_deref(), asked.chart.y),
        ("line", Some("month"), vec!["net".to_owned()])
    );
    let check = asked.check.unwrap();
    assert_eq!(
        (check.by.as_str(), check.agrees, check.differences.len()),
        ("records", Some(true), 0)
    );
    assert!(asked.sql.contains("FROM revenue_trend") && check.sql.contains("FROM orders"));

    let kinds = [
        ("How many members do we have?", "number", None),
        ("Visits by class last month", "bar", Some("class")),
        ("Top 5 customers by revenue this year", "table", None),
        ("When is it busiest?", "bar", Some("hour")),
        ("What is our health score?", "number", None),
    ];
    for (question, kind, x) in kinds {
        let chart = ask(&desk, &answers, question).await.chart;
        assert_eq!((chart.kind.as_str(), chart.x.as_deref()), (kind, x), "{question}");
    }
    let empty = ask(&desk, &answers, "Revenue by day in January 2020").await;
    assert_eq!(
        (empty.rows.len(), empty.answer.as_str()),
        (0, "Net revenue by day, January 2020: nothing was found.")
    );
    match desk.ask(answers.tenant(), "What will revenue be next month?").await {
        Err(NotAnswered::Cannot { nearest, .. }) => assert_eq!(nearest.len(), 3),
        other => panic!("{other:?}"),
    }
}

/// The maintained vitals are of fewer records than there are: every number that they hold is wrong.
#[tokio::test(flavor = "multi_thread")]
async fn a_mismatch_is_shown_with_both_numbers() {
    let records = world::records("Europe/Berlin");
    let mut fewer = world::records("Europe/Berlin");
    let gone = json!({ "tenant": fewer.tenant(), "kind": "order", "source": "studio", "id": "late", "version": 2,
        "received_at": "2026-03-18T00:00:00Z", "deleted": true });
    fewer.absorb(gone.to_string().as_bytes()).unwrap();
    let answers = Arc::new(InMemory::new(&records, &fewer, world::today()).await);
    let right = Arc::new(InMemory::new(&records, &records, world::today()).await);
    let desk = Desk::new(answers.clone(), || NOW).with_recount(right);
    // One sale of 777.00 at half past midnight of 1 October in Berlin is missing.
    let asked = ask(&desk, &answers, "Gross revenue by month in 2025").await;
    let check = asked.check.unwrap();
    assert_eq!((check.agrees, check.differences.len()), (Some(false), 1));
    let both = &check.differences[0];
    let number = |text: &Option<String>| {
        let text = text.clone().unwrap();
        text.strip_prefix("2025-10-01 | ").unwrap().parse::<f64>().unwrap()
    };
    assert!((number(&both.computed) - number(&both.answered) - 777.0).abs() < 1e-6, "{both:?}");
    assert!(asked.answer.contains("A second computation differs"), "{}", asked.answer);

    let health = ask(&desk, &answers, "What is our customer score?").await.check.unwrap();
    assert_eq!((health.by.as_str(), health.agrees.is_some()), ("definition", true));
    let alone = Desk::new(answers.clone(), || NOW);
    let health = ask(&alone, &answers, "What is our health score?").await.check.unwrap();
    assert_eq!(
        (health.agrees, health.why_not.as_deref()),
        (None, Some("nobody here computes it anew"))
    );
}

#[derive(Debug)]
struct Counted {
    inner: Arc<InMemory>,
    asked: AtomicUsize,
}

#[async_trait]
impl Answers for Counted {
    async fn answer(&self, question: Question) -> Result<Rows, QueryError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.inner.answer(question).await
    }

    async fn describe(&self, question: Question) -> Result<Description, QueryError> {
        self.inner.describe(question).await
    }
}

static CLOCK: AtomicI64 = AtomicI64::new(0);

#[tokio::test(flavor = "multi_thread")]
async fn a_business_is_read_once_in_half_a_minute() {
    let records = world::records("UTC");
    let inner = Arc::new(InMemory::new(&records, &records, world::today()).await);
    let counted = Arc::new(Counted { inner: inner.clone(), asked: AtomicUsize::new(0) });
    let desk = Desk::new(counted.clone(), || UtcMicros(CLOCK.load(Ordering::Relaxed)));
    let after = async |second: i64| {
        CLOCK.store(second * 1_000_000, Ordering::Relaxed);
        ask(&desk, &inner, "How many customers do we have?").await;
        counted.asked.swap(0, Ordering::Relaxed)
    };
    // Settings, names, and the answer; then the answer alone.
    assert_eq!((after(0).await, after(1).await, after(29).await), (3, 1, 1));
    assert_eq!((after(30).await, after(31).await), (3, 1));
}
