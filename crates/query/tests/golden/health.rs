//! `health_score` of Springfield Gym on 30 June 2026: every metric once, worked out by hand.

use serde_json::json;

use crate::story::{Story, metric_lines, scores};

fn order(story: &mut Story, id: &str, day: &str, customer: &str, lines: serde_json::Value) {
    let body = json!({"ordered_at": format!("{day}T12:00:00Z"), "currency": "USD",
        "customer_id": customer, "lines": lines});
    story.put("order", &format!("pos:{id}"), body);
}

/// Net of June 920 = 600 + 370 - 50; of May 800 = 500 + 300.
fn money(story: &mut Story) {
    story
        .put(
            "product",
            "pos:old",
            json!({"title": "Day pass", "first_sold_at": "2026-04-01T12:00:00Z"}),
        )
        .put(
            "product",
            "pos:new",
            json!({"title": "Sauna", "first_sold_at": "2026-04-02T12:00:00Z"}),
        );
    order(
        story,
        "1",
        "2026-06-10",
        "a",
        json!([
        {"product_id": "new", "unit_price": 75, "quantity": 2, "discount": 30},
        {"product_id": "old", "unit_price": 480}]),
    );
    order(story, "2", "2026-06-20", "b", json!([{"product_id": "old", "unit_price": 370}]));
    order(story, "3", "2026-05-10", "a", json!([{"product_id": "new", "unit_price": 500}]));
    order(story, "4", "2026-05-20", "c", json!([{"unit_price": 300}]));
    story.put(
        "refund",
        "pos:1",
        json!({"refunded_at": "2026-06-20T13:00:00Z", "amount": 50,
        "currency": "USD", "order_id": "1"}),
    );
    // Another currency, and tomorrow: neither is in any of it.
    story.put(
        "refund",
        "pos:2",
        json!({"refunded_at": "2026-06-20T13:00:00Z", "amount": 50,
        "currency": "EUR", "order_id": "1"}),
    );
    order(story, "5", "2026-07-01", "b", json!([{"unit_price": 9999}]));
    for (id, day, amount, category) in [
        ("1", "2026-06-05", 736, "Rent"),
        ("2", "2026-04-10", 600, "MARKETING"),
        ("3", "2026-04-10", 784, "Rent"),
    ] {
        story.put(
            "expense",
            &format!("pos:{id}"),
            json!({"incurred_at": format!("{day}T12:00:00Z"),
            "amount": amount, "category": category}),
        );
    }
    for (id, day, amount, account) in [
        ("1", "2026-06-01", 1000, Some("main")),
        ("2", "2026-06-15", 700, Some("main")),
        ("3", "2026-01-01", 100, None),
    ] {
        story.put(
            "balance",
            &format!("pos:{id}"),
            json!({"recorded_at": format!("{day}T12:00:00Z"),
            "amount": amount, "account": account}),
        );
    }
    for id in 0..11 {
        let status = ["failed", "pending"].get(id).copied().unwrap_or("succeeded");
        story.put(
            "payment",
            &format!("pos:{id}"),
            json!({"paid_at": "2026-06-12T12:00:00Z",
            "amount": 1, "currency": "EUR", "status": status}),
        );
    }
}

