//! Churn risk: what is seen of a customer, and the row that makes.
//!
//! Keeps of each row only the numbers it was made of; the row with its texts is made when it changes.

use vitals_model::kinds::{CustomerStatus, InvoiceStatus, MembershipStatus, PaymentStatus};
use vitals_model::ratio::div_half_up;
use vitals_model::utc::{Date, UtcMicros};
use vitals_model::vital::{Change, ChurnKey, ChurnRow, Factor, Level, Signal, fixed};

use super::customers::{Membership, Person};
use super::facts::Reading;
use super::latest::Latest;
use super::settings::ChurnPolicy;
use super::tenant::Tenant;

/// What a customer's activity is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Basis {
    Visits,
    Orders,
}

/// Where a customer's payments stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paying {
    Current,
    Late,
    Overdue,
}

/// The signals of one customer, before policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    activity: Option<(Basis, i64, i64)>,
    paying: Option<Paying>,
    /// Replied and sent.
    response: Option<(i64, i64)>,
    /// Sum and number.
    compliance: Option<(i64, i64)>,
    sleep: Option<(i64, i64)>,
}

impl Tenant {
    /// Yields the churn rows of the customers that were touched, and counts them for the health score.
    pub(super) fn finish_people(&mut self, into: &mut Vec<Change<ChurnKey, ChurnRow>>) {
        for customer in std::mem::take(&mut self.ledger.touched_people) {
            self.count_member(customer);
            let person = &self.ledger.people[customer as usize];
            let member = person.member;
            let (was, is) = (person.seen, member.in_population.then(|| self.see(customer)));
            let restated = self.restated.remove(&customer);
            let policy = &self.settings.churn;
            if was != is || restated.is_some() {
                let old = restated.or_else(|| was.map(|seen| seen.row(policy)));
                let new = is.map(|seen| seen.row(policy));
                if old != new {
                    let customer = self.customers.names.text(customer).to_owned();
                    into.push(Change { key: ChurnKey { tenant: self.id, customer }, old, new });
                }
            }
            let risky = is.is_some_and(|seen| seen.row_level(policy) >= Level::High);
            let at_risk = risky && self.holds_active_membership(customer);
            self.ledger.windows.members_at_risk += i64::from(at_risk) - i64::from(member.at_risk);
            let person = &mut self.ledger.people[customer as usize];
            (person.seen, person.member.at_risk, person.touched) = (is, at_risk, false);
        }
    }

    fn holds_active_membership(&self, customer: u32) -> bool {
        self.ledger.people[customer as usize]
            .memberships
            .iter()
            .filter_map(|number| self.memberships.get(*number))
            .any(|it| it.status == MembershipStatus::Active)
    }

    /// Brings what the windows count a customer as up to date, but for the risk.
    fn count_member(&mut self, customer: u32) {
        let then_day = Date(self.ledger.windows.today.0 - 30);
        let person = &self.ledger.people[customer as usize];
        let then = person
            .memberships
            .iter()
            .filter_map(|number| self.memberships.get(*number))
            .any(|it| self.counted_on(it, then_day));
        let lost = then && !self.holds_active_membership(customer);
        let old = person.member;
        let new = Membership { in_population: self.in_population(customer), then, lost, ..old };
        let windows = &mut self.ledger.windows;
        windows.members_then += i64::from(new.then) - i64::from(old.then);
        windows.members_lost += i64::from(new.lost) - i64::from(old.lost);
        windows.population += i64::from(new.in_population) - i64::from(old.in_population);
        self.ledger.people[customer as usize].member = new;
    }

    fn in_population(&self, customer: u32) -> bool {
        let Some(record) = self.customers.get(customer) else { return false };
        let windows = &self.ledger.windows;
        matches!(record.status, CustomerStatus::Active | CustomerStatus::Paused)
            || self.ledger.people[customer as usize]
                .events
                .iter()
                .any(|event| windows.holds(event.day, 180))
    }

