//! Churn: `churn_risk`, how likely each customer is to leave, and what customers add up to.
//!
//! # Shape
//! (tenant, customer) -> the five signals; one row a customer of the population.
//! # Time
//! Everything is as of the tenant's today, by windows that move with it.
//! # Missing
//! A signal nobody can judge adds nothing and lowers the completeness; a real zero is a value.
//! # Source
//! `sql/vitals/churn_risk.sql`; contracts section 4.3.

use std::cell::RefCell;
use std::rc::Rc;

use vitals_model::policy::{Policy, Setting};
use vitals_model::ratio::{ONE, div_half_up, ratio};
use vitals_model::vital::{ChurnRow, Factor, Level, Signal, fixed};

use crate::facts::{Dated, Standing};
use crate::keyed::{Accumulator, Diff, Rows, fold};
use crate::packed::{Small, pack_sums, unpack_sums};
use crate::states::States;
use crate::window::{Moved, Windows};

/// The policies in force, by the numbers that facts carry.
pub type Policies = Rc<RefCell<Vec<Policy>>>;

/// One sum kept for each customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tally {
    Records,
    Live,
    Policy,
    Billed,
    PastDue,
    Member,
    MemberThen,
    VisitsPast,
    Visits30,
    VisitsPrior30,
    Visits90,
    Visits180,
    OrdersPast,
    Orders90,
    OrdersPrior90,
    Orders365,
    Due,
    LongDue,
    Failing,
    LongFailing,
    Messages,
    Replies,
    ProgramDays,
    SleepDays,
    Compliance,
    Sleep,
    Net90,
}

const COUNTS: usize = Tally::SleepDays as usize + 1;
const SUMS: usize = Tally::Net90 as usize + 1 - COUNTS;

/// What is kept of one customer: counts, and sums in micros.
#[derive(Debug, PartialEq, Eq)]
pub struct CustomerSums {
    counts: [i32; COUNTS],
    sums: [i64; SUMS],
}

impl Default for CustomerSums {
    fn default() -> Self {
        Self { counts: [0; COUNTS], sums: [0; SUMS] }
    }
}

impl CustomerSums {
    fn count(&self, tally: Tally) -> i32 {
        self.counts[tally as usize]
    }

    fn sum(&self, tally: Tally) -> i64 {
        self.sums[tally as usize - COUNTS]
    }
}

impl Accumulator<(Tally, i64)> for CustomerSums {
    type Kept = Small;

    fn add(&mut self, (tally, amount): (Tally, i64), diff: Diff) {
        let index = tally as usize;
        let amount = amount * i64::try_from(diff).unwrap_or(0);
        match self.sums.get_mut(index.wrapping_sub(COUNTS)) {
            Some(sum) => *sum += amount,
            None => self.counts[index] += i32::try_from(amount).expect("counts stay small"),
        }
    }

    fn is_empty(&self) -> bool {
        self.counts.iter().all(|it| *it == 0) && self.sums.iter().all(|it| *it == 0)
    }

    fn keep(self) -> Small {
        let (counts, sums) = (self.counts.map(i64::from), self.sums);
        let mut all = [0; COUNTS + SUMS];
        for (kept, value) in all.iter_mut().zip(counts.into_iter().chain(sums)) {
            *kept = i128::from(value);
        }
        pack_sums(&all)
    }

    fn recall(kept: Small) -> Self {
        let all: [i128; COUNTS + SUMS] = unpack_sums(&kept);
        let (counts, sums) = all.split_at(COUNTS);
        let mut it = Self::default();
        for (count, kept) in it.counts.iter_mut().zip(counts) {
            *count = i32::try_from(*kept).expect("was an i32");
        }
        for (sum, kept) in it.sums.iter_mut().zip(sums) {
            *sum = i64::try_from(*kept).expect("was an i64");
        }
        it
    }
}

/// How a customer stands with their payments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Paying {
    Current,
    Late,
    Overdue,
}

/// The five signals of one customer, as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signals {
    policy: u32,
    /// Recent and previous attendance, and whether it is orders that are counted.
    activity: Option<(i32, i32, bool)>,
    payment: Option<Paying>,
    /// Replies of messages.
    response: Option<(i32, i32)>,
    /// Sum in micros of days.
    compliance: Option<(i64, i32)>,
    /// Sum in micros of nights.
    sleep: Option<(i64, i32)>,
}

/// What one customer comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    /// Whose.
    pub tenant: u32,
    /// Which.
    pub customer: u32,
    /// The signals, for a customer of the population.
    pub signals: Option<Signals>,
    /// A member today.
    pub member: bool,
    /// A member thirty days ago.
    pub member_then: bool,
    /// At high or critical risk, and a member.
    pub at_risk: bool,
    /// Orders and visits of 90 days.
    pub returns: i32,
    /// Whether they ordered in 365 days.
    pub buyer: bool,
    /// Net of 90 days in micros.
    pub net90: i64,
}

