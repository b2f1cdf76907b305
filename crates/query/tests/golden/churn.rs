//! `churn_risk` of Springfield Gym on 30 June 2026: every signal present, missing, and zero.

use serde_json::json;

use crate::story::{Story, churn_lines};

fn visits(story: &mut Story, customer: &str, days: &[&str]) {
    for (at, day) in days.iter().enumerate() {
        let visit = json!({"customer_id": customer, "visited_at": format!("{day}T17:00:00Z")});
        story.put("visit", &format!("mb:{customer}-{at}"), visit);
    }
}

/// Recent is 1 to 30 June, previous 2 to 31 May.
#[expect(clippy::too_many_lines, reason = "a story is told in one piece")]
fn springfield_gym() -> Story {
    let mut story = Story::new();
    story.put(
        "organization",
        "native:gym",
        json!({"name": "Springfield Gym",
        "time_zone": "America/Chicago", "currency": "USD"}),
    );
    for (id, status) in [
        ("ann", "active"),
        ("bob", "active"),
        ("cal", "inactive"),
        ("dee", "lead"),
        ("eve", "paused"),
    ] {
        story.put("customer", &format!("mb:{id}"), json!({"status": status}));
    }
    // Ann shows every sign.
    visits(
        &mut story,
        "ann",
        &["2026-05-02", "2026-05-09", "2026-05-16", "2026-05-31", "2026-06-01", "2026-06-30"],
    );
    story.put(
        "invoice",
        "mb:i1",
        json!({"customer_id": "ann", "amount": "50",
        "issued_at": "2026-06-01T17:00:00Z", "due_at": "2026-06-20T17:00:00Z"}),
    );
    for (id, sent, replied) in [
        ("m1", "2026-06-01T17:00:00Z", Some("2026-06-04T17:00:00Z")),
        ("m2", "2026-06-02T17:00:00Z", Some("2026-06-05T17:00:00.000001Z")),
        ("m3", "2026-06-03T17:00:00Z", None),
    ] {
        story.put(
            "message",
            &format!("mb:{id}"),
            json!({"customer_id": "ann", "sent_at": sent,
            "replied_at": replied}),
        );
    }
    for (id, day, compliance, sleep) in [
        ("1", "2026-06-20", "0.5", "10"),
        ("2", "2026-06-21", "0.61", "0"),
        ("3", "2026-05-31", "1", "99"),
    ] {
        let id = format!("mb:{id}");
        story
            .put(
                "program",
                &id,
                json!({"customer_id": "ann", "on_date": day, "compliance": compliance}),
            )
            .put(
                "wearable",
                &id,
                json!({"customer_id": "ann", "on_date": day, "sleep_hours": sleep}),
            );
    }
    // Cal once bought, 100 days ago; a payment failed this morning.
    story
        .put(
            "order",
            "mb:o1",
            json!({"ordered_at": "2026-03-22T17:00:00Z", "currency": "USD",
            "customer_id": "cal"}),
        )
        .put(
            "payment",
            "mb:p1",
            json!({"paid_at": "2026-06-30T15:00:00Z", "amount": 1,
            "currency": "USD", "customer_id": "cal", "status": "failed"}),
        );
    // Dee came 200 days ago and is only a lead.
    visits(&mut story, "dee", &["2025-12-12"]);
    // Eve is at every limit and beyond none; she came long ago, and what she buys does not hide it.
    visits(&mut story, "eve", &["2025-12-12"]);
    story
        .put(
            "order",
            "mb:o2",
            json!({"ordered_at": "2026-06-20T17:00:00Z", "currency": "USD",
            "customer_id": "eve"}),
        )
        .put(
            "payment",
            "mb:p2",
            json!({"paid_at": "2026-06-01T15:00:00Z", "amount": 1,
            "currency": "USD", "customer_id": "eve", "status": "failed"}),
        )
        .put(
            "payment",
            "mb:p3",
            json!({"paid_at": "2026-06-02T15:00:00Z", "amount": 1,
            "currency": "USD", "customer_id": "eve"}),
        )
        .put(
            "program",
            "mb:4",
            json!({"customer_id": "eve", "on_date": "2026-06-30", "compliance": "0.7"}),
        )
        .put(
            "wearable",
            "mb:4",
            json!({"customer_id": "eve", "on_date": "2026-06-30", "sleep_hours": 6}),
        )
        .put("message", "mb:m4", json!({"customer_id": "eve", "sent_at": "2026-06-20T17:00:00Z"}))
        .put("message", "mb:m5", json!({"customer_id": "eve", "sent_at": "2026-06-21T17:00:00Z"}));
    story
}

