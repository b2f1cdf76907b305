//! The dataflow: from facts to the rows of every vital, one vital a file.
//!
//! Promises that the accumulated rows at a tick are a function of the accumulated facts and todays, and
//! of nothing else (I1), and that they equal what `sql/vitals/` defines (I8). Holds integers only (I11).
//! Knows no text, no clock and no I/O; `vitals-engine` feeds it and reads it.

pub mod attendance;
pub mod churn;
pub mod dated;
pub mod facts;
pub mod health_score;
mod intern;
pub mod keyed;
pub mod packed;
mod presence;
pub mod revenue;
pub mod states;
mod visitors;
pub mod window;

use std::cell::RefCell;
use std::rc::Rc;

use differential_dataflow::input::{Input, InputSession};
use timely::dataflow::Scope;
use timely::dataflow::operators::probe;
use vitals_model::UtcMicros;
use vitals_model::vital::HealthRow;

use attendance::{Cell, CellSums, LocationOrder};
use churn::{Customer, Policies};
use facts::{
    Attendance, Dated, Fact, Holding, Outcome, Plan, Planned, Refund, Sale, Standing, Testimony,
};
use keyed::{Diff, Multiset, Rows, Tick, fold};
use revenue::{RevenueAt, RevenueSums};
use states::States;
use window::{Entry, Windows, windowed};

/// Rows that changed at the current tick, not consolidated.
pub type Changed<D> = Rc<RefCell<Vec<(D, Diff)>>>;

/// Where each vital's changes are gathered.
#[derive(Clone, Debug, Default)]
pub struct Outputs {
    /// `revenue_trend`.
    pub revenue: Changed<(RevenueAt, RevenueSums)>,
    /// `attendance_heatmap`.
    pub heatmap: Changed<(Cell, CellSums)>,
    /// `churn_risk`: customers, of whom those with signals have a row.
    pub churn: Changed<Customer>,
    /// `health_score`.
    pub health: Changed<(u32, HealthRow)>,
}

/// What the dataflow looks up beside its facts.
#[derive(Clone)]
pub struct Beside {
    /// The policies in force, by number.
    pub policies: Policies,
    /// The order of locations' names.
    pub locations: LocationOrder,
}

impl std::fmt::Debug for Beside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Beside {{ policies: {} }}", self.policies.borrow().len())
    }
}

macro_rules! inputs {
    ($($name:ident: $row:ty),* $(,)?) => {
        /// The dataflow's inputs, one narrow collection for each sort of fact.
        pub struct Inputs {
            $($name: InputSession<Tick, $row, Diff>),*
        }

        struct Collections<'s> {
            $($name: Rows<'s, $row>),*
        }

        impl Inputs {
            fn open<'s>(scope: Scope<'s, Tick>) -> (Self, Collections<'s>) {
                $(let $name = scope.new_collection();)*
                (Self { $($name: $name.0),* }, Collections { $($name: $name.1),* })
            }

            /// Says that no more facts of ticks before `tick` will come.
            pub fn advance_to(&mut self, tick: Tick) {
                $(self.$name.advance_to(tick); self.$name.flush();)*
            }
        }
    };
}

inputs! {
    sales: Sale,
    refunds: Refund,
    alone: Attendance,
    testimonies: (u32, u32, Testimony),
    planned: Planned,
    dated: (u32, i32, Dated),
    standings: (u32, u32, Standing),
    holdings: (u32, Holding),
    balances: ((u32, u32), (i64, i64)),
    metrics: ((u32, u8), (i64, i128)),
    todays: (u32, i32),
}

impl std::fmt::Debug for Inputs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Inputs {{ tick: {} }}", self.sales.time())
    }
}

impl Inputs {
    /// Adds (or with a negative diff takes away) a fact at the current tick.
    pub fn update(&mut self, fact: Fact, diff: Diff) {
        match fact {
            Fact::Sale(it) => self.sales.update(it, diff),
            Fact::Refund(it) => self.refunds.update(it, diff),
            Fact::Alone(it) => self.alone.update(it, diff),
            Fact::Testimony { customer, session, testimony } => {
                self.testimonies.update((customer, session, testimony), diff);
            }
            Fact::Planned(it) => self.planned.update(it, diff),
            Fact::Dated { tenant, day, what } => self.dated.update((tenant, day, what), diff),
            Fact::Customer { tenant, customer, standing } => {
                self.standings.update((tenant, customer, standing), diff);
            }
            Fact::Tenant { tenant, holding } => self.holdings.update((tenant, holding), diff),
            Fact::Balance { tenant, account, at, amount } => {
                self.balances.update(((tenant, account), (at, amount)), diff);
            }
            Fact::Metric { tenant, slot, at, value } => {
                self.metrics.update(((tenant, slot), (at, value)), diff);
            }
            Fact::Today { tenant, day } => self.todays.update((tenant, day), diff),
        }
    }
}

