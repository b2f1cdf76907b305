//! Another tenant, whose every text is a canary.

use serde_json::{Value, json};
use vitals_model::{TenantId, UtcMicros, VitalTables};
use vitals_query::{AsOf, Records, TenantTables, VitalBatches};

use crate::studio::NOW;

/// The canaries' tenant.
pub(crate) const OTHER: TenantId =
    TenantId(uuid::Uuid::from_u128(0x0189_0000_0000_7000_8000_0000_0000_0002));

/// What no answer and no error of anybody else may hold.
pub(crate) const CANARY: &str = "CANARY";

/// Its tables.
pub(crate) fn catalog() -> TenantTables {
    let mut records = Records::new(OTHER);
    let mut put = |kind: &str, id: &str, body: Value| {
        let record = json!({
            "tenant": OTHER, "kind": kind, "source": "csv", "id": format!("{CANARY}-{id}"), "version": 1,
            "received_at": "2026-01-01T00:00:00Z", "body": body,
        });
        records.absorb(record.to_string().as_bytes()).unwrap();
    };
    put(
        "organization",
        "o",
        json!({ "name": CANARY, "time_zone": "Asia/Tokyo", "currency": "EUR" }),
    );
    put("class", "c", json!({ "name": CANARY, "category": CANARY }));
    put("product", "p", json!({ "title": CANARY }));
    put("customer", "1", json!({ "first_name": CANARY, "email": "CANARY@example.org" }));
    let at = "2026-05-01T00:00:00Z";
    put("visit", "v", json!({ "customer_id": "CANARY-1", "visited_at": at }));
    put("order", "r", json!({ "ordered_at": at, "currency": "EUR", "lines": [], "total": "1" }));
    let tables = records.tables();
    let today = tables.today(UtcMicros::parse(NOW).unwrap());
    let vitals = VitalBatches::of(&VitalTables::default());
    TenantTables::new(OTHER, &tables, vitals, (today, AsOf { tick: 3, ..AsOf::default() }))
}
