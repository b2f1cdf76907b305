//! Keyed state over differential collections: the two operators most of the vitals are made of.
//!
//! `per_tick` gathers the updates of one tick and hands them on when the tick is complete; `fold` keeps
//! one accumulator a key and yields what the key's result was and is. Both promise what differential's
//! own `reduce` promises for a totally ordered time, at the cost of one hash-table entry a key instead of
//! two traces: results are a function of the accumulated input alone, retractions equal what was yielded.
//! They keep no history, so nobody may ask for a past tick.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::hash::Hash;

use differential_dataflow::{AsCollection, VecCollection};
use rustc_hash::FxHashMap;
use timely::dataflow::channels::pact::Pipeline;
use timely::dataflow::operators::Capability;
use timely::dataflow::operators::generic::Operator;

use crate::packed::Pack;
use crate::states::States;

/// The dataflow's time: a dense number, one more at each commit.
pub type Tick = u64;
/// How many times something was added or taken away.
pub type Diff = isize;
/// A collection of this dataflow.
pub type Rows<'s, D> = VecCollection<'s, Tick, D, Diff>;

/// The updates of a tick that is not complete, and the right to answer them.
type Pending<D> = (Capability<Tick>, Vec<(D, Diff)>);

/// Hands `logic` all updates of a tick at once, when no more can come, and yields what it pushes.
pub fn per_tick<'s, D, O, L>(input: Rows<'s, D>, name: &str, mut logic: L) -> Rows<'s, O>
where
    D: Clone + 'static,
    O: Clone + 'static,
    L: FnMut(Vec<(D, Diff)>, &mut Vec<(O, Diff)>) + 'static,
{
    let stream = input.inner.unary_frontier(Pipeline, name, move |_capability, _info| {
        let mut pending: BTreeMap<Tick, Pending<D>> = BTreeMap::new();
        move |(input, frontier), output| {
            input.for_each(|capability, data| {
                for (row, tick, diff) in data.drain(..) {
                    let entry = pending.entry(tick);
                    let (_, rows) =
                        entry.or_insert_with(|| (capability.delayed(&tick, 0), Vec::new()));
                    rows.push((row, diff));
                }
            });
            while let Some(first) = pending.first_entry() {
                if frontier.less_equal(first.key()) {
                    break;
                }
                let (tick, (capability, rows)) = first.remove_entry();
                // Not kept from tick to tick: one large tick would hold its room for ever.
                let mut changes = Vec::new();
                logic(rows, &mut changes);
                let mut session = output.session(&capability);
                for (row, diff) in changes {
                    session.give((row, tick, diff));
                }
            }
        }
    });
    stream.as_collection()
}

/// What the values of one key come to.
pub trait Accumulator<D>: Default + 'static {
    /// As what it is kept between the ticks that touch it.
    type Kept: Pack + Default + Debug + 'static;
    /// Adds `diff` times `delta`.
    fn add(&mut self, delta: D, diff: Diff);
    /// Whether nothing is left, so that the key can be forgotten.
    fn is_empty(&self) -> bool;
    /// Puts it away.
    fn keep(self) -> Self::Kept;
    /// Takes it up again, equal to what it was.
    fn recall(kept: Self::Kept) -> Self;
}

/// A key's accumulator: put away, or at this place among those the tick has touched.
#[derive(Debug)]
enum Place<S> {
    Kept(S),
    Touched(u32),
}

impl<S: Pack> Pack for Place<S> {
    fn pack(&self, out: &mut Vec<u8>) {
        match self {
            Self::Kept(kept) => kept.pack(out),
            Self::Touched(_) => unreachable!("between ticks everything is put away"),
        }
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        Self::Kept(S::unpack(bytes))
    }
}

/// A key that the tick has touched, its accumulator, and what its result was.
type Touched<K, S, R> = (K, S, Option<R>);

