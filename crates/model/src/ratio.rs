//! Exact division: the one place where integers become decimals.
//!
//! Sums stay integers; a ratio is taken once, carried to eighteen decimals, and rounded half away from
//! zero. The SQL definitions call these same functions (as `ratio` and `decimal_sqrt`), so that both
//! ways of computing a vital round alike.

/// Decimals a carried ratio has.
pub const CARRIED_DECIMALS: u32 = 18;
/// One, as a carried ratio.
pub const ONE: i128 = 1_000_000_000_000_000_000;
/// Half of what the last place of a stored score is worth is `0.005`; results this close below it are
/// ties that carrying eighteen decimals has bent, and are rounded as the ties they are.
const TIE_GUARD: i128 = 1_000_000;

/// `numerator / denominator` rounded half away from zero. `denominator` must not be zero.
///
/// # Panics
/// When `denominator` is zero.
#[must_use]
pub fn div_half_up(numerator: i128, denominator: i128) -> i128 {
    let (quotient, rest) = (numerator / denominator, numerator % denominator);
    let twice = rest.unsigned_abs().saturating_mul(2);
    if twice < denominator.unsigned_abs() {
        return quotient;
    }
    if (numerator < 0) == (denominator < 0) { quotient + 1 } else { quotient - 1 }
}

/// `numerator / denominator` as a carried ratio; `None` when the denominator is zero or the result
/// leaves 38 digits.
///
/// ```
/// # use vitals_model::ratio::{ratio, ONE};
/// assert_eq!(ratio(1, 4), Some(ONE / 4));
/// assert_eq!(ratio(-2, 3), Some(-666_666_666_666_666_667));
/// assert_eq!(ratio(1, 0), None);
/// ```
#[must_use]
pub fn ratio(numerator: i128, denominator: i128) -> Option<i128> {
    mul_div(numerator, ONE, denominator)
}

/// `a x b / c` rounded half away from zero, with a 256-bit product in between.
#[must_use]
pub fn mul_div(a: i128, b: i128, c: i128) -> Option<i128> {
    if c == 0 {
        return None;
    }
    if let Some(product) = a.checked_mul(b) {
        return in_decimal(div_half_up(product, c));
    }
    let negative = ((a < 0) != (b < 0)) != (c < 0);
    let (high, low) = wide_mul(a.unsigned_abs(), b.unsigned_abs());
    let magnitude = wide_div_half_up(high, low, c.unsigned_abs())?;
    let signed = i128::try_from(magnitude).ok()?;
    in_decimal(if negative { -signed } else { signed })
}

/// What `DECIMAL(38)` can hold.
fn in_decimal(value: i128) -> Option<i128> {
    const MAX: i128 = 10i128.pow(38) - 1;
    (-MAX..=MAX).contains(&value).then_some(value)
}

fn wide_mul(a: u128, b: u128) -> (u128, u128) {
    const MASK: u128 = (1 << 64) - 1;
    let (a1, a0, b1, b0) = (a >> 64, a & MASK, b >> 64, b & MASK);
    let low = a0 * b0;
    let (mid1, mid2) = (a1 * b0, a0 * b1);
    let carry = (low >> 64) + (mid1 & MASK) + (mid2 & MASK);
    let high = a1 * b1 + (mid1 >> 64) + (mid2 >> 64) + (carry >> 64);
    (high, (low & MASK) | (carry << 64))
}

/// Schoolbook division of a 256-bit number by a 128-bit one, one bit at a time.
fn wide_div_half_up(high: u128, low: u128, divisor: u128) -> Option<u128> {
    if high >= divisor {
        return None;
    }
    let (mut rest, mut quotient) = (high, 0u128);
    for bit in (0..128).rev() {
        let overflow = rest >> 127 == 1;
        rest = (rest << 1) | ((low >> bit) & 1);
        quotient <<= 1;
        if overflow || rest >= divisor {
            rest = rest.wrapping_sub(divisor);
            quotient |= 1;
        }
    }
    if rest >= divisor - rest { quotient.checked_add(1) } else { Some(quotient) }
}

/// The square root of a carried ratio, as a carried ratio (rounded down); `None` when negative.
#[must_use]
pub fn sqrt(value: i128) -> Option<i128> {
    let value = u128::try_from(value).ok()?;
    // sqrt(v x 1e18) has eighteen decimals again; the product may need 188 bits, so the root is found
    // bit by bit with wide comparisons.
    let (high, low) = wide_mul(value, ONE.unsigned_abs());
    let mut root: u128 = 0;
    for bit in (0..95).rev() {
        let candidate = root | (1 << bit);
        if wide_mul(candidate, candidate) <= (high, low) {
            root = candidate;
        }
    }
    i128::try_from(root).ok()
}

/// A carried ratio times 100, rounded half up to two decimals: what a stored score is, in hundredths.
#[must_use]
pub fn hundredths(carried: i128) -> i128 {
    const UNIT: i128 = ONE / 100;
    let guarded = if carried < 0 { carried - TIE_GUARD } else { carried + TIE_GUARD };
    div_half_up(guarded, UNIT)
}

/// A carried ratio rounded half away from zero to six decimals, in millionths.
#[must_use]
pub fn millionths(carried: i128) -> i128 {
    div_half_up(carried, ONE / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn thirds_that_add_up_to_a_tie_round_as_the_tie() {
        let third = ratio(5, 1_000 * 3).expect("a ratio");
        assert_eq!(hundredths(third * 3), 1, "0.005 rounds up");
        assert_eq!(hundredths(ratio(49, 10_000).expect("a ratio")), 0);
    }

    #[test]
    fn wide_products_divide_exactly() {
        let big = 10i128.pow(30);
        assert_eq!(mul_div(big, big, big), Some(big));
        assert_eq!(mul_div(-big, big, 2 * big), Some(-big / 2));
        assert_eq!(mul_div(big, big, 1), None, "leaves 38 digits");
        assert_eq!(sqrt(4 * ONE), Some(2 * ONE));
        assert_eq!(sqrt(2 * ONE), Some(1_414_213_562_373_095_048));
        assert_eq!(sqrt(-1), None);
    }

    proptest! {
        #[test]
        fn wide_and_narrow_division_agree(a in -1_000_000_000i128..1_000_000_000, c in 1i128..1_000_000) {
            let narrow = div_half_up(a * ONE, c);
            let (high, low) = wide_mul(a.unsigned_abs(), ONE.unsigned_abs());
            let wide = wide_div_half_up(high, low, c.unsigned_abs()).expect("fits");
            prop_assert_eq!(narrow.unsigned_abs(), wide);
        }

        #[test]
        fn a_root_squared_is_just_below(value in 0i128..10i128.pow(30)) {
            let root = sqrt(value).expect("not negative").unsigned_abs();
            let target = wide_mul(value.unsigned_abs(), ONE.unsigned_abs());
            prop_assert!(wide_mul(root, root) <= target);
            prop_assert!(wide_mul(root + 1, root + 1) > target);
        }
    }
}
