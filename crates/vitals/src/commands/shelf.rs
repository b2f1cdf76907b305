//! `vitals queries` and `vitals schedules`: what a tenant keeps to run again.

use vitals_api::operator::{ReportQuestion, ShelfOrder};
use vitals_api::shelf::{KeptQuery, KeptSchedule, NewQuery, NewSchedule};

use crate::cli::{Queries, QuerySave, ScheduleCreate, Schedules};
use crate::commands::reports::{hand_over, params};
use crate::commands::sql::about;
use crate::config::Settings;
use crate::failure::{Failure, OrFail, Outcome};
use crate::output;
use crate::session::{self, Needs, SharedOperator};
use crate::supervisor::BUG;

/// Runs `vitals queries ...`.
pub(crate) async fn queries(settings: &Settings, command: Queries) -> Outcome {
    match command {
        Queries::Save(it) => save(settings, it).await,
        Queries::List { tenant, json } => {
            let kept: Vec<KeptQuery> = order(settings, tenant, ShelfOrder::Queries).await?;
            if json {
                return output::json(&kept);
            }
            let rows: Vec<[String; 3]> =
                kept.into_iter().map(|it| [it.name, it.title, it.params.join(", ")]).collect();
            output::table(["name", "title", "parameters"], &rows)
        }
        Queries::Run(it) => {
            let (out, question) = (
                it.out,
                ReportQuestion {
                    tenant: it.tenant,
                    name: it.name,
                    is_saved: true,
                    params: params(&it.param)?,
                    format: it.format,
                },
            );
            let work = |operator: SharedOperator| async move {
                operator.report(question).await.map_err(Failure::from)
            };
            let answer = session::with(settings, ("queries run", Needs::Store), work).await?;
            hand_over(&answer.body, out.as_deref())?;
            crate::say(format_args!("{}", about(&answer.head)));
            Ok(())
        }
        Queries::Delete { name, tenant } => {
            let gone = ShelfOrder::DeleteQuery { name: name.clone() };
            order::<()>(settings, tenant, gone).await?;
            output::line(format_args!("deleted query {name}"))
        }
    }
}

async fn save(settings: &Settings, it: QuerySave) -> Outcome {
    let name = it.name.clone();
    let query = NewQuery { name: it.name, title: it.title, sql: it.sql, params: it.declare };
    order::<()>(settings, it.tenant, ShelfOrder::SaveQuery(query)).await?;
    output::line(format_args!("saved query {name}"))
}

/// Runs `vitals schedules ...`.
pub(crate) async fn schedules(settings: &Settings, command: Schedules) -> Outcome {
    match command {
        Schedules::Create(it) => create(settings, *it).await,
        Schedules::List { tenant, json } => {
            let kept: Vec<KeptSchedule> = order(settings, tenant, ShelfOrder::Schedules).await?;
            if json {
                return output::json(&kept);
            }
            let row = |it: KeptSchedule| {
                let what = it.schedule.report.or(it.schedule.query).unwrap_or_default();
                let last = it.last_file.or(it.last_error).unwrap_or_default();
                [it.schedule.name, what, it.next_at, last]
            };
            let rows: Vec<[String; 4]> = kept.into_iter().map(row).collect();
            output::table(["name", "runs", "next_at", "last"], &rows)
        }
        Schedules::Delete { name, tenant } => {
            order::<()>(settings, tenant, ShelfOrder::DeleteSchedule { name: name.clone() })
                .await?;
            output::line(format_args!("deleted schedule {name}; its files stay"))
        }
    }
}

async fn create(settings: &Settings, it: ScheduleCreate) -> Outcome {
    let (every, on_day) = match (it.daily, it.weekly, it.monthly) {
        (true, None, None) => ("day", 0),
        (false, Some(day), None) => ("week", day),
        (false, None, Some(day)) => ("month", day),
        _ => {
            return Err(Failure::usage(
                "it is not clear when it runs",
                "give one of --daily, --weekly, --monthly",
            ));
        }
    };
    let schedule = NewSchedule {
        name: it.name.clone(),
        report: it.report,
        query: it.query,
        params: params(&it.param)?,
        format: it.format,
        every: every.to_owned(),
        on_day,
        at: it.at,
        keep: it.keep,
    };
    let next: String = order(settings, it.tenant, ShelfOrder::CreateSchedule(schedule)).await?;
    output::line(format_args!("created schedule {}, due first at {next}", it.name))
}

/// Gives an order, and reads its answer.
async fn order<T: serde::de::DeserializeOwned>(
    settings: &Settings,
    tenant: String,
    order: ShelfOrder,
) -> Outcome<T> {
    let work = |operator: SharedOperator| async move {
        operator.shelf(tenant, order).await.map_err(Failure::from)
    };
    let answer = session::with(settings, ("queries", Needs::Store), work).await?;
    serde_json::from_value(answer).or_fail("the answer cannot be read", BUG)
}
