//! The tables of money: memberships, credits, orders and their lines, payments, refunds, invoices,
//! expenses, balances.

use arrow::array::RecordBatch;
use vitals_model::Kind;
use vitals_model::kinds::{
    Balance, Credit, Expense, Invoice, InvoiceStatus, Membership, Order, OrderLine, Payment, Refund,
};

use super::columns::{Columns, Row};
use super::words::Word;
use super::{Parsed, find};

pub(super) fn tables(parsed: &Parsed<'_>) -> [(Kind, RecordBatch); 8] {
    [
        (Kind::Membership, memberships(&parsed.memberships)),
        (Kind::Credit, credits(&parsed.credits)),
        (Kind::Order, orders(&parsed.orders)),
        (Kind::Payment, payments(&parsed.payments)),
        (Kind::Refund, refunds(&parsed.refunds, &parsed.orders)),
        (Kind::Invoice, invoices(&parsed.invoices)),
        (Kind::Expense, expenses(&parsed.expenses)),
        (Kind::Balance, balances(&parsed.balances)),
    ]
}

fn memberships(rows: &[Row<'_, Membership<'_>>]) -> RecordBatch {
    let mut table = Columns::of_records(rows);
    table.reference("customer_id", |it| Some(&it.customer_id));
    table.reference("product_id", |it| it.product_id.as_ref());
    table.word("status", |it| it.status.word());
    table.at("started_at", |it| Some(it.started_at));
    table.at("ends_at", |it| it.ends_at);
    table.at("cancelled_at", |it| it.cancelled_at);
    table.money("price", |it| it.price);
    table.currency("currency", |it| it.currency);
    table.word("billing_interval", |it| it.billing_interval.word());
    table.count("interval_count", |it| Some(it.interval_count));
    table.number("quantity", |it| Some(it.quantity));
    table.finish()
}

fn credits(rows: &[Row<'_, Credit<'_>>]) -> RecordBatch {
    let mut table = Columns::of_records(rows);
    table.reference("customer_id", |it| Some(&it.customer_id));
    table.words("credit_type", |it| it.credit_type.as_ref());
    table.number("credits", |it| Some(it.credits));
    table.reference("booking_id", |it| it.booking_id.as_ref());
    table.at("occurred_at", |it| it.occurred_at);
    table.finish()
}

fn orders(rows: &[Row<'_, Order<'_>>]) -> RecordBatch {
    let mut table = Columns::of_records(rows);
    table.at("ordered_at", |it| Some(it.ordered_at));
    table.currency("currency", |it| Some(it.currency));
    table.reference("customer_id", |it| it.customer_id.as_ref());
    table.reference("location_id", |it| it.location_id.as_ref());
    table.word("status", |it| it.status.word());
    table.money("discount", |it| Some(it.discount));
    table.money("tax", |it| it.tax);
    table.money("shipping", |it| Some(it.shipping));
    table.money("total", |it| it.total);
    table.finish()
}

/// One line, with the order it is in and its place there, from 1.
struct Line<'r, 'a> {
    order: &'r Row<'a, Order<'a>>,
    place: i64,
    line: &'r OrderLine<'a>,
}

pub(super) fn order_lines(orders: &[Row<'_, Order<'_>>]) -> RecordBatch {
    let lines = orders.iter().flat_map(|order| {
        (1..).zip(&order.body.lines).map(move |(place, line)| Line { order, place, line })
    });
    let lines: Vec<Line<'_, '_>> = lines.collect();
    let mut table = Columns::new(&lines);
    table.text("order_id", |it| Some(it.order.sql_id()));
    table.text("source", |it| Some(it.order.source));
    table.int("line", |it| Some(it.place));
    table.text("product_id", |it| it.order.reference(it.line.product_id.as_ref()));
    table.text("title", |it| it.line.title.as_deref());
    table.micros("quantity", |it| Some(it.line.quantity.0));
    table.micros("unit_price", |it| Some(it.line.unit_price.0));
    table.micros("discount", |it| Some(it.line.discount.0));
    table.micros("tax", |it| Some(it.line.tax.0));
    table.finish()
}

fn payments(rows: &[Row<'_, Payment<'_>>]) -> RecordBatch {
    let mut table = Columns::of_records(rows);
    table.at("paid_at", |it| Some(it.paid_at));
    table.money("amount", |it| Some(it.amount));
    table.currency("currency", |it| Some(it.currency));
    table.reference("customer_id", |it| it.customer_id.as_ref());
    table.reference("order_id", |it| it.order_id.as_ref());
    table.reference("invoice_id", |it| it.invoice_id.as_ref());
    table.word("status", |it| it.status.word());
    table.words("method", |it| it.method.as_ref());
    table.finish()
}

fn refunds(rows: &[Row<'_, Refund<'_>>], orders: &[Row<'_, Order<'_>>]) -> RecordBatch {
    let order = |row: &Row<'_, Refund<'_>>| find(orders, row.source, row.body.order_id.as_ref()?);
    let mut table = Columns::of_records(rows);
    table.at("refunded_at", |it| Some(it.refunded_at));
    table.money("amount", |it| Some(it.amount));
    table.currency("currency", |it| Some(it.currency));
    table.reference("order_id", |it| it.order_id.as_ref());
    table.text("customer_id", |row| {
        let own = row.reference(row.body.customer_id.as_ref());
        own.or_else(|| row.reference(order(row)?.customer_id.as_ref()))
    });
    table.text("location_id", |row| {
        let own = row.reference(row.body.location_id.as_ref());
        own.or_else(|| row.reference(order(row)?.location_id.as_ref()))
    });
    table.words("reason", |it| it.reason.as_ref());
    table.finish()
}

fn invoices(rows: &[Row<'_, Invoice<'_>>]) -> RecordBatch {
    let mut table = Columns::of_records(rows);
    table.reference("customer_id", |it| Some(&it.customer_id));
    table.at("issued_at", |it| Some(it.issued_at));
    table.at("due_at", |it| it.due_at);
    table.at("paid_at", |it| it.paid_at);
    table.money("amount", |it| Some(it.amount));
    table.money("balance", |it| {
        it.balance.or((it.status == InvoiceStatus::Open).then_some(it.amount))
    });
    table.currency("currency", |it| it.currency);
    table.word("status", |it| it.status.word());
    table.finish()
}

fn expenses(rows: &[Row<'_, Expense<'_>>]) -> RecordBatch {
    let mut table = Columns::of_records(rows);
    table.at("incurred_at", |it| Some(it.incurred_at));
    table.money("amount", |it| Some(it.amount));
    table.currency("currency", |it| it.currency);
    table.words("category", |it| it.category.as_ref());
    table.finish()
}

fn balances(rows: &[Row<'_, Balance<'_>>]) -> RecordBatch {
    let mut table = Columns::of_records(rows);
    table.at("recorded_at", |it| Some(it.recorded_at));
    table.money("amount", |it| Some(it.amount));
    table.currency("currency", |it| it.currency);
    table.words("account", |it| it.account.as_ref());
    table.finish()
}
