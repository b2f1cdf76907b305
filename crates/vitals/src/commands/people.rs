//! `vitals users` and `vitals keys`: who may act for a tenant.

use vitals_api::operator::NewUser;

use crate::cli::{Keys, Users};
use crate::config::Settings;
use crate::failure::{Failure, Outcome};
use crate::output;
use crate::session::{self, Needs, SharedOperator};

/// Runs `vitals users ...`.
pub(crate) async fn users(settings: &Settings, command: Users) -> Outcome {
    let Users::Create { tenant, email, name, role, json } = command;
    let name = name.unwrap_or_else(|| email.clone());
    let new = NewUser { tenant, email: email.clone(), name, role };
    let work = |operator: SharedOperator| async move {
        operator.create_user(new).await.map_err(Failure::from)
    };
    let id = session::with(settings, ("users create", Needs::Store), work).await?;
    if json {
        return output::json(&serde_json::json!({ "id": id, "email": email }));
    }
    output::line(format_args!("created user {email} ({id})"))
}

/// Runs `vitals keys ...`.
pub(crate) async fn keys(settings: &Settings, command: Keys) -> Outcome {
    let Keys::Create { tenant, json } = command;
    let work = |operator: SharedOperator| async move {
        operator.create_key(tenant).await.map_err(Failure::from)
    };
    let key = session::with(settings, ("keys create", Needs::Store), work).await?;
    if json { output::json(&serde_json::json!({ "key": key })) } else { output::line(key) }
}