/// Keeps an accumulator for each key and yields each key's result, retracting the one before it.
///
/// # Contract
/// 1. `result` is a function of the key and the accumulator (asserted by the agreement test).
/// 2. A key that is empty must have no result. An accumulator is dropped when it is empty.
///
/// # Cost
/// One hash look-up an update; `result` twice for each key a tick touches, and the accumulator taken up
/// and put away once.
pub fn fold<'s, K, D, S, R, L>(
    states: &States,
    input: Rows<'s, (K, D)>,
    name: &'static str,
    result: L,
) -> Rows<'s, R>
where
    K: Pack + Debug + Clone + Hash + Eq + 'static,
    D: Clone + 'static,
    S: Accumulator<D>,
    R: Clone + Eq + 'static,
    L: Fn(&K, &S) -> Option<R> + 'static,
{
    let state = states.keep::<FxHashMap<K, Place<S::Kept>>>(name);
    let of = move |key: &K, sums: &S| if sums.is_empty() { None } else { result(key, sums) };
    per_tick(input, name, move |updates, changes| {
        let mut state = state.borrow_mut();
        let mut touched: Vec<Touched<K, S, R>> = Vec::new();
        for ((key, delta), diff) in updates {
            let at = match state.get_mut(&key) {
                Some(Place::Touched(at)) => *at,
                Some(kept) => touch(&mut touched, key, kept, &of),
                None => {
                    let kept = state.entry(key.clone()).or_insert(Place::Kept(S::Kept::default()));
                    touch(&mut touched, key, kept, &of)
                }
            };
            if let Some((_, sums, _)) = touched.get_mut(usize::try_from(at).unwrap_or(usize::MAX)) {
                sums.add(delta, diff);
            }
        }
        for (key, sums, before) in touched {
            let after = of(&key, &sums);
            if sums.is_empty() {
                state.remove(&key);
            } else if let Some(place) = state.get_mut(&key) {
                *place = Place::Kept(sums.keep());
            }
            if before != after {
                changes.extend(before.map(|row| (row, -1)));
                changes.extend(after.map(|row| (row, 1)));
            }
        }
    })
}

/// Takes a key's accumulator up, and says where it is.
fn touch<K, D, S: Accumulator<D>, R>(
    touched: &mut Vec<Touched<K, S, R>>,
    key: K,
    state: &mut Place<S::Kept>,
    of: &impl Fn(&K, &S) -> Option<R>,
) -> u32 {
    let at = u32::try_from(touched.len()).expect("fewer than 2^32 keys a tick");
    if let Place::Kept(kept) = std::mem::replace(state, Place::Touched(at)) {
        let sums = S::recall(kept);
        let before = of(&key, &sums);
        touched.push((key, sums, before));
    }
    at
}

/// A sorted multiset: for results that need the values themselves.
#[derive(Debug)]
pub struct Multiset<V> {
    values: Vec<(V, i32)>,
}

impl<V> Default for Multiset<V> {
    fn default() -> Self {
        Self { values: Vec::new() }
    }
}

impl<V> Multiset<V> {
    /// The distinct values that are present, ascending.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.counted().map(|(value, _)| value)
    }

    /// The same, each with how often it is there.
    pub fn counted(&self) -> impl DoubleEndedIterator<Item = (&V, i32)> {
        let present = self.values.iter().filter(|(_, count)| *count > 0);
        present.map(|(value, count)| (value, *count))
    }
}

impl<V: Pack> Pack for Multiset<V> {
    fn pack(&self, out: &mut Vec<u8>) {
        self.values.pack(out);
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        Self { values: Vec::unpack(bytes) }
    }
}

impl<V: Pack + Debug + Ord + Clone + 'static> Accumulator<V> for Multiset<V> {
    type Kept = Self;

    fn add(&mut self, delta: V, diff: Diff) {
        let diff = i32::try_from(diff).expect("counts stay small");
        match self.values.binary_search_by(|(value, _)| value.cmp(&delta)) {
            Ok(at) => {
                self.values[at].1 += diff;
                if self.values[at].1 == 0 {
                    self.values.remove(at);
                }
            }
            Err(at) => insert(&mut self.values, at, (delta, diff)),
        }
    }

    fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    fn keep(self) -> Self {
        self
    }

    fn recall(kept: Self) -> Self {
        kept
    }
}

/// Inserts into a list that is kept long: room for one at first, later for a quarter more.
pub fn insert<T>(list: &mut Vec<T>, at: usize, item: T) {
    if list.len() == list.capacity() {
        list.reserve_exact(1 + list.len() / 4);
    }
    list.insert(at, item);
}
