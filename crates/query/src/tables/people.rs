//! The tables of the business's people: customers, bookings, visits.

use arrow::array::RecordBatch;
use vitals_model::Kind;
use vitals_model::kinds::{Booking, Customer, Session, Visit};

use super::columns::{Columns, Row};
use super::words::Word;
use super::{Parsed, find};

pub(super) fn tables(parsed: &Parsed<'_>) -> [(Kind, RecordBatch); 2] {
    [(Kind::Customer, customers(&parsed.customers)), (Kind::Booking, bookings(&parsed.bookings))]
}

fn customers(rows: &[Row<'_, Customer<'_>>]) -> RecordBatch {
    let mut table = Columns::of_records(rows);
    table.words("first_name", |it| it.first_name.as_ref());
    table.words("last_name", |it| it.last_name.as_ref());
    table.words("display_name", |it| it.display_name.as_ref());
    table.words("email", |it| it.email.as_ref());
    table.words("phone", |it| it.phone.as_ref());
    table.word("status", |it| it.status.word());
    table.at("created_at", |it| it.created_at);
    table.reference("home_location_id", |it| it.home_location_id.as_ref());
    table.list("tags", |it| Some(&it.tags));
    table.finish()
}

fn bookings(rows: &[Row<'_, Booking<'_>>]) -> RecordBatch {
    let mut table = Columns::of_records(rows);
    table.reference("customer_id", |it| Some(&it.customer_id));
    table.reference("session_id", |it| Some(&it.session_id));
    table.word("status", |it| it.status.word());
    table.at("booked_at", |it| it.booked_at);
    table.at("cancelled_at", |it| it.cancelled_at);
    table.at("checked_in_at", |it| it.checked_in_at);
    table.words("channel", |it| it.channel.as_ref());
    table.finish()
}

/// The visits, and the visits with their own location beside the one that is filled in.
pub(super) fn visits(
    rows: &[Row<'_, Visit<'_>>],
    sessions: &[Row<'_, Session<'_>>],
) -> (RecordBatch, RecordBatch) {
    let mut table = Columns::of_records(rows);
    table.reference("customer_id", |it| Some(&it.customer_id));
    table.at("visited_at", |it| Some(it.visited_at));
    table.reference("session_id", |it| it.session_id.as_ref());
    table.text("location_id", |row| {
        let session = || find(sessions, row.source, row.body.session_id.as_ref()?);
        let own = row.reference(row.body.location_id.as_ref());
        own.or_else(|| row.reference(session()?.location_id.as_ref()))
    });
    table.word("status", |it| it.status.word());
    let visits = table.so_far();
    table.reference("own_location_id", |it| it.location_id.as_ref());
    (visits, table.finish())
}
