//! Health score: what the windows say of each metric.
//!
//! The roundings are the model's (`vitals_model::score`), as they are the definition's.

use vitals_model::decimal::MICROS;
use vitals_model::policy::{DEFINITIONS, HealthMetric, METRICS};
use vitals_model::ratio::{ONE, ratio};
use vitals_model::score::{Reading, carried, health_row, variation};
use vitals_model::utc::{HOUR_US, UtcMicros};
use vitals_model::vital::HealthRow;

use super::tenant::Tenant;

/// What is found by looking through the records of kinds that few businesses have many of.
#[derive(Clone, Debug, Default)]
pub(super) struct Scans {
    cash: Option<i128>,
    first_response: Option<i128>,
    supplied: [Option<i64>; METRICS],
    cac: Option<i64>,
    compliance_status: Option<i64>,
    recent_products: Vec<u32>,
}

/// `a / b - 1`, for a positive `b`.
fn growth(now: i128, before: i128) -> Option<i128> {
    share(now, before).map(|it| it - ONE)
}

/// `a / b`, for a positive `b`.
fn share(part: i128, whole: i128) -> Option<i128> {
    if whole > 0 { ratio(part, whole) } else { None }
}

impl Tenant {
    /// Looks through the kinds that windows do not hold.
    pub(super) fn scan(&self) -> Scans {
        let mut scans = Scans { cash: self.cash(), ..Scans::default() };
        scans.first_response = self.median_first_response();
        for (number, product) in self.products.live() {
            let recent = product.first_sold_at.is_some_and(|at| {
                self.ledger.windows.holds(self.settings.zone.date(UtcMicros(at)), 90)
            });
            if recent {
                scans.recent_products.push(number);
            }
        }
        let latest = |name: &str| {
            let named = self.metrics.live().filter(|(_, it)| it.name == name);
            named.max_by_key(|(_, it)| (it.recorded_at, it.value)).map(|(_, it)| it)
        };
        if self.metrics.live().next().is_some() {
            for (i, definition) in DEFINITIONS.iter().enumerate() {
                scans.supplied[i] = latest(definition.name)
                    .map(|it| if it.percent { it.value / 100 } else { it.value });
            }
            scans.cac = latest("cac").map(|it| it.value);
            scans.compliance_status = latest("compliance_status").map(|it| it.value);
        }
        scans
    }

    /// The latest balance of every account of the home currency, together.
    fn cash(&self) -> Option<i128> {
        let mut accounts = std::collections::BTreeMap::new();
        for (_, it) in self.balances.live() {
            if self.settings.is_home(it.currency) {
                let latest = accounts.entry(&it.account).or_insert((it.recorded_at, it.amount));
                *latest = (*latest).max((it.recorded_at, it.amount));
            }
        }
        (!accounts.is_empty()).then(|| accounts.values().map(|(_, it)| i128::from(*it)).sum())
    }

    fn median_first_response(&self) -> Option<i128> {
        let mut waits: Vec<i64> = self
            .tickets
            .live()
            .filter(|(_, it)| {
                let day = self.settings.zone.date(UtcMicros(it.opened_at));
                self.ledger.windows.holds(day, 30)
            })
            .filter_map(|(_, it)| it.first_response_at.map(|at| at - it.opened_at))
            .filter(|wait| *wait >= 0)
            .collect();
        waits.sort_unstable();
        let middle = waits.len() / 2;
        let upper = *waits.get(middle)?;
        let lower = if waits.len().is_multiple_of(2) { waits[middle - 1] } else { upper };
        ratio(i128::from(lower) + i128::from(upper), 2 * i128::from(HOUR_US))
    }

    /// The row of `health_score`; `None` without an organization.
    pub(super) fn health_row(&self) -> Option<HealthRow> {
        self.settings.known.then(|| health_row(&self.measure(), &self.settings.policy))
    }

    fn measure(&self) -> [Reading; METRICS] {
        std::array::from_fn(|i| {
            let metric = DEFINITIONS[i].metric;
            if metric == HealthMetric::CashRunway {
                match self.cash_runway() {
                    Reading::Absent => {}
                    found @ (Reading::Value(_) | Reading::Best) => return found,
                }
            }
            let found = self
                .financial(metric)
                .or_else(|| self.loyalty(metric))
                .or_else(|| self.operational(metric))
                .or_else(|| self.growth(metric))
                .or_else(|| self.risk(metric))
                .or_else(|| self.scans.supplied[i].map(carried));
            Reading::of(found)
        })
    }

