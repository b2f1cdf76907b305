//! `revenue_trend` of Springfield Gym, on the night summer time ends, and of Cairo Yoga.

use serde_json::json;

use crate::story::{Story, revenue_lines};

/// Chicago goes from UTC-5 to UTC-6 at 07:00Z on 1 November 2026: 01:00-02:00 runs twice. Weeks start on
/// Sunday, which that day is.
#[expect(clippy::too_many_lines, reason = "a story is told in one piece")]
fn springfield_gym() -> Story {
    let mut story = Story::new();
    story
        .put(
            "organization",
            "native:gym",
            json!({"name": "Springfield Gym",
            "time_zone": "America/Chicago", "currency": "USD", "week_start": 7,
            "revenue_sources": ["pos", "web"]}),
        )
        .put("location", "pos:north", json!({"name": "North Side"}))
        .put("location", "pos:east", json!({"name": "East End", "time_zone": "America/New_York"}))
        .put(
            "order",
            "pos:1",
            json!({"ordered_at": "2026-11-01T06:30:00Z", "currency": "USD",
            "customer_id": "ann", "location_id": "north", "discount": "0.5",
            "lines": [{"quantity": 2, "unit_price": "10", "discount": "1", "tax": "1.5"}]}),
        )
        .put(
            "order",
            "pos:2",
            json!({"ordered_at": "2026-11-01T07:30:00Z", "currency": "USD",
            "customer_id": "ann", "location_id": "north", "tax": "0.4",
            "lines": [{"unit_price": "5", "tax": "9"}]}),
        )
        // Half of a millionth is a millionth of money; a refunded order still counts.
        .put(
            "order",
            "web:9",
            json!({"ordered_at": "2026-11-01T07:30:00Z", "currency": "USD",
            "status": "refunded", "lines": [{"quantity": "0.5", "unit_price": "0.000001"}]}),
        )
        .put(
            "order",
            "pos:3",
            json!({"ordered_at": "2026-11-01T07:30:00Z", "currency": "USD",
            "status": "pending", "lines": [{"unit_price": "1000"}]}),
        )
        .put(
            "order",
            "ads:1",
            json!({"ordered_at": "2026-11-01T07:30:00Z", "currency": "USD",
            "lines": [{"unit_price": "1000"}]}),
        )
        .put(
            "order",
            "pos:4",
            json!({"ordered_at": "2026-11-01T07:30:00Z", "currency": "EUR",
            "location_id": "east", "status": "voided", "lines": [{"unit_price": "1000"}]}),
        )
        .put(
            "refund",
            "pos:r1",
            json!({"refunded_at": "2026-11-01T07:45:00Z", "amount": "4",
            "currency": "USD", "order_id": "1"}),
        )
        .put(
            "refund",
            "pos:r2",
            json!({"refunded_at": "2026-11-02T04:30:00Z", "amount": "1",
            "currency": "EUR", "order_id": "4"}),
        )
        .put(
            "refund",
            "ads:r3",
            json!({"refunded_at": "2026-11-02T04:30:00Z", "amount": "1",
            "currency": "USD"}),
        )
        .put(
            "visit",
            "pos:v1",
            json!({"customer_id": "bob", "location_id": "north",
            "visited_at": "2026-11-01T07:10:00Z"}),
        );
    story
}

