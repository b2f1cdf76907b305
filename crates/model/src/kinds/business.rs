//! The business itself: organization, locations, staff, products, classes and their sessions.

use serde::{Deserialize, Serialize};

use super::{Currency, Ident, Text};
use crate::decimal::{Money, Number};
use crate::policy::PolicyOverride;
use crate::utc::UtcMicros;

/// Which date a tenant calls today.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Clock {
    /// The local date of the wall clock.
    #[default]
    Wall,
    /// The local date of the latest event among the tenant's records.
    Data,
}

/// `organization`: the tenant's own settings. The one of the smallest `source:id` is in force.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Organization<'a> {
    /// The business's name.
    #[serde(borrow)]
    pub name: Text<'a>,
    /// IANA zone of the tenant's calendar; UTC when absent.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<Text<'a>>,
    /// The currency the tenant thinks in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// ISO weekday its weeks start on; 1 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub week_start: Option<u8>,
    /// What it pays for.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Text<'a>>,
    /// Sources whose orders and refunds count as money; all when absent.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub revenue_sources: Option<Vec<Text<'a>>>,
    /// Overrides of the weights, thresholds and curves of the vitals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyOverride>,
    /// What "today" means.
    #[serde(default, deserialize_with = "super::or_default")]
    pub clock: Clock,
}

impl Organization<'_> {
    pub(crate) fn check(&self) -> Result<(), String> {
        check_zone(self.time_zone.as_deref())?;
        match self.week_start {
            Some(day) if !(1..=7).contains(&day) => Err("week_start is not 1 to 7".into()),
            _ => Ok(()),
        }
    }
}

fn check_zone(name: Option<&str>) -> Result<(), String> {
    match name {
        Some(name) if crate::local_time::Zone::named(name).is_none() => {
            Err(format!("'{}' is not an IANA time zone", crate::record::shorten(name)))
        }
        _ => Ok(()),
    }
}

/// `location`: one place of business.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Location<'a> {
    /// The place's name.
    #[serde(borrow)]
    pub name: Text<'a>,
    /// IANA zone; the organization's when absent.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<Text<'a>>,
}

impl Location<'_> {
    pub(crate) fn check(&self) -> Result<(), String> {
        check_zone(self.time_zone.as_deref())
    }
}

/// `staff`: one who works there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Staff<'a> {
    /// The person's name.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Text<'a>>,
    /// What they do.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Text<'a>>,
}

/// What sort of thing a product is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the words say it")]
pub enum ProductType {
    Goods,
    Service,
    Membership,
    Pass,
}

/// `product`: something sold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Product<'a> {
    /// What it is called.
    #[serde(borrow)]
    pub title: Text<'a>,
    /// What sort of thing it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product_type: Option<ProductType>,
    /// The seller's own grouping.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Text<'a>>,
    /// Price of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
    /// Cost of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Money>,
    /// Of price and cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// When it was first sold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_sold_at: Option<UtcMicros>,
}

/// `class`: something that is held again and again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Class<'a> {
    /// What it is called.
    #[serde(borrow)]
    pub name: Text<'a>,
    /// The studio's own grouping.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Text<'a>>,
    /// How long one session lasts, in minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_minutes: Option<u32>,
    /// Places in one session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    /// The staff member who gives it.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub instructor_id: Option<Ident<'a>>,
    /// Price of one place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
    /// Credits one place costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credits_required: Option<Number>,
    /// The studio's own grading.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub difficulty: Option<Text<'a>>,
}

/// Whether a session takes place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the words say it")]
pub enum SessionStatus {
    #[default]
    Scheduled,
    Cancelled,
    Completed,
}

/// `session`: one occurrence of a class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session<'a> {
    /// The class it is an occurrence of.
    #[serde(borrow)]
    pub class_id: Ident<'a>,
    /// When it starts.
    pub starts_at: UtcMicros,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<UtcMicros>,
    /// Where.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub location_id: Option<Ident<'a>>,
    /// Places; the class's when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    /// Who gives it; the class's when absent.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub instructor_id: Option<Ident<'a>>,
    /// Whether it takes place.
    #[serde(default, deserialize_with = "super::or_default")]
    pub status: SessionStatus,
}