    fn see(&self, customer: u32) -> Seen {
        let person = &self.ledger.people[customer as usize];
        let rare = person.rare.as_deref();
        let mean = |readings: &Latest<Reading>, numbers: &[u32], days| {
            let values = numbers
                .iter()
                .filter_map(|number| readings.get(*number))
                .filter(|it| self.ledger.windows.holds(it.on, days))
                .filter_map(|it| it.value);
            let (sum, n) = values.fold((0, 0), |(sum, n), value| (sum + value, n + 1));
            (n > 0).then_some((sum, n))
        };
        Seen {
            activity: self.activity(person),
            paying: self.paying(person),
            response: rare.and_then(|rare| self.response(&rare.messages)),
            compliance: rare.and_then(|rare| mean(&self.programs, &rare.programs, 30)),
            sleep: rare.and_then(|rare| mean(&self.wearables, &rare.wearables, 14)),
        }
    }

    fn activity(&self, person: &Person) -> Option<(Basis, i64, i64)> {
        let count = |order: bool, days: i32| {
            let (mut ever, mut recent, mut previous) = (false, 0, 0);
            for event in person.events.iter().filter(|event| event.order == order) {
                let Some(ago) = self.ledger.windows.ago(event.day) else { continue };
                ever = true;
                recent += i64::from(ago < days);
                previous += i64::from((days..2 * days).contains(&ago));
            }
            ever.then_some((recent, previous))
        };
        let visits = count(false, 30).map(|(recent, previous)| (Basis::Visits, recent, previous));
        visits
            .or_else(|| count(true, 90).map(|(recent, previous)| (Basis::Orders, recent, previous)))
    }

    fn paying(&self, person: &Person) -> Option<Paying> {
        let invoices = person.rare.as_ref().map_or(&[][..], |rare| &rare.invoices);
        if invoices.is_empty() && person.payments.is_empty() && person.memberships.is_empty() {
            return None;
        }
        let today = self.ledger.windows.today;
        let date = |at: i64| self.settings.zone.date(UtcMicros(at));
        let grade = |days: i32, late_from: i32| match days {
            days if i64::from(days) * 1_000_000 > self.settings.churn.grace_days => Paying::Overdue,
            days if days >= late_from => Paying::Late,
            _ => Paying::Current,
        };
        let due = invoices
            .iter()
            .filter_map(|number| self.invoices.get(*number))
            .filter(|it| it.status == InvoiceStatus::Open)
            .filter_map(|it| it.due_at)
            .map(|due_at| grade(today.0 - date(due_at).0, 1));
        let past_due = person
            .memberships
            .iter()
            .filter_map(|number| self.memberships.get(*number))
            .filter(|it| it.status == MembershipStatus::PastDue)
            .map(|_| Paying::Overdue);
        let latest = |status| {
            let payments = person.payments.iter().filter_map(|number| self.payments.get(*number));
            payments
                .filter(|it| it.status == status && date(it.paid_at) <= today)
                .map(|it| it.paid_at)
                .max()
        };
        let failing = latest(PaymentStatus::Failed)
            .filter(|failed| latest(PaymentStatus::Succeeded).is_none_or(|paid| *failed > paid))
            .map(|failed| grade(today.0 - date(failed).0, 0));
        let worst = due.chain(past_due).chain(failing).max_by_key(|it| *it as u8);
        Some(worst.unwrap_or(Paying::Current))
    }

    fn response(&self, messages: &[u32]) -> Option<(i64, i64)> {
        let policy = &self.settings.churn;
        let (mut replied, mut sent) = (0, 0);
        for message in messages.iter().filter_map(|number| self.messages.get(*number)) {
            let day = self.settings.zone.date(UtcMicros(message.sent_at));
            if !message.outbound || !self.ledger.windows.holds(day, 90) {
                continue;
            }
            sent += 1;
            let after = message.replied_at.map(|at| at - message.sent_at);
            replied += i64::from(after.is_some_and(|it| (0..=policy.response_us).contains(&it)));
        }
        // No message at all says nothing, whatever the policy asks for.
        (sent > 0 && sent * 1_000_000 >= policy.response_messages).then_some((replied, sent))
    }
}

