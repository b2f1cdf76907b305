//! The built-in translator: a grammar over the semantic layer and one business's own names, which needs no network.
//!
//! Made once per version of a business and asked many times. Promises the same SQL for the same question and business, and no SQL for a question of which a word is not
//! understood. Never guesses: a small slip of spelling is mended and told.

use vitals_model::limits::QUESTION_BYTES_MAX;

use crate::business::Business;
use crate::lexicon::Lexicon;
use crate::meaning::{Absence, Understood, understand};
use crate::plan::{Plan, plan};
use crate::reading::{Reading, Than, read};
use crate::semantics::{Answer, semantics};
use crate::sql::{Select, filled, with};
use crate::time::Calendar;
use crate::translation::{CannotAnswer, Chart, Check, DateRange, Translation, Translator};
use crate::{nearest, vital};

/// The built-in translator of one business.
#[derive(Clone, Debug)]
pub struct Grammar {
    business: Business,
    lexicon: Lexicon,
}

impl Grammar {
    /// The grammar of a business: its lexicon is put together here.
    #[must_use]
    pub fn new(business: Business) -> Self {
        let lexicon = Lexicon::new(&business);
        Self { business, lexicon }
    }

    /// Whose it is.
    #[must_use]
    pub fn business(&self) -> &Business {
        &self.business
    }

    /// The question as SQL.
    ///
    /// # Errors
    /// It is not understood in every word, or asks for what is not there.
    pub fn translate(&self, question: &str) -> Result<Translation, CannotAnswer> {
        let business = &self.business;
        let refuse = |why: String| CannotAnswer { why, nearest: nearest::to(question) };
        if question.len() > QUESTION_BYTES_MAX {
            return Err(refuse(format!("a question has at most {QUESTION_BYTES_MAX} bytes")));
        }
        let calendar = Calendar { today: business.today, week_start: business.week_start };
        let reading = read(question, &self.lexicon, calendar)
            .map_err(|odd| refuse(format!("a question is words, not '{odd}'")))?;
        if let Some(unknown) = not_understood(&reading) {
            return Err(refuse(unknown));
        }
        let understood = understand(&reading.pieces, business).map_err(refuse)?;
        let mut translation = match &understood {
            Understood::Answer(id) => of_answer(&semantics().answers[*id], business),
            Understood::Measures(meaning) => {
                of_plan(&plan(meaning, business).map_err(refuse)?, business)
            }
        };
        let slips = reading
            .slips
            .iter()
            .map(|(written, meant)| format!("\"{written}\" read as \"{meant}\""));
        translation.understood.extend(slips);
        Ok(translation)
    }
}

impl Translator for Grammar {
    type Error = CannotAnswer;

    fn translate(
        &self,
        question: &str,
    ) -> impl Future<Output = Result<Translation, CannotAnswer>> + Send {
        std::future::ready(Self::translate(self, question))
    }
}

fn not_understood(reading: &Reading) -> Option<String> {
    match reading.unknown.as_slice() {
        [] if reading.pieces.is_empty() => Some("it asks for nothing".to_owned()),
        [] => None,
        [word] => Some(format!("\"{word}\" is not understood here")),
        words => Some(format!("\"{}\" are not understood here", words.join("\", \""))),
    }
}

fn of_answer(answer: &Answer, business: &Business) -> Translation {
    let relations = answer.relations.iter().map(String::as_str);
    let body = filled(&answer.sql, business);
    let sql = if answer.relations.is_empty() { body } else { with(relations, business) + &body };
    let chart = match answer.chart.as_str() {
        "heatmap" => Chart::Heatmap,
        "bar" => Chart::Bar,
        "table" => Chart::Table,
        _ => Chart::Number,
    };
    let mut understood = vec![answer.title.clone()];
    understood.extend(answer.note.clone());
    Translation {
        sql,
        check: answer.vital.clone().map(Check::Definition),
        tables: answer.tables.clone(),
        range: None,
        title: answer.title.clone(),
        keys: answer.keys,
        currency: None,
        chart,
        understood,
    }
}

