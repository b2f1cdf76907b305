//! `vitals tenants`: creating tenants, and saying which there are.
//!
//! Promises that a tenant that was created has its `organization` record in the log. Its settings are
//! that record and nothing else.

use serde::Serialize;
use vitals_api::RefusalKind;
use vitals_api::operator::{NewTenant, Operator, TenantInfo};
use vitals_log::Message;
use vitals_model::kinds::{self, Currency, Kind, Organization};
use vitals_model::local_time::Zone;
use vitals_model::record::shorten;
use vitals_model::utc::SECOND_US;
use vitals_model::{Record, TenantId, UtcMicros};

use crate::cli::{Clock, Tenants, TenantsCreate};
use crate::clock;
use crate::config::Settings;
use crate::failure::{Failure, Outcome};
use crate::output;
use crate::session::{self, Needs};

/// Source and id of the record that holds a tenant's settings. No other source sorts before it that a
/// tenant is likely to have: the smallest is in force.
const ORGANIZATION: (&str, &str) = ("native", "organization");

/// How often the engine is asked whether it knows a tenant; each time it has half a second.
const REACHED_TRIES: u32 = 6;

/// A tenant's settings, checked.
#[derive(Clone, Debug)]
pub(crate) struct TenantSettings {
    slug: String,
    name: String,
    time_zone: String,
    currency: Currency,
    clock: Clock,
}

impl TenantSettings {
    /// Checks what was given.
    pub(crate) fn new(
        (slug, name): (&str, &str),
        (time_zone, currency): (&str, &str),
        clock: Clock,
    ) -> Outcome<Self> {
        if Zone::named(time_zone).is_none() {
            return Err(Failure::usage(
                format_args!("'{}' is not an IANA time zone", shorten(time_zone)),
                "give one such as Europe/Berlin or America/New_York",
            ));
        }
        let currency = Currency::parse(currency).ok_or_else(|| {
            Failure::usage(
                format_args!("'{}' is not an ISO 4217 currency", shorten(currency)),
                "give three capital letters such as EUR or USD",
            )
        })?;
        let (slug, name, time_zone) = (slug.to_owned(), name.to_owned(), time_zone.to_owned());
        Ok(Self { slug, name, time_zone, currency, clock })
    }

    /// The settings as a record. Its version is the instant of the tenant's creation, which its id holds:
    /// published twice, after an interruption, it is a duplicate.
    fn record(&self, tenant: &TenantInfo) -> Record {
        let at = created_at(tenant.id).unwrap_or_else(clock::now);
        let body = Organization {
            name: self.name.as_str().into(),
            time_zone: Some(self.time_zone.as_str().into()),
            currency: Some(self.currency),
            clock: match self.clock {
                Clock::Wall => kinds::Clock::Wall,
                Clock::Data => kinds::Clock::Data,
            },
            ..Organization::default()
        };
        Record::new(tenant.id, Kind::Organization, ORGANIZATION, (at.0, at), Some(&body))
    }
}

/// Creates a tenant. One that was created but, for an interruption, never got its record gets it now.
pub(crate) async fn create(
    operator: &dyn Operator,
    settings: &TenantSettings,
) -> Outcome<TenantInfo> {
    let new = NewTenant { id: None, slug: settings.slug.clone(), name: settings.name.clone() };
    let tenant = match operator.create_tenant(new).await {
        Ok(tenant) => tenant,
        Err(refusal) if refusal.kind == RefusalKind::Conflict => {
            match find(operator, &settings.slug).await? {
                Some(tenant) if nothing_received(operator, &tenant).await? => tenant,
                _ => return Err(refusal.into()),
            }
        }
        Err(refusal) => return Err(refusal.into()),
    };
    let record = settings.record(&tenant);
    operator.publish(vec![Message::of(&record, operator.partitions())]).await?;
    Ok(tenant)
}

/// The tenant of a slug.
pub(crate) async fn find(operator: &dyn Operator, slug: &str) -> Outcome<Option<TenantInfo>> {
    Ok(operator.tenants().await?.into_iter().find(|tenant| tenant.slug == slug))
}

/// Whether no record of the tenant was ever committed. Waits a little for what is in the log already.
pub(crate) async fn nothing_received(
    operator: &dyn Operator,
    tenant: &TenantInfo,
) -> Outcome<bool> {
    let ends = operator.log_ends().await?;
    for _ in 0..REACHED_TRIES {
        let reached = operator.reached(tenant.id, ends.clone()).await?;
        if reached.counts.received > 0 {
            return Ok(false);
        }
        if reached.covers(&ends) {
            break;
        }
    }
    Ok(true)
}

/// When a tenant was created, by its id (a UUID of version 7, in milliseconds).
fn created_at(tenant: TenantId) -> Option<UtcMicros> {
    let (seconds, nanoseconds) = tenant.0.get_timestamp()?.to_unix();
    let seconds = i64::try_from(seconds).ok()?;
    Some(UtcMicros(seconds * SECOND_US + i64::from(nanoseconds) / 1_000))
}

/// Runs `vitals tenants ...`.
pub(crate) async fn run(settings: &Settings, command: Tenants) -> Outcome {
    match command {
        Tenants::Create(it) => run_create(settings, it).await,
        Tenants::List { json } => {
            let work = |operator: session::SharedOperator| async move {
                operator.tenants().await.map_err(Failure::from)
            };
            let tenants = session::with(settings, ("tenants list", Needs::Store), work).await?;
            if json {
                return output::json(&tenants);
            }
            let rows: Vec<[String; 3]> =
                tenants.into_iter().map(|it| [it.slug, it.name, it.id.to_string()]).collect();
            output::table(["SLUG", "NAME", "ID"], &rows)
        }
    }
}

async fn run_create(settings: &Settings, it: TenantsCreate) -> Outcome {
    let new = TenantSettings::new((&it.slug, &it.name), (&it.time_zone, &it.currency), it.clock)?;
    let work =
        |operator: session::SharedOperator| async move { create(operator.as_ref(), &new).await };
    let tenant = session::with(settings, ("tenants create", Needs::Store), work).await?;
    if it.json {
        return output::json(&tenant);
    }
    output::line(format_args!("created tenant {} ({})", tenant.slug, tenant.id))
}

/// What became of the tenant a command needs.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Tenant {
    /// The tenant.
    #[serde(flatten)]
    pub(crate) info: TenantInfo,
    /// Whether this command created it.
    pub(crate) created: bool,
}