/// Builds the customers from what has a date and what has none.
pub fn build<'s>(
    states: &States,
    moved: Rows<'s, Moved<Dated>>,
    standings: Rows<'s, (u32, u32, Standing)>,
    policies: Policies,
) -> Rows<'s, Customer> {
    let dated = moved.flat_map(|moved| {
        let mut parts = Parts::default();
        let customer = tally_dated(&moved, &mut parts);
        parts.into_iter().map(move |part| ((moved.tenant, customer), part))
    });
    let standing = standings.flat_map(|(tenant, customer, standing)| {
        let mut parts = Parts::default();
        match standing {
            Standing::Record { live, policy } => {
                parts.push(Tally::Records, 1);
                parts.push(Tally::Live, i64::from(live));
                parts.push(Tally::Policy, i64::from(policy));
            }
            Standing::Billed => parts.push(Tally::Billed, 1),
            Standing::PastDue => parts.push(Tally::PastDue, 1),
            Standing::Member => parts.push(Tally::Member, 1),
        }
        parts.into_iter().map(move |part| ((tenant, customer), part))
    });
    fold(states, dated.concat(standing), "customers", move |key, sums: &CustomerSums| {
        Some(customer(*key, sums, &policies.borrow()))
    })
}

/// The few parts one fact comes to, without an allocation.
#[derive(Default)]
struct Parts {
    parts: [Option<(Tally, i64)>; 8],
    used: usize,
}

impl Parts {
    fn push(&mut self, tally: Tally, amount: i64) {
        if amount != 0 {
            self.parts[self.used] = Some((tally, amount));
            self.used += 1;
        }
    }

    fn within(&mut self, moved: &Moved<Dated>, window: Windows, tally: Tally, amount: i64) {
        if moved.windows.has(window) {
            self.push(tally, amount);
        }
    }
}

impl IntoIterator for Parts {
    type Item = (Tally, i64);
    type IntoIter = std::iter::Flatten<std::array::IntoIter<Option<(Tally, i64)>, 8>>;

    fn into_iter(self) -> Self::IntoIter {
        self.parts.into_iter().flatten()
    }
}

/// Says what a dated fact adds to its customer, and which customer that is (0: none, and no parts).
fn tally_dated(moved: &Moved<Dated>, parts: &mut Parts) -> u32 {
    let customer = match moved.row {
        Dated::Sale { customer, .. }
        | Dated::Refund { customer, .. }
        | Dated::Attended { customer }
        | Dated::Failing { customer }
        | Dated::LongFailing { customer }
        | Dated::Message { customer, .. }
        | Dated::Program { customer, .. }
        | Dated::Sleep { customer, .. }
        | Dated::Due { customer, .. }
        | Dated::LongDue { customer }
        | Dated::MemberThen { customer, .. } => customer,
        Dated::NewGoods { .. }
        | Dated::NoShow
        | Dated::Session { .. }
        | Dated::Payment { .. }
        | Dated::First
        | Dated::Expense { .. }
        | Dated::Ticket { .. }
        | Dated::Deal { .. }
        | Dated::Traffic { .. } => 0,
    };
    if customer == 0 {
        return 0;
    }
    let mut within = |window, tally, amount| parts.within(moved, window, tally, amount);
    match moved.row {
        Dated::Sale { home, net, .. } => {
            within(Windows::PAST, Tally::OrdersPast, 1);
            within(Windows::DAYS_90, Tally::Orders90, 1);
            within(Windows::PRIOR_90, Tally::OrdersPrior90, 1);
            within(Windows::DAYS_365, Tally::Orders365, 1);
            within(Windows::DAYS_90, Tally::Net90, if home { net } else { 0 });
        }
        Dated::Refund { amount, .. } => within(Windows::DAYS_90, Tally::Net90, -amount),
        Dated::Attended { .. } => {
            within(Windows::PAST, Tally::VisitsPast, 1);
            within(Windows::DAYS_30, Tally::Visits30, 1);
            within(Windows::PRIOR_30, Tally::VisitsPrior30, 1);
            within(Windows::DAYS_90, Tally::Visits90, 1);
            within(Windows::DAYS_180, Tally::Visits180, 1);
        }
        Dated::Failing { .. } => within(Windows::PAST, Tally::Failing, 1),
        Dated::LongFailing { .. } => within(Windows::PAST, Tally::LongFailing, 1),
        Dated::Message { replied, .. } => {
            within(Windows::DAYS_90, Tally::Messages, 1);
            within(Windows::DAYS_90, Tally::Replies, i64::from(replied));
        }
        Dated::Program { compliance, .. } => {
            within(Windows::DAYS_30, Tally::ProgramDays, 1);
            within(Windows::DAYS_30, Tally::Compliance, compliance);
        }
        Dated::Sleep { hours, .. } => {
            within(Windows::DAYS_14, Tally::SleepDays, 1);
            within(Windows::DAYS_14, Tally::Sleep, hours);
        }
        Dated::Due { .. } => within(Windows::PAST, Tally::Due, 1),
        Dated::LongDue { .. } => within(Windows::PAST, Tally::LongDue, 1),
        Dated::MemberThen { .. } => within(Windows::PAST, Tally::MemberThen, 1),
        _ => {}
    }
    customer
}

