//! A plan written as SQL.
//!
//! Promises one SELECT over the names of contracts section 6: common table expressions for the relations, then one
//! block that a person can read. Texts of a business go in as quoted literals. Dates are the tenant's, and cut at
//! the session's midnights.

use std::fmt::Write;

use crate::business::Business;
use crate::calendar::Stretch;
use crate::meaning::Absence;
use crate::plan::Plan;
use crate::reading::Than;
use crate::semantics::{Dimension, semantics};

/// A text as a literal.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Fills in what the semantic layer leaves open.
pub(crate) fn filled(sql: &str, business: &Business) -> String {
    let sources = |column: &str| match &business.revenue_sources {
        None => "TRUE".to_owned(),
        Some(sources) if sources.is_empty() => "FALSE".to_owned(),
        Some(sources) => {
            let list: Vec<String> = sources.iter().map(|it| quoted(it)).collect();
            format!("{column} IN ({})", list.join(", "))
        }
    };
    let paid = "o.status IN ('paid', 'partially_refunded', 'refunded')";
    let counted = match &business.revenue_sources {
        None => paid.to_owned(),
        Some(_) => format!("{paid} AND {}", sources("o.source")),
    };
    sql.trim()
        .replace("{counted}", &counted)
        .replace("{sources}", &sources("source"))
        .replace("{currency}", business.currency.as_deref().unwrap_or(""))
        .replace("{today}", &business.today.to_string())
}

/// Relations of the semantic layer as named subqueries, `name AS (SELECT ..)`, each after those it needs.
///
/// # Panics
/// There is no relation of a name: a mistake of the program.
#[must_use]
pub fn relations<'a>(names: impl IntoIterator<Item = &'a str>, business: &Business) -> Vec<String> {
    let mut needed: Vec<&str> = Vec::new();
    for name in names {
        let relation = &semantics().relations[name];
        for name in relation.needs.iter().map(String::as_str).chain([name]) {
            if !needed.contains(&name) {
                needed.push(name);
            }
        }
    }
    let write = |name: &&str| {
        let sql = filled(&semantics().relations[*name].sql, business).replace('\n', "\n    ");
        format!("{name} AS (\n    {sql}\n)")
    };
    needed.iter().map(write).collect()
}

/// `WITH` and the relations.
pub(crate) fn with<'a>(names: impl IntoIterator<Item = &'a str>, business: &Business) -> String {
    format!("WITH {}\n", relations(names, business).join(", "))
}

/// What a split shows: its columns, each with its name.
fn columns(id: &str, dimension: &Dimension, week_start: u8) -> Vec<(String, String)> {
    let label = match week_start {
        // Truncation knows weeks that start on Monday: others are moved there and back.
        2..=7 if id == "week" => {
            let days = 8 - week_start;
            format!(
                "CAST(date_trunc('week', CAST(f.at AS DATE) + INTERVAL '{days} days') - INTERVAL '{days} days' AS DATE)"
            )
        }
        _ => dimension.label.clone(),
    };
    let shown = (label, id.to_owned());
    if dimension.people {
        vec![("f.customer_id".to_owned(), "customer_id".to_owned()), shown]
    } else {
        vec![shown]
    }
}

/// One computation of a plan, of one stretch of days.
pub(crate) struct Select<'p> {
    plan: &'p Plan<'p>,
    business: &'p Business,
    columns: Vec<(String, String)>,
}

impl<'p> Select<'p> {
    pub(crate) fn new(plan: &'p Plan<'p>, business: &'p Business) -> Self {
        let columns = plan.splits.iter().flat_map(|(id, it)| columns(id, it, business.week_start));
        Self { plan, business, columns: columns.collect() }
    }

    /// How many leading columns say what a row is of.
    pub(crate) fn keys(&self) -> usize {
        match self.plan.meaning.absence {
            Some(Absence::Since) => 3,
            Some(Absence::Never) => 2,
            None => self.columns.len(),
        }
    }

    /// The names of what it is split by.
    fn split_names(&self) -> Vec<&str> {
        self.columns.iter().map(|it| it.1.as_str()).collect()
    }

    fn joins(&self) -> String {
        let named = self.plan.names.iter().map(|it| it.0.1);
        let mut joins: Vec<&str> = Vec::new();
        for join in self.plan.splits.iter().map(|it| it.1).chain(named).flat_map(|it| &it.joins) {
            if !joins.contains(&join.as_str()) {
                joins.push(join);
            }
        }
        joins.iter().map(|it| format!("\n{it}")).collect()
    }

