//! Instants worth testing: the edges of windows and days, and the hours around changes of offset.

use vitals_model::local_time::Zone;
use vitals_model::rng::Rng;
use vitals_model::utc::SECOND_US;
use vitals_model::{Date, UtcMicros};

pub(super) const MINUTE_US: i64 = 60 * SECOND_US;
pub(super) const DAY_US: i64 = 24 * 60 * MINUTE_US;
/// How far back events reach: past the longest window (two times 180 days, or 365).
const REACH_DAYS: i64 = 400;

/// Days back from today at which some window of a vital begins, ends, or has just ended.
const EDGES_DAYS: [i32; 33] = [
    0, 1, 6, 7, 8, 13, 14, 27, 28, 29, 30, 31, 58, 59, 60, 61, 83, 84, 88, 89, 90, 91, 119, 120,
    178, 179, 180, 181, 363, 364, 365, 366, 400,
];

/// The start of a history: near a change of offset half of the time.
pub(super) fn start(rng: &mut Rng, zones: &[Zone]) -> UtcMicros {
    let epoch = Date::from_ymd(2023, 1, 1).map_or(0, |date| i64::from(date.0)) * DAY_US;
    let anywhere = UtcMicros(epoch + rng.between(0, 1_300 * DAY_US));
    if rng.chance(50) {
        return anywhere;
    }
    let changes = changes(zones[0], anywhere);
    match changes.last() {
        Some(change) => UtcMicros(change.0 + rng.between(-2 * DAY_US, 2 * DAY_US)),
        None => anywhere,
    }
}

/// The changes of a zone's offset in the `REACH_DAYS` before an instant and the month after it.
pub(super) fn changes(zone: Zone, until: UtcMicros) -> Vec<UtcMicros> {
    let mut found = Vec::new();
    for day in -REACH_DAYS..30 {
        let (mut low, mut high) = (until.0 + day * DAY_US, until.0 + (day + 1) * DAY_US);
        let before = offset_seconds(zone, low);
        if offset_seconds(zone, high) == before {
            continue;
        }
        while high - low > SECOND_US {
            let middle = low + (high - low) / 2;
            if offset_seconds(zone, middle) == before { low = middle } else { high = middle }
        }
        found.push(UtcMicros(high - high.rem_euclid(SECOND_US)));
    }
    found
}

fn offset_seconds(zone: Zone, us: i64) -> i64 {
    let local = zone.local(UtcMicros(us));
    i64::from(local.date.0) * 86_400 + local.second_of_day - us.div_euclid(SECOND_US)
}

/// Where one tenant's events fall.
#[derive(Clone, Debug)]
pub(super) struct Calendar {
    zones: Vec<Zone>,
    changes: Vec<UtcMicros>,
}

impl Calendar {
    pub(super) fn new(zones: &[Zone], start: UtcMicros) -> Self {
        let changes = zones.iter().flat_map(|zone| changes(*zone, start)).collect();
        Self { zones: zones.to_vec(), changes }
    }

    /// An instant worth testing, seen from `now`.
    pub(super) fn instant(&self, rng: &mut Rng, now: UtcMicros) -> UtcMicros {
        match rng.below(20) {
            0..=5 => self.edge(rng, now),
            6 | 7 => self.near_change(rng, now),
            8..=13 => UtcMicros(now.0 - rng.between(0, 35 * DAY_US)),
            14 | 15 => UtcMicros(now.0 - rng.between(0, 3 * DAY_US)),
            16..=18 => UtcMicros(now.0 - rng.between(0, REACH_DAYS * DAY_US)),
            _ => UtcMicros(now.0 + rng.between(0, 10 * DAY_US)),
        }
    }

    /// An instant of the last `days` days, or just outside of them.
    pub(super) fn recent(&self, rng: &mut Rng, now: UtcMicros, days: i64) -> UtcMicros {
        if rng.chance(25) {
            return self.edge(rng, now);
        }
        UtcMicros(now.0 - rng.between(-DAY_US, days * DAY_US))
    }

    /// A date worth testing, seen from `now`.
    pub(super) fn date(&self, rng: &mut Rng, now: UtcMicros) -> Date {
        let today = rng.pick(&self.zones).date(now);
        match rng.below(4) {
            0 => Date(today.0 - rng.pick(&EDGES_DAYS)),
            1 | 2 => Date(today.0 - days(rng.between(-1, 32))),
            _ => Date(today.0 - days(rng.between(-3, REACH_DAYS))),
        }
    }

    /// The first or last moments of a local day at the edge of a window.
    fn edge(&self, rng: &mut Rng, now: UtcMicros) -> UtcMicros {
        let zone = rng.pick(&self.zones);
        let day = Date(zone.date(now).0 - rng.pick(&EDGES_DAYS));
        let shift = rng.pick(&[-SECOND_US, -1, 0, 0, 1, 30 * MINUTE_US, 12 * 60 * MINUTE_US]);
        UtcMicros(zone.day_start(day).0 + shift)
    }

    /// An instant around a change of offset, or around now where the zones never change.
    fn near_change(&self, rng: &mut Rng, now: UtcMicros) -> UtcMicros {
        if self.changes.is_empty() {
            return self.edge(rng, now);
        }
        let change = rng.pick(&self.changes);
        let minutes = rng.pick(&[-1_440, -90, -61, -31, -1, 0, 1, 29, 31, 59, 61, 119, 1_440]);
        UtcMicros(change.0 + minutes * MINUTE_US + rng.pick(&[-1, 0, 0, 1]))
    }
}

fn days(count: i64) -> i32 {
    i32::try_from(count).unwrap_or(0)
}