/// Builds the whole dataflow: which vital reads which facts.
pub fn build(
    scope: Scope<'_, Tick>,
    beside: &Beside,
    probe: &probe::Handle<Tick>,
    (outputs, states): (&Outputs, &States),
) -> Inputs {
    let (inputs, rows) = Inputs::open(scope);
    let firsts = revenue::first_orders(states, rows.sales.clone());
    let settled = attendance::settle(states, rows.testimonies, Rc::clone(&beside.locations));
    let attendances = settled.concat(rows.alone);

    let trend = revenue::build(
        states,
        rows.sales.clone(),
        rows.refunds.clone(),
        attendances.clone(),
        firsts.clone(),
    );
    gather(trend, &outputs.revenue, probe);

    let heatmap =
        attendance::build(states, attendances.clone(), rows.planned.clone(), rows.todays.clone());
    gather(heatmap, &outputs.heatmap, probe);

    let dated = rows.dated.concatenate([
        rows.sales.map(dated_sale),
        rows.refunds.filter(|refund| refund.home).map(dated_refund),
        attendances.flat_map(dated_attendance),
        rows.planned.flat_map(dated_session),
        health_score::newcomers(firsts),
    ]);
    let turns = rows.todays.map(|(tenant, day)| Entry::Today(tenant, day));
    let entries = dated.map(|(tenant, day, what)| Entry::Row(tenant, day, what));
    let moved = windowed(states, entries.concat(turns.clone()), "windows");
    let overdue = windowed(states, failing(states, moved.clone()).concat(turns), "payment windows");
    let customers = churn::build(
        states,
        moved.clone().concat(overdue),
        rows.standings,
        Rc::clone(&beside.policies),
    );
    gather(customers.clone(), &outputs.churn, probe);

    let health = health_score::Inputs {
        moved,
        holdings: rows.holdings,
        customers,
        balances: rows.balances,
        metrics: rows.metrics,
    };
    let health = health_score::build(states, health, Rc::clone(&beside.policies));
    gather(health, &outputs.health, probe);
    inputs
}

/// Collects a vital's changes for the engine.
fn gather<D: Clone + 'static>(rows: Rows<'_, D>, into: &Changed<D>, probe: &probe::Handle<Tick>) {
    let into = Rc::clone(into);
    rows.inspect(move |(row, _, diff)| into.borrow_mut().push((row.clone(), *diff)))
        .probe_with(probe);
}

fn dated_sale(sale: Sale) -> (u32, i32, Dated) {
    let day = sale.place.tenant_zone.date(UtcMicros(sale.at)).0;
    let net = sale.gross - sale.discount;
    let Sale { customer, home, gross, .. } = sale;
    (sale.place.tenant, day, Dated::Sale { customer, home, gross, net })
}

fn dated_refund(refund: Refund) -> (u32, i32, Dated) {
    let day = refund.place.tenant_zone.date(UtcMicros(refund.at)).0;
    let Refund { customer, amount, .. } = refund;
    (refund.place.tenant, day, Dated::Refund { customer, amount })
}

fn dated_attendance(it: Attendance) -> Option<(u32, i32, Dated)> {
    let what = match it.outcome {
        Outcome::Attended => Dated::Attended { customer: it.customer },
        Outcome::NoShow => Dated::NoShow,
        Outcome::LateCancelled => return None,
    };
    Some((it.place.tenant, it.place.tenant_zone.date(UtcMicros(it.at)).0, what))
}

fn dated_session(it: Planned) -> Option<(u32, i32, Dated)> {
    match it.what {
        Plan::Session { capacity } => {
            let day = it.place.tenant_zone.date(UtcMicros(it.at)).0;
            Some((it.place.tenant, day, Dated::Session { capacity }))
        }
        Plan::Booking => None,
    }
}

/// One attempt to pay, as of today: (instant, whether it succeeded, its local date, the grace in days).
type Attempt = (i64, bool, i32, i32);

/// Since when each customer's payments fail: two dated rows, the second after the grace.
fn failing<'s>(states: &States, moved: Rows<'s, window::Moved<Dated>>) -> Rows<'s, Entry<Dated>> {
    let attempts = moved.flat_map(|moved| match moved.row {
        Dated::Payment { customer, at, paid, grace }
            if customer != 0 && moved.windows.has(Windows::PAST) =>
        {
            Some(((moved.tenant, customer), (at, paid, moved.day, grace)))
        }
        _ => None,
    });
    let since = fold(states, attempts, "failing payments", |key, attempts: &Multiset<Attempt>| {
        // Ascending by instant, failures before successes: a success at the same instant clears one.
        match attempts.iter().next_back() {
            Some((_, false, day, grace)) => Some((*key, *day, *grace)),
            Some((_, true, ..)) | None => None,
        }
    });
    since.flat_map(|((tenant, customer), day, grace)| {
        [
            Entry::Row(tenant, day, Dated::Failing { customer }),
            Entry::Row(tenant, day + grace + 1, Dated::LongFailing { customer }),
        ]
    })
}