fn customer((tenant, customer): (u32, u32), sums: &CustomerSums, policies: &[Policy]) -> Customer {
    let count = |tally| sums.count(tally);
    let orders180 = count(Tally::Orders90) + count(Tally::OrdersPrior90);
    let known = count(Tally::Records) > 0;
    let counted = known && (count(Tally::Live) > 0 || count(Tally::Visits180) > 0 || orders180 > 0);
    let signals = counted.then(|| signals(sums));
    let member = count(Tally::Member) > 0;
    let at_risk =
        member && signals.is_some_and(|it| it.level(&policies[it.policy_index()]) >= Level::High);
    Customer {
        tenant,
        customer,
        signals,
        member,
        member_then: count(Tally::MemberThen) > 0,
        at_risk,
        returns: count(Tally::Orders90) + count(Tally::Visits90),
        buyer: count(Tally::Orders365) > 0,
        net90: sums.sum(Tally::Net90),
    }
}

fn signals(sums: &CustomerSums) -> Signals {
    let count = |tally| sums.count(tally);
    let activity = if count(Tally::VisitsPast) > 0 {
        Some((count(Tally::Visits30), count(Tally::VisitsPrior30), false))
    } else if count(Tally::OrdersPast) > 0 {
        Some((count(Tally::Orders90), count(Tally::OrdersPrior90), true))
    } else {
        None
    };
    let overdue =
        count(Tally::LongDue) > 0 || count(Tally::PastDue) > 0 || count(Tally::LongFailing) > 0;
    let late = count(Tally::Due) > 0 || count(Tally::Failing) > 0;
    let paying = match (overdue, late) {
        (true, _) => Paying::Overdue,
        (false, true) => Paying::Late,
        (false, false) => Paying::Current,
    };
    let sum = |total, days| (count(days) > 0).then(|| (sums.sum(total), count(days)));
    Signals {
        policy: u32::try_from(count(Tally::Policy)).unwrap_or(0),
        activity,
        payment: (count(Tally::Billed) > 0).then_some(paying),
        response: (count(Tally::Messages) > 0)
            .then(|| (count(Tally::Replies), count(Tally::Messages))),
        compliance: sum(Tally::Compliance, Tally::ProgramDays),
        sleep: sum(Tally::Sleep, Tally::SleepDays),
    }
}

/// The parts one signal comes to before it is text.
struct Judged {
    present: bool,
    /// Points in micros.
    points: i64,
}

impl Signals {
    fn policy_index(&self) -> usize {
        usize::try_from(self.policy).unwrap_or(0)
    }

