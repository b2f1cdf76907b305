//! A studio with a shop, its records made by arithmetic: two locations, four classes, sixty customers, today being
//! Wednesday, 18 March 2026. It has what makes answers differ: refunds, discounts, a source that is no money,
//! another currency, sales without a customer or place, visits without a session, sessions still to come.

use serde_json::{Value, json};
use vitals_ask::{Business, NameKind};
use vitals_model::local_time::Zone;
use vitals_model::{Date, TenantId};
use vitals_query::Records;

const LOCATIONS: [&str; 2] = ["Zurich", "Bern"];
const CLASSES: [(&str, &str); 4] = [
    ("Vinyasa Flow", "Yoga"),
    ("Yin Yoga", "Yoga"),
    ("Pilates", "Pilates"),
    ("Indoor Cycling", "Cardio"),
];
const STAFF: [&str; 3] = ["Anna Keller", "Luca Meier", "Sofia Rossi"];
const PRODUCTS: [(&str, &str, &str, &str); 5] = [
    ("Day pass", "pass", "Passes", "25.00"),
    ("Ten class pass", "pass", "Passes", "210.00"),
    ("Yoga mat", "goods", "Gear", "59.90"),
    ("Water bottle", "goods", "Gear", "19.50"),
    ("Monthly membership", "membership", "Memberships", "129.00"),
];
const FIRST: [&str; 10] =
    ["Lena", "Noah", "Mia", "Elias", "Emma", "Jonas", "Lara", "Tim", "Nina", "Felix"];
const LAST: [&str; 6] = ["Huber", "Graf", "Weber", "Frei", "Baumann", "Suter"];
const CUSTOMERS: u64 = 60;

struct World {
    records: Records,
}

impl World {
    fn put(&mut self, kind: &str, source: &str, id: impl ToString, body: Value) {
        let record = json!({
            "tenant": self.records.tenant(), "kind": kind, "source": source, "id": id.to_string(), "version": 1,
            "received_at": "2026-03-18T00:00:00Z", "body": body,
        });
        self.records.absorb(record.to_string().as_bytes()).unwrap();
    }
}

/// A number that looks like chance and is none.
fn mixed(a: u64, b: u64) -> u64 {
    let mut it = a.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ b.wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
    it ^= it >> 31;
    it = it.wrapping_mul(0xD6E8_FEB8_6659_FD93);
    (it ^ (it >> 29)) >> 8
}

fn one_of<'a>(words: &[&'a str], number: u64) -> &'a str {
    words[usize::try_from(number).unwrap() % words.len()]
}

fn name(customer: u64) -> String {
    if customer == 0 {
        return "Maeve O'Brien".to_owned();
    }
    let (first, last) = (customer % 10, customer / 10);
    format!("{} {}", FIRST[usize::try_from(first).unwrap()], LAST[usize::try_from(last).unwrap()])
}

/// The business's today.
pub(crate) fn today() -> Date {
    Date::parse("2026-03-18").unwrap()
}

#[allow(dead_code, reason = "each test binary uses its part")]
pub(crate) fn business(zone: &str) -> Business {
    let mut names: Vec<(NameKind, String)> = Vec::new();
    names.extend(LOCATIONS.map(|it| (NameKind::Location, it.to_owned())));
    names.extend(CLASSES.map(|it| (NameKind::Class, it.0.to_owned())));
    names.extend(STAFF.map(|it| (NameKind::Instructor, it.to_owned())));
    names.extend(PRODUCTS.map(|it| (NameKind::Product, it.0.to_owned())));
    names.extend((0..CUSTOMERS).map(|it| (NameKind::Customer, name(it))));
    Business {
        today: today(),
        zone: Zone::named(zone).unwrap(),
        currency: Some("CHF".to_owned()),
        week_start: 1,
        revenue_sources: Some(vec!["studio".to_owned(), "shop".to_owned()]),
        one_zone: true,
        names,
    }
}

/// Its records, when it lies in a zone. Much happens around the midnights of Europe.
pub(crate) fn records(zone: &str) -> Records {
    let tenant = TenantId(uuid::Uuid::from_u128(0x0189_0000_0000_7000_8000_0000_0000_0007));
    let mut world = World { records: Records::new(tenant) };
    things(&mut world, zone);
    people(&mut world);
    classes(&mut world);
    sales(&mut world);
    bills(&mut world);
    world.records
}