#[tokio::test]
async fn every_signal_present_missing_and_at_its_limit() {
    let vitals = springfield_gym().on("2026-06-30").await;
    let told: Vec<(&str, Vec<String>)> =
        vitals.churn.iter().map(|(key, row)| (key.customer.as_str(), churn_lines(row))).collect();
    let expected: [(&str, &[&str]); 4] = [
        (
            "mb:ann",
            &[
                "score 100.00 raw 115.00 critical data 1.00",
                "attendance: 2 visits in 30 days / 4 in the 30 days before: 40.00",
                "payment: overdue / current: 30.00",
                "response: 0.33 / 0.50: 20.00",
                "compliance: 0.56 / 0.70: 15.00",
                "sleep: 5.00 / 6.00: 10.00",
            ],
        ),
        (
            "mb:bob",
            &[
                "score 0.00 raw 0.00 low data 0.00",
                "attendance: missing",
                "payment: missing",
                "response: missing",
                "compliance: missing",
                "sleep: missing",
            ],
        ),
        (
            "mb:cal",
            &[
                "score 15.00 raw 15.00 low data 0.40",
                "attendance: 0 orders in 90 days / 1 in the 90 days before: 0.00",
                "payment: late / current: 15.00",
                "response: missing",
                "compliance: missing",
                "sleep: missing",
            ],
        ),
        (
            "mb:eve",
            &[
                "score 0.00 raw 0.00 low data 0.80",
                "attendance: 0 visits in 30 days / 0 in the 30 days before: 0.00",
                "payment: current / current: 0.00",
                "response: missing",
                "compliance: 0.70 / 0.70: 0.00",
                "sleep: 6.00 / 6.00: 0.00",
            ],
        ),
    ];
    let expected =
        expected.map(|(who, lines)| (who, lines.iter().map(|it| (*it).to_owned()).collect()));
    assert_eq!(told, expected);
}

/// Which word a payment signal says, day by day.
#[tokio::test]
async fn late_becomes_overdue_on_the_eighth_day() {
    let mut story = Story::new();
    story
        .put("customer", "mb:failing", json!({}))
        .put("customer", "mb:owing", json!({}))
        .put(
            "payment",
            "mb:1",
            json!({"paid_at": "2026-06-01T12:00:00Z", "amount": 1,
            "currency": "USD", "customer_id": "failing", "status": "failed"}),
        )
        .put(
            "invoice",
            "mb:1",
            json!({"customer_id": "owing", "amount": 1,
            "issued_at": "2026-05-01T12:00:00Z", "due_at": "2026-06-01T12:00:00Z"}),
        );
    for (today, failing, owing) in [
        ("2026-05-31", "current", "current"),
        ("2026-06-01", "late", "current"),
        ("2026-06-02", "late", "late"),
        ("2026-06-08", "late", "late"),
        ("2026-06-09", "overdue", "overdue"),
    ] {
        let vitals = story.on(today).await;
        let words: Vec<_> =
            vitals.churn.values().map(|row| row.factors[1].value.clone().unwrap()).collect();
        assert_eq!(words, [failing, owing], "on {today}");
    }
}

#[tokio::test]
async fn a_tenants_policy_restates_points_and_levels() {
    let mut story = springfield_gym();
    story.put(
        "organization",
        "native:gym",
        json!({"name": "Springfield Gym",
        "time_zone": "America/Chicago", "currency": "USD",
        "policy": {"churn": {"points": {"late": "35.125"}, "below": {"sleep": "6.5"}},
                   "churn.level.high": 35}}),
    );
    let vitals = story.on("2026-06-30").await;
    let head = |who: &str| {
        let row = vitals.churn.iter().find(|(key, _)| key.customer == who).unwrap().1;
        churn_lines(row)[0].clone()
    };
    // 35.125 rounds half up.
    assert_eq!(head("mb:cal"), "score 35.13 raw 35.13 high data 0.40");
    assert_eq!(head("mb:eve"), "score 10.00 raw 10.00 low data 0.80");
}
