//! The health metrics: their names, categories and default curves.
//!
//! The order is the contracts' table's, and the order in which rows show them.

/// A part of the overall score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the words say it")]
pub enum Category {
    Financial,
    Customer,
    Operational,
    Growth,
    Risk,
}

impl Category {
    /// All five, in order.
    pub const ALL: [Self; 5] =
        [Self::Financial, Self::Customer, Self::Operational, Self::Growth, Self::Risk];

    /// The category's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Financial => "financial",
            Self::Customer => "customer",
            Self::Operational => "operational",
            Self::Growth => "growth",
            Self::Risk => "risk",
        }
    }
}

/// One metric of the health score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the words say it")]
pub enum HealthMetric {
    RevenueGrowth,
    ProfitMargin,
    CashRunway,
    PaymentSuccess,
    RefundRate,
    ChurnRate,
    RepeatRate,
    LtvCac,
    Nps,
    FillRate,
    NoShowRate,
    FirstResponse,
    Uptime,
    NewCustomers,
    MrrGrowth,
    LeadConversion,
    OrderConversion,
    ProductDevelopment,
    Concentration,
    MembersAtRisk,
    OverdueReceivables,
    Volatility,
    Compliance,
}

/// A metric's name, category, and the curve in micros: the value that scores 0 and the one that scores
/// 100.
pub struct Definition {
    /// The metric.
    pub metric: HealthMetric,
    /// Its name.
    pub name: &'static str,
    /// Its category.
    pub category: Category,
    /// The value that scores 0.
    pub from: i64,
    /// The value that scores 100.
    pub to: i64,
}

/// How many metrics there are.
pub const METRICS: usize = 23;

const fn define(
    metric: HealthMetric,
    name: &'static str,
    category: Category,
    (from, to): (i64, i64),
) -> Definition {
    Definition { metric, name, category, from, to }
}

/// Every metric, in order. From contracts section 4.4.
pub const DEFINITIONS: [Definition; METRICS] = [
    define(HealthMetric::RevenueGrowth, "revenue_growth", Category::Financial, (-200_000, 200_000)),
    define(HealthMetric::ProfitMargin, "profit_margin", Category::Financial, (0, 300_000)),
    define(HealthMetric::CashRunway, "cash_runway", Category::Financial, (0, 12_000_000)),
    define(
        HealthMetric::PaymentSuccess,
        "payment_success",
        Category::Financial,
        (850_000, 995_000),
    ),
    define(HealthMetric::RefundRate, "refund_rate", Category::Financial, (100_000, 0)),
    define(HealthMetric::ChurnRate, "churn_rate", Category::Customer, (100_000, 0)),
    define(HealthMetric::RepeatRate, "repeat_rate", Category::Customer, (100_000, 500_000)),
    define(HealthMetric::LtvCac, "ltv_cac", Category::Customer, (1_000_000, 5_000_000)),
    define(HealthMetric::Nps, "nps", Category::Customer, (-20_000_000, 70_000_000)),
    define(HealthMetric::FillRate, "fill_rate", Category::Operational, (200_000, 850_000)),
    define(HealthMetric::NoShowRate, "no_show_rate", Category::Operational, (250_000, 0)),
    define(
        HealthMetric::FirstResponse,
        "first_response",
        Category::Operational,
        (48_000_000, 1_000_000),
    ),
    define(HealthMetric::Uptime, "uptime", Category::Operational, (900_000, 999_000)),
    define(HealthMetric::NewCustomers, "new_customers", Category::Growth, (-300_000, 300_000)),
    define(HealthMetric::MrrGrowth, "mrr_growth", Category::Growth, (-100_000, 100_000)),
    define(HealthMetric::LeadConversion, "lead_conversion", Category::Growth, (0, 300_000)),
    define(HealthMetric::OrderConversion, "order_conversion", Category::Growth, (5_000, 40_000)),
    define(HealthMetric::ProductDevelopment, "product_development", Category::Growth, (0, 250_000)),
    define(HealthMetric::Concentration, "concentration", Category::Risk, (300_000, 900_000)),
    define(HealthMetric::MembersAtRisk, "members_at_risk", Category::Risk, (0, 400_000)),
    define(HealthMetric::OverdueReceivables, "overdue_receivables", Category::Risk, (0, 250_000)),
    define(HealthMetric::Volatility, "volatility", Category::Risk, (200_000, 1_500_000)),
    define(HealthMetric::Compliance, "compliance", Category::Risk, (0, 100_000_000)),
];

impl HealthMetric {
    /// The metric's place in [`DEFINITIONS`].
    #[must_use]
    pub fn index(self) -> usize {
        DEFINITIONS.iter().position(|d| d.metric == self).unwrap_or(0)
    }

    /// The metric's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        DEFINITIONS[self.index()].name
    }
}

impl std::fmt::Debug for Definition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}..{}", self.name, self.from, self.to)
    }
}
