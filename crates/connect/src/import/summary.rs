//! What an import found, for a person and for a program.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::Item;

/// Counts of one run of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Records yielded.
    pub records: u64,
    /// Lines quarantined.
    pub bad: u64,
    /// Readings that were never taken, in the whole file.
    pub blank: u64,
    /// Items an earlier run had yielded already, and this one did not again.
    pub resumed: u64,
    /// Records yielded, by kind.
    pub by_kind: BTreeMap<&'static str, u64>,
}

impl Summary {
    pub(super) fn count(&mut self, item: &Item) {
        match item {
            Item::Record(record) => {
                self.records += 1;
                *self.by_kind.entry(record.kind.table()).or_default() += 1;
            }
            Item::Bad(_) => self.bad += 1,
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} records", grouped(self.records))?;
        for (position, (table, count)) in self.by_kind.iter().enumerate() {
            let before = if position == 0 { " (" } else { ", " };
            write!(f, "{before}{} {table}", grouped(*count))?;
        }
        if !self.by_kind.is_empty() {
            f.write_str(")")?;
        }
        if self.blank > 0 {
            let readings = if self.blank == 1 { "reading" } else { "readings" };
            write!(f, ", {} blank {readings} skipped", grouped(self.blank))?;
        }
        if self.resumed > 0 {
            write!(f, ", {} imported before", grouped(self.resumed))?;
        }
        match self.bad {
            0 => f.write_str(", no bad lines"),
            1 => f.write_str(", 1 bad line quarantined"),
            bad => write!(f, ", {} bad lines quarantined", grouped(bad)),
        }
    }
}

/// A number with a comma between its thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_a_sentence() {
        let mut summary = Summary::default();
        assert_eq!(summary.to_string(), "0 records, no bad lines");
        summary.records = 1_025_900;
        summary.by_kind.extend([("orders", 22_062), ("refunds", 838)]);
        summary.bad = 1;
        summary.blank = 81_742;
        summary.resumed = 7;
        assert_eq!(
            summary.to_string(),
            "1,025,900 records (22,062 orders, 838 refunds), 81,742 blank readings skipped, \
             7 imported before, 1 bad line quarantined"
        );
    }
}