/// Micros as text with two decimals.
fn two_decimals(micros: i128) -> String {
    fixed(div_half_up(micros, 10_000), 2)
}

impl Seen {
    /// Points of each signal, in micros.
    fn points(&self, policy: &ChurnPolicy) -> [i64; 5] {
        let mut points = [0; 5];
        if let Some((_, recent, previous)) = self.activity {
            let down = i128::from(recent) * 1_000_000
                < i128::from(policy.trend_down) * i128::from(previous);
            let enough = i128::from(previous) * 1_000_000 >= i128::from(policy.trend_previous);
            points[0] = if down && enough { policy.points[0] } else { 0 };
        }
        points[1] = match self.paying {
            Some(Paying::Overdue) => policy.points[1],
            Some(Paying::Late) => policy.points[2],
            Some(Paying::Current) | None => 0,
        };
        let response = self.response.map(|(replied, sent)| (replied * 1_000_000, sent));
        for (i, share) in [response, self.compliance, self.sleep].into_iter().enumerate() {
            let below = share.is_some_and(|(sum, n)| {
                i128::from(sum) < i128::from(policy.below[i]) * i128::from(n)
            });
            points[2 + i] = if below { policy.points[3 + i] } else { 0 };
        }
        points
    }

    fn score(points: [i64; 5]) -> (i64, i64) {
        let sum: i64 = points.iter().sum();
        let raw = hundredths(sum);
        (raw.min(10_000), raw)
    }

    fn row_level(&self, policy: &ChurnPolicy) -> Level {
        let (score, _) = Self::score(self.points(policy));
        match policy.levels.map(|from| score * 10_000 >= from) {
            [_, _, true] => Level::Critical,
            [_, true, _] => Level::High,
            [true, ..] => Level::Medium,
            _ => Level::Low,
        }
    }

    /// The row this makes.
    pub(super) fn row(&self, policy: &ChurnPolicy) -> ChurnRow {
        let points = self.points(policy);
        let (score, raw) = Self::score(points);
        let texts = self.texts(policy);
        let factors: Vec<Factor> = Signal::ALL
            .into_iter()
            .zip(texts)
            .zip(points)
            .map(|((signal, texts), points)| {
                let (value, compared_with) = texts.unzip();
                let points = hundredths(points);
                Factor { signal, present: value.is_some(), value, compared_with, points }
            })
            .collect();
        let present = factors.iter().filter(|factor| factor.present).count();
        let signals_present = u8::try_from(present).expect("there are five signals");
        ChurnRow { score, raw, level: self.row_level(policy), signals_present, factors }
    }

    fn texts(&self, policy: &ChurnPolicy) -> [Option<(String, String)>; 5] {
        let activity = self.activity.map(|(basis, recent, previous)| {
            let (what, days) = match basis {
                Basis::Visits => ("visits", 30),
                Basis::Orders => ("orders", 90),
            };
            (
                format!("{recent} {what} in {days} days"),
                format!("{previous} in the {days} days before"),
            )
        });
        let paying = self.paying.map(|paying| {
            let word = match paying {
                Paying::Overdue => "overdue",
                Paying::Late => "late",
                Paying::Current => "current",
            };
            (word.to_owned(), "current".to_owned())
        });
        let share = |i: usize, it: Option<(i64, i64)>, scale: i64| {
            it.map(|(sum, n)| {
                let cents =
                    div_half_up(i128::from(sum) * i128::from(scale), i128::from(n) * 10_000);
                (fixed(cents, 2), two_decimals(policy.below[i].into()))
            })
        };
        [
            activity,
            paying,
            share(0, self.response, 1_000_000),
            share(1, self.compliance, 1),
            share(2, self.sleep, 1),
        ]
    }
}

fn hundredths(micros: i64) -> i64 {
    i64::try_from(div_half_up(micros.into(), 10_000))
        .expect("a policy's points are below a million")
}
