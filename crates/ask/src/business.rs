//! Who asks: what a translation must know of one tenant.
//!
//! Promises plain facts handed in by the caller. Reads nothing itself.

use vitals_model::Date;
use vitals_model::local_time::Zone;

/// What kind of thing a name is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NameKind {
    /// A location.
    Location,
    /// A class.
    Class,
    /// A product.
    Product,
    /// Someone who teaches.
    Instructor,
    /// A customer.
    Customer,
}

impl NameKind {
    /// The dimension that this is a value of.
    pub(crate) fn dimension(self) -> &'static str {
        match self {
            Self::Location => "location",
            Self::Class => "class",
            Self::Product => "product",
            Self::Instructor => "instructor",
            Self::Customer => "customer",
        }
    }
}

/// One tenant, as a question needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Business {
    /// The tenant's local date.
    pub today: Date,
    /// Its zone: that of the session in which the SQL will run.
    pub zone: Zone,
    /// Its currency, ISO 4217; without one no question about money is answered.
    pub currency: Option<String>,
    /// The ISO weekday on which its weeks start.
    pub week_start: u8,
    /// The sources whose orders and refunds count; `None` is all.
    pub revenue_sources: Option<Vec<String>>,
    /// Whether all its locations keep the tenant's zone: only then do a heatmap's hours equal the session's.
    pub one_zone: bool,
    /// The names it may ask for, as its records have them.
    pub names: Vec<(NameKind, String)>,
}
