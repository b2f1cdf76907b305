//! A small seeded generator of pseudo-random numbers, for simulations and random tests.
//!
//! Promises that a seed means the same sequence for ever, on every machine: `SplitMix64` (Steele, Lea and
//! Flood, "Fast splittable pseudorandom number generators", 2014), written out here so that no update of
//! a library changes what a seed stands for. Not for secrets.

/// The generator.
///
/// ```
/// # use vitals_model::rng::Rng;
/// let (mut a, mut b) = (Rng::new(7), Rng::new(7));
/// assert_eq!(a.next_u64(), b.next_u64());
/// assert!(a.below(10) < 10);
/// ```
#[derive(Clone, Debug)]
pub struct Rng {
    state: u64,
}

impl Rng {
    /// The generator of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A generator of its own for one purpose, so that drawing more here changes nothing there.
    #[must_use]
    pub fn fork(&self, purpose: u64) -> Self {
        Self { state: mix(self.state ^ mix(purpose.wrapping_add(GOLDEN))) }
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        mix(self.state)
    }

    /// The next 128 bits.
    pub fn next_u128(&mut self) -> u128 {
        (u128::from(self.next_u64()) << 64) | u128::from(self.next_u64())
    }

    /// A number in `0..bound`; 0 when the bound is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // Multiply and shift: the bias is below bound / 2^64.
        let wide = u128::from(self.next_u64()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// A number in `low..high`; `low` when there is none.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let width = u64::try_from(i128::from(high) - i128::from(low)).unwrap_or(0);
        low.wrapping_add_unsigned(self.below(width))
    }

    /// True in `percent` of a hundred draws.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of `items`.
    ///
    /// # Panics
    /// There is none to pick.
    pub fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.index(items.len())]
    }

    /// An index of a list of this length; 0 for an empty one.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(u64::try_from(length).unwrap_or(0))).unwrap_or(0)
    }

    /// Puts `items` into a random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.index(last + 1));
        }
    }
}

/// 2^64 divided by the golden ratio.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published sequence of seed 1234567.
    #[test]
    fn a_seed_means_what_it_always_meant() {
        let mut rng = Rng::new(1_234_567);
        let drawn = [(); 5].map(|()| rng.next_u64());
        assert_eq!(
            drawn,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423,
                4_593_380_528_125_082_431,
                16_408_922_859_458_223_821,
            ]
        );
    }

    #[test]
    fn draws_stay_in_their_range_and_reach_its_ends() {
        let mut rng = Rng::new(1);
        let mut seen = [false; 6];
        for _ in 0..1_000 {
            let drawn = rng.between(-3, 3);
            seen[usize::try_from(drawn + 3).expect("in range")] = true;
        }
        assert_eq!(seen, [true; 6]);
        assert_eq!((rng.below(0), rng.between(5, 5), rng.between(5, 4)), (0, 5, 5));
    }

    #[test]
    fn forks_are_apart_and_shuffles_lose_nothing() {
        let rng = Rng::new(9);
        assert_ne!(rng.fork(1).next_u64(), rng.fork(2).next_u64());
        let mut items: Vec<u32> = (0..50).collect();
        rng.fork(3).shuffle(&mut items);
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
    }
}
