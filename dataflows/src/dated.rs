//! Facts with a date: what is counted in the windows that hold the date.
//!
//! They are kept for as long as their records are, so they can be packed: a tag, then the fields in order.

use crate::packed::{Pack, put, take, take_as};

/// A fact with a date: counted in the windows that hold the date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the words say it")]
pub enum Dated {
    Sale {
        customer: u32,
        home: bool,
        gross: i64,
        net: i64,
    },
    Refund {
        customer: u32,
        amount: i64,
    },
    /// Net of lines of new products; counts from its day on, until it is taken back.
    NewGoods {
        amount: i64,
    },
    Attended {
        customer: u32,
    },
    NoShow,
    Session {
        capacity: u32,
    },
    Payment {
        customer: u32,
        at: i64,
        paid: bool,
        grace: i32,
    },
    /// The customer's latest attempt to pay failed on this day.
    Failing {
        customer: u32,
    },
    /// That was longer ago than the grace.
    LongFailing {
        customer: u32,
    },
    /// A customer's first counted order.
    First,
    Message {
        customer: u32,
        replied: bool,
    },
    Program {
        customer: u32,
        compliance: i64,
    },
    Sleep {
        customer: u32,
        hours: i64,
    },
    Expense {
        amount: i64,
        marketing: bool,
    },
    /// An open invoice, from the day after it was due.
    Due {
        customer: u32,
        balance: i64,
    },
    /// The same, from the day after its grace.
    LongDue {
        customer: u32,
    },
    Ticket {
        response: Option<i64>,
        nps: Option<i64>,
    },
    Deal {
        won: bool,
    },
    Traffic {
        sessions: i64,
        conversions: i64,
    },
    /// A membership, thirty days after it began; taken back thirty days after it ended.
    MemberThen {
        customer: u32,
        mrr: i64,
    },
}

impl Pack for Dated {
    fn pack(&self, out: &mut Vec<u8>) {
        let (tag, fields): (u8, &[i64]) = match *self {
            Self::Sale { customer, home, gross, net } => {
                (u8::from(home), &[customer.into(), gross, net])
            }
            Self::Refund { customer, amount } => (2, &[customer.into(), amount]),
            Self::NewGoods { amount } => (3, &[amount]),
            Self::Attended { customer } => (4, &[customer.into()]),
            Self::NoShow => (5, &[]),
            Self::Session { capacity } => (6, &[capacity.into()]),
            Self::Payment { customer, at, paid, grace } => {
                (7 + u8::from(paid), &[customer.into(), at, grace.into()])
            }
            Self::Failing { customer } => (9, &[customer.into()]),
            Self::LongFailing { customer } => (10, &[customer.into()]),
            Self::First => (11, &[]),
            Self::Message { customer, replied } => (12 + u8::from(replied), &[customer.into()]),
            Self::Program { customer, compliance } => (14, &[customer.into(), compliance]),
            Self::Sleep { customer, hours } => (15, &[customer.into(), hours]),
            Self::Expense { amount, marketing } => (16 + u8::from(marketing), &[amount]),
            Self::Due { customer, balance } => (18, &[customer.into(), balance]),
            Self::LongDue { customer } => (19, &[customer.into()]),
            Self::Ticket { response, nps } => (
                20 + u8::from(response.is_some()) + 2 * u8::from(nps.is_some()),
                &[response.unwrap_or(0), nps.unwrap_or(0)],
            ),
            Self::Deal { won } => (24 + u8::from(won), &[]),
            Self::Traffic { sessions, conversions } => (26, &[sessions, conversions]),
            Self::MemberThen { customer, mrr } => (27, &[customer.into(), mrr]),
        };
        out.push(tag);
        fields.iter().for_each(|field| put(out, *field));
    }

    fn unpack(bytes: &mut &[u8]) -> Self {
        let (tag, rest) = bytes.split_first().expect("what was packed is whole");
        *bytes = rest;
        let who = |bytes: &mut &[u8]| take_as::<u32>(bytes);
        match *tag {
            home @ (0 | 1) => Self::Sale {
                customer: who(bytes),
                home: home == 1,
                gross: take(bytes),
                net: take(bytes),
            },
            2 => Self::Refund { customer: who(bytes), amount: take(bytes) },
            3 => Self::NewGoods { amount: take(bytes) },
            4 => Self::Attended { customer: who(bytes) },
            5 => Self::NoShow,
            6 => Self::Session { capacity: take_as(bytes) },
            paid @ (7 | 8) => Self::Payment {
                customer: who(bytes),
                at: take(bytes),
                paid: paid == 8,
                grace: take_as(bytes),
            },
            9 => Self::Failing { customer: who(bytes) },
            10 => Self::LongFailing { customer: who(bytes) },
            11 => Self::First,
            replied @ (12 | 13) => Self::Message { customer: who(bytes), replied: replied == 13 },
            14 => Self::Program { customer: who(bytes), compliance: take(bytes) },
            15 => Self::Sleep { customer: who(bytes), hours: take(bytes) },
            spent @ (16 | 17) => Self::Expense { amount: take(bytes), marketing: spent == 17 },
            18 => Self::Due { customer: who(bytes), balance: take(bytes) },
            19 => Self::LongDue { customer: who(bytes) },
            known @ 20..=23 => {
                let (response, nps) = (take(bytes), take(bytes));
                let (responded, rated) = ((known - 20) & 1 != 0, (known - 20) & 2 != 0);
                Self::Ticket { response: responded.then_some(response), nps: rated.then_some(nps) }
            }
            won @ (24 | 25) => Self::Deal { won: won == 25 },
            26 => Self::Traffic { sessions: take(bytes), conversions: take(bytes) },
            27 => Self::MemberThen { customer: who(bytes), mrr: take(bytes) },
            tag => unreachable!("no dated fact is packed under {tag}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dated_fact_comes_back() {
        let (customer, big) = (u32::MAX, i64::MIN);
        let each = |flag: bool| {
            let some = flag.then_some(big);
            [
                Dated::Sale { customer, home: flag, gross: big, net: -1 },
                Dated::Refund { customer, amount: big },
                Dated::NewGoods { amount: big },
                Dated::Attended { customer },
                Dated::NoShow,
                Dated::Session { capacity: u32::MAX },
                Dated::Payment { customer, at: big, paid: flag, grace: i32::MIN },
                Dated::Failing { customer },
                Dated::LongFailing { customer },
                Dated::First,
                Dated::Message { customer, replied: flag },
                Dated::Program { customer, compliance: big },
                Dated::Sleep { customer, hours: big },
                Dated::Expense { amount: big, marketing: flag },
                Dated::Due { customer, balance: big },
                Dated::LongDue { customer },
                Dated::Ticket { response: some, nps: Some(7) },
                Dated::Ticket { response: Some(7), nps: some },
                Dated::Ticket { response: None, nps: some },
                Dated::Deal { won: flag },
                Dated::Traffic { sessions: big, conversions: 1 },
                Dated::MemberThen { customer, mrr: big },
            ]
        };
        let facts: Vec<Dated> = each(false).into_iter().chain(each(true)).collect();
        let mut bytes = Vec::new();
        facts.iter().for_each(|fact| fact.pack(&mut bytes));
        let mut rest = bytes.as_slice();
        let back: Vec<Dated> = facts.iter().map(|_| Dated::unpack(&mut rest)).collect();
        assert_eq!(back, facts);
        assert!(rest.is_empty());
    }
}
