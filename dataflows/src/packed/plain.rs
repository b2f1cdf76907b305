//! Packing of plain values: numbers, texts, and lists, maps and tuples of what can be packed.

use std::collections::BTreeMap;

use vitals_model::kinds::Currency;
use vitals_model::local_time::Zone;

use super::{Pack, put, take, take_as};

macro_rules! integers {
    ($($integer:ty),* $(,)?) => {$(
        impl Pack for $integer {
            fn pack(&self, out: &mut Vec<u8>) {
                put(out, i64::from(*self));
            }

            fn unpack(bytes: &mut &[u8]) -> Self {
                take_as(bytes)
            }
        }
    )*};
}

integers!(u8, u16, u32, i32);

impl Pack for i64 {
    fn pack(&self, out: &mut Vec<u8>) {
        put(out, *self);
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        take(bytes)
    }
}

impl Pack for isize {
    fn pack(&self, out: &mut Vec<u8>) {
        put(out, i64::try_from(*self).expect("an i64 holds an isize"));
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        take_as(bytes)
    }
}

impl Pack for usize {
    fn pack(&self, out: &mut Vec<u8>) {
        put(out, i64::try_from(*self).expect("lengths fit in an i64"));
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        take_as(bytes)
    }
}

impl Pack for u64 {
    fn pack(&self, out: &mut Vec<u8>) {
        put(out, self.cast_signed());
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        take(bytes).cast_unsigned()
    }
}

impl Pack for i128 {
    fn pack(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        let (number, rest) = bytes.split_first_chunk().expect("what was packed is whole");
        *bytes = rest;
        Self::from_le_bytes(*number)
    }
}

impl Pack for bool {
    fn pack(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        let (first, rest) = bytes.split_first().expect("what was packed is whole");
        *bytes = rest;
        *first != 0
    }
}

impl Pack for String {
    fn pack(&self, out: &mut Vec<u8>) {
        self.len().pack(out);
        out.extend_from_slice(self.as_bytes());
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        let len = usize::unpack(bytes);
        let (text, rest) = bytes.split_at(len);
        *bytes = rest;
        std::str::from_utf8(text).expect("texts are packed whole").to_owned()
    }
}

impl Pack for Zone {
    fn pack(&self, out: &mut Vec<u8>) {
        put(out, self.number().into());
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        Self::numbered(take_as(bytes)).expect("zones are packed by their number")
    }
}

impl Pack for Currency {
    fn pack(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        let (letters, rest) = bytes.split_first_chunk().expect("what was packed is whole");
        *bytes = rest;
        Self(*letters)
    }
}

impl<T: Pack> Pack for Option<T> {
    fn pack(&self, out: &mut Vec<u8>) {
        self.is_some().pack(out);
        self.iter().for_each(|it| it.pack(out));
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        bool::unpack(bytes).then(|| T::unpack(bytes))
    }
}

impl<T: Pack> Pack for Vec<T> {
    fn pack(&self, out: &mut Vec<u8>) {
        self.len().pack(out);
        self.iter().for_each(|it| it.pack(out));
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        let len = usize::unpack(bytes);
        (0..len).map(|_| T::unpack(bytes)).collect()
    }
}

impl<K: Pack + Ord, V: Pack> Pack for BTreeMap<K, V> {
    fn pack(&self, out: &mut Vec<u8>) {
        self.len().pack(out);
        for (key, value) in self {
            key.pack(out);
            value.pack(out);
        }
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        let len = usize::unpack(bytes);
        (0..len).map(|_| (K::unpack(bytes), V::unpack(bytes))).collect()
    }
}

macro_rules! tuples {
    ($(($($name:ident $at:tt),*))*) => {$(
        impl<$($name: Pack),*> Pack for ($($name,)*) {
            fn pack(&self, out: &mut Vec<u8>) {
                $(self.$at.pack(out);)*
            }

            fn unpack(bytes: &mut &[u8]) -> Self {
                ($($name::unpack(bytes),)*)
            }
        }
    )*};
}

tuples! {
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
}
