//! `online-retail`: invoice lines of a shop become orders and refunds, customers and products.
//!
//! Promises that an invoice is one record wherever in the file its lines are, that records do not depend
//! on the order of lines, and that every amount is exact: by month, net is the sum of quantity x unit
//! price over all lines. An invoice is told by its sum:
//! - zero: an `order` of status `voided`;
//! - negative, and a cancellation (`C...`) or an adjustment (`A...`): a `refund` of its absolute value;
//! - otherwise an `order`, so that an odd one keeps its sign and the month its sum.
//!
//! # Time
//! Wall clocks of Europe/London. An invoice's instant, and its version, is its earliest line's.

use std::collections::{BTreeMap, HashMap};
use std::vec;

use serde::Serialize;
use vitals_model::decimal::{Money, Number};
use vitals_model::kinds::{
    Currency, Customer, Ident, Kind, Order, OrderLine, OrderStatus, Product, ProductType, Refund,
};
use vitals_model::limits::{ID_BYTES_MAX, ORDER_LINES_MAX};
use vitals_model::local_time::Zone;
use vitals_model::utc::SECOND_US;
use vitals_model::{Date, Reason, Record, UtcMicros};

use super::csv_line::Header;
use super::lines::quoted;
use super::{ImportContext, accept};

/// The columns, each with its names in the two editions of the set.
pub(super) const COLUMNS: [&[&str]; 8] = [
    &["InvoiceNo", "Invoice"],
    &["StockCode"],
    &["Description"],
    &["Quantity"],
    &["InvoiceDate"],
    &["UnitPrice", "Price"],
    &["CustomerID", "Customer ID"],
    &["Country"],
];
/// Most lines of a file: all are held in memory, at about 150 bytes each, until their invoice is whole.
pub(super) const LINES_MAX: u64 = 20_000_000;
/// The records' source: a CSV file.
const SOURCE: &str = "csv";
const ZONE: &str = "Europe/London";

/// One line of an invoice. Ordered by its fields: that is the order of lines in a record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Sale {
    at: UtcMicros,
    product: String,
    title: String,
    quantity: Number,
    unit_price: Money,
}

#[derive(Debug)]
struct Invoice {
    id: String,
    first_line: u64,
    /// The smallest of the names its lines give; in the real set they all give one.
    customer: Option<String>,
    country: Option<String>,
    sales: Vec<Sale>,
}

/// What all lines say about a customer or product together.
struct Sighting {
    line: u64,
    earliest: UtcMicros,
    latest: UtcMicros,
    first_sold: Option<UtcMicros>,
    /// How often it was called what.
    names: BTreeMap<String, u64>,
}

/// What is left to yield, in order.
struct Yield {
    products: vec::IntoIter<(String, Sighting)>,
    customers: vec::IntoIter<(String, Sighting)>,
    invoices: vec::IntoIter<Invoice>,
}

pub(super) struct OnlineRetail {
    ctx: ImportContext,
    header: Header,
    zone: Zone,
    currency: Currency,
    invoices: HashMap<String, Invoice>,
    yielding: Option<Yield>,
}

impl OnlineRetail {
    pub(super) fn new(ctx: ImportContext, header: Header) -> Self {
        let zone = ctx.time_zone.or_else(|| Zone::named(ZONE)).unwrap_or_else(Zone::utc);
        let currency = ctx.currency.unwrap_or(Currency(*b"GBP"));
        Self { ctx, header, zone, currency, invoices: HashMap::new(), yielding: None }
    }

    /// Takes one line.
    pub(super) fn line(&mut self, number: u64, text: &str) -> Result<(), Reason> {
        let [invoice, product, title, quantity, at, price, customer, country] =
            self.header.fields(text)?;
        check_id("InvoiceNo", &invoice)?;
        if invoice.is_empty() {
            return Err(Reason::new("InvoiceNo is empty"));
        }
        check_id("StockCode", &product)?;
        let customer = customer.strip_suffix(".0").unwrap_or(&customer);
        check_id("CustomerID", customer)?;
        let sale = Sale {
            at: self.instant(&at)?,
            product: product.into_owned(),
            title: title.into_owned(),
            quantity: Number::parse(&quantity).map_err(|error| {
                Reason::new(format_args!("Quantity {} {error}", quoted(&quantity)))
            })?,
            unit_price: Money::parse(&price).map_err(|error| {
                Reason::new(format_args!("UnitPrice {} {error}", quoted(&price)))
            })?,
        };
        if Money::line(sale.quantity, sale.unit_price).is_none() {
            return Err(Reason::new("Quantity x UnitPrice is too large"));
        }
        if !self.invoices.contains_key(invoice.as_ref()) {
            let id = invoice.clone().into_owned();
            let new = Invoice {
                id: id.clone(),
                first_line: number,
                customer: None,
                country: None,
                sales: Vec::new(),
            };
            self.invoices.insert(id, new);
        }
        let into = self.invoices.get_mut(invoice.as_ref()).expect("it was just made");
        if into.sales.len() == ORDER_LINES_MAX {
            return Err(Reason::new(format_args!(
                "invoice {} has more than {ORDER_LINES_MAX} lines",
                quoted(&invoice)
            )));
        }
        keep_smallest(&mut into.customer, customer);
        keep_smallest(&mut into.country, &country);
        into.sales.push(sale);
        Ok(())
    }

