//! Money coming and going: orders, payments, refunds, memberships, invoices, expenses, balances.

use serde::{Deserialize, Serialize};

use super::{Currency, Ident, Text, not_negative};
use crate::decimal::{MICROS, Money, Number};
use crate::limits::ORDER_LINES_MAX;
use crate::utc::UtcMicros;

/// Where a membership stands.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the words say it")]
pub enum MembershipStatus {
    #[default]
    Active,
    Paused,
    PastDue,
    Cancelled,
    Expired,
}

/// How often a membership is billed.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the words say it")]
pub enum BillingInterval {
    Day,
    Week,
    #[default]
    Month,
    Year,
}

/// `membership`: a standing right to come, and what it costs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Membership<'a> {
    /// Whose.
    #[serde(borrow)]
    pub customer_id: Ident<'a>,
    /// Of which product.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub product_id: Option<Ident<'a>>,
    /// Where it stands.
    #[serde(default, deserialize_with = "super::or_default")]
    pub status: MembershipStatus,
    /// When it began.
    pub started_at: UtcMicros,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<UtcMicros>,
    /// When it was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_at: Option<UtcMicros>,
    /// Price of one billing interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
    /// Of the price; the tenant's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// How often it is billed.
    #[serde(default, deserialize_with = "super::or_default")]
    pub billing_interval: BillingInterval,
    /// Every so many intervals.
    #[serde(default = "one")]
    pub interval_count: u32,
    /// How many.
    #[serde(default = "one_unit")]
    pub quantity: Number,
}

fn one() -> u32 {
    1
}

fn one_unit() -> Number {
    Number(MICROS)
}

impl Membership<'_> {
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.interval_count == 0 {
            return Err("interval_count is 0".into());
        }
        not_negative("quantity", self.quantity.0)?;
        if self.price.is_some() && self.mrr().is_none() {
            return Err("price x quantity is too large".into());
        }
        Ok(())
    }

    /// Monthly recurring revenue: price x quantity / interval_count, times the intervals in a month
    /// (day 365/12, week 52/12, month 1, year 1/12), rounded half up to a micro. `None` without a price.
    #[must_use]
    pub fn mrr(&self) -> Option<Money> {
        let (numerator, denominator) = match self.billing_interval {
            BillingInterval::Day => (365, 12),
            BillingInterval::Week => (52, 12),
            BillingInterval::Month => (1, 1),
            BillingInterval::Year => (1, 12),
        };
        let amount = i128::from(self.price?.0) * i128::from(self.quantity.0);
        let parts = i128::from(self.interval_count) * denominator * i128::from(MICROS);
        let rounded = crate::ratio::mul_div(amount, numerator, parts)?;
        i64::try_from(rounded).ok().map(Money)
    }
}

/// `credit`: a credit transaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Credit<'a> {
    /// Whose.
    #[serde(borrow)]
    pub customer_id: Ident<'a>,
    /// `purchase`, `spend`, `refund` or `expire`.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub credit_type: Option<Text<'a>>,
    /// How many, signed.
    pub credits: Number,
    /// What they were spent on.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub booking_id: Option<Ident<'a>>,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<UtcMicros>,
}

/// Where an order stands.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the words say it")]
pub enum OrderStatus {
    Pending,
    #[default]
    Paid,
    PartiallyRefunded,
    Refunded,
    Voided,
}

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrderLine<'a> {
    /// What was sold.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub product_id: Option<Ident<'a>>,
    /// What it was called.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Text<'a>>,
    /// How many.
    #[serde(default = "one_unit")]
    pub quantity: Number,
    /// Price of one.
    #[serde(default, deserialize_with = "super::or_default")]
    pub unit_price: Money,
    /// Taken off this line.
    #[serde(default, deserialize_with = "super::or_default")]
    pub discount: Money,
    /// Tax on this line.
    #[serde(default, deserialize_with = "super::or_default")]
    pub tax: Money,
}

/// `order`: something was sold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order<'a> {
    /// When.
    pub ordered_at: UtcMicros,
    /// Of every amount in it.
    pub currency: Currency,
    /// To whom.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<Ident<'a>>,
    /// Where.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub location_id: Option<Ident<'a>>,
    /// Where it stands.
    #[serde(default, deserialize_with = "super::or_default")]
    pub status: OrderStatus,
    /// What was sold.
    #[serde(borrow, default)]
    pub lines: Vec<OrderLine<'a>>,
    /// Taken off the whole order, over and above its lines' discounts.
    #[serde(default, deserialize_with = "super::or_default")]
    pub discount: Money,
    /// Tax on the whole order; the lines' together when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<Money>,
    /// For bringing it.
    #[serde(default, deserialize_with = "super::or_default")]
    pub shipping: Money,
    /// What was to be paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Money>,
}

