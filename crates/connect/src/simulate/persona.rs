//! Who the customers are: how long they stay, how often they come, how they pay, answer and sleep.

use vitals_model::Date;
use vitals_model::rng::Rng;

const FIRST_NAMES: [&str; 20] = [
    "Ada", "Amal", "Bruno", "Chen", "Dalia", "Elif", "Farid", "Grace", "Hana", "Ines", "Jonas",
    "Kofi", "Lina", "Mateo", "Noor", "Omar", "Priya", "Rosa", "Sven", "Yuki",
];
const LAST_NAMES: [&str; 20] = [
    "Abadi", "Baker", "Costa", "Dahl", "Eze", "Fischer", "Gupta", "Haddad", "Ito", "Jensen",
    "Khan", "Lopez", "Mansour", "Nguyen", "Okafor", "Park", "Quinn", "Rossi", "Silva", "Tanaka",
];

/// One customer.
#[derive(Clone, Debug)]
pub(super) struct Persona {
    pub(super) first_name: &'static str,
    pub(super) last_name: &'static str,
    pub(super) joined: Date,
    pub(super) leaves: Option<Date>,
    /// From when on they come less and less.
    fades: Option<Date>,
    /// How often they come, in visits per hundred days.
    visits: u64,
    /// Which of a day's classes they like, and at which place.
    pub(super) slot: usize,
    pub(super) branch: bool,
    /// Which membership they have, if any.
    pub(super) plan: Option<usize>,
    /// The day of the month they are billed, 1 to 28.
    pub(super) billing_day: u32,
    /// In percent: their payments that succeed, messages they answer, what they keep of a program.
    pub(super) pays: u64,
    pub(super) answers: u64,
    pub(super) keeps: u64,
    /// Whether they wear a device, and their usual sleep in tenths of an hour.
    pub(super) sleep: Option<u64>,
}

impl Persona {
    /// A customer of a business that is watched for `span`, growing or shrinking by `slope` percent.
    pub(super) fn draw(mut rng: Rng, span: (Date, Date), slope: i64) -> Self {
        let days = i64::from(span.1.0 - span.0.0).max(1);
        let known = u64::try_from(60 - slope / 4).unwrap_or(60);
        let joined = if rng.chance(known) {
            span.0.0 - days_of(rng.between(1, 700))
        } else {
            span.0.0 + days_of(rng.between(0, days))
        };
        let leaving = u64::try_from(25 - slope / 5).unwrap_or(25);
        let leaves = rng.chance(leaving).then(|| {
            let stays = days_of(rng.between(20, days.max(60) + 60));
            Date(joined.max(span.0.0) + stays)
        });
        let fades = match leaves {
            Some(date) => Some(Date(date.0 - days_of(rng.between(5, 60)))),
            None => rng.chance(12).then(|| Date(span.1.0 - days_of(rng.between(5, 45)))),
        };
        Self {
            first_name: rng.pick(&FIRST_NAMES),
            last_name: rng.pick(&LAST_NAMES),
            joined: Date(joined),
            leaves,
            fades,
            visits: rng.pick(&[4, 8, 14, 20, 28, 28, 36, 45, 55]),
            // Mostly the evening's.
            slot: rng.pick(&[0, 1, 3, 4, 5, 5, 6, 6]),
            branch: rng.chance(35),
            plan: rng.chance(75).then(|| rng.index(3)),
            billing_day: u32::try_from(rng.between(1, 29)).unwrap_or(1),
            pays: rng.pick(&[99, 99, 98, 97, 95, 80]),
            answers: rng.pick(&[10, 35, 50, 70, 90]),
            keeps: rng.pick(&[45, 65, 75, 85, 95]),
            sleep: rng.chance(30).then(|| rng.pick(&[52, 60, 66, 70, 74, 80])),
        }
    }

    /// Whether they are a customer on a day.
    pub(super) fn present(&self, date: Date) -> bool {
        self.joined <= date && self.leaves.is_none_or(|left| date < left)
    }

    /// The chance of a visit on an average day, in a thousandth of a percent.
    pub(super) fn eagerness(&self, date: Date) -> u64 {
        let faded = self.fades.is_some_and(|from| date >= from);
        self.visits * if faded { 250 } else { 1_000 }
    }
}

fn days_of(count: i64) -> i32 {
    i32::try_from(count).unwrap_or(0)
}
