//! Distinct customers of nested buckets: who was there in this hour, day, week and month.
//!
//! Keeps, for each customer, the distinct hours of what they did, and finds by an hour's neighbours whether
//! a coarser bucket gains or loses the customer; a table of (bucket, customer) for every row would say the
//! same at ten times the memory. Promises one +1 when a customer first appears in a row and one -1 when
//! the last trace is gone.

use rustc_hash::FxHashMap;
use vitals_model::kinds::Currency;
use vitals_model::local_time::{Grain, Zone};
use vitals_model::utc::{HOUR_US, SECOND_US};
use vitals_model::{Date, UtcMicros};

use crate::intern::Interned;
use crate::keyed::{Diff, Rows, insert, per_tick};
use crate::packed::{Pack, put_words, take_words};
use crate::states::States;

/// By which calendar customers are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Calendar {
    /// Whose.
    pub(crate) tenant: u32,
    /// In which currency.
    pub(crate) currency: Currency,
    /// By whose clock.
    pub(crate) zone: Zone,
    /// ISO weekday on which weeks begin.
    pub(crate) week_start: u8,
}

/// What a customer did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the words say it")]
pub(crate) enum Deed {
    Bought,
    Came,
    BoughtFirst,
}

/// What a customer counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the words say it")]
pub(crate) enum Role {
    Paying,
    New,
    Active,
}

/// In which rows a deed is looked for: in those of all locations together, in its own location's, in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the words say it")]
pub(crate) enum Scope {
    All,
    Own,
    Both,
}

/// One deed of one customer. Under one calendar a location has one scope at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the words say it")]
pub(crate) struct Trace {
    pub(crate) calendar: Calendar,
    pub(crate) customer: u32,
    pub(crate) location: u32,
    pub(crate) scope: Scope,
    pub(crate) deed: Deed,
    pub(crate) at: i64,
}

/// A row a customer is in: its location (0: all together), what as, and the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the words say it")]
pub(crate) struct There {
    pub(crate) tenant: u32,
    pub(crate) currency: Currency,
    pub(crate) location: u32,
    pub(crate) role: Role,
    pub(crate) grain: Grain,
    pub(crate) bucket: UtcMicros,
}

/// Deeds of one customer in one hour: when it starts in seconds and where, in words so that it is
/// twelve bytes; and how many, with the deed and the scope in the lowest four bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Slot {
    place: [u32; 2],
    what: i32,
}

/// Seconds are counted from 1900, where instants begin, and take 34 bits.
const EPOCH_S: i64 = -2_208_988_800 - 86_400;
const LOCATION_BITS: u32 = 30;

impl Slot {
    fn new(hour: UtcMicros, location: u32, deed: Deed, scope: Scope) -> Self {
        assert!(location < 1 << LOCATION_BITS, "a shard has fewer than 2^30 keys");
        let seconds = hour.0.div_euclid(SECOND_US) - EPOCH_S;
        let place = (seconds.cast_unsigned() << LOCATION_BITS) | u64::from(location);
        let high = u32::try_from(place >> 32).expect("instants end with the year 2199");
        let low = u32::try_from(place & u64::from(u32::MAX)).expect("32 bits");
        Self { place: [high, low], what: (deed as i32) | ((scope as i32) << 2) }
    }

    fn packed(&self) -> u64 {
        (u64::from(self.place[0]) << 32) | u64::from(self.place[1])
    }

    fn hour(&self) -> UtcMicros {
        UtcMicros(((self.packed() >> LOCATION_BITS).cast_signed() + EPOCH_S) * SECOND_US)
    }

    fn location(&self) -> u64 {
        self.packed() & ((1 << LOCATION_BITS) - 1)
    }

    /// What it is sorted by.
    fn order(&self) -> ([u32; 2], i32) {
        (self.place, self.what & 0xf)
    }

    fn count(&self) -> i32 {
        self.what >> 4
    }

    fn add(&mut self, count: i32) {
        let sum = self.count().checked_add(count).and_then(|sum| sum.checked_mul(1 << 4));
        self.what = sum.expect("counts of an hour stay below 2^27") | (self.what & 0xf);
    }

    /// The rows it can be found in, as bits: roles of all together, then roles of its own location.
    fn rows(&self) -> u8 {
        const PAYING: u8 = 1 << Role::Paying as u8;
        const NEW: u8 = 1 << Role::New as u8;
        const ACTIVE: u8 = 1 << Role::Active as u8;
        let roles = match self.what & 0b11 {
            0 => PAYING | ACTIVE,
            1 => ACTIVE,
            _ => NEW,
        };
        match (self.what >> 2) & 0b11 {
            0 => roles,
            1 => roles << ROLES,
            _ => roles | (roles << ROLES),
        }
    }
}

impl Pack for Slot {
    fn pack(&self, out: &mut Vec<u8>) {
        let Self { place: [high, low], what } = *self;
        put_words(out, [high, low, what.cast_unsigned()]);
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        let [high, low, what] = take_words(bytes);
        Self { place: [high, low], what: what.cast_signed() }
    }
}

impl Pack for Calendar {
    fn pack(&self, out: &mut Vec<u8>) {
        (self.tenant, self.currency, self.zone, self.week_start).pack(out);
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        let (tenant, currency, zone, week_start) = Pack::unpack(bytes);
        Self { tenant, currency, zone, week_start }
    }
}

