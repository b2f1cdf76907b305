//! Signs of life: messages, deals, traffic, tickets, programs, wearables and free metrics.

use serde::{Deserialize, Serialize};

use super::{Currency, Ident, Text};
use crate::decimal::{MICROS, Money, Number};
use crate::utc::{Date, UtcMicros};

/// Who wrote.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the words say it")]
pub enum Direction {
    #[default]
    Out,
    In,
}

/// `message`: the business wrote to a customer, or the other way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message<'a> {
    /// With whom.
    #[serde(borrow)]
    pub customer_id: Ident<'a>,
    /// When.
    pub sent_at: UtcMicros,
    /// Who wrote.
    #[serde(default, deserialize_with = "super::or_default")]
    pub direction: Direction,
    /// By which means.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Text<'a>>,
    /// When the customer answered an outbound one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replied_at: Option<UtcMicros>,
}

/// Where a deal stands.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the words say it")]
pub enum DealStatus {
    #[default]
    Open,
    Won,
    Lost,
}

/// `deal`: a sale in the making.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deal<'a> {
    /// Since when.
    pub opened_at: UtcMicros,
    /// How far it is.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Text<'a>>,
    /// Where it stands.
    #[serde(default, deserialize_with = "super::or_default")]
    pub status: DealStatus,
    /// What it is worth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
    /// Of the amount; the tenant's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// When it was won or lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<UtcMicros>,
    /// With whom.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<Ident<'a>>,
}

/// `traffic`: a day's visitors of a web site.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Traffic {
    /// Which day.
    pub on_date: Date,
    /// From where they came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// How many visits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions: Option<Number>,
    /// How many visitors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<Number>,
    /// How many bought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversions: Option<Number>,
    /// For how much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revenue: Option<Money>,
}

/// `ticket`: a customer asked for help.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ticket<'a> {
    /// When.
    pub opened_at: UtcMicros,
    /// When someone answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_response_at: Option<UtcMicros>,
    /// When it was settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<UtcMicros>,
    /// Who asked.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<Ident<'a>>,
    /// How content they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csat: Option<Number>,
    /// Would they recommend us: 0 to 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nps: Option<Number>,
}

impl Ticket<'_> {
    pub(crate) fn check(&self) -> Result<(), String> {
        match self.nps {
            Some(nps) if !(0..=10 * MICROS).contains(&nps.0) => Err("nps is not 0 to 10".into()),
            _ => Ok(()),
        }
    }
}

/// `program`: how well a customer kept to a program on one day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Program<'a> {
    /// Who.
    #[serde(borrow)]
    pub customer_id: Ident<'a>,
    /// Which day.
    pub on_date: Date,
    /// Share of the plan that was done, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compliance: Option<Number>,
    /// Share of the habits that were kept, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub habits: Option<Number>,
}

impl Program<'_> {
    pub(crate) fn check(&self) -> Result<(), String> {
        for (field, share) in [("compliance", self.compliance), ("habits", self.habits)] {
            if share.is_some_and(|share| !(0..=MICROS).contains(&share.0)) {
                return Err(format!("{field} is not 0 to 1"));
            }
        }
        Ok(())
    }
}

/// `wearable`: what a customer's device measured on one day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wearable<'a> {
    /// Who.
    #[serde(borrow)]
    pub customer_id: Ident<'a>,
    /// Which day.
    pub on_date: Date,
    /// Hours slept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sleep_hours: Option<Number>,
}

/// `metric`: any number a user wants to keep.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metric<'a> {
    /// What it measures.
    #[serde(borrow)]
    pub metric_type: Text<'a>,
    /// The number.
    pub value: Number,
    /// Of the number.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Text<'a>>,
    /// When it was read.
    pub recorded_at: UtcMicros,
    /// Where it was read.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub location_id: Option<Ident<'a>>,
}
