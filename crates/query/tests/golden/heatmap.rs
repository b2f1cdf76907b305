//! `attendance_heatmap` of Cairo Yoga: one busy Monday evening, and what is around it.

use serde_json::json;

use crate::story::{Story, heatmap_lines};

/// Cairo is at UTC+2 until 24 April 2026. 16 March 2026 is a Monday.
fn cairo_yoga() -> Story {
    let mut story = Story::new();
    story
        .put(
            "organization",
            "native:yoga",
            json!({"name": "Cairo Yoga",
            "time_zone": "Africa/Cairo", "currency": "EGP"}),
        )
        .put("location", "mb:zamalek", json!({"name": "Zamalek"}))
        .put("class", "mb:flow", json!({"name": "Flow", "capacity": 12}))
        .put(
            "session",
            "mb:1",
            json!({"class_id": "flow", "starts_at": "2026-03-16T16:00:00Z",
            "location_id": "zamalek"}),
        )
        .put(
            "session",
            "mb:2",
            json!({"class_id": "flow", "starts_at": "2026-03-17T16:00:00Z",
            "location_id": "zamalek", "capacity": 8, "status": "cancelled"}),
        )
        .put("session", "mb:3", json!({"class_id": "flow", "starts_at": "2026-03-09T16:00:00Z"}))
        .put("session", "mb:4", json!({"class_id": "new", "starts_at": "2026-04-02T15:00:00Z"}));
    for (id, customer, session, status) in [
        ("b1", "amira", "1", "confirmed"),
        ("b2", "badr", "1", "no_show"),
        ("b3", "dina", "1", "waitlisted"),
        ("b4", "ehab", "1", "completed"),
        ("b5", "farid", "1", "late_cancelled"),
        ("b6", "amira", "2", "confirmed"),
        ("b7", "hala", "unheard-of", "completed"),
    ] {
        let booking = json!({"customer_id": customer, "session_id": session, "status": status});
        story.put("booking", &format!("mb:{id}"), booking);
    }
    for (id, customer, body) in [
        ("v1", "amira", json!({"session_id": "1", "visited_at": "2026-03-16T15:55:00Z"})),
        // Two visits of one session are one attendance, and the attended one wins; the booking said
        // no-show, and visits decide.
        (
            "v2",
            "badr",
            json!({"session_id": "1", "visited_at": "2026-03-16T15:50:00Z", "status": "no_show"}),
        ),
        ("v3", "badr", json!({"session_id": "1", "visited_at": "2026-03-16T16:01:00Z"})),
        ("v4", "gamal", json!({"visited_at": "2026-03-16T16:30:00Z", "location_id": "zamalek"})),
        ("v5", "amira", json!({"visited_at": "2026-03-16T16:40:00Z", "location_id": "zamalek"})),
        // Saturday 10:00, more than 84 days ago.
        ("v6", "gamal", json!({"visited_at": "2025-12-20T08:00:00Z", "status": "no_show"})),
    ] {
        let mut visit = body;
        visit["customer_id"] = json!(customer);
        story.put("visit", &format!("mb:{id}"), visit);
    }
    story
}

#[tokio::test]
async fn visits_decide_before_bookings_and_every_cell_is_counted_once() {
    let vitals = cairo_yoga().on("2026-03-18").await;
    // Amira, Badr, Ehab, Gamal and Amira again; Dina only waited, Farid cancelled late.
    let busy = "visits 5 unique 4 bookings 4 late 1 no-shows 0";
    let cancelled = "visits 0 unique 0 bookings 1 late 0 no-shows 0 sessions 0 capacity 0";
    let december = "visits 0 unique 0 bookings 0 late 0 no-shows 1 sessions 0 capacity 0";
    let planned = "visits 0 unique 0 bookings 0 late 0 no-shows 0 sessions 1 capacity 0";
    let mut expected = vec![
        format!("all 2025-12-01 day 6 hour 10: {december}"),
        format!("all 2026-03-01 day 1 hour 18: {busy} sessions 2 capacity 24"),
        format!("all 2026-03-01 day 2 hour 18: {cancelled}"),
        format!("all 2026-04-01 day 4 hour 17: {planned}"),
    ];
    for window in ["4w", "12w", "52w"] {
        expected.push(format!("all {window} day 1 hour 18: {busy} sessions 2 capacity 24"));
        expected.push(format!("all {window} day 2 hour 18: {cancelled}"));
    }
    expected.push(format!("all 52w day 6 hour 10: {december}"));
    for period in ["2026-03-01", "4w", "12w", "52w"] {
        expected.push(format!("mb:zamalek {period} day 1 hour 18: {busy} sessions 1 capacity 12"));
        expected.push(format!("mb:zamalek {period} day 2 hour 18: {cancelled}"));
    }
    assert_eq!(heatmap_lines(&vitals), expected);
}

