//! What today is, by either clock, and who counts as an event.

use serde_json::json;
use vitals_model::{Date, UtcMicros};
use vitals_query::today;

use crate::story::Story;

fn at(text: &str) -> UtcMicros {
    UtcMicros::parse(text).unwrap()
}

fn date(text: &str) -> Date {
    Date::parse(text).unwrap()
}

#[test]
fn a_wall_clock_tenants_today_is_its_local_date() {
    let mut story = Story::new();
    assert_eq!(today(&story.tables(), at("2026-03-18T23:30:00Z")), date("2026-03-18"));
    story.put(
        "organization",
        "native:yoga",
        json!({"name": "Cairo Yoga", "time_zone": "Africa/Cairo"}),
    );
    assert_eq!(today(&story.tables(), at("2026-03-18T23:30:00Z")), date("2026-03-19"));
}

#[test]
fn a_data_clock_tenants_today_is_its_latest_event() {
    let mut story = Story::new();
    story.put(
        "organization",
        "native:yoga",
        json!({"name": "Cairo Yoga",
        "time_zone": "Africa/Cairo", "clock": "data"}),
    );
    let now = at("2026-03-18T12:00:00Z");
    assert_eq!(today(&story.tables(), now), date("1970-01-01"), "nothing has happened");
    story
        .put(
            "order",
            "shop:1",
            json!({"ordered_at": "2011-12-09T23:50:00Z", "currency": "GBP",
            "status": "voided"}),
        )
        // Planned ahead: no event.
        .put("session", "shop:1", json!({"class_id": "1", "starts_at": "2012-01-01T10:00:00Z"}));
    assert_eq!(today(&story.tables(), now), date("2011-12-10"), "local to Cairo");
    story.put("program", "shop:1", json!({"customer_id": "1", "on_date": "2011-12-12"}));
    assert_eq!(today(&story.tables(), now), date("2011-12-12"));
    story.delete("program", "shop:1");
    assert_eq!(today(&story.tables(), now), date("2011-12-10"), "a deleted record never was");
}

/// `a-b:1` sorts before `a:1` as text, though `a` sorts before `a-b`.
#[test]
fn the_organization_of_the_smallest_id_is_in_force() {
    let mut story = Story::new();
    story.put("organization", "a:1", json!({"name": "Later", "time_zone": "Asia/Tokyo"})).put(
        "organization",
        "a-b:1",
        json!({"name": "In force", "time_zone": "Africa/Cairo"}),
    );
    assert_eq!(today(&story.tables(), at("2026-03-18T16:00:00Z")), date("2026-03-18"));
}
