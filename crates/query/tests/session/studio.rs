//! A small studio with a shop, open through both changes of the clocks, always the same.

use std::fmt::Write;

use arrow::array::RecordBatch;
use serde_json::{Value, json};
use vitals_model::local_time::Zone;
use vitals_model::rng::Rng;
use vitals_model::{Date, TenantId, UtcMicros, VitalTables};
use vitals_query::{
    Answer, AsOf, QueryError, Question, RecordTables, Records, Sessions, TenantTables, VitalBatches,
};

/// The studio's tenant.
pub(crate) const TENANT: TenantId =
    TenantId(uuid::Uuid::from_u128(0x0189_0000_0000_7000_8000_0000_0000_0001));
/// A wall clock that shows the studio's last day, in every zone that tests use.
pub(crate) const NOW: &str = "2026-11-10T11:00:00Z";

pub(crate) struct Studio {
    records: Records,
    rng: Rng,
    version: i64,
}

impl Studio {
    /// A year of the studio, in a zone.
    pub(crate) fn new(zone: &str) -> Self {
        let mut studio = Self { records: Records::new(TENANT), rng: Rng::new(7), version: 0 };
        studio.put(
            "organization",
            "o",
            json!({ "name": "Studio", "time_zone": zone, "currency": "EUR" }),
        );
        for n in 0..3 {
            studio.put("location", &format!("l{n}"), json!({ "name": format!("Room {n}") }));
        }
        for n in 0..6 {
            let category = ["yoga", "pilates", "spin"][n % 3];
            studio.put(
                "class",
                &format!("c{n}"),
                json!({
                    "name": format!("Class {n}"), "category": category, "capacity": 5 + n,
                }),
            );
            studio.put("product", &format!("p{n}"), json!({
                "title": format!("Thing {n}"), "category": category, "price": format!("{n}.25"), "currency": "EUR",
            }));
        }
        studio.customers();
        studio.visits();
        studio.orders();
        studio
    }

    fn put(&mut self, kind: &str, id: &str, body: Value) {
        self.version += 1;
        let record = json!({
            "tenant": TENANT, "kind": kind, "source": "csv", "id": id, "version": self.version,
            "received_at": "2026-01-01T00:00:00Z", "body": body,
        });
        self.records.absorb(record.to_string().as_bytes()).unwrap();
    }

    /// Some instant of the year, often within hours of a change of clocks somewhere.
    fn instant(&mut self) -> String {
        const CHANGES: [&str; 6] = [
            "2026-03-08T07:00:00Z",
            "2026-03-29T01:00:00Z",
            "2026-04-04T15:00:00Z",
            "2026-04-23T22:00:00Z",
            "2026-10-25T01:00:00Z",
            "2026-11-01T06:00:00Z",
        ];
        let near = self.rng.chance(60);
        let (from, spread) = if near {
            (self.rng.pick(&CHANGES), 40 * 3_600)
        } else {
            ("2026-06-01T00:00:00Z", 150 * 86_400)
        };
        let seconds = self.rng.between(-spread, spread);
        let micros = self.rng.pick(&[0, 0, 0, 1, 500_000, 999_999]);
        UtcMicros(UtcMicros::parse(from).unwrap().0 + seconds * 1_000_000 + micros).to_string()
    }

    fn customers(&mut self) {
        for n in 0..40 {
            let mut body = json!({
                "first_name": format!("Name{}", n % 7), "last_name": (["O'Hara", "Müller", "李"][n % 3]),
                "status": (["active", "paused", "lead"][n % 3]), "created_at": self.instant(),
                "tags": (["vip", "new"][..n % 3].to_vec()),
            });
            if n % 4 != 0 {
                body["email"] = json!(format!("p{n}@example.org"));
            }
            self.put("customer", &format!("{n}"), body);
        }
    }

    fn visits(&mut self) {
        for n in 0..120 {
            let at = self.instant();
            let mut session = json!({ "class_id": format!("c{}", n % 6), "starts_at": at });
            if n % 5 != 0 {
                session["location_id"] = json!(format!("l{}", n % 3));
            }
            self.put("session", &format!("s{n}"), session);
        }
        for n in 0..400 {
            let (customer, at) = (self.rng.below(40), self.instant());
            let mut visit = json!({
                "customer_id": customer.to_string(), "visited_at": at,
                "status": self.rng.pick(&["attended", "attended", "no_show", "late_cancelled"]),
            });
            if self.rng.chance(70) {
                visit["session_id"] = json!(format!("s{}", self.rng.below(120)));
            }
            self.put("visit", &format!("v{n}"), visit);
            let sleep = json!({
                "customer_id": customer.to_string(), "on_date": &self.instant()[..10],
                "sleep_hours": format!("{}.{}", self.rng.below(10), self.rng.below(100)),
            });
            self.put("wearable", &format!("w{n}"), sleep);
        }
    }

