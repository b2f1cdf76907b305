//! Distinct customers of nested buckets: who was there in this hour, day, week and month.
//!
//! Keeps each customer's distinct hours once, and finds by their neighbours whether a coarser bucket
//! gains or loses the customer; four tables of (bucket, customer) would say the same at eight times the
//! memory. Promises one +1 when a customer first appears in a bucket and one -1 when the last trace is
//! gone.

use rustc_hash::FxHashMap;
use vitals_model::UtcMicros;
use vitals_model::kinds::Currency;
use vitals_model::local_time::{Grain, Zone};
use vitals_model::utc::HOUR_US;

use crate::keyed::{Diff, Rows, per_tick};

/// In which rows a customer is looked for, and as what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Group {
    /// Whose.
    pub tenant: u32,
    /// Of which location; 0 is all together.
    pub location: u32,
    /// In which currency.
    pub currency: Currency,
    /// By whose calendar.
    pub zone: Zone,
    /// ISO weekday on which weeks begin.
    pub week_start: u8,
    /// As what.
    pub role: Role,
}

/// What a customer was there as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the words say it")]
pub enum Role {
    Paying,
    New,
    Active,
}

/// A customer's distinct hours, as (start in seconds, how often), ascending.
type Hours = Vec<(i64, i32)>;

/// Longest a bucket of each grain lasts, in hours, with a day to spare for any change of offset.
fn reach_us(grain: Grain) -> i64 {
    HOUR_US
        * match grain {
            Grain::Hour => 0,
            Grain::Day => 24 + 24,
            Grain::Week => 7 * 24 + 24,
            Grain::Month => 31 * 24 + 24,
        }
}

/// Yields (group, grain, bucket) once for each customer that is there.
pub fn present<'s>(
    input: Rows<'s, (Group, u32, i64)>,
    name: &str,
) -> Rows<'s, (Group, Grain, UtcMicros)> {
    let mut seen: FxHashMap<(Group, u32), Hours> = FxHashMap::default();
    per_tick(input, name, move |updates, changes| {
        for ((group, customer, at), diff) in updates {
            let hours = seen.entry((group, customer)).or_default();
            note(&group, hours, at, diff, changes);
            if hours.is_empty() {
                seen.remove(&(group, customer));
            }
        }
    })
}

fn note(
    group: &Group,
    hours: &mut Hours,
    at: i64,
    diff: Diff,
    changes: &mut Vec<((Group, Grain, UtcMicros), Diff)>,
) {
    let at = UtcMicros(at);
    let hour = group.zone.bucket_start(Grain::Hour, at, group.week_start);
    let count = i32::try_from(diff).unwrap_or(0);
    let (place, toggled) = match hours.binary_search_by_key(&hour.0, |(start, _)| *start) {
        Ok(place) => {
            let before = hours[place].1;
            hours[place].1 += count;
            (place, toggle(before, before + count))
        }
        Err(place) => {
            hours.insert(place, (hour.0, count));
            (place, toggle(0, count))
        }
    };
    if toggled != 0 {
        changes.push(((*group, Grain::Hour, hour), toggled));
        for grain in [Grain::Day, Grain::Week, Grain::Month] {
            let bucket = group.zone.bucket_start(grain, hour, group.week_start);
            if neighbour(group, hours, place, (grain, bucket)) {
                // Whoever is in this bucket is in its week and month, but a week may end in another month.
                continue;
            }
            changes.push(((*group, grain, bucket), toggled));
        }
    }
    if hours[place].1 == 0 {
        hours.remove(place);
    }
}

fn toggle(before: i32, after: i32) -> Diff {
    match (before > 0, after > 0) {
        (false, true) => 1,
        (true, false) => -1,
        _ => 0,
    }
}

/// Whether another hour than the one at `place` lies in the bucket.
fn neighbour(
    group: &Group,
    hours: &Hours,
    place: usize,
    (grain, bucket): (Grain, UtcMicros),
) -> bool {
    let own = hours[place].0;
    let inside = |(start, count): &&(i64, i32)| {
        *count > 0 && group.zone.bucket_start(grain, UtcMicros(*start), group.week_start) == bucket
    };
    let near = |entry: &&(i64, i32)| (entry.0 - own).abs() <= reach_us(grain);
    hours[..place].iter().rev().take_while(near).any(|entry| inside(&entry))
        || hours[place + 1..].iter().take_while(near).any(|entry| inside(&entry))
}