const ROLES: u8 = 3;
const OF_ALL: u8 = 0b111;

/// Longest a bucket of each grain lasts, with a day to spare for any change of offset.
const REACH_US: i64 = (31 + 1) * 24 * HOUR_US;

/// Yields a row once for each customer that is in it.
pub(crate) fn present<'s>(states: &States, input: Rows<'s, Trace>) -> Rows<'s, There> {
    let calendars = Interned::<Calendar>::keep(states, "calendars");
    let seen = states.keep::<FxHashMap<(u32, u32), Vec<Slot>>>("present customers");
    per_tick(input, "present customers", move |updates, changes| {
        let mut seen = seen.borrow_mut();
        for (trace, diff) in updates {
            let key = (calendars.number(trace.calendar), trace.customer);
            let slots = seen.entry(key).or_default();
            note(&trace, slots, diff, changes);
            if slots.is_empty() {
                seen.remove(&key);
            }
        }
    })
}

/// Adds a trace to a customer's slots, and tells the rows that gain or lose the customer.
fn note(trace: &Trace, slots: &mut Vec<Slot>, diff: Diff, changes: &mut Vec<(There, Diff)>) {
    let Trace { calendar, location, scope, deed, at, .. } = *trace;
    let hour = calendar.zone.hour_start(UtcMicros(at));
    let new = Slot::new(hour, location, deed, scope);
    let place = match slots.binary_search_by_key(&new.order(), Slot::order) {
        Ok(place) => place,
        Err(place) => {
            insert(slots, place, new);
            place
        }
    };
    let before = slots[place].count();
    slots[place].add(i32::try_from(diff).expect("counts stay small"));
    let after = slots[place].count();
    let toggled = match (before > 0, after > 0) {
        (false, true) => 1,
        (true, false) => -1,
        _ => 0,
    };
    if toggled != 0 {
        tell(&calendar, slots, place, toggled, changes);
    }
    if after == 0 {
        slots.remove(place);
    }
}

/// Tells the rows in which no other slot shows the customer.
fn tell(
    calendar: &Calendar,
    slots: &[Slot],
    place: usize,
    toggled: Diff,
    changes: &mut Vec<(There, Diff)>,
) {
    let own = slots[place];
    let here = buckets(calendar, own.hour());
    // Rows of each grain in which another slot shows the customer too.
    let mut shown = [0; Grain::ALL.len()];
    let mut look = |other: &Slot| {
        let apart = (other.hour().0 - own.hour().0).abs();
        if apart > REACH_US || shown[0] == own.rows() {
            return false;
        }
        if other.count() > 0 {
            let same = if other.location() == own.location() { u8::MAX } else { OF_ALL };
            let rows = own.rows() & other.rows() & same;
            let there = buckets(calendar, other.hour());
            for (shown, _) in
                shown.iter_mut().zip(here.iter().zip(&there)).filter(|(_, (a, b))| a == b)
            {
                *shown |= rows;
            }
        }
        true
    };
    let _earlier = slots[..place].iter().rev().all(&mut look);
    let _later = slots[place + 1..].iter().all(&mut look);
    for (grain, (shown, named)) in Grain::ALL.into_iter().zip(shown.iter().zip(here)) {
        let bucket = named.start(calendar.zone);
        let told = own.rows() & !shown;
        for (bit, role) in (0..).zip([Role::Paying, Role::New, Role::Active]) {
            let Calendar { tenant, currency, .. } = *calendar;
            let there = |location| There { tenant, currency, location, role, grain, bucket };
            if told & (1 << bit) != 0 {
                changes.push((there(0), toggled));
            }
            if told & (1 << (bit + ROLES)) != 0 {
                let location = u32::try_from(own.location()).expect("30 bits");
                changes.push((there(location), toggled));
            }
        }
    }
}

/// What names a bucket: the instant an hour starts at, or the first date of a longer one. Dates, since a
/// clock that is put back over midnight makes a day of two stretches.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    Hour(UtcMicros),
    From(Date),
}

impl Named {
    fn start(self, zone: Zone) -> UtcMicros {
        match self {
            Self::Hour(start) => start,
            Self::From(date) => zone.day_start(date),
        }
    }
}

/// The buckets around the start of an hour, by grain.
fn buckets(calendar: &Calendar, hour: UtcMicros) -> [Named; 4] {
    let day = calendar.zone.date(hour);
    [
        Named::Hour(hour),
        Named::From(day),
        Named::From(day.week_start(calendar.week_start)),
        Named::From(day.month_start()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_hold_the_first_and_the_last_instant() {
        for at in [-2_208_988_800 - 80_000, 0, 7_258_118_399] {
            let location = (1 << LOCATION_BITS) - 1;
            let mut slot =
                Slot::new(UtcMicros(at * SECOND_US), location, Deed::BoughtFirst, Scope::Both);
            slot.add(-3);
            slot.add((1 << 27) - 1);
            assert_eq!(slot.hour(), UtcMicros(at * SECOND_US));
            assert_eq!(slot.location(), u64::from(location));
            assert_eq!(slot.count(), (1 << 27) - 4);
            assert_eq!(slot.rows(), 0b010_010);
        }
    }
}
