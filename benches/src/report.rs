//! What a run prints: every figure with its unit and what it is held against, as a table or as JSON.

use serde::Serialize;

use crate::measure::Machine;

/// One figure.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figure {
    part: &'static str,
    what: String,
    value: f64,
    unit: &'static str,
    /// What it is held against, from the same run.
    #[serde(skip_serializing_if = "Option::is_none")]
    against: Option<Against>,
}

#[derive(Clone, Debug, Serialize)]
struct Against {
    what: String,
    ratio: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'static str>,
}

/// All figures of a run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    machine: Machine,
    records: usize,
    stored_records: usize,
    seed: u64,
    figures: Vec<Figure>,
    /// Whether the fold and the engine changed the same rows at every tick, if that was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    rows_equal: Option<bool>,
}

impl Report {
    pub(crate) fn new((records, stored_records): (usize, usize), seed: u64) -> Self {
        let machine = Machine::read();
        Self { machine, records, stored_records, seed, figures: Vec::new(), rows_equal: None }
    }

    /// Adds a figure, and says so on the way.
    pub(crate) fn add(
        &mut self,
        part: &'static str,
        what: impl Into<String>,
        (value, unit): (f64, &'static str),
    ) -> &mut Self {
        let what = what.into();
        self.figures.push(Figure { part, what, value, unit, against: None });
        self
    }

    /// Holds the last figure against another of the same run.
    pub(crate) fn against(
        &mut self,
        what: impl Into<String>,
        ratio: f64,
        target: Option<&'static str>,
    ) {
        if let Some(last) = self.figures.last_mut() {
            last.against = Some(Against { what: what.into(), ratio, target });
        }
    }

    pub(crate) fn rows_equal(&mut self, equal: bool) {
        self.rows_equal = Some(equal);
    }

    /// Whether nothing that was looked at was wrong.
    pub(crate) fn sound(&self) -> bool {
        self.rows_equal != Some(false)
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a report of plain fields serialises")
    }

    pub(crate) fn to_table(&self) -> String {
        let mut lines = vec![
            format!(
                "{} records in memory, {} with a store, seed {}",
                self.records, self.stored_records, self.seed
            ),
            self.machine.line(),
            String::new(),
        ];
        let mut part = "";
        for it in &self.figures {
            let shown = if it.part == part { "" } else { it.part };
            part = it.part;
            let value = number(it.value);
            let mut line = format!("{shown:<9} {:<44} {value:>12} {:<12}", it.what, it.unit);
            if let Some(Against { what, ratio, target }) = &it.against {
                line += &format!(" {ratio:>6.2} of {what}");
                line += &target.map(|target| format!(" (target {target})")).unwrap_or_default();
            }
            lines.push(line.trim_end().to_owned());
        }
        if let Some(equal) = self.rows_equal {
            lines.push(format!("rows equal: {}", if equal { "yes" } else { "no" }));
        }
        lines.join("\n")
    }
}

/// A figure in as many digits as it has meaning: whole from a hundred, two decimals below.
fn number(value: f64) -> String {
    if value.abs() < 100.0 {
        return format!("{value:.2}");
    }
    let whole = format!("{value:.0}");
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole.as_str()), |it| ("-", it));
    let mut grouped = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_grouped_and_rounded() {
        assert_eq!(number(1_234_567.8), "1,234,568");
        assert_eq!(number(-100.4), "-100");
        assert_eq!(number(0.456), "0.46");
    }
}