/// Twenty members a month ago at 10 a month, of whom the twentieth has left; ten of them were due at one
/// session, and eight came.
fn people(story: &mut Story) {
    for at in 1..=20 {
        let customer = format!("m{at}");
        let mut membership = json!({"customer_id": customer, "price": 10,
            "started_at": "2026-05-31T12:00:00Z"});
        if at == 20 {
            membership["status"] = json!("cancelled");
            membership["cancelled_at"] = json!("2026-06-15T12:00:00Z");
        }
        story.put("membership", &format!("pos:{at}"), membership);
        if at <= 10 {
            let status = if at <= 8 { "attended" } else { "no_show" };
            story.put(
                "visit",
                &format!("pos:{at}"),
                json!({"customer_id": customer,
                "session_id": "1", "visited_at": "2026-06-10T18:00:00Z", "status": status}),
            );
        }
        if at <= 3 {
            story.put(
                "visit",
                &format!("pos:may-{at}"),
                json!({"customer_id": customer,
                "visited_at": "2026-05-15T18:00:00Z"}),
            );
        }
        if at <= 5 {
            story.put("customer", &format!("pos:{customer}"), json!({}));
        }
    }
    story
        .put(
            "session",
            "pos:1",
            json!({"class_id": "1", "capacity": 10,
            "starts_at": "2026-06-10T18:00:00Z"}),
        )
        // Member 1 owes, does not answer and does not comply: 30 + 20 + 15, high.
        .put(
            "invoice",
            "pos:1",
            json!({"customer_id": "m1", "amount": 40, "balance": 30,
            "issued_at": "2026-05-01T12:00:00Z", "due_at": "2026-06-01T12:00:00Z"}),
        )
        .put(
            "invoice",
            "pos:2",
            json!({"customer_id": "m2", "amount": 270,
            "issued_at": "2026-06-20T12:00:00Z", "due_at": "2026-06-30T12:00:00Z"}),
        )
        .put(
            "program",
            "pos:1",
            json!({"customer_id": "m1", "on_date": "2026-06-20", "compliance": "0.5"}),
        );
    for id in 1..=3 {
        story.put(
            "message",
            &format!("pos:{id}"),
            json!({"customer_id": "m1",
            "sent_at": "2026-06-20T12:00:00Z"}),
        );
    }
}

fn signals(story: &mut Story) {
    for (id, response, nps) in [
        ("1", "2026-06-20T13:00:00Z", json!(10)),
        ("2", "2026-06-20T15:00:00Z", json!(9)),
        ("3", "2026-06-20T18:00:00Z", json!(8)),
        ("4", "2026-06-21T08:00:00Z", json!(6)),
        ("5", "2026-06-20T11:59:59Z", json!(null)),
    ] {
        story.put(
            "ticket",
            &format!("pos:{id}"),
            json!({"opened_at": "2026-06-20T12:00:00Z",
            "first_response_at": response, "nps": nps}),
        );
    }
    for (id, status) in
        [("1", "won"), ("2", "lost"), ("3", "lost"), ("4", "lost"), ("5", "lost"), ("6", "open")]
    {
        story.put(
            "deal",
            &format!("pos:{id}"),
            json!({"opened_at": "2026-01-01T12:00:00Z",
            "closed_at": "2026-04-02T12:00:00Z", "status": status}),
        );
    }
    for (id, day, conversions) in [("1", "2026-06-10", 19), ("2", "2026-06-11", 26)] {
        story.put(
            "traffic",
            &format!("pos:{id}"),
            json!({"on_date": day, "sessions": 1000,
            "conversions": conversions}),
        );
    }
    for (id, day, metric, value, unit) in [
        ("1", "2026-06-01", "uptime", "98.01", Some("%")),
        ("2", "2026-05-01", "uptime", "1", None),
        ("3", "2026-06-01", "compliance_status", "85", Some("%")),
        // Records say it themselves: not used.
        ("4", "2026-06-01", "nps", "-20", None),
    ] {
        story.put(
            "metric",
            &format!("pos:{id}"),
            json!({"metric_type": metric, "value": value,
            "unit": unit, "recorded_at": format!("{day}T12:00:00Z")}),
        );
    }
}

fn springfield_gym() -> Story {
    let mut story = Story::new();
    story.put("organization", "native:gym", json!({"name": "Springfield Gym", "currency": "USD"}));
    money(&mut story);
    people(&mut story);
    signals(&mut story);
    story
}