    /// The policy these signals are judged by.
    #[must_use]
    pub fn policy<'p>(&self, policies: &'p [Policy]) -> &'p Policy {
        &policies[self.policy_index()]
    }

    /// Judges the five signals, in order.
    fn judge(&self, policy: &Policy) -> [Judged; 5] {
        let get = |setting| policy.get(setting);
        let judged = |present: bool, bad: bool, setting| Judged {
            present,
            points: if bad { get(setting) } else { 0 },
        };
        let wide = |count: i32| i128::from(count) * 1_000_000;
        let down = self.activity.is_some_and(|(recent, previous, _)| {
            wide(previous) >= i128::from(get(Setting::ChurnTrendPrevious))
                && wide(recent) < i128::from(previous) * i128::from(get(Setting::ChurnTrendDown))
        });
        let enough =
            |messages: i32| wide(messages) >= i128::from(get(Setting::ChurnResponseMessages));
        let response = self.response.filter(|(_, messages)| enough(*messages));
        let silent = response.is_some_and(|(replies, messages)| {
            wide(replies) < i128::from(messages) * i128::from(get(Setting::ChurnBelowResponse))
        });
        let below = |mean: Option<(i64, i32)>, setting| {
            mean.is_some_and(|(sum, days)| {
                i128::from(sum) < i128::from(days) * i128::from(get(setting))
            })
        };
        let payment_points = match self.payment {
            Some(Paying::Overdue) => get(Setting::ChurnPointsOverdue),
            Some(Paying::Late) => get(Setting::ChurnPointsLate),
            Some(Paying::Current) | None => 0,
        };
        [
            judged(self.activity.is_some(), down, Setting::ChurnPointsAttendance),
            Judged { present: self.payment.is_some(), points: payment_points },
            judged(response.is_some(), silent, Setting::ChurnPointsResponse),
            judged(
                self.compliance.is_some(),
                below(self.compliance, Setting::ChurnBelowCompliance),
                Setting::ChurnPointsCompliance,
            ),
            judged(
                self.sleep.is_some(),
                below(self.sleep, Setting::ChurnBelowSleep),
                Setting::ChurnPointsSleep,
            ),
        ]
    }

    fn score(&self, policy: &Policy) -> (i64, i64) {
        let raw: i64 = self.judge(policy).iter().map(|it| it.points).sum();
        (raw.min(100_000_000), raw)
    }

    /// The score in a word.
    #[must_use]
    pub fn level(&self, policy: &Policy) -> Level {
        // The score that is stored decides, so that a row never contradicts itself.
        let stored = hundredths(self.score(policy).0) * MICROS_PER_HUNDREDTH;
        let reached = |setting| stored >= policy.get(setting);
        if reached(Setting::ChurnLevelCritical) {
            Level::Critical
        } else if reached(Setting::ChurnLevelHigh) {
            Level::High
        } else if reached(Setting::ChurnLevelMedium) {
            Level::Medium
        } else {
            Level::Low
        }
    }

    /// The row, with its factors as text.
    #[must_use]
    pub fn row(&self, policy: &Policy) -> ChurnRow {
        let judged = self.judge(policy);
        let (score, raw) = self.score(policy);
        let present = judged.iter().filter(|it| it.present).count();
        let factors = Signal::ALL.into_iter().zip(&judged).map(|(signal, it)| {
            let (value, compared_with) = self.texts(signal, policy);
            Factor {
                signal,
                present: it.present,
                value: value.filter(|_| it.present),
                compared_with: compared_with.filter(|_| it.present),
                points: hundredths(it.points),
            }
        });
        ChurnRow {
            score: hundredths(score),
            raw: hundredths(raw),
            level: self.level(policy),
            signals_present: u8::try_from(present).unwrap_or(5),
            factors: factors.collect(),
        }
    }

    fn texts(&self, signal: Signal, policy: &Policy) -> (Option<String>, Option<String>) {
        let threshold = |setting| Some(fixed(hundredths(policy.get(setting)).into(), 2));
        let share = |part: i64, whole: i64| {
            let carried = ratio(part.into(), whole.into())?;
            Some(fixed(div_half_up(carried, ONE / 100), 2))
        };
        match signal {
            Signal::Attendance => match self.activity {
                Some((recent, previous, false)) => (
                    Some(format!("{recent} visits in 30 days")),
                    Some(format!("{previous} in the 30 days before")),
                ),
                Some((recent, previous, true)) => (
                    Some(format!("{recent} orders in 90 days")),
                    Some(format!("{previous} in the 90 days before")),
                ),
                None => (None, None),
            },
            Signal::Payment => {
                let word = self.payment.map(|it| match it {
                    Paying::Current => "current",
                    Paying::Late => "late",
                    Paying::Overdue => "overdue",
                });
                (word.map(str::to_owned), Some("current".to_owned()))
            }
            Signal::Response => {
                let value = self.response.and_then(|(part, all)| share(part.into(), all.into()));
                (value, threshold(Setting::ChurnBelowResponse))
            }
            Signal::Compliance => {
                let mean = self.compliance.and_then(|(sum, days)| mean(sum, days));
                (mean, threshold(Setting::ChurnBelowCompliance))
            }
            Signal::Sleep => {
                let mean = self.sleep.and_then(|(sum, days)| mean(sum, days));
                (mean, threshold(Setting::ChurnBelowSleep))
            }
        }
    }
}

/// A mean with two decimals, as text.
fn mean(sum_micros: i64, days: i32) -> Option<String> {
    let carried = ratio(sum_micros.into(), i128::from(days) * 1_000_000)?;
    Some(fixed(div_half_up(carried, ONE / 100), 2))
}

const MICROS_PER_HUNDREDTH: i64 = 10_000;

/// Micros to hundredths, half away from zero.
fn hundredths(micros: i64) -> i64 {
    i64::try_from(div_half_up(micros.into(), MICROS_PER_HUNDREDTH.into())).unwrap_or(0)
}
