//! What a health score is made of: sums over the windows that end with today.
//!
//! Promises to hold exactly what was added less what was taken back, for one today; another today starts afresh.

use vitals_model::Date;

/// Days of daily net that volatility looks at.
pub(super) const VOLATILITY_DAYS: usize = 28;

/// Sums of one tenant. Money in micros of the home currency.
#[derive(Clone, Debug, Default)]
pub(super) struct Windows {
    pub(super) today: Date,
    /// Net of each of the last days, today first.
    pub(super) daily_net: [i128; VOLATILITY_DAYS],
    pub(super) net30: i128,
    pub(super) net_prior: i128,
    pub(super) net90: i128,
    pub(super) net365: i128,
    pub(super) gross30: i128,
    pub(super) refunds30: i128,
    pub(super) expenses30: i128,
    pub(super) expenses90: i128,
    pub(super) marketing90: i128,
    pub(super) paid30: i64,
    pub(super) failed30: i64,
    pub(super) attended30: i64,
    pub(super) no_shows30: i64,
    pub(super) capacity30: i64,
    /// Customers with at least one, and with at least two, orders or visits in 90 days.
    pub(super) active90: i64,
    pub(super) repeat90: i64,
    pub(super) buyers365: i64,
    pub(super) new30: i64,
    pub(super) new_prior: i64,
    pub(super) new90: i64,
    pub(super) members_then: i64,
    pub(super) members_lost: i64,
    pub(super) mrr_now: i128,
    pub(super) mrr_then: i128,
    pub(super) promoters: i64,
    pub(super) detractors: i64,
    pub(super) asked: i64,
    pub(super) won: i64,
    pub(super) lost: i64,
    pub(super) traffic_sessions: i128,
    pub(super) conversions: i128,
    pub(super) receivable: i128,
    pub(super) overdue: i128,
    pub(super) population: i64,
    pub(super) members_at_risk: i64,
}

impl Windows {
    pub(super) fn new(today: Date) -> Self {
        Self { today, ..Self::default() }
    }

    /// Days since `day`; `None` when it is still to come.
    pub(super) fn ago(&self, day: Date) -> Option<i32> {
        (day <= self.today).then(|| self.today.0 - day.0)
    }

    /// Whether `day` is one of the last `days`.
    pub(super) fn holds(&self, day: Date, days: i32) -> bool {
        self.ago(day).is_some_and(|ago| ago < days)
    }

    /// Adds net revenue of one day.
    pub(super) fn net(&mut self, day: Date, amount: i128) {
        let Some(ago) = self.ago(day) else { return };
        match ago {
            0..30 => self.net30 += amount,
            30..60 => self.net_prior += amount,
            _ => {}
        }
        if ago < 90 {
            self.net90 += amount;
        }
        if ago < 365 {
            self.net365 += amount;
        }
        if let Some(net) = usize::try_from(ago).ok().and_then(|ago| self.daily_net.get_mut(ago)) {
            *net += amount;
        }
    }

    /// Counts a customer whose first counted order was on `day`.
    pub(super) fn first_order(&mut self, day: Date, sign: i64) {
        let Some(ago) = self.ago(day) else { return };
        match ago {
            0..30 => self.new30 += sign,
            30..60 => self.new_prior += sign,
            _ => {}
        }
        if ago < 90 {
            self.new90 += sign;
        }
    }

    /// Moves a customer's number of orders and visits in 90 days.
    pub(super) fn activity(&mut self, before: i64, after: i64) {
        self.active90 += i64::from(after >= 1) - i64::from(before >= 1);
        self.repeat90 += i64::from(after >= 2) - i64::from(before >= 2);
    }
}