    fn orders(&mut self) {
        for n in 0..300 {
            let lines: Vec<Value> = (0..self.rng.between(1, 4))
                .map(|_| {
                    json!({
                        "product_id": format!("p{}", self.rng.below(6)),
                        "quantity": self.rng.between(1, 5).to_string(),
                        "unit_price": format!("{}.{:03}", self.rng.below(90), self.rng.below(1_000)),
                    })
                })
                .collect();
            let mut order = json!({
                "ordered_at": self.instant(), "currency": self.rng.pick(&["EUR", "EUR", "USD"]),
                "status": self.rng.pick(&["paid", "paid", "refunded", "pending"]), "lines": lines,
                "total": format!("{}.5", self.rng.below(500)),
            });
            if n % 7 != 0 {
                order["customer_id"] = json!(self.rng.below(40).to_string());
            }
            self.put("order", &format!("{n}"), order);
            if n % 9 == 0 {
                let refund = json!({
                    "refunded_at": self.instant(), "amount": format!("{n}.01"), "currency": "EUR",
                    "order_id": n.to_string(),
                });
                self.put("refund", &format!("r{n}"), refund);
            }
        }
    }

    pub(crate) fn tables(&self) -> RecordTables {
        self.records.tables()
    }

    /// The studio's catalogue on its last day, with the vitals of nobody.
    pub(crate) fn catalog(&self) -> TenantTables {
        let as_of = AsOf { tick: 7, ..AsOf::default() };
        let tables = self.tables();
        let today = tables.today(UtcMicros::parse(NOW).unwrap());
        TenantTables::new(
            TENANT,
            &tables,
            VitalBatches::of(&VitalTables::default()),
            (today, as_of),
        )
    }
}

/// Answers a question.
pub(crate) async fn ask(catalog: &TenantTables, sql: &str) -> Result<Answer, QueryError> {
    let (question, now) = (Question::new(TENANT, sql), UtcMicros::parse(NOW).unwrap());
    Sessions::default().answer(catalog, &question, now).await?.collect().await
}

/// The rows as lines of text, as psql writes them unaligned.
pub(crate) fn lines(answer: &Answer) -> Vec<String> {
    answer.batches.iter().flat_map(|batch| batch_lines(batch, answer.zone)).collect()
}

pub(crate) fn batch_lines(batch: &RecordBatch, zone: Zone) -> Vec<String> {
    let line = |row: usize| {
        let cells = batch.columns().iter().map(|column| cell(column, row, zone));
        cells.collect::<Vec<_>>().join("|")
    };
    (0..batch.num_rows()).map(line).collect()
}

/// One value as PostgreSQL writes it.
pub(crate) fn cell(column: &arrow::array::ArrayRef, row: usize, zone: Zone) -> String {
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
    if column.is_null(row) {
        return "NULL".to_owned();
    }
    match column.data_type() {
        DataType::Boolean => if column.as_boolean().value(row) { "t" } else { "f" }.to_owned(),
        DataType::Timestamp(TimeUnit::Microsecond, of) => {
            let at = column.as_primitive::<TimestampMicrosecondType>().value(row);
            let wall = |at: i64| chrono::DateTime::from_timestamp_micros(at).unwrap().naive_utc();
            let fraction =
                |text: String| text.trim_end_matches('0').trim_end_matches('.').to_owned();
            if of.is_none() {
                return fraction(wall(at).format("%Y-%m-%d %H:%M:%S.%6f").to_string());
            }
            let local = zone.local(UtcMicros(at));
            let shown = i64::from(local.date.0) * 86_400_000_000
                + local.second_of_day * 1_000_000
                + at.rem_euclid(1_000_000);
            let offset = (shown - at) / 60_000_000;
            let mut text = fraction(wall(shown).format("%Y-%m-%d %H:%M:%S.%6f").to_string());
            let sign = if offset < 0 { '-' } else { '+' };
            write!(text, "{sign}{:02}", offset.abs() / 60).unwrap();
            if offset % 60 != 0 {
                write!(text, ":{:02}", offset.abs() % 60).unwrap();
            }
            text
        }
        DataType::List(_) => {
            let list = column.as_list::<i32>().value(row);
            let cells: Vec<_> = (0..list.len()).map(|at| cell(&list, at, zone)).collect();
            format!("{{{}}}", cells.join(","))
        }
        _ => arrow::util::display::array_value_to_string(column, row).unwrap(),
    }
}

/// A date.
pub(crate) fn date(text: &str) -> Date {
    Date::parse(text).unwrap()
}