#[tokio::test]
async fn every_metric_once() {
    let vitals = springfield_gym().on("2026-06-30").await;
    let row = vitals.health.values().next().unwrap();
    assert_eq!(
        metric_lines(row),
        [
            "financial revenue_growth: 0.15 scores 87.50 weighs 0.05", // 920 / 800 - 1
            "financial profit_margin: 0.2 scores 66.67 weighs 0.05",   // (920 - 736) / 920
            // Cash 700 + 100; burn (736 + 600 + 784) - (920 + 800) = 400; 3 x 800 / 400.
            "financial cash_runway: 6 scores 50.00 weighs 0.05",
            "financial payment_success: 0.9 scores 34.48 weighs 0.05", // 9 of 10; 5 / 14.5
            "financial refund_rate: 0.05 scores 50.00 weighs 0.05",    // 50 / 1000
            "customer churn_rate: 0.05 scores 50.00 weighs 0.0625",    // 1 of 20
            // Orders: a twice, b, c; visits: m1 to m3 twice, m4 to m8. Of 11, 4 come again.
            "customer repeat_rate: 0.363636 scores 65.91 weighs 0.0625",
            // (1720 / 3) / (600 / 3) = 2.8667.
            "customer ltv_cac: 2.866667 scores 46.67 weighs 0.0625",
            "customer nps: 25 scores 50.00 weighs 0.0625", // 100 x (2 - 1) / 4
            "operational fill_rate: 0.8 scores 92.31 weighs 0.05", // 8 of 10; 60 / 65
            "operational no_show_rate: 0.2 scores 20.00 weighs 0.05", // 2 of 10
            "operational first_response: 4.5 scores 92.55 weighs 0.05", // of 1, 3, 6, 20 hours
            "operational uptime: 0.9801 scores 80.91 weighs 0.05", // 8.01 / 9.9
            "growth new_customers: -0.5 scores 0.00 weighs 0.04", // b; a and c before
            "growth mrr_growth: -0.05 scores 25.00 weighs 0.04", // 190 / 200 - 1
            "growth lead_conversion: 0.2 scores 66.67 weighs 0.04", // 1 of 5
            "growth order_conversion: 0.0225 scores 50.00 weighs 0.04", // 45 / 2000
            "growth product_development: 0.130435 scores 52.17 weighs 0.04", // 120 / 920
            "risk concentration: 0.610465 scores 51.74 weighs 0.02", // 1050 of 1050 + 370 + 300
            "risk members_at_risk: 0.2 scores 50.00 weighs 0.02", // m1 of five
            "risk overdue_receivables: 0.1 scores 40.00 weighs 0.02", // 30 / 300
            // 600 and 320 on two of 28 days: mean 32.857143, deviation 126.516201.
            "risk volatility: 3.850493 scores 100.00 weighs 0.02",
            "risk compliance: 15 scores 15.00 weighs 0.02",
        ]
    );
    // financial (87.5 + 66.6667 + 50 + 34.4828 + 50) / 5; customer (50 + 65.9091 + 46.6667 + 50) / 4;
    // operational (92.3077 + 20 + 92.5532 + 80.9091) / 4; growth (0 + 25 + 66.6667 + 50 + 52.1739) / 5;
    // risk (51.7442 + 50 + 40 + 100 + 15) / 5. Overall 0.25 x 57.7299 + 0.25 x 53.1439 + 0.20 x 71.4425
    // + 0.20 x 38.7681 + 0.10 x (100 - 51.3488).
    assert_eq!(scores(row), "overall 54.63 = 57.73 53.14 71.44 38.77 51.35, coverage 1");
}

#[tokio::test]
async fn without_an_organization_there_is_no_score() {
    let mut story = springfield_gym();
    story.delete("organization", "native:gym");
    assert!(story.on("2026-06-30").await.health.is_empty());
}

#[tokio::test]
async fn an_organization_alone_has_a_row_of_nothing() {
    let mut story = Story::new();
    story.put("organization", "native:gym", json!({"name": "Springfield Gym"}));
    let vitals = story.on("2026-06-30").await;
    let row = vitals.health.values().next().unwrap();
    assert_eq!(scores(row), "overall - = - - - - -, coverage 0");
    assert_eq!(row.metrics.len(), 23);
    assert!(row.metrics.iter().all(|it| !it.present && it.score.is_none() && it.weight == 0));
}

