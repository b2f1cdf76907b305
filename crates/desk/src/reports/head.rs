//! A report as its file says it: a head of comments, then one SELECT.
//!
//! ```text
//! -- Title of the report
//! --
//! -- shows: what its rows are, in sentences
//! -- uses: ledger, months
//! -- param from date = month - 11 months: the first day
//! -- param rows int 1..1000 = 20: how many customers
//! -- chart: line month net
//! SELECT ..
//! ```
//!
//! `uses` names relations of `sql/semantic/relations.toml`, and `months`, the months from `from` to `to`. `:name` in
//! the SQL is a parameter. Promises that what is not understood in a head is an error of the program's tests.

use super::params::Param;

/// The relation of months, which no record holds.
const MONTHS: &str = "months";

/// A report.
#[derive(Clone, Debug)]
pub struct Report {
    /// The name it is run by.
    pub name: &'static str,
    /// Its title.
    pub title: String,
    /// What it shows.
    pub shows: String,
    /// What it may be told.
    pub params: Vec<Param>,
    /// What would show it well: a kind, and columns.
    pub chart: String,
    /// Relations it builds on.
    pub(super) uses: Vec<String>,
    /// Whether it builds on the months of its time.
    pub(super) months: bool,
    pub(super) sql: String,
}

impl Report {
    /// Reads a report.
    ///
    /// # Errors
    /// A line of the head that is not understood.
    pub(super) fn parse(name: &'static str, text: &str) -> Result<Self, String> {
        let head: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("--")).collect();
        let sql = text.lines().skip(head.len()).collect::<Vec<_>>().join("\n");
        let title = head.first().map(|it| it.trim().to_owned()).unwrap_or_default();
        let (shows, chart) = (String::new(), String::new());
        let (params, uses) = (Vec::new(), Vec::new());
        let sql = sql.trim().to_owned();
        let mut report = Self { name, title, shows, params, chart, uses, months: false, sql };
        for line in head.iter().skip(1).map(|it| it.trim()).filter(|it| !it.is_empty()) {
            report.read(line).map_err(|why| format!("{name}: {why}: {line}"))?;
        }
        report.months = report.uses.iter().any(|it| it == MONTHS);
        report.uses.retain(|it| it != MONTHS);
        Ok(report)
    }

    fn read(&mut self, line: &str) -> Result<(), String> {
        if let Some(param) = line.strip_prefix("param ") {
            self.params.push(Param::parse(param)?);
            return Ok(());
        }
        match line.split_once(": ") {
            Some(("shows", text)) => self.shows = text.to_owned(),
            Some(("chart", text)) => self.chart = text.to_owned(),
            Some(("uses", text)) => self.uses.extend(text.split(", ").map(str::to_owned)),
            // A long sentence goes on in the next line.
            _ if !self.shows.is_empty() && self.params.is_empty() && self.uses.is_empty() => {
                self.shows.push(' ');
                self.shows.push_str(line);
            }
            _ => return Err("the head has a line that is not understood".to_owned()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read() {
        let text = "-- Title\n--\n-- shows: one thing\n-- and another.\n-- uses: ledger, months\n\
                    -- param rows int 1..9 = 3: how many\n-- chart: bar a b\nSELECT 1 -- not head\n";
        let report = Report::parse("x", text).unwrap();
        assert_eq!(
            (report.title.as_str(), report.shows.as_str()),
            ("Title", "one thing and another.")
        );
        assert_eq!(
            (report.uses, report.months, report.chart.as_str()),
            (vec!["ledger".to_owned()], true, "bar a b")
        );
        assert_eq!((report.params.len(), report.sql.as_str()), (1, "SELECT 1 -- not head"));
        assert!(Report::parse("x", "-- T\n-- nonsense\nSELECT 1").is_err());
    }
}
