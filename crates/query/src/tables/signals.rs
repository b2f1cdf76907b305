//! The tables of signs of life: messages, deals, traffic, tickets, programs, wearables, metrics.

use arrow::array::RecordBatch;
use vitals_model::Kind;
use vitals_model::kinds::{Deal, Message, Metric, Program, Ticket, Traffic, Wearable};

use super::Parsed;
use super::columns::{Columns, Row};
use super::words::Word;

pub(super) fn tables(parsed: &Parsed<'_>) -> [(Kind, RecordBatch); 7] {
    [
        (Kind::Message, messages(&parsed.messages)),
        (Kind::Deal, deals(&parsed.deals)),
        (Kind::Traffic, traffic(&parsed.traffic)),
        (Kind::Ticket, tickets(&parsed.tickets)),
        (Kind::Program, programs(&parsed.programs)),
        (Kind::Wearable, wearables(&parsed.wearables)),
        (Kind::Metric, metrics(&parsed.metrics)),
    ]
}

fn messages(rows: &[Row<'_, Message<'_>>]) -> RecordBatch {
    let mut table = Columns::of_records(rows);
    table.reference("customer_id", |it| Some(&it.customer_id));
    table.at("sent_at", |it| Some(it.sent_at));
    table.word("direction", |it| it.direction.word());
    table.words("channel", |it| it.channel.as_ref());
    table.at("replied_at", |it| it.replied_at);
    table.finish()
}

fn deals(rows: &[Row<'_, Deal<'_>>]) -> RecordBatch {
    let mut table = Columns::of_records(rows);
    table.at("opened_at", |it| Some(it.opened_at));
    table.words("stage", |it| it.stage.as_ref());
    table.word("status", |it| it.status.word());
    table.money("amount", |it| it.amount);
    table.currency("currency", |it| it.currency);
    table.at("closed_at", |it| it.closed_at);
    table.reference("customer_id", |it| it.customer_id.as_ref());
    table.finish()
}

fn traffic(rows: &[Row<'_, Traffic>]) -> RecordBatch {
    let mut table = Columns::of_records(rows);
    table.date("on_date", |it| Some(it.on_date));
    table.text("channel", |row| row.body.channel.as_deref());
    table.number("sessions", |it| it.sessions);
    table.number("users", |it| it.users);
    table.number("conversions", |it| it.conversions);
    table.money("revenue", |it| it.revenue);
    table.finish()
}

fn tickets(rows: &[Row<'_, Ticket<'_>>]) -> RecordBatch {
    let mut table = Columns::of_records(rows);
    table.at("opened_at", |it| Some(it.opened_at));
    table.at("first_response_at", |it| it.first_response_at);
    table.at("closed_at", |it| it.closed_at);
    table.reference("customer_id", |it| it.customer_id.as_ref());
    table.number("csat", |it| it.csat);
    table.number("nps", |it| it.nps);
    table.finish()
}

fn programs(rows: &[Row<'_, Program<'_>>]) -> RecordBatch {
    let mut table = Columns::of_records(rows);
    table.reference("customer_id", |it| Some(&it.customer_id));
    table.date("on_date", |it| Some(it.on_date));
    table.number("compliance", |it| it.compliance);
    table.number("habits", |it| it.habits);
    table.finish()
}

fn wearables(rows: &[Row<'_, Wearable<'_>>]) -> RecordBatch {
    let mut table = Columns::of_records(rows);
    table.reference("customer_id", |it| Some(&it.customer_id));
    table.date("on_date", |it| Some(it.on_date));
    table.number("sleep_hours", |it| it.sleep_hours);
    table.finish()
}

fn metrics(rows: &[Row<'_, Metric<'_>>]) -> RecordBatch {
    let mut table = Columns::of_records(rows);
    table.words("metric_type", |it| Some(&it.metric_type));
    table.number("value", |it| Some(it.value));
    table.words("unit", |it| it.unit.as_ref());
    table.at("recorded_at", |it| Some(it.recorded_at));
    table.reference("location_id", |it| it.location_id.as_ref());
    table.finish()
}
