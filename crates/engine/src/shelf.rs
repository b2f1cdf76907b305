//! A shelf: byte strings by number, end to end in blocks. What the engine keeps of every key and record.
//!
//! A replaced string leaves a gap; when half of the shelf is gaps it is packed anew. Costs four bytes a
//! string, its length in one or two, and on average one and a half to the next multiple of four.

use vitals_dataflows::keyed::insert;
use vitals_dataflows::states::{FRAME_BYTES, State};

use crate::keys::index;

/// Places are counted in words, so that four bytes reach sixteen GiB.
const WORD: usize = 4;
const BLOCK_BYTES: usize = 1 << 20;
const BLOCK_WORDS: u32 = 1 << 18;
/// A shelf with fewer bytes of gaps is left alone.
const GAPS_BYTES_MIN: usize = 4 * BLOCK_BYTES;

/// Byte strings by number; a number without one has the empty string.
#[derive(Debug)]
pub(crate) struct Shelf {
    blocks: Vec<Vec<u8>>,
    /// Where each number's string is; 0 is nowhere.
    places: Vec<u32>,
    gaps: usize,
}

impl Shelf {
    pub(crate) fn new() -> Self {
        // The first word is never a place.
        Self { blocks: vec![vec![0; WORD]], places: vec![0], gaps: 0 }
    }

    /// How many numbers there are, 0 among them.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// Adds the next number with the empty string.
    pub(crate) fn push_empty(&mut self) {
        self.push_place(0);
    }

    /// Adds the next number.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let place = self.append(bytes);
        self.push_place(place);
    }

    fn push_place(&mut self, place: u32) {
        let end = self.places.len();
        insert(&mut self.places, end, place);
    }

    pub(crate) fn get(&self, number: u32) -> &[u8] {
        match self.places[index(number)] {
            0 => &[],
            place => self.at(place),
        }
    }

    /// Replaces a number's string.
    pub(crate) fn set(&mut self, number: u32, bytes: &[u8]) {
        let place = self.places[index(number)];
        if place != 0 {
            let old = self.at(place).len();
            if old == bytes.len() {
                let (block, at) = split(place);
                let start = at + length_bytes(old);
                self.blocks[block][start..start + old].copy_from_slice(bytes);
                return;
            }
            self.gaps += old + length_bytes(old);
        }
        self.places[index(number)] = self.append(bytes);
        let blocks = self.blocks.len() * BLOCK_BYTES;
        if self.gaps > GAPS_BYTES_MIN && self.gaps > blocks / 2 {
            self.pack();
        }
    }

    fn at(&self, place: u32) -> &[u8] {
        let (block, at) = split(place);
        let bytes = &self.blocks[block][at..];
        match *bytes {
            [short, ref rest @ ..] if short < 0x80 => &rest[..usize::from(short)],
            [a, b, c, ref rest @ ..] => {
                let len = usize::from(a & 0x7f) | usize::from(b) << 7 | usize::from(c) << 15;
                &rest[..len]
            }
            _ => unreachable!("a string begins with its length"),
        }
    }

    fn append(&mut self, bytes: &[u8]) -> u32 {
        let needed = length_bytes(bytes.len()) + bytes.len();
        assert!(needed <= BLOCK_BYTES, "a key or record takes less than a block");
        if self.blocks.last().is_none_or(|block| block.len() + needed > BLOCK_BYTES) {
            if let Some(full) = self.blocks.last_mut() {
                full.shrink_to_fit();
            }
            self.blocks.push(Vec::with_capacity(BLOCK_BYTES / 16));
        }
        let block_number = self.blocks.len() - 1;
        let block = &mut self.blocks[block_number];
        let word = u32::try_from(block.len() / WORD).expect("a block is small");
        let place = u32::try_from(block_number).ok().and_then(|it| it.checked_mul(BLOCK_WORDS));
        let place = place.and_then(|it| it.checked_add(word)).expect("a shelf has 16 GiB");
        if length_bytes(bytes.len()) == 1 {
            block.push(low(bytes.len()));
        } else {
            let len = bytes.len();
            block.extend([low(len & 0x7f) | 0x80, low((len >> 7) & 0xff), low(len >> 15)]);
        }
        block.extend_from_slice(bytes);
        block.resize(block.len().next_multiple_of(WORD), 0);
        place
    }

    /// Packs everything anew, without the gaps.
    fn pack(&mut self) {
        let mut packed = Self::new();
        for number in 1..self.places.len() {
            let number = u32::try_from(number).expect("fewer than 2^32 keys a shard");
            match self.get(number) {
                [] => packed.push_empty(),
                bytes => packed.push(bytes),
            }
        }
        *self = packed;
    }
}