    /// The conditions of the days.
    fn days(&self, stretch: Option<Stretch>) -> Vec<String> {
        if self.plan.is_state() {
            let relation = self.plan.relation;
            let past = stretch.and_then(|it| Plan::next_day(it, self.business));
            let text = match (past, &relation.then, &relation.now) {
                (Some(next), Some(then), _) => then.trim().replace("{next}", &next.to_string()),
                (_, _, now) => now.clone().unwrap_or_default(),
            };
            return vec![text];
        }
        let from = stretch.and_then(|it| it.from).map(|it| format!("f.at >= DATE '{it}'"));
        let to = stretch.and_then(|it| it.to).map(|it| format!("f.at < DATE '{it}'"));
        from.into_iter().chain(to).collect()
    }

    fn conditions(&self, stretch: Option<Stretch>) -> String {
        let (plan, business) = (self.plan, self.business);
        let mut all = self.days(stretch);
        let on = plan.measures[0].2;
        let is_split = |id: &String| plan.splits.iter().any(|it| it.0 == id);
        if let Some(condition) = &on.r#where
            && !on.split.as_ref().is_some_and(is_split)
        {
            all.push(filled(condition, business));
        }
        if plan.measures.iter().any(|it| it.1.money) {
            all.push(format!(
                "f.currency = {}",
                quoted(business.currency.as_deref().unwrap_or(""))
            ));
        }
        for ((_, split), name) in &plan.names {
            all.push(format!("{} = {}", split.label, quoted(name)));
        }
        if !plan.meaning.weekdays.is_empty() {
            let days: Vec<String> = plan.meaning.weekdays.iter().map(u8::to_string).collect();
            let weekday = &semantics().dimensions["weekday"].label;
            all.push(format!("{weekday} IN ({})", days.join(", ")));
        }
        if plan.splits.iter().any(|it| it.1.people) {
            all.push("f.customer_id IS NOT NULL".to_owned());
        }
        if all.is_empty() { String::new() } else { format!("\nWHERE {}", all.join("\n    AND ")) }
    }

    fn select(&self, stretch: Option<Stretch>) -> String {
        let splits = self.columns.iter().map(|(label, name)| format!("{label} AS {name}"));
        let measures = self.plan.measures.iter().map(|(id, _, on)| format!("{} AS {id}", on.expr));
        let list: Vec<String> = splits.chain(measures).collect();
        let groups: Vec<String> = (1..=self.columns.len()).map(|it| it.to_string()).collect();
        let by = if groups.is_empty() {
            String::new()
        } else {
            format!("\nGROUP BY {}", groups.join(", "))
        };
        let (joins, conditions) = (self.joins(), self.conditions(stretch));
        format!("SELECT {}\nFROM {} AS f{joins}{conditions}{by}", list.join(", "), self.plan.name)
    }

    fn stretch(&self) -> Option<Stretch> {
        self.plan.meaning.time.as_ref().map(|it| it.0)
    }

    /// All of the SQL.
    pub(crate) fn write(&self) -> String {
        let meaning = self.plan.meaning;
        let body = if let Some(absence) = meaning.absence {
            self.absent(absence)
        } else if let Some((baseline, _)) = &meaning.compared {
            self.compared(*baseline)
        } else if meaning.growth {
            self.growing()
        } else {
            self.plain()
        };
        let body = if meaning.counted {
            format!(
                "SELECT count(*) AS customers\nFROM (\n    {}\n) AS picked",
                body.replace('\n', "\n    ")
            )
        } else {
            format!("{body}{}", self.order())
        };
        with([self.plan.name], self.business) + &body
    }

    fn plain(&self) -> String {
        let mut sql = self.select(self.stretch());
        if let Some((than, number)) = self.plan.meaning.threshold {
            let sign = match than {
                Than::More => ">",
                Than::AtLeast => ">=",
                Than::Less => "<",
                Than::AtMost => "<=",
                Than::Exactly => "=",
            };
            if let Err(error) =
                write!(sql, "\nHAVING {} {sign} {number}", self.plan.measures[0].2.expr)
            {
                unreachable!("a text takes what is written to it: {error}");
            }
        }
        sql
    }