#[tokio::test]
async fn a_window_ends_today_and_lets_go_of_its_oldest_day() {
    let story = cairo_yoga();
    let busy_in_4w = async |today: &str| {
        let vitals = story.on(today).await;
        let lines = heatmap_lines(&vitals);
        lines.into_iter().find(|it| it.starts_with("mb:zamalek 4w day 1"))
    };
    assert_eq!(busy_in_4w("2026-03-15").await, None, "tomorrow is in no window");
    assert!(busy_in_4w("2026-03-16").await.is_some());
    assert!(busy_in_4w("2026-04-12").await.is_some(), "the 28th day");
    assert_eq!(busy_in_4w("2026-04-13").await, None);
}

/// The same visit to two places: it is the location's own clock that names the hour, in the NULL rows too.
#[tokio::test]
async fn the_hour_is_local_to_the_location() {
    let mut story = Story::new();
    story
        .put(
            "organization",
            "native:yoga",
            json!({"name": "Cairo Yoga", "time_zone": "Africa/Cairo"}),
        )
        .put("location", "mb:dubai", json!({"name": "Dubai", "time_zone": "Asia/Dubai"}))
        .put(
            "visit",
            "mb:1",
            json!({"customer_id": "a", "visited_at": "2026-03-18T21:30:00Z",
            "location_id": "dubai"}),
        )
        .put(
            "visit",
            "mb:2",
            json!({"customer_id": "a", "visited_at": "2026-03-18T21:30:00Z",
            "location_id": "nowhere"}),
        );
    let vitals = story.on("2026-03-19").await;
    let counts = "visits 1 unique 1 bookings 0 late 0 no-shows 0 sessions 0 capacity 0";
    let months: Vec<String> =
        heatmap_lines(&vitals).into_iter().filter(|it| it.contains("2026-03-01")).collect();
    assert_eq!(
        months,
        [
            format!("all 2026-03-01 day 3 hour 23: {counts}"),
            format!("all 2026-03-01 day 4 hour 1: {counts}"),
            format!("mb:dubai 2026-03-01 day 4 hour 1: {counts}"),
            format!("mb:nowhere 2026-03-01 day 3 hour 23: {counts}"),
        ]
    );
}

/// At one instant the visit without a location of its own decides, though its session's place sorts last.
#[tokio::test]
async fn of_equal_visits_the_one_without_a_location_decides() {
    let mut story = Story::new();
    story
        .put(
            "session",
            "mb:1",
            json!({"class_id": "flow", "starts_at": "2026-03-16T16:00:00Z",
            "location_id": "zamalek", "status": "cancelled"}),
        )
        .put(
            "visit",
            "mb:1",
            json!({"customer_id": "a", "session_id": "1",
            "visited_at": "2026-03-16T16:00:00Z", "location_id": "dokki"}),
        )
        .put(
            "visit",
            "mb:2",
            json!({"customer_id": "a", "session_id": "1",
            "visited_at": "2026-03-16T16:00:00Z"}),
        );
    let vitals = story.on("2026-03-16").await;
    let places: Vec<_> = vitals.heatmap.keys().filter_map(|key| key.location.clone()).collect();
    assert!(!places.is_empty() && places.iter().all(|it| it == "mb:zamalek"), "{places:?}");
}
