//! The desk of this process: what people ask for, answered by whoever answers SQL here; its doors, and its calendar.

use std::sync::Arc;

use vitals_api::Router;
use vitals_api::shelf::Shelf;
use vitals_desk::{Desk, Order};
use vitals_llm::{Assistant, Endpoint, Key};
use vitals_query::Answers;

use crate::backend::Backend;
use crate::clock;
use crate::config::{Settings, Translator};
use crate::failure::{Failure, OrFail, Outcome};
use crate::recounted::Recounted;
use crate::scheduler::Scheduler;

/// A language model, and who is asked first.
pub(crate) type Helper = Option<(Arc<Assistant>, Order)>;

/// A desk over whoever answers SQL.
pub(crate) fn open(helper: Helper, backend: &Backend, answers: &Arc<dyn Answers>) -> Arc<Desk> {
    let recount = Recounted::new(backend.log.clone(), backend.store.clone());
    let desk = Desk::new(Arc::clone(answers), clock::now).with_recount(Arc::new(recount));
    Arc::new(match helper {
        Some((assistant, order)) => desk.with_assistant(assistant, order),
        None => desk,
    })
}

/// What tenants' own programs may ask of it.
pub(crate) fn routes(backend: &Backend, desk: &Arc<Desk>) -> Router {
    let keys = Arc::new(backend.store.clone());
    let shelf = Shelf::new(backend.store.clone(), Arc::clone(desk));
    vitals_api::ask::routes(Arc::clone(desk), keys.clone())
        .merge(vitals_api::reports::routes(Arc::clone(desk), keys.clone()))
        .merge(vitals_api::queries::routes(shelf, keys))
}

/// What runs when it is due.
pub(crate) fn scheduler(settings: &Settings, backend: &Backend, desk: &Arc<Desk>) -> Scheduler {
    let store = backend.store.clone();
    let shelf = Shelf::new(store.clone(), Arc::clone(desk));
    Scheduler { store, shelf, folder: settings.reports_dir() }
}

/// The language model that the settings name. Asked for before anything is started, since a setting may be wrong.
pub(crate) fn helper(settings: &Settings) -> Outcome<Helper> {
    let order = match settings.ask_translator {
        Translator::Builtin => return Ok(None),
        Translator::Llm => Order::Model,
        Translator::Both => Order::Both,
    };
    let Some((base_url, model)) = settings.llm() else { return Ok(None) };
    let endpoint =
        Endpoint { base_url: base_url.to_owned(), key: key(settings)?, model: model.to_owned() };
    let assistant = Assistant::new(endpoint, settings.llm_tokens_per_day)
        .map_err(|why| Failure::new(why, "check llm_base_url or OPENAI_BASE_URL"))?;
    Ok(Some((Arc::new(assistant), order)))
}

fn key(settings: &Settings) -> Outcome<Option<Key>> {
    if let Some(key) = &settings.llm_api_key {
        return Ok(Some(Key::new(key)));
    }
    let Some(file) = &settings.llm_api_key_file else { return Ok(None) };
    let what = format_args!("the key file {} cannot be read", file.display()).to_string();
    let text = std::fs::read_to_string(file).or_fail(what, "check llm_api_key_file")?;
    Ok(Some(Key::new(&text)))
}