/// What a frame of a shelf holds, as its first byte.
const GAPS: u8 = 0;
const BLOCK: u8 = 1;
const PLACES: u8 = 2;

impl State for Shelf {
    fn save(&self, frame: &mut dyn FnMut(&[u8])) {
        let mut bytes = vec![GAPS];
        bytes.extend_from_slice(&self.gaps.to_le_bytes());
        frame(&bytes);
        for block in &self.blocks {
            bytes.clear();
            bytes.push(BLOCK);
            bytes.extend_from_slice(block);
            frame(&bytes);
        }
        for places in self.places.chunks(FRAME_BYTES / WORD) {
            bytes.clear();
            bytes.push(PLACES);
            places.iter().for_each(|place| bytes.extend_from_slice(&place.to_le_bytes()));
            frame(&bytes);
        }
    }

    fn load(&mut self, frame: &[u8]) {
        let (what, bytes) = frame.split_first().expect("a frame says what it holds");
        match *what {
            GAPS => {
                let gaps = bytes.try_into().expect("a number");
                *self = Self { blocks: vec![], places: vec![], gaps: usize::from_le_bytes(gaps) };
            }
            BLOCK => self.blocks.push(bytes.to_vec()),
            _ => {
                let (words, _) = bytes.as_chunks::<WORD>();
                self.places.extend(words.iter().map(|word| u32::from_le_bytes(*word)));
            }
        }
    }
}

fn split(place: u32) -> (usize, usize) {
    (index(place / BLOCK_WORDS), index(place % BLOCK_WORDS) * WORD)
}

/// One byte for a length below 128, three for any other.
fn length_bytes(len: usize) -> usize {
    if len < 0x80 { 1 } else { 3 }
}

fn low(value: usize) -> u8 {
    value.to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use vitals_model::rng::Rng;

    #[test]
    fn strings_come_back_however_often_they_are_replaced() {
        let mut rng = Rng::new(31);
        let mut shelf = Shelf::new();
        let mut kept: Vec<Vec<u8>> = vec![Vec::new()];
        let any = |rng: &mut Rng| {
            let longest = if rng.below(50) == 0 { 40_000 } else { 140 };
            let len = rng.index(longest);
            vec![low(rng.index(256)); len]
        };
        for _ in 0..2_000 {
            let bytes = if rng.below(4) == 0 { Vec::new() } else { any(&mut rng) };
            if bytes.is_empty() {
                shelf.push_empty()
            } else {
                shelf.push(&bytes)
            }
            kept.push(bytes);
        }
        let mut packed = 0;
        for _ in 0..40_000 {
            let number = 1 + rng.index(2_000);
            kept[number] = any(&mut rng);
            let gaps = shelf.gaps;
            shelf.set(u32::try_from(number).expect("small"), &kept[number]);
            packed += usize::from(shelf.gaps < gaps);
        }
        assert!(packed > 0, "the gaps were never packed");
        assert_eq!(shelf.len(), kept.len());
        for (number, bytes) in (0..).zip(&kept) {
            assert_eq!(shelf.get(number), bytes.as_slice(), "number {number}");
        }
    }
}
