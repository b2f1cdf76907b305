//! A cache in front of the zone tables: the buckets of each local day, computed once.

use rustc_hash::FxHashMap;
use vitals_model::local_time::{Local, Zone};
use vitals_model::utc::{Date, UtcMicros};

/// The bucket starts of one local date.
#[derive(Clone, Copy, Debug)]
struct Day {
    day: i64,
    week: i64,
    month: i64,
    month_first: Date,
}

/// The calendar of one tenant, for weeks that start on its day.
#[derive(Debug, Default)]
pub(super) struct Calendar {
    days: FxHashMap<(Zone, i32), Day>,
    week_start: u8,
}

impl Calendar {
    pub(super) fn new(week_start: u8) -> Self {
        Self { days: FxHashMap::default(), week_start }
    }

    fn day(&mut self, zone: Zone, date: Date) -> Day {
        let week_start = self.week_start;
        *self.days.entry((zone, date.0)).or_insert_with(|| {
            let start = |date| zone.day_start(date).0;
            let month_first = date.month_start();
            Day {
                day: start(date),
                week: start(date.week_start(week_start)),
                month: start(month_first),
                month_first,
            }
        })
    }

    /// Where the hour, day, week and month that hold an instant start.
    pub(super) fn buckets(&mut self, zone: Zone, at: i64) -> [i64; 4] {
        let day = self.day(zone, zone.date(UtcMicros(at)));
        [zone.hour_start(UtcMicros(at)).0, day.day, day.week, day.month]
    }

    /// An instant taken apart, with the first day of its month.
    pub(super) fn local(&mut self, zone: Zone, at: i64) -> (Local, Date) {
        let local = zone.local(UtcMicros(at));
        (local, self.day(zone, local.date).month_first)
    }
}