fn things(world: &mut World, zone: &str) {
    world.put("organization", "studio", 1, json!({
        "name": "Alpine Yoga", "time_zone": zone, "currency": "CHF", "revenue_sources": ["studio", "shop"],
    }));
    for (id, location) in LOCATIONS.iter().enumerate() {
        world.put("location", "studio", id, json!({ "name": location }));
    }
    for (id, staff) in STAFF.iter().enumerate() {
        world.put("staff", "studio", id, json!({ "name": staff }));
    }
    for (id, (class, category)) in CLASSES.iter().enumerate() {
        world.put("class", "studio", id, json!({
            "name": class, "category": category, "capacity": 8 + 2 * id, "duration_minutes": 45 + 15 * (id % 3), "instructor_id": (id % 3).to_string(),
        }));
    }
    for (id, (title, kind, category, price)) in PRODUCTS.iter().enumerate() {
        world.put("product", "studio", id, json!({
            "title": title, "product_type": kind, "category": category, "price": price, "currency": "CHF",
        }));
    }
}

fn people(world: &mut World) {
    for id in 0..CUSTOMERS {
        let status =
            one_of(&["active", "active", "active", "paused", "lead", "active", "cancelled"], id);
        world.put("customer", "studio", id, json!({
            "display_name": name(id), "status": status, "created_at": format!("2025-{:02}-05T09:00:00Z", id % 12 + 1),
            "home_location_id": (id % 2).to_string(),
        }));
        if id % 3 == 0 {
            let left = id % 12 == 0;
            world.put("membership", "studio", id, json!({
                "customer_id": id.to_string(), "product_id": "4", "status": if left { "cancelled" } else { "active" },
                "started_at": format!("2025-{:02}-10T08:00:00Z", id % 11 + 2), "price": "129.00", "currency": "CHF",
                "cancelled_at": left.then(|| format!("2026-{:02}-14T10:00:00Z", id % 3 + id / 12 % 2 + 1)),
                "billing_interval": if id % 2 == 0 { "month" } else { "year" },
            }));
            if id % 9 == 0 {
                world.put("membership", "studio", format!("second-{id}"), json!({
                    "customer_id": id.to_string(), "product_id": "4", "status": "active", "currency": "CHF",
                    "started_at": format!("2026-0{}-28T23:30:00Z", id % 2 + 1), "price": "40.00",
                }));
            }
        }
    }
}

/// Three sessions a day from June 2025 to a week from now; bookings, visits, no-shows.
fn classes(world: &mut World) {
    let first = Date::parse("2025-06-01").unwrap();
    for day in 0..298_u64 {
        let date = Date(first.0 + i32::try_from(day).unwrap());
        for slot in 0..3_u64 {
            let session = day * 3 + slot;
            let hour = [7, 12, 22][usize::try_from(slot).unwrap()];
            let cancelled = session % 37 == 5;
            world.put("session", "studio", session, json!({
                "class_id": (mixed(session, 1) % 4).to_string(), "starts_at": format!("{date}T{hour:02}:30:00Z"),
                "ends_at": (session % 5 == 0).then(|| format!("{date}T{hour:02}:57:30Z")),
                "location_id": (mixed(session, 2) % 2).to_string(), "status": if cancelled { "cancelled" } else { "scheduled" },
            }));
            let places = 2 + mixed(session, 3) % 5 + if slot == 2 { 2 } else { 0 };
            for place in 0..places {
                attend(world, (session, place), date, hour, cancelled);
            }
        }
    }
    for id in 0..9_u64 {
        world.put("visit", "studio", format!("walk-in-{id}"), json!({
            "customer_id": (id * 5).to_string(), "visited_at": format!("2026-02-{:02}T15:10:00Z", id * 3 + 1), "location_id": "1",
        }));
    }
}