fn of_plan(plan: &Plan<'_>, business: &Business) -> Translation {
    let records = Select::new(plan, business).write();
    let mut tables = plan.relation.reads.clone();
    let joins = plan.splits.iter().map(|it| it.1).chain(plan.names.iter().map(|it| it.0.1));
    let joined = joins.flat_map(|it| &it.joins).filter_map(|it| it.split_whitespace().nth(2));
    tables.extend(joined.map(str::to_owned));
    let (sql, check) = match vital::over_vital(plan, business) {
        Some((vital, sql)) => {
            tables.insert(0, vital.to_owned());
            (sql, Some(Check::Sql(records)))
        }
        None => (records, plan.relation.definition.clone().map(Check::Definition)),
    };
    tables.sort();
    tables.dedup();
    let range = plan.meaning.time.as_ref().map(|(stretch, words)| DateRange {
        words: words.clone(),
        from: stretch.from,
        to: stretch.last(),
    });
    let money = plan.measures.iter().any(|it| it.1.money);
    Translation {
        sql,
        check,
        tables,
        range,
        title: title(plan),
        keys: if plan.meaning.counted { 0 } else { Select::new(plan, business).keys() },
        currency: if money { business.currency.clone() } else { None },
        chart: chart(plan),
        understood: told(plan, business),
    }
}

/// What the rows show, as a heading.
fn title(plan: &Plan<'_>) -> String {
    let measures: Vec<&str> = plan.measures.iter().map(|it| it.1.title.as_str()).collect();
    let splits = plan.splits.iter().map(|it| it.1.title.as_str());
    let whose = plan.names.iter().map(|it| format!(" of {}", it.1)).collect::<String>();
    let by: Vec<&str> = splits.collect();
    let by = if by.is_empty() { String::new() } else { format!(" by {}", by.join(" and ")) };
    match plan.meaning.absence {
        Some(Absence::Since) => format!("customers without {} since", measures.join(" and ")),
        Some(Absence::Never) => format!("customers who never had {}", measures.join(" and ")),
        None => format!("{}{whose}{by}", measures.join(" and ")),
    }
}

fn chart(plan: &Plan<'_>) -> Chart {
    match plan.splits.as_slice() {
        _ if plan.meaning.counted => Chart::Number,
        [] => Chart::Number,
        splits if splits.iter().any(|it| it.1.people) => Chart::Table,
        [(_, one)] if one.series => Chart::Line,
        [_] => Chart::Bar,
        [_, _] => Chart::Heatmap,
        _ => Chart::Table,
    }
}

/// What was understood, a sentence a line.
fn told(plan: &Plan<'_>, business: &Business) -> Vec<String> {
    let meaning = plan.meaning;
    let mut lines = Vec::new();
    for (_, metric, on) in &plan.measures {
        let note = on.note.as_deref().map(|it| format!(" ({it})"));
        lines.push(format!("{}{}", metric.title, note.unwrap_or_default()));
    }
    if let Some(currency) = &business.currency
        && plan.measures.iter().any(|it| it.1.money)
    {
        lines.push(format!("amounts in {currency} only"));
    }
    lines.extend(plan.splits.iter().map(|it| format!("by {}", it.1.title)));
    lines.extend(plan.names.iter().map(|it| format!("{} is {}", it.0.1.title, it.1)));
    match &meaning.time {
        Some((_, words)) => lines.push(words.clone()),
        None if plan.relation.at.is_some() => lines.push("of all time".to_owned()),
        None => lines.push("as of today".to_owned()),
    }
    if let Some((stretch, words)) = &meaning.compared {
        let date = |it: Option<vitals_model::Date>| it.map_or("..".to_owned(), |it| it.to_string());
        lines.push(format!(
            "compared with {words}: {} to {}",
            date(stretch.from),
            date(stretch.last())
        ));
    }
    if let Some((Than::Less | Than::AtMost, _)) = meaning.threshold {
        lines.push("among those who have any".to_owned());
    }
    if let Some((rows, descending)) = meaning.ranking {
        lines.push(format!("the {} {rows}", if descending { "first" } else { "last" }));
    }
    lines
}