#[tokio::test]
async fn the_repeated_hour_is_two_buckets_and_a_refund_falls_back_to_its_order() {
    let vitals = springfield_gym().on("2026-11-02").await;
    let all_day = "gross 25.000001 discount 1.5 refunds 4 net 19.500001 tax 1.9 orders 3 units 3.5 refunded 1 paying 1 new 1 active 2";
    let north_day = "gross 25 discount 1.5 refunds 4 net 19.5 tax 1.9 orders 2 units 3 refunded 1 paying 1 new 1 active 2";
    let first = "gross 20 discount 1.5 refunds 0 net 18.5 tax 1.5 orders 1 units 2 refunded 0 paying 1 new 1 active 1";
    let euro = "gross 0 discount 0 refunds 1 net -1 tax 0 orders 0 units 0 refunded 1 paying 0 new 0 active 0";
    let mut expected = vec![
        format!("all EUR hour 2026-11-02T04:00:00Z: {euro}"),
        format!("all EUR day 2026-11-01T05:00:00Z: {euro}"),
        format!("all EUR week 2026-11-01T05:00:00Z: {euro}"),
        format!("all EUR month 2026-11-01T05:00:00Z: {euro}"),
        format!("all USD hour 2026-11-01T06:00:00Z: {first}"),
        "all USD hour 2026-11-01T07:00:00Z: gross 5.000001 discount 0 refunds 4 net 1.000001 tax 0.4 orders 2 units 1.5 refunded 1 paying 1 new 0 active 2".into(),
        format!("all USD day 2026-11-01T05:00:00Z: {all_day}"),
        format!("all USD week 2026-11-01T05:00:00Z: {all_day}"),
        format!("all USD month 2026-11-01T05:00:00Z: {all_day}"),
        // East End's own midnight: New York's.
        format!("pos:east EUR hour 2026-11-02T04:00:00Z: {euro}"),
        format!("pos:east EUR day 2026-11-01T04:00:00Z: {euro}"),
        format!("pos:east EUR week 2026-11-01T04:00:00Z: {euro}"),
        format!("pos:east EUR month 2026-11-01T04:00:00Z: {euro}"),
        format!("pos:north USD hour 2026-11-01T06:00:00Z: {first}"),
        "pos:north USD hour 2026-11-01T07:00:00Z: gross 5 discount 0 refunds 4 net 1 tax 0.4 orders 1 units 1 refunded 1 paying 1 new 0 active 2".into(),
    ];
    for grain in ["day", "week", "month"] {
        expected.push(format!("pos:north USD {grain} 2026-11-01T05:00:00Z: {north_day}"));
    }
    assert_eq!(revenue_lines(&vitals), expected);
}

#[tokio::test]
async fn a_deleted_order_never_was_and_its_refund_stands_alone() {
    let mut story = springfield_gym();
    story.delete("order", "pos:1");
    let vitals = story.on("2026-11-02").await;
    let lines = revenue_lines(&vitals);
    let has = |line: &str| assert!(lines.iter().any(|it| it == line), "{line}\nin {lines:#?}");
    // Ann's first order is now the second; nobody knows where the refund belongs.
    has(
        "all USD day 2026-11-01T05:00:00Z: gross 5.000001 discount 0 refunds 4 net 1.000001 tax 0.4 orders 2 units 1.5 refunded 1 paying 1 new 1 active 2",
    );
    has(
        "pos:north USD day 2026-11-01T05:00:00Z: gross 5 discount 0 refunds 0 net 5 tax 0.4 orders 1 units 1 refunded 0 paying 1 new 1 active 2",
    );
}

#[tokio::test]
async fn two_first_orders_at_one_instant_are_new_in_both_rows() {
    let mut story = Story::new();
    story.put(
        "organization",
        "native:yoga",
        json!({"name": "Cairo Yoga",
        "time_zone": "Africa/Cairo", "currency": "EGP"}),
    );
    for (id, location, currency) in
        [("1", "zamalek", "EGP"), ("2", "maadi", "EGP"), ("3", "maadi", "USD")]
    {
        story.put(
            "order",
            &format!("shop:{id}"),
            json!({"ordered_at": "2026-03-18T10:15:00Z",
            "currency": currency, "customer_id": "amira", "location_id": location,
            "lines": [{"unit_price": 100}]}),
        );
    }
    story.put(
        "order",
        "shop:4",
        json!({"ordered_at": "2026-03-18T10:15:00.000001Z",
        "currency": "EGP", "customer_id": "amira", "location_id": "giza",
        "lines": [{"unit_price": 100}]}),
    );
    let vitals = story.on("2026-03-18").await;
    let lines = revenue_lines(&vitals);
    let hours: Vec<&String> = lines.iter().filter(|it| it.contains("hour")).collect();
    let row = |place: &str, gross: u32, orders: u32, new: u32| {
        format!(
            "{place} hour 2026-03-18T10:00:00Z: gross {gross} discount 0 refunds 0 net {gross} tax 0 orders {orders} units {orders} refunded 0 paying 1 new {new} active 1"
        )
    };
    assert_eq!(
        hours.into_iter().cloned().collect::<Vec<_>>(),
        [
            row("all EGP", 300, 3, 1),
            row("all USD", 100, 1, 1),
            row("shop:giza EGP", 100, 1, 0),
            row("shop:maadi EGP", 100, 1, 1),
            row("shop:maadi USD", 100, 1, 1),
            row("shop:zamalek EGP", 100, 1, 1),
        ]
    );
    // Monday the 16th starts at 22:00Z of the day before.
    assert!(
        lines.iter().any(|it| it.starts_with("all EGP week 2026-03-15T22:00:00Z")),
        "{lines:#?}"
    );
}