    /// A wall clock, `YYYY-MM-DD HH:MM[:SS]`, as an instant.
    fn instant(&self, text: &str) -> Result<UtcMicros, Reason> {
        let wall = || {
            let date = Date::parse(text.get(..10)?)?;
            let clock = text.get(10..)?.strip_prefix([' ', 'T'])?;
            let clock = if clock.len() == 5 { format!("{clock}:00") } else { clock.to_owned() };
            // The strict parser of instants reads the clock: on the epoch's day it is its second.
            let second = UtcMicros::parse(&format!("1970-01-01T{clock}Z"))?;
            Some(self.zone.resolve(date, second.0 / SECOND_US))
        };
        wall().filter(|at| UtcMicros::parse(&at.to_string()).is_some()).ok_or_else(|| {
            Reason::new(format_args!("InvoiceDate {} is not YYYY-MM-DD HH:MM:SS", quoted(text)))
        })
    }

    /// The next record, or the next invoice that cannot be one, once every line was taken.
    pub(super) fn drain(&mut self) -> Option<Result<Record, (u64, Reason)>> {
        if self.yielding.is_none() {
            self.yielding = Some(self.seal());
        }
        let rest = self.yielding.as_mut()?;
        if let Some((id, sighting)) = rest.products.next() {
            let record = self.product(&id, &sighting);
            return Some(accept(record).map_err(|reason| (sighting.line, reason)));
        }
        if let Some((id, sighting)) = rest.customers.next() {
            let record = self.customer(&id, &sighting);
            return Some(accept(record).map_err(|reason| (sighting.line, reason)));
        }
        let invoice = rest.invoices.next()?;
        Some(self.invoice(&invoice).and_then(accept).map_err(|reason| (invoice.first_line, reason)))
    }

    /// Orders everything: what is sold and who buys first, then invoices as they happened.
    fn seal(&mut self) -> Yield {
        let mut invoices: Vec<Invoice> = std::mem::take(&mut self.invoices).into_values().collect();
        for invoice in &mut invoices {
            invoice.sales.sort_unstable();
        }
        invoices.sort_unstable_by(|a, b| (a.at(), &a.id).cmp(&(b.at(), &b.id)));
        let mut products: BTreeMap<String, Sighting> = BTreeMap::new();
        let mut customers: BTreeMap<String, Sighting> = BTreeMap::new();
        for invoice in &invoices {
            let line = invoice.first_line;
            if let Some(customer) = &invoice.customer {
                let it = customers.entry(customer.clone()).or_insert_with(|| Sighting::new(line));
                it.see(invoice.at(), invoice.country.as_deref().unwrap_or(""));
            }
            for sale in invoice.sales.iter().filter(|sale| !sale.product.is_empty()) {
                let new = || Sighting::new(line);
                let it = products.entry(sale.product.clone()).or_insert_with(new);
                it.see(sale.at, &sale.title);
                if sale.quantity.0 > 0 && sale.unit_price.0 > 0 {
                    it.first_sold = Some(it.first_sold.map_or(sale.at, |at| at.min(sale.at)));
                }
            }
        }
        Yield {
            products: products.into_iter().collect::<Vec<_>>().into_iter(),
            customers: customers.into_iter().collect::<Vec<_>>().into_iter(),
            invoices: invoices.into_iter(),
        }
    }

    fn product(&self, id: &str, seen: &Sighting) -> Record {
        let body = Product {
            title: seen.name().unwrap_or(id).into(),
            product_type: Some(ProductType::Goods),
            first_sold_at: seen.first_sold,
            ..Product::default()
        };
        self.record(Kind::Product, id, seen.latest, &body)
    }