fn attend(world: &mut World, (session, place): (u64, u64), date: Date, hour: u32, cancelled: bool) {
    // The last customers never come, and some stopped in winter.
    let customer = (mixed(session, 10) + place * 7) % 52;
    let stopped = customer % 6 == 1 && date.to_string().as_str() > "2026-01-20";
    let id = session * 16 + place;
    let chance = mixed(id, 11) % 20;
    let past = date.to_string().as_str() <= "2026-03-18";
    let status = match chance {
        _ if cancelled || stopped => "cancelled",
        0 => "late_cancelled",
        1 => "no_show",
        2 => "waitlisted",
        3 if past => "completed",
        _ => "confirmed",
    };
    world.put("booking", "studio", id, json!({
        "customer_id": customer.to_string(), "session_id": session.to_string(), "status": status,
    }));
    if past && status == "confirmed" {
        let missed = chance == 4;
        world.put("visit", "studio", id, json!({
            "customer_id": customer.to_string(), "session_id": session.to_string(),
            "visited_at": format!("{date}T{hour:02}:25:00Z"), "status": if missed { "no_show" } else { "attended" },
        }));
    }
}

fn sales(world: &mut World) {
    let first = Date::parse("2024-11-01").unwrap();
    for order in 0..900_u64 {
        let date = Date(first.0 + i32::try_from(mixed(order, 20) % 503).unwrap());
        let product = mixed(order, 21) % 5;
        let price = PRODUCTS[usize::try_from(product).unwrap()].3;
        let mut lines = vec![json!({
            "product_id": product.to_string(), "quantity": (1 + mixed(order, 22) % 3).to_string(), "unit_price": price,
            "discount": if order % 8 == 0 { "5.00" } else { "0" },
        })];
        if order % 4 == 0 {
            lines.push(json!({ "product_id": "3", "quantity": "1", "unit_price": "19.50" }));
        }
        let customer = mixed(order, 23) % 58;
        world.put(
            "order",
            "studio",
            order,
            json!({
                "ordered_at": format!("{date}T{:02}:{:02}:00Z", 8 + order % 16, order % 60),
                "currency": if order % 41 == 7 { "EUR" } else { "CHF" },
                "customer_id": (order % 10 != 3).then(|| customer.to_string()),
                "location_id": (order % 6 != 2).then(|| (order % 2).to_string()),
                "status": one_of(&["paid", "refunded", "voided", "paid", "paid"], mixed(order, 24)),
                "lines": lines, "discount": if order % 13 == 0 { "3.35" } else { "0" },
            }),
        );
        if order % 17 == 4 {
            let later = Date(date.0 + 9);
            world.put("refund", "studio", order, json!({
                "refunded_at": format!("{later}T10:00:00Z"), "amount": "12.75", "currency": "CHF", "order_id": order.to_string(),
            }));
        }
    }
    // October in Berlin, and the last of September in UTC.
    world.put("order", "studio", "late", json!({
        "ordered_at": "2025-09-30T22:30:00Z", "currency": "CHF", "customer_id": "5",
        "lines": [{ "product_id": "2", "quantity": "1", "unit_price": "777.00", "tax": "57.40" }],
    }));
    for order in 0..20_u64 {
        world.put("order", "marketplace", order, json!({
            "ordered_at": format!("2026-02-{:02}T10:00:00Z", order + 1), "currency": "CHF", "customer_id": "1",
            "lines": [{ "product_id": "1", "quantity": "1", "unit_price": "99.00" }],
        }));
    }
}

fn bills(world: &mut World) {
    for id in 0..40_u64 {
        world.put("invoice", "studio", id, json!({
            "customer_id": (id % 23).to_string(), "issued_at": "2026-01-05T10:00:00Z", "amount": format!("{}.00", 40 + id * 3),
            "due_at": format!("2026-{:02}-{:02}T00:00:00Z", id % 4 + 1, id % 27 + 1), "currency": "CHF",
            "status": if id % 3 == 0 { "paid" } else { "open" },
        }));
        world.put("payment", "studio", id, json!({
            "paid_at": format!("2026-{:02}-{:02}T12:00:00Z", id % 3 + 1, id % 17 + 1), "amount": "129.00", "currency": "CHF",
            "customer_id": (id % 23).to_string(), "status": if id % 7 == 0 { "failed" } else { "succeeded" }, "method": "card",
        }));
        world.put("expense", "studio", id, json!({
            "incurred_at": format!("2026-{:02}-{:02}T12:00:00Z", id % 3 + 1, id % 17 + 1), "amount": format!("{}.10", 50 + id * 11),
            "currency": "CHF", "category": one_of(&["rent", "marketing", "salaries"], id),
        }));
    }
}
