//! The tables of the business itself: organizations, locations, staff, products, classes, sessions.

use arrow::array::RecordBatch;
use vitals_model::Kind;
use vitals_model::kinds::{Class, Ident, Location, Organization, Product, Session, Staff};
use vitals_model::local_time::Zone;

use super::columns::{Columns, Row};
use super::words::Word;
use super::{Parsed, find};

pub(super) fn tables(parsed: &Parsed<'_>, tenant_zone: Option<Zone>) -> [(Kind, RecordBatch); 6] {
    [
        (Kind::Organization, organizations(&parsed.organizations)),
        (Kind::Location, locations(&parsed.locations, tenant_zone)),
        (Kind::Staff, staff(&parsed.staff)),
        (Kind::Product, products(&parsed.products)),
        (Kind::Class, classes(&parsed.classes)),
        (Kind::Session, sessions(&parsed.sessions, &parsed.classes)),
    ]
}

fn organizations(rows: &[Row<'_, Organization<'_>>]) -> RecordBatch {
    let mut table = Columns::of_records(rows);
    table.words("name", |it| Some(&it.name));
    table.text("time_zone", |row| Some(row.body.time_zone.as_deref().unwrap_or("UTC")));
    table.currency("currency", |it| it.currency);
    table.int("week_start", |row| Some(row.body.week_start.unwrap_or(1).into()));
    table.words("plan", |it| it.plan.as_ref());
    table.list("revenue_sources", |it| it.revenue_sources.as_deref());
    table.text("policy", |row| {
        let policy = row.body.policy.as_ref()?;
        Some(serde_json::to_string(policy).expect("names and decimals serialise"))
    });
    table.word("clock", |it| it.clock.word());
    table.finish()
}

fn locations(rows: &[Row<'_, Location<'_>>], tenant_zone: Option<Zone>) -> RecordBatch {
    let mut table = Columns::of_records(rows);
    table.words("name", |it| Some(&it.name));
    table.text("time_zone", |row| {
        row.body.time_zone.as_deref().or_else(|| tenant_zone.map(Zone::name))
    });
    table.finish()
}

fn staff(rows: &[Row<'_, Staff<'_>>]) -> RecordBatch {
    let mut table = Columns::of_records(rows);
    table.words("name", |it| it.name.as_ref());
    table.words("role", |it| it.role.as_ref());
    table.finish()
}

fn products(rows: &[Row<'_, Product<'_>>]) -> RecordBatch {
    let mut table = Columns::of_records(rows);
    table.words("title", |it| Some(&it.title));
    table.text("product_type", |row| row.body.product_type.as_ref().map(Word::word));
    table.words("category", |it| it.category.as_ref());
    table.money("price", |it| it.price);
    table.money("cost", |it| it.cost);
    table.currency("currency", |it| it.currency);
    table.at("first_sold_at", |it| it.first_sold_at);
    table.finish()
}

fn classes(rows: &[Row<'_, Class<'_>>]) -> RecordBatch {
    let mut table = Columns::of_records(rows);
    table.words("name", |it| Some(&it.name));
    table.words("category", |it| it.category.as_ref());
    table.count("duration_minutes", |it| it.duration_minutes);
    table.count("capacity", |it| it.capacity);
    table.reference("instructor_id", |it| it.instructor_id.as_ref());
    table.money("price", |it| it.price);
    table.number("credits_required", |it| it.credits_required);
    table.words("difficulty", |it| it.difficulty.as_ref());
    table.finish()
}

fn sessions(rows: &[Row<'_, Session<'_>>], classes: &[Row<'_, Class<'_>>]) -> RecordBatch {
    let class = |row: &Row<'_, Session<'_>>| find(classes, row.source, &row.body.class_id);
    let mut table = Columns::of_records(rows);
    table.reference("class_id", |it| Some(&it.class_id));
    table.at("starts_at", |it| Some(it.starts_at));
    table.at("ends_at", |it| it.ends_at);
    table.reference("location_id", |it| it.location_id.as_ref());
    table.int("capacity", |row| {
        let own = row.body.capacity;
        own.or_else(|| class(row).and_then(|class| class.capacity)).map(i64::from)
    });
    table.text("instructor_id", |row| {
        let of_class =
            || class(row).and_then(|class| class.instructor_id.as_ref().map(Ident::as_str));
        let own = row.body.instructor_id.as_ref().map(Ident::as_str);
        own.or_else(of_class).map(|id| format!("{}:{id}", row.source))
    });
    table.word("status", |it| it.status.word());
    table.finish()
}
