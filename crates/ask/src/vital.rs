//! The vital that already holds what is asked for, so that the answer can be computed twice.
//!
//! Promises SQL over a vital that gives the columns and rows of the SQL over records, or nothing: only whole
//! buckets of the tenant's own days, without filters that a vital does not have.

use crate::business::Business;
use crate::calendar::{Stretch, Unit, shift};
use crate::plan::Plan;
use crate::sql::quoted;

/// The vital, and the SQL over it.
pub(crate) fn over_vital(plan: &Plan<'_>, business: &Business) -> Option<(&'static str, String)> {
    let meaning = plan.meaning;
    let plain = meaning.names.is_empty()
        && meaning.weekdays.is_empty()
        && meaning.compared.is_none()
        && !meaning.growth
        && !meaning.counted
        && meaning.threshold.is_none()
        && meaning.absence.is_none()
        && plan.measures.iter().all(|it| it.2.vital.is_some());
    if !plain {
        return None;
    }
    match plan.name {
        "ledger" => revenue(plan, business).map(|it| ("revenue_trend", it)),
        "attendances" | "booked" | "held" => {
            heatmap(plan, business).map(|it| ("attendance_heatmap", it))
        }
        _ => None,
    }
}

fn sums(plan: &Plan<'_>) -> Vec<String> {
    let measures = plan.measures.iter().filter_map(|(id, _, on)| Some((id, on.vital.as_ref()?)));
    measures.map(|(id, column)| format!("coalesce(sum({column}), 0) AS {id}")).collect()
}

fn order(plan: &Plan<'_>, names: &[&str]) -> String {
    let names = names.join(", ");
    match plan.meaning.ranking {
        Some((rows, descending)) => {
            let way = if descending { " DESC" } else { "" };
            format!("\nORDER BY {}{way} NULLS LAST, {names}\nLIMIT {rows}", plan.measures[0].0)
        }
        None if names.is_empty() => String::new(),
        None => format!("\nORDER BY {names}"),
    }
}

fn revenue(plan: &Plan<'_>, business: &Business) -> Option<String> {
    let stretch = plan.meaning.time.as_ref().map(|it| it.0);
    let whole_months = stretch.is_none_or(Stretch::is_whole_months);
    let split = match plan.splits.as_slice() {
        [] => None,
        [(id @ ("day" | "week" | "month"), _)] => Some(*id),
        _ => return None,
    };
    let grain = match split {
        None if whole_months => "month",
        None | Some("day") => "day",
        Some("month") if whole_months => "month",
        Some("week") if stretch.is_none_or(|it| it.unit == Some(Unit::Week)) => "week",
        Some(_) => return None,
    };
    let money = plan.measures.iter().any(|it| it.1.money);
    let mut conditions = vec!["location_id IS NULL".to_owned(), format!("grain = '{grain}'")];
    conditions.extend(stretch.and_then(|it| it.from).map(|it| format!("bucket >= DATE '{it}'")));
    conditions.extend(stretch.and_then(|it| it.to).map(|it| format!("bucket < DATE '{it}'")));
    if money {
        conditions.push(format!("currency = {}", quoted(business.currency.as_deref()?)));
    }
    if split.is_some() {
        // Buckets in which customers came and nothing was sold or given back are no rows of the sales.
        conditions.push("orders + refund_count > 0".to_owned());
    }
    let shown = split.map(|it| format!("CAST(bucket AS DATE) AS {it}"));
    let list: Vec<String> = shown.into_iter().chain(sums(plan)).collect();
    let by = if split.is_some() { "\nGROUP BY 1" } else { "" };
    let conditions = conditions.join("\n    AND ");
    let order = order(plan, split.as_slice());
    Some(format!("SELECT {}\nFROM revenue_trend\nWHERE {conditions}{by}{order}", list.join(", ")))
}

fn heatmap(plan: &Plan<'_>, business: &Business) -> Option<String> {
    if !business.one_zone {
        return None;
    }
    let names: Vec<&str> = plan.splits.iter().map(|it| it.0).collect();
    if names.is_empty() || !names.iter().all(|it| ["weekday", "hour"].contains(it)) {
        return None;
    }
    let stretch = plan.meaning.time.as_ref().map(|it| it.0)?;
    let (from, to) = (stretch.from?, stretch.to?);
    let to_today = shift(business.today, Unit::Day, 1) == Some(to);
    let period = match to.0 - from.0 {
        days @ (28 | 84 | 364) if to_today => format!("trailing_window = '{}w'", days / 7),
        _ if stretch.is_whole_months() => {
            format!("month >= DATE '{from}'\n    AND month < DATE '{to}'")
        }
        _ => return None,
    };
    let measure = plan.measures[0].2.vital.as_deref()?;
    let list: Vec<String> = names.iter().map(ToString::to_string).chain(sums(plan)).collect();
    let groups: Vec<String> = (1..=names.len()).map(|it| it.to_string()).collect();
    Some(format!(
        "SELECT {}\nFROM attendance_heatmap\nWHERE location_id IS NULL\n    AND {period}\n    AND {measure} > 0\nGROUP BY {}{}",
        list.join(", "),
        groups.join(", "),
        order(plan, &names)
    ))
}
