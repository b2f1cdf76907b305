//! The settings in force for a tenant, with the policy's numbers laid out for quick reading.

use vitals_model::kinds::{Clock, Currency};
use vitals_model::local_time::Zone;
use vitals_model::policy::{Policy, Setting};

use super::facts::Organization;

/// The churn policy in micros, but the hours in microseconds.
#[derive(Clone, Debug)]
pub(super) struct ChurnPolicy {
    pub(super) points: [i64; 6],
    pub(super) trend_down: i64,
    pub(super) trend_previous: i64,
    pub(super) below: [i64; 3],
    pub(super) response_us: i64,
    pub(super) response_messages: i64,
    pub(super) grace_days: i64,
    pub(super) levels: [i64; 3],
}

/// What a tenant's organization says, or the defaults.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// Whether there is an organization record at all.
    pub(super) known: bool,
    pub(super) zone: Zone,
    pub(super) currency: Currency,
    pub(super) week_start: u8,
    pub(super) clock: Clock,
    pub(super) revenue_sources: Option<Vec<String>>,
    pub(super) churn: ChurnPolicy,
    pub(super) policy: Policy,
}

impl Settings {
    /// The settings of an organization.
    pub(super) fn new(organization: Option<&Organization>) -> Self {
        let default = Policy::default();
        let policy = organization.map_or(&default, |it| &it.policy);
        Self {
            known: organization.is_some(),
            zone: organization.map_or_else(Zone::utc, |it| it.zone),
            currency: organization.map_or(Currency::NONE, |it| it.currency),
            week_start: organization.map_or(1, |it| it.week_start),
            clock: organization.map_or(Clock::Wall, |it| it.clock),
            revenue_sources: organization.and_then(|it| it.revenue_sources.clone()),
            churn: ChurnPolicy::new(policy),
            policy: policy.clone(),
        }
    }

    /// Whether orders and refunds of a source are money.
    pub(super) fn counts_source(&self, source: &str) -> bool {
        self.revenue_sources.as_ref().is_none_or(|all| all.iter().any(|it| it == source))
    }

    /// Whether an amount is in the tenant's own currency.
    pub(super) fn is_home(&self, currency: Option<Currency>) -> bool {
        currency.is_none_or(|it| it == self.currency)
    }
}

impl ChurnPolicy {
    fn new(policy: &Policy) -> Self {
        let get = |setting| policy.get(setting);
        Self {
            points: [
                Setting::ChurnPointsAttendance,
                Setting::ChurnPointsOverdue,
                Setting::ChurnPointsLate,
                Setting::ChurnPointsResponse,
                Setting::ChurnPointsCompliance,
                Setting::ChurnPointsSleep,
            ]
            .map(get),
            trend_down: get(Setting::ChurnTrendDown),
            trend_previous: get(Setting::ChurnTrendPrevious),
            below: [
                Setting::ChurnBelowResponse,
                Setting::ChurnBelowCompliance,
                Setting::ChurnBelowSleep,
            ]
            .map(get),
            // A millionth of an hour is 3,600 microseconds.
            response_us: get(Setting::ChurnResponseHours).saturating_mul(3_600),
            response_messages: get(Setting::ChurnResponseMessages),
            grace_days: get(Setting::ChurnGraceDays),
            levels: [
                Setting::ChurnLevelMedium,
                Setting::ChurnLevelHigh,
                Setting::ChurnLevelCritical,
            ]
            .map(get),
        }
    }
}
