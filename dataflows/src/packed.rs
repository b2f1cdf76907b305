//! Packed state: sums and rows as short byte strings, for what is kept long and touched seldom.
//!
//! Most sums are zero or small and most numbers fit in three bytes, so packing takes a third to a tenth
//! of the memory of plain structs. Promises that what is unpacked is what was packed, whatever the values.

use crate::keyed::Diff;

mod plain;

/// Bytes that are held without an allocation.
const INLINE: usize = 22;
/// Longest a packed 128-bit integer gets.
const INTEGER_BYTES_MAX: usize = 19;

/// A short byte string; most need no allocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Small {
    /// Length and bytes.
    Inline(u8, [u8; INLINE]),
    /// More than fit inside.
    Heap(Box<[u8]>),
}

impl Default for Small {
    fn default() -> Self {
        Self::Inline(0, [0; INLINE])
    }
}

impl Small {
    fn new(bytes: &[u8]) -> Self {
        let mut inline = [0; INLINE];
        match (inline.get_mut(..bytes.len()), u8::try_from(bytes.len())) {
            (Some(place), Ok(len)) => {
                place.copy_from_slice(bytes);
                Self::Inline(len, inline)
            }
            _ => Self::Heap(bytes.into()),
        }
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Inline(len, bytes) => &bytes[..usize::from(*len)],
            Self::Heap(bytes) => bytes,
        }
    }
}

/// Appends an integer: seven bits a byte, least first, the sign in the lowest bit.
pub fn put(out: &mut Vec<u8>, value: i64) {
    let mut left = ((value << 1) ^ (value >> 63)).cast_unsigned();
    while left >= 0x80 {
        out.push(low_byte(left) | 0x80);
        left >>= 7;
    }
    out.push(low_byte(left));
}

/// Takes an integer off the front.
///
/// # Panics
/// When none was put there.
pub fn take(bytes: &mut &[u8]) -> i64 {
    let (mut value, mut shift) = (0_u64, 0);
    loop {
        let (first, rest) = bytes.split_first().expect("what was packed is whole");
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return (value >> 1).cast_signed() ^ -(value & 1).cast_signed();
        }
        shift += 7;
    }
}

/// Takes off the front an integer that was put there as a `u32`, an `i32` or a smaller one.
///
/// # Panics
/// When another one was put there.
pub fn take_as<T: TryFrom<i64>>(bytes: &mut &[u8]) -> T {
    T::try_from(take(bytes)).unwrap_or_else(|_| panic!("what was packed fits"))
}

/// Appends words that are seldom small, four bytes each.
pub(crate) fn put_words<const N: usize>(out: &mut Vec<u8>, words: [u32; N]) {
    words.iter().for_each(|word| out.extend_from_slice(&word.to_le_bytes()));
}

/// Takes words off the front.
pub(crate) fn take_words<const N: usize>(bytes: &mut &[u8]) -> [u32; N] {
    std::array::from_fn(|_| {
        let (word, rest) = bytes.split_first_chunk().expect("what was packed is whole");
        *bytes = rest;
        u32::from_le_bytes(*word)
    })
}

fn low_byte(value: u64) -> u8 {
    value.to_le_bytes()[0]
}

/// Packs sums: a bit for each that is not zero, then those.
#[must_use]
pub fn pack_sums<const N: usize>(sums: &[i128; N]) -> Small {
    const SUMS_MAX: usize = 32;
    const { assert!(N <= SUMS_MAX, "the mask has 32 bits") };
    let mut bytes = [0; 4 + SUMS_MAX * INTEGER_BYTES_MAX];
    let (mut mask, mut len) = (0_u32, N.div_ceil(8));
    for (i, sum) in sums.iter().enumerate().filter(|(_, sum)| **sum != 0) {
        mask |= 1 << i;
        let mut left = ((sum << 1) ^ (sum >> 127)).cast_unsigned();
        while left >= 0x80 {
            bytes[len] = left.to_le_bytes()[0] | 0x80;
            left >>= 7;
            len += 1;
        }
        bytes[len] = left.to_le_bytes()[0];
        len += 1;
    }
    let head = N.div_ceil(8);
    bytes[..head].copy_from_slice(&mask.to_le_bytes()[..head]);
    Small::new(if mask == 0 { &[] } else { &bytes[..len] })
}

