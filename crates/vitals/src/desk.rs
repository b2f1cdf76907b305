//! The desk of this process: questions in plain language, answered by whoever answers SQL here.

use std::sync::Arc;

use vitals_desk::Desk;
use vitals_query::Answers;

use crate::backend::Backend;
use crate::clock;
use crate::recounted::Recounted;

/// A desk over whoever answers SQL.
pub(crate) fn open(backend: &Backend, answers: &Arc<dyn Answers>) -> Arc<Desk> {
    let recount = Recounted::new(backend.log.clone(), backend.store.clone());
    Arc::new(Desk::new(Arc::clone(answers), clock::now).with_recount(Arc::new(recount)))
}