    fn customer(&self, id: &str, seen: &Sighting) -> Record {
        let customer = Customer {
            display_name: Some(format!("Customer #{id}").into()),
            created_at: Some(seen.earliest),
            ..Customer::default()
        };
        let body = With { body: customer, country: seen.name(), lines: None };
        self.record(Kind::Customer, id, seen.latest, &body)
    }

    fn invoice(&self, invoice: &Invoice) -> Result<Record, Reason> {
        let sum: i128 = invoice.sales.iter().map(|sale| i128::from(sale.amount().0)).sum();
        let at = invoice.at();
        let lines: Vec<OrderLine<'_>> = invoice.sales.iter().map(Sale::to_line).collect();
        let customer_id = invoice.customer.as_deref().map(Ident::from);
        let country = invoice.country.as_deref();
        if sum < 0 && invoice.id.starts_with(['C', 'c', 'A', 'a']) {
            let amount = i64::try_from(-sum).map_err(|_| Reason::new("its sum is too large"))?;
            let refund = Refund {
                refunded_at: at,
                amount: Money(amount),
                currency: self.currency,
                order_id: None,
                customer_id,
                location_id: None,
                reason: None,
            };
            let body = With { body: refund, country, lines: Some(lines) };
            return Ok(self.record(Kind::Refund, &invoice.id, at, &body));
        }
        let status = if sum == 0 { OrderStatus::Voided } else { OrderStatus::Paid };
        let order = Order {
            ordered_at: at,
            currency: self.currency,
            customer_id,
            location_id: None,
            status,
            lines,
            discount: Money(0),
            tax: None,
            shipping: Money(0),
            total: i64::try_from(sum).ok().map(Money),
        };
        let body = With { body: order, country, lines: None };
        Ok(self.record(Kind::Order, &invoice.id, at, &body))
    }

    fn record(&self, kind: Kind, id: &str, version: UtcMicros, body: &impl Serialize) -> Record {
        Record::new(self.ctx.tenant, kind, (SOURCE, id), (version.0, self.ctx.now), Some(body))
    }
}

/// A body with what else the file says: a record keeps fields no vital reads.
#[derive(Serialize)]
struct With<'a, B> {
    #[serde(flatten)]
    body: B,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<&'a str>,
    /// What a refund took back.
    #[serde(skip_serializing_if = "Option::is_none")]
    lines: Option<Vec<OrderLine<'a>>>,
}

impl Invoice {
    /// Its instant: its earliest line's.
    fn at(&self) -> UtcMicros {
        self.sales.iter().map(|sale| sale.at).min().unwrap_or_default()
    }
}

impl Sale {
    fn amount(&self) -> Money {
        Money::line(self.quantity, self.unit_price).unwrap_or_default()
    }

    fn to_line(&self) -> OrderLine<'_> {
        OrderLine {
            product_id: some(&self.product).map(Ident::from),
            title: some(&self.title).map(Into::into),
            quantity: self.quantity,
            unit_price: self.unit_price,
            discount: Money(0),
            tax: Money(0),
        }
    }
}

impl Sighting {
    fn new(line: u64) -> Self {
        let (earliest, latest) = (UtcMicros(i64::MAX), UtcMicros(i64::MIN));
        Self { line, earliest, latest, first_sold: None, names: BTreeMap::new() }
    }

    fn see(&mut self, at: UtcMicros, name: &str) {
        self.earliest = self.earliest.min(at);
        self.latest = self.latest.max(at);
        if !name.is_empty() {
            *self.names.entry(name.to_owned()).or_default() += 1;
        }
    }

    /// What it is called most often; of several, the first in the alphabet.
    fn name(&self) -> Option<&str> {
        let by_count = |a: &(&String, &u64), b: &(&String, &u64)| a.1.cmp(b.1).then(b.0.cmp(a.0));
        self.names.iter().max_by(by_count).map(|(name, _)| name.as_str())
    }
}

fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

fn keep_smallest(kept: &mut Option<String>, text: &str) {
    if !text.is_empty() && kept.as_deref().is_none_or(|kept| text < kept) {
        *kept = Some(text.to_owned());
    }
}

/// An id must fit a record's key; an empty one is none.
fn check_id(column: &str, text: &str) -> Result<(), Reason> {
    if text.len() > ID_BYTES_MAX {
        return Err(Reason::new(format_args!("{column} is longer than {ID_BYTES_MAX} bytes")));
    }
    if text.contains(|c: char| c.is_control()) {
        return Err(Reason::new(format_args!("{column} contains a control character")));
    }
    Ok(())
}