/// The sums that were packed.
#[must_use]
pub fn unpack_sums<const N: usize>(packed: &Small) -> [i128; N] {
    let mut sums = [0; N];
    let Some((head, mut bytes)) = packed.bytes().split_at_checked(N.div_ceil(8)) else {
        return sums;
    };
    let mut mask = [0; 4];
    mask[..head.len()].copy_from_slice(head);
    let mask = u32::from_le_bytes(mask);
    for (_, sum) in sums.iter_mut().enumerate().filter(|(i, _)| mask & (1 << i) != 0) {
        let (mut value, mut shift) = (0_u128, 0);
        while let Some((first, rest)) = bytes.split_first() {
            bytes = rest;
            value |= u128::from(first & 0x7f) << shift;
            shift += 7;
            if first & 0x80 == 0 {
                break;
            }
        }
        *sum = (value >> 1).cast_signed() ^ -(value & 1).cast_signed();
    }
    sums
}

/// A row that can be packed.
pub trait Pack: Sized {
    /// Appends the row.
    fn pack(&self, out: &mut Vec<u8>);
    /// Takes a row off the front.
    fn unpack(bytes: &mut &[u8]) -> Self;
}

impl Pack for Small {
    fn pack(&self, out: &mut Vec<u8>) {
        self.bytes().len().pack(out);
        out.extend_from_slice(self.bytes());
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        let len = usize::unpack(bytes);
        let (own, rest) = bytes.split_at(len);
        *bytes = rest;
        Self::new(own)
    }
}

/// Rows and how often each was added, packed one after the other; consolidated when they have doubled.
#[derive(Debug, Default)]
pub(crate) struct PackedRows {
    bytes: Vec<u8>,
    rows: u32,
    consolidated: u32,
}

impl PackedRows {
    /// Adds a row so many times.
    pub(crate) fn add<P: Pack + Ord>(&mut self, row: &P, diff: Diff) {
        row.pack(&mut self.bytes);
        put(&mut self.bytes, i64::try_from(diff).unwrap_or(0));
        self.rows += 1;
        if self.rows > 2 * self.consolidated + 16 {
            self.consolidate::<P>();
        }
    }

    /// Adds up what was added, and yields it in order.
    pub(crate) fn consolidate<P: Pack + Ord>(&mut self) -> Vec<(P, Diff)> {
        let mut rest = self.bytes.as_slice();
        let mut rows = Vec::with_capacity(usize::try_from(self.rows).unwrap_or(0));
        while !rest.is_empty() {
            let row = P::unpack(&mut rest);
            rows.push((row, take_as::<Diff>(&mut rest)));
        }
        differential_dataflow::consolidation::consolidate(&mut rows);
        self.bytes.clear();
        for (row, diff) in &rows {
            row.pack(&mut self.bytes);
            put(&mut self.bytes, i64::try_from(*diff).unwrap_or(0));
        }
        self.bytes.shrink_to(self.bytes.len() + self.bytes.len() / 4);
        self.rows = u32::try_from(rows.len()).expect("fewer than 2^32 rows a day");
        self.consolidated = self.rows;
        rows
    }

    /// Whether nothing was added since everything was taken away.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows == 0
    }
}

impl Pack for PackedRows {
    fn pack(&self, out: &mut Vec<u8>) {
        (self.rows, self.consolidated, self.bytes.len()).pack(out);
        out.extend_from_slice(&self.bytes);
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        let (rows, consolidated, len) = Pack::unpack(bytes);
        let (own, rest) = bytes.split_at(len);
        *bytes = rest;
        Self { bytes: own.into(), rows, consolidated }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vitals_model::rng::Rng;

    /// A number of any magnitude and sign.
    fn any(rng: &mut Rng) -> i64 {
        (rng.below(u64::MAX).cast_signed()) >> rng.below(64)
    }

    #[test]
    fn integers_come_back() {
        let mut rng = Rng::new(21);
        let values: Vec<i64> = [0, -1, i64::MIN, i64::MAX]
            .into_iter()
            .chain((0..10_000).map(|_| any(&mut rng)))
            .collect();
        let mut bytes = Vec::new();
        values.iter().for_each(|value| put(&mut bytes, *value));
        let mut rest = bytes.as_slice();
        let back: Vec<i64> = values.iter().map(|_| take(&mut rest)).collect();
        assert_eq!(back, values);
        assert!(rest.is_empty());
    }

    #[test]
    fn sums_come_back_inline_or_not() {
        let mut rng = Rng::new(22);
        for round in 0..10_000 {
            let mut sums = [0_i128; 27];
            for _ in 0..rng.below(28) {
                let value = i128::from(any(&mut rng)) * i128::from(any(&mut rng));
                sums[rng.index(27)] = value;
            }
            assert_eq!(unpack_sums::<27>(&pack_sums(&sums)), sums, "round {round}");
        }
        let extremes = [i128::MIN, i128::MAX, 0, -1, 1];
        assert_eq!(unpack_sums::<5>(&pack_sums(&extremes)), extremes);
        assert_eq!(pack_sums(&[0; 9]), Small::default());
    }
}