/// Nothing burns, so the runway is as long as can be; metrics stand in where records say nothing.
#[tokio::test]
async fn no_burn_and_supplied_values() {
    let mut story = Story::new();
    story
        .put("organization", "native:gym", json!({"name": "Springfield Gym", "currency": "USD"}))
        .put("balance", "csv:1", json!({"recorded_at": "2026-06-01T12:00:00Z", "amount": 1}));
    for (id, at, metric, value, unit) in [
        ("1", "2026-06-01T12:00:00Z", "nps", "4000", "percent"),
        ("2", "2026-05-01T12:00:00Z", "nps", "70", ""),
        ("3", "2026-06-01T12:00:00Z", "compliance", "30", "points"),
        ("4", "2026-06-01T12:00:00Z", "compliance", "20", "points"),
        ("5", "2026-06-01T12:00:00Z", "cash_runway", "1", "months"),
        ("6", "2026-06-01T12:00:00Z", "members", "1", ""),
    ] {
        story.put(
            "metric",
            &format!("csv:{id}"),
            json!({"metric_type": metric, "value": value,
            "unit": unit, "recorded_at": at}),
        );
    }
    let vitals = story.on("2026-06-30").await;
    let row = vitals.health.values().next().unwrap();
    assert_eq!(
        metric_lines(row),
        [
            "financial cash_runway: no number scores 100.00 weighs 0.416667",
            "customer nps: 40 scores 66.67 weighs 0.416667",
            "risk compliance: 30 scores 30.00 weighs 0.166667", // of two at once the larger
        ]
    );
    // (0.25 x 100 + 0.25 x 66.6667 + 0.10 x 70) / 0.60
    assert_eq!(scores(row), "overall 81.11 = 100.00 66.67 - - 30.00, coverage 0.6");
}

#[tokio::test]
async fn a_median_of_an_odd_count_and_a_policy_of_ones_own() {
    let mut story = Story::new();
    story.put("organization", "native:gym", json!({"name": "Springfield Gym",
        "policy": {"health": {"first_response": {"from": 10, "to": 0}, "weight": {"operational": 3}}}}));
    for (id, response) in [("1", "13:00"), ("2", "14:30"), ("3", "23:00")] {
        story.put(
            "ticket",
            &format!("csv:{id}"),
            json!({"opened_at": "2026-06-20T12:00:00Z",
            "first_response_at": format!("2026-06-20T{response}:00Z")}),
        );
    }
    let vitals = story.on("2026-06-30").await;
    let row = vitals.health.values().next().unwrap();
    assert_eq!(metric_lines(row), ["operational first_response: 2.5 scores 75.00 weighs 1"]);
    // The weights are now 0.25, 0.25, 3, 0.20 and 0.10: 3 / 3.8.
    assert_eq!(scores(row), "overall 75.00 = - - 75.00 - -, coverage 0.789474");
}

/// Eleven customers: the top tenth, rounded up, are two.
#[tokio::test]
async fn concentration_rounds_up_and_leaves_out_who_cost_money() {
    let mut story = Story::new();
    story.put("organization", "native:gym", json!({"name": "Springfield Gym", "currency": "USD"}));
    for at in 1..=11 {
        let price = if at <= 2 { 50 } else { 10 };
        order(
            &mut story,
            &at.to_string(),
            "2026-06-10",
            &format!("c{at}"),
            json!([{"unit_price": price}]),
        );
    }
    order(&mut story, "12", "2026-06-10", "c12", json!([{"unit_price": 10}]));
    story.put(
        "refund",
        "pos:1",
        json!({"refunded_at": "2026-06-11T12:00:00Z", "amount": 10,
        "currency": "USD", "customer_id": "c12"}),
    );
    let vitals = story.on("2026-06-30").await;
    let row = vitals.health.values().next().unwrap();
    let line = metric_lines(row).into_iter().find(|it| it.contains("concentration")).unwrap();
    // (50 + 50) / (100 + 90)
    assert!(line.starts_with("risk concentration: 0.526316 scores 37.72"), "{line}");
}