    /// Those who were there before the stretch and not in it, or never.
    fn absent(&self, absence: Absence) -> String {
        let happened =
            if self.plan.name == "ledger" { "f.orders = 1" } else { "f.outcome = 'attended'" };
        let name = self.plan.name;
        let stretch = self.stretch();
        let bound = stretch.and_then(|it| it.to).map(|it| format!(" AND f.at < DATE '{it}'"));
        match (absence, stretch.and_then(|it| it.from)) {
            (Absence::Since, Some(from)) => format!(
                "SELECT f.customer_id, customers.display_name AS customer, CAST(max(f.at) AS DATE) AS last_time\n\
                 FROM {name} AS f\nLEFT JOIN customers ON customers.id = f.customer_id\n\
                 WHERE f.customer_id IS NOT NULL AND {happened}{}\nGROUP BY 1, 2\nHAVING max(f.at) < DATE '{from}'",
                bound.unwrap_or_default()
            ),
            _ => format!(
                "SELECT customers.id AS customer_id, customers.display_name AS customer\nFROM customers\n\
                 WHERE NOT EXISTS (SELECT 1 FROM {name} AS f WHERE f.customer_id = customers.id AND {happened})"
            ),
        }
    }

    /// Both stretches side by side, with the difference and its share of the second.
    fn compared(&self, baseline: Stretch) -> String {
        let names = self.split_names();
        let (now, then) = (self.select(self.stretch()), self.select(Some(baseline)));
        let block = |sql: String| sql.replace('\n', "\n    ");
        let keys = names.iter().map(|it| format!("coalesce(a.{it}, b.{it}) AS {it}"));
        let zero = |side: char, id: &str| format!("{side}.{id}");
        let values = self.plan.measures.iter().map(|(id, ..)| {
            let (a, b) = if names.is_empty() {
                (zero('a', id), zero('b', id))
            } else {
                (format!("coalesce(a.{id}, 0)"), format!("coalesce(b.{id}, 0)"))
            };
            format!(
                "{a} AS {id}, {b} AS {id}_before, {a} - {b} AS {id}_change, {} AS {id}_change_percent",
                percent(&a, &b)
            )
        });
        let list: Vec<String> = keys.chain(values).collect();
        let join = if names.is_empty() { "CROSS JOIN".to_owned() } else { "FULL JOIN".to_owned() };
        let on: Vec<String> =
            names.iter().map(|it| format!("a.{it} IS NOT DISTINCT FROM b.{it}")).collect();
        let on = if on.is_empty() { String::new() } else { format!(" ON {}", on.join(" AND ")) };
        format!(
            "SELECT {}\nFROM (\n    {}\n) AS a\n{join} (\n    {}\n) AS b{on}",
            list.join(", "),
            block(now),
            block(then)
        )
    }

    /// Each row of a series with its change from the one before.
    fn growing(&self) -> String {
        let series = self.select(self.stretch()).replace('\n', "\n    ");
        let Some((_, by)) = self.columns.first() else { return self.plain() };
        let values = self.plan.measures.iter().map(|(id, ..)| {
            let before = format!("lag({id}) OVER (ORDER BY {by})");
            format!(
                "{id}, {id} - {before} AS {id}_change, {} AS {id}_change_percent",
                percent(id, &before)
            )
        });
        let values: Vec<String> = values.collect();
        format!("SELECT {by}, {}\nFROM (\n    {series}\n) AS series", values.join(", "))
    }

    fn order(&self) -> String {
        let meaning = self.plan.meaning;
        let by_value = |descending| {
            let way = if descending { " DESC NULLS LAST" } else { " NULLS LAST" };
            format!("{}{way}", self.plan.measures[0].0)
        };
        if meaning.absence.is_some() {
            return "\nORDER BY customer, customer_id".to_owned();
        }
        let names: Vec<String> = self.split_names().iter().map(ToString::to_string).collect();
        if names.is_empty() {
            return String::new();
        }
        if let Some((rows, descending)) = meaning.ranking {
            return format!(
                "\nORDER BY {}, {}\nLIMIT {rows}",
                by_value(descending),
                names.join(", ")
            );
        }
        let people = self.plan.splits.iter().any(|it| it.1.people);
        if people && meaning.compared.is_none() {
            return format!("\nORDER BY {}, {}", by_value(true), names.join(", "));
        }
        format!("\nORDER BY {}", names.join(", "))
    }
}

/// How many percent `a` is above `b`; nothing where `b` is not positive.
fn percent(a: &str, b: &str) -> String {
    format!(
        "CASE WHEN {b} > 0 THEN CAST(CAST(100 * ({a} - {b}) AS DECIMAL(38, 6)) / {b} AS DECIMAL(18, 2)) END"
    )
}