/// What an order adds up to, each in micros.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OrderSums {
    /// Sum of quantity x unit price.
    pub gross: i64,
    /// The lines' discounts and the order's.
    pub discount: i64,
    /// The order's tax, else the lines'.
    pub tax: i64,
    /// Sum of quantities.
    pub units: i64,
}

impl Order<'_> {
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.lines.len() > ORDER_LINES_MAX {
            return Err(format!("more than {ORDER_LINES_MAX} lines"));
        }
        self.sums().map(|_| ()).ok_or_else(|| "its sums are too large".into())
    }

    /// Adds the order up; `None` when a sum does not fit (such a body is refused when it is parsed).
    #[must_use]
    pub fn sums(&self) -> Option<OrderSums> {
        let mut sums = OrderSums { discount: self.discount.0, ..OrderSums::default() };
        for line in &self.lines {
            sums.gross = sums.gross.checked_add(Money::line(line.quantity, line.unit_price)?.0)?;
            sums.discount = sums.discount.checked_add(line.discount.0)?;
            sums.tax = sums.tax.checked_add(line.tax.0)?;
            sums.units = sums.units.checked_add(line.quantity.0)?;
        }
        if let Some(tax) = self.tax {
            sums.tax = tax.0;
        }
        sums.gross.checked_sub(sums.discount)?;
        Some(sums)
    }
}

/// How a payment turned out.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the words say it")]
pub enum PaymentStatus {
    #[default]
    Succeeded,
    Failed,
    Pending,
}

/// `payment`: money was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Payment<'a> {
    /// When.
    pub paid_at: UtcMicros,
    /// How much.
    pub amount: Money,
    /// Of the amount.
    pub currency: Currency,
    /// From whom.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<Ident<'a>>,
    /// For which order.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<Ident<'a>>,
    /// For which invoice.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub invoice_id: Option<Ident<'a>>,
    /// How it turned out.
    #[serde(default, deserialize_with = "super::or_default")]
    pub status: PaymentStatus,
    /// By which means.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Text<'a>>,
}

/// `refund`: money was given back; the amount is positive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refund<'a> {
    /// When.
    pub refunded_at: UtcMicros,
    /// How much, not negative.
    pub amount: Money,
    /// Of the amount.
    pub currency: Currency,
    /// Of which order.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<Ident<'a>>,
    /// To whom; the order's when absent.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<Ident<'a>>,
    /// Where; the order's when absent.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub location_id: Option<Ident<'a>>,
    /// Why.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text<'a>>,
}

/// Where an invoice stands.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the words say it")]
pub enum InvoiceStatus {
    #[default]
    Open,
    Paid,
    Void,
    Uncollectible,
}

/// `invoice`: money is owed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Invoice<'a> {
    /// By whom.
    #[serde(borrow)]
    pub customer_id: Ident<'a>,
    /// Since when.
    pub issued_at: UtcMicros,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<UtcMicros>,
    /// When it was paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_at: Option<UtcMicros>,
    /// How much.
    pub amount: Money,
    /// How much is still owed; while open, the amount when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance: Option<Money>,
    /// Of the amounts; the tenant's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// Where it stands.
    #[serde(default, deserialize_with = "super::or_default")]
    pub status: InvoiceStatus,
}

/// `expense`: money was spent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expense<'a> {
    /// When.
    pub incurred_at: UtcMicros,
    /// How much.
    pub amount: Money,
    /// Of the amount; the tenant's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// On what.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Text<'a>>,
}

/// `balance`: cash on hand in one account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Balance<'a> {
    /// When it was read.
    pub recorded_at: UtcMicros,
    /// How much.
    pub amount: Money,
    /// Of the amount; the tenant's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// In which account.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Text<'a>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_adds_up_exactly() {
        let order: Order<'_> = serde_json::from_str(
            r#"{"ordered_at":"2011-12-09T12:50:00Z","currency":"gbp","discount":"1","lines":[
                {"quantity":3,"unit_price":"0.001","tax":"0.5"},
                {"quantity":"-1","unit_price":2.55,"discount":0.05}]}"#,
        )
        .expect("an order");
        let sums = order.sums().expect("fits");
        assert_eq!(
            sums,
            OrderSums { gross: -2_547_000, discount: 1_050_000, tax: 500_000, units: 2_000_000 }
        );
    }

    #[test]
    fn monthly_recurring_revenue_of_every_interval() {
        for (interval, count, expected) in [
            ("month", 1, 30_000_000),
            ("year", 1, 2_500_000),
            ("week", 2, 65_000_000),
            ("day", 1, 912_500_000),
        ] {
            let json = format!(
                r#"{{"customer_id":"1","started_at":"2026-01-01T00:00:00Z","price":"30","billing_interval":"{interval}","interval_count":{count}}}"#
            );
            let membership: Membership<'_> = serde_json::from_str(&json).expect("a membership");
            assert_eq!(membership.mrr(), Some(Money(expected)), "{interval}");
        }
    }
}
