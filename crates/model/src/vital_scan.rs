//! What is asked of the stored vitals: rows of one table at one moment, narrowed as far as the store can.
//!
//! A scan names no tenant: whoever reads has one already. Promises one list of tables, columns and types for
//! those who plan a question and those who read the rows. Pages are columns, so that a row is never an object.

use serde::{Deserialize, Serialize};

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScanType {
    /// Text.
    Text,
    /// JSON as text, of one form. Not to be narrowed by.
    Json,
    /// A whole number.
    Int,
    /// A decimal of so many digits, with two decimals.
    Hundredths(u8),
    /// A decimal of so many digits, with six decimals.
    Micros(u8),
    /// An instant, UTC.
    Instant,
    /// A date.
    Day,
    /// True or false.
    Truth,
}

impl ScanType {
    /// Whether rows can be narrowed by such a column where they are stored.
    #[must_use]
    pub fn narrows(self) -> bool {
        matches!(self, Self::Text | Self::Int | Self::Instant | Self::Day)
    }
}

/// A table's columns, by name.
pub type ScanColumns = &'static [(&'static str, ScanType)];

macro_rules! tables {
    ($($name:ident $text:literal $columns:ident [$($column:literal $type:expr),* $(,)?])*) => {
        /// A table of stored rows.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum ScanTable { $(#[doc = concat!("`", $text, "`.")] $name),* }

        $(const $columns: ScanColumns = &[$(($column, $type)),*];)*

        impl ScanTable {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name in SQL.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }

            /// Its columns, in order.
            #[must_use]
            pub fn columns(self) -> ScanColumns {
                match self { $(Self::$name => $columns),* }
            }
        }
    };
}

use ScanType::{Day, Hundredths, Instant, Int, Json, Micros, Text, Truth};

tables! {
    RevenueTrend "revenue_trend" REVENUE [
        "location_id" Text, "currency" Text, "grain" Text, "bucket" Instant, "gross" Micros(28),
        "discount" Micros(28), "refunds" Micros(28), "net" Micros(28), "tax" Micros(28), "orders" Int,
        "units" Micros(28), "refund_count" Int, "paying_customers" Int, "new_customers" Int,
        "active_customers" Int,
    ]
    AttendanceHeatmap "attendance_heatmap" HEATMAP [
        "location_id" Text, "month" Day, "trailing_window" Text, "weekday" Int, "hour" Int,
        "visits" Int, "unique_customers" Int, "bookings" Int, "late_cancels" Int, "no_shows" Int,
        "sessions" Int, "capacity" Int,
    ]
    ChurnRisk "churn_risk" CHURN [
        "customer_id" Text, "score" Hundredths(5), "raw" Hundredths(5), "level" Text,
        "data_completeness" Hundredths(5), "factors" Json,
    ]
    ChurnFactors "churn_factors" FACTORS [
        "customer_id" Text, "signal" Text, "present" Truth, "value" Text, "compared_with" Text,
        "points" Hundredths(5),
    ]
    HealthScore "health_score" HEALTH [
        "overall" Hundredths(5), "financial" Hundredths(5), "customer" Hundredths(5),
        "operational" Hundredths(5), "growth" Hundredths(5), "risk" Hundredths(5),
        "coverage" Micros(7), "metrics" Json,
    ]
    HealthMetrics "health_metrics" METRICS [
        "category" Text, "metric" Text, "present" Truth, "value" Micros(38), "score" Hundredths(5),
        "weight" Micros(7),
    ]
    VitalChanges "vital_changes" CHANGES [
        "tick" Int, "committed_at" Instant, "vital" Text, "key" Json, "old" Json, "new" Json,
        "cause" Json,
    ]
}

impl ScanTable {
    /// The table of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.as_str() == name)
    }

    /// The vital whose history its rows follow; `None` of history itself.
    #[must_use]
    pub fn vital(self) -> Option<&'static str> {
        match self {
            Self::RevenueTrend => Some("revenue_trend"),
            Self::AttendanceHeatmap => Some("attendance_heatmap"),
            Self::ChurnRisk | Self::ChurnFactors => Some("churn_risk"),
            Self::HealthScore | Self::HealthMetrics => Some("health_score"),
            Self::VitalChanges => None,
        }
    }
}

/// Of which moment rows are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScanMoment {
    /// As they are.
    #[default]
    Now,
    /// As they were after this tick.
    Tick(u64),
    /// As they were at this instant (UTC microseconds), after the last tick committed by then.
    Instant(i64),
}

/// A value to narrow by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the words say it")]
pub enum ScanValue {
    Text(String),
    Int(i64),
    /// UTC microseconds.
    Instant(i64),
    /// Days since 1970-01-01.
    Day(i32),
}

/// What a column's value must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScanTest {
    /// One of these. NULL is none of them.
    OneOf(Vec<ScanValue>),
    /// NULL.
    Null,
    /// Something.
    NotNull,
    /// At least this, or more than this.
    From {
        /// The bound.
        bound: ScanValue,
        /// Whether the bound itself will do.
        inclusive: bool,
    },
    /// At most this, or less than this.
    To {
        /// The bound.
        bound: ScanValue,
        /// Whether the bound itself will do.
        inclusive: bool,
    },
}

/// Which rows of a table, and what of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VitalScan {
    /// The table.
    pub table: ScanTable,
    /// The moment. History has one only: now.
    #[serde(default)]
    pub at: ScanMoment,
    /// The columns wanted, by their place in [`ScanTable::columns`], in the order wanted.
    pub columns: Vec<usize>,
    /// What rows must be, all of it: columns by place, and tests of them.
    #[serde(default)]
    pub tests: Vec<(usize, ScanTest)>,
    /// At most so many rows, whichever they are.
    #[serde(default)]
    pub limit: Option<usize>,
}

/// The values of one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScanValues {
    /// Of [`ScanType::Text`] and [`ScanType::Json`].
    Text(Vec<Option<String>>),
    /// Of [`ScanType::Int`].
    Int(Vec<Option<i64>>),
    /// Of [`ScanType::Hundredths`] and [`ScanType::Micros`], in units of the last decimal.
    Decimal(Vec<Option<i128>>),
    /// Of [`ScanType::Instant`], in UTC microseconds.
    Instant(Vec<Option<i64>>),
    /// Of [`ScanType::Day`], in days since 1970-01-01.
    Day(Vec<Option<i32>>),
    /// Of [`ScanType::Truth`].
    Truth(Vec<Option<bool>>),
}

/// Some of the rows wanted, as columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VitalPage {
    /// How many rows.
    pub rows: usize,
    /// The columns wanted, in the order wanted.
    pub columns: Vec<ScanValues>,
}