    fn cash_runway(&self) -> Reading {
        let windows = &self.ledger.windows;
        let burn = windows.expenses90 - windows.net90;
        match self.scans.cash {
            None => Reading::Absent,
            Some(_) if burn <= 0 => Reading::Best,
            Some(cash) => Reading::of(ratio(3 * cash, burn)),
        }
    }

    fn financial(&self, metric: HealthMetric) -> Option<i128> {
        let it = &self.ledger.windows;
        match metric {
            HealthMetric::RevenueGrowth => growth(it.net30, it.net_prior),
            HealthMetric::ProfitMargin => share(it.net30 - it.expenses30, it.net30),
            HealthMetric::PaymentSuccess => {
                share(it.paid30.into(), (it.paid30 + it.failed30).into())
            }
            HealthMetric::RefundRate => share(it.refunds30, it.gross30),
            _ => None,
        }
    }

    fn loyalty(&self, metric: HealthMetric) -> Option<i128> {
        let it = &self.ledger.windows;
        match metric {
            HealthMetric::ChurnRate => share(it.members_lost.into(), it.members_then.into()),
            HealthMetric::RepeatRate => share(it.repeat90.into(), it.active90.into()),
            HealthMetric::LtvCac => self.ltv_cac(),
            HealthMetric::Nps => {
                share(100 * i128::from(it.promoters - it.detractors), it.asked.into())
            }
            _ => None,
        }
    }

    /// Lifetime value over acquisition cost, both in major units of the home currency.
    fn ltv_cac(&self) -> Option<i128> {
        let it = &self.ledger.windows;
        let each = |amount: i128, count: i64| ratio(amount, i128::from(count) * i128::from(MICROS));
        let cac = if it.marketing90 > 0 && it.new90 > 0 {
            each(it.marketing90, it.new90)?
        } else {
            carried(self.scans.cac.filter(|cac| *cac > 0)?)
        };
        ratio(each(it.net365, it.buyers365)?, cac)
    }

    fn operational(&self, metric: HealthMetric) -> Option<i128> {
        let it = &self.ledger.windows;
        match metric {
            HealthMetric::FillRate => share(it.attended30.into(), it.capacity30.into()),
            HealthMetric::NoShowRate => {
                share(it.no_shows30.into(), (it.attended30 + it.no_shows30).into())
            }
            HealthMetric::FirstResponse => self.scans.first_response,
            _ => None,
        }
    }

    fn growth(&self, metric: HealthMetric) -> Option<i128> {
        let it = &self.ledger.windows;
        match metric {
            HealthMetric::NewCustomers => growth(it.new30.into(), it.new_prior.into()),
            HealthMetric::MrrGrowth => growth(it.mrr_now, it.mrr_then),
            HealthMetric::LeadConversion => share(it.won.into(), (it.won + it.lost).into()),
            HealthMetric::OrderConversion => share(it.conversions, it.traffic_sessions),
            HealthMetric::ProductDevelopment => {
                let recent = self.scans.recent_products.iter();
                let net = recent.filter_map(|number| self.ledger.product_net30.get(number)).sum();
                share(net, it.net30)
            }
            _ => None,
        }
    }

    fn risk(&self, metric: HealthMetric) -> Option<i128> {
        let it = &self.ledger.windows;
        match metric {
            HealthMetric::Concentration => self.concentration(),
            HealthMetric::MembersAtRisk => share(it.members_at_risk.into(), it.population.into()),
            HealthMetric::OverdueReceivables => share(it.overdue, it.receivable),
            HealthMetric::Volatility => variation(&it.daily_net),
            HealthMetric::Compliance => {
                self.scans.compliance_status.map(|status| carried(100 * MICROS - status))
            }
            _ => None,
        }
    }

    /// Share of the top tenth of customers, rounded up, in the net of those with any.
    fn concentration(&self) -> Option<i128> {
        let mut nets: Vec<i128> =
            self.ledger.net90.values().copied().filter(|net| *net > 0).collect();
        let top = nets.len().div_ceil(10);
        if top == 0 {
            return None;
        }
        nets.select_nth_unstable_by(top - 1, |a, b| b.cmp(a));
        share(nets[..top].iter().sum(), nets.iter().sum())
    }
}
