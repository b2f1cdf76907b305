//! The operator of this very process: its log, its store, its engine.
//!
//! Promises what [`Operator`] says. The engine may run here or, around a shared log and database, in
//! another process: how far it has come is read from the store, which both know.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use vitals_api::operator::{
    AskQuestion, BadLine, Checkpoint, NewTenant, NewUser, Operator, Reached, Refusal, RefusalKind,
    ReportQuestion, ShelfOrder, SqlAnswer, SqlQuestion, TenantInfo, VerifyReport,
};
use vitals_api::shelf::Shelf;
use vitals_desk::{Asked, Desk};
use vitals_log::{Message, SharedLog, Topic};
use vitals_model::limits::SAVED_QUERIES_MAX;
use vitals_model::record::shorten;
use vitals_model::tenant::TenantScope;
use vitals_model::{Offsets, Reason, TenantId};
use vitals_query::Answers;
use vitals_store::{ImportCheckpoint, Position, QuarantinedLine, Role, Store, Tenant};

use crate::start::SHARD;
use crate::status::Status;
use crate::{clock, questions, verify};

/// How long one question about progress waits for it.
const REACHED_WAIT: Duration = Duration::from_millis(500);
/// How often the store is asked, when the engine is in another process.
const REACHED_POLL: Duration = Duration::from_millis(50);

/// The operator of this process.
#[derive(Debug)]
pub(crate) struct Local {
    /// The log.
    pub(crate) log: SharedLog,
    /// The store.
    pub(crate) store: Store,
    /// This process's engine; `None` when it has none.
    pub(crate) engine: Option<Status>,
    /// Whether this process takes records in.
    pub(crate) ingests: bool,
    /// Who answers questions.
    pub(crate) answers: Arc<dyn Answers>,
    /// Who answers them in plain language.
    pub(crate) desk: Arc<Desk>,
}

impl Local {
    async fn tenant(&self, slug: &str) -> Result<TenantInfo, Refusal> {
        let tenants = self.tenants().await?;
        tenants.into_iter().find(|it| it.slug == slug).ok_or_else(|| no_tenant(slug))
    }

    fn shelf_of_all(&self) -> Shelf {
        Shelf::new(self.store.clone(), Arc::clone(&self.desk))
    }

    async fn position(&self) -> Result<Position, Refusal> {
        self.store.position(SHARD).await.map_err(|error| store_refusal(&error))
    }

    /// Records are taken in by a process that has the role for it.
    fn takes_records(&self) -> Result<(), Refusal> {
        if self.ingests {
            return Ok(());
        }
        Err(Refusal::new(
            RefusalKind::Invalid,
            "this process takes no records in: it has not the role ingest",
            "turn to one that has, or give --kafka and --database-url",
        ))
    }

    /// Waits a moment for the engine to come to `target`.
    async fn wait(&self, target: &Offsets) -> Result<(), Refusal> {
        let arrival = async {
            match &self.engine {
                Some(status) => status.covers(target).await,
                None => {
                    while !self.position().await?.offsets.covers(target) {
                        tokio::time::sleep(REACHED_POLL).await;
                    }
                }
            }
            Ok(())
        };
        tokio::time::timeout(REACHED_WAIT, arrival).await.unwrap_or(Ok(()))
    }
}

/// What is said about an unknown tenant, everywhere.
pub(crate) fn no_tenant(slug: &str) -> Refusal {
    Refusal::new(
        RefusalKind::Missing,
        format_args!("there is no tenant '{}'", shorten(slug)),
        "'vitals tenants list' shows those there are, 'vitals tenants create' makes one",
    )
}

fn store_refusal(error: &vitals_store::Error) -> Refusal {
    use vitals_store::Error;
    let kind = match error {
        Error::Taken { .. } => RefusalKind::Conflict,
        Error::Refused { .. } => RefusalKind::Invalid,
        Error::NoTenant => RefusalKind::Missing,
        _ => RefusalKind::Failed,
    };
    Refusal { kind, ..Refusal::failed(error, "") }
}

fn log_refusal(error: &vitals_log::Error) -> Refusal {
    Refusal::failed(error, "")
}

#[async_trait::async_trait]
impl Operator for Local {
    fn partitions(&self) -> u16 {
        self.log.partitions()
    }

    async fn publish(&self, messages: Vec<Message>) -> Result<(), Refusal> {
        self.takes_records()?;
        self.log.publish(Topic::Records, messages).await.map_err(|error| log_refusal(&error))
    }

    async fn log_ends(&self) -> Result<Offsets, Refusal> {
        self.log.ends(Topic::Records).await.map_err(|error| log_refusal(&error))
    }

    async fn reached(&self, tenant: TenantId, target: Offsets) -> Result<Reached, Refusal> {
        self.wait(&target).await?;
        let (position, counts) =
            self.store.reached(SHARD, tenant).await.map_err(|error| store_refusal(&error))?;
        Ok(Reached { tick: position.tick, offsets: position.offsets.0, counts: counts.into() })
    }

    async fn quarantine(&self, lines: Vec<BadLine>) -> Result<(), Refusal> {
        self.takes_records()?;
        let partitions = self.log.partitions();
        let messages = lines.iter().map(|line| quarantine_message(line, partitions)).collect();
        self.log.publish(Topic::Quarantine, messages).await.map_err(|error| log_refusal(&error))?;
        let mut by_tenant: BTreeMap<TenantId, Vec<QuarantinedLine>> = BTreeMap::new();
        for BadLine { tenant, file, line, reason, raw } in lines {
            let (reason, raw) = (Reason::new(reason), raw.into_bytes());
            by_tenant.entry(tenant).or_default().push(QuarantinedLine { file, line, reason, raw });
        }
        for (tenant, lines) in by_tenant {
            self.store
                .quarantine_lines(&TenantScope::of_operator(tenant), &lines)
                .await
                .map_err(|error| store_refusal(&error))?;
        }
        Ok(())
    }

    async fn tenants(&self) -> Result<Vec<TenantInfo>, Refusal> {
        let tenants = self.store.tenants().await.map_err(|error| store_refusal(&error))?;
        let info = |it: Tenant| TenantInfo { id: it.id, slug: it.slug, name: it.name };
        Ok(tenants.into_iter().map(info).collect())
    }

    async fn create_tenant(&self, new: NewTenant) -> Result<TenantInfo, Refusal> {
        let NewTenant { id, slug, name } = new;
        let row = vitals_store::NewTenant { slug: slug.clone(), name: name.clone() };
        let created = match id {
            Some(id) => self.store.adopt_tenant(id, row).await,
            None => self.store.create_tenant(row).await,
        };
        let id = created.map_err(|error| store_refusal(&error))?;
        Ok(TenantInfo { id, slug, name })
    }

    async fn create_user(&self, new: NewUser) -> Result<String, Refusal> {
        let role = Role::parse(&new.role).ok_or_else(|| {
            let all = Role::ALL.map(Role::as_str).join(", ");
            let what = format_args!("there is no role '{}'", shorten(&new.role)).to_string();
            Refusal::new(RefusalKind::Invalid, what, format_args!("choose one of {all}"))
        })?;
        let scope = TenantScope::of_operator(self.tenant(&new.tenant).await?.id);
        let user = vitals_store::NewUser { email: new.email, name: new.name, role };
        let id = self.store.create_user(&scope, user).await;
        id.map(|id| id.to_string()).map_err(|error| store_refusal(&error))
    }

    async fn create_key(&self, tenant: String) -> Result<String, Refusal> {
        let scope = TenantScope::of_operator(self.tenant(&tenant).await?.id);
        self.store.create_key(&scope).await.map_err(|error| store_refusal(&error))
    }

    async fn checkpoint(&self, tenant: TenantId, file_key: String) -> Result<Checkpoint, Refusal> {
        let scope = TenantScope::of_operator(tenant);
        let found = self.store.import_checkpoint(&scope, &file_key).await;
        let ImportCheckpoint { position, finished } =
            found.map_err(|error| store_refusal(&error))?;
        Ok(Checkpoint { position, finished })
    }

    async fn save_checkpoint(
        &self,
        tenant: TenantId,
        file_key: String,
        checkpoint: Checkpoint,
    ) -> Result<(), Refusal> {
        let scope = TenantScope::of_operator(tenant);
        let Checkpoint { position, finished } = checkpoint;
        let checkpoint = ImportCheckpoint { position, finished };
        self.store
            .save_import_checkpoint(&scope, &file_key, checkpoint)
            .await
            .map_err(|error| store_refusal(&error))
    }

    async fn verify(&self, tenant: Option<String>) -> Result<VerifyReport, Refusal> {
        let only = match tenant {
            Some(slug) => Some(self.tenant(&slug).await?.id),
            None => None,
        };
        verify::run(self.log.as_ref(), &self.store, only).await
    }

    async fn sql(&self, question: SqlQuestion) -> Result<SqlAnswer, Refusal> {
        let tenant = self.tenant(&question.tenant).await?.id;
        questions::answer(self.answers.as_ref(), tenant, &question).await
    }

    async fn ask(&self, question: AskQuestion) -> Result<Asked, Refusal> {
        let tenant = self.tenant(&question.tenant).await?.id;
        Ok(self.desk.ask(tenant, &question.question).await?)
    }

    async fn shelf(&self, tenant: String, order: ShelfOrder) -> Result<serde_json::Value, Refusal> {
        let tenant = self.tenant(&tenant).await?.id;
        let shelf = self.shelf_of_all();
        let done = serde_json::Value::Null;
        let told = |it: Result<serde_json::Value, serde_json::Error>| {
            it.map_err(|error| Refusal::failed(&error, ""))
        };
        Ok(match order {
            ShelfOrder::SaveQuery(query) => shelf.save(tenant, query).await.map(|_| done)?,
            ShelfOrder::DeleteQuery { name } => shelf.delete(tenant, &name).await.map(|()| done)?,
            ShelfOrder::DeleteSchedule { name } => {
                shelf.unschedule(tenant, &name).await.map(|()| done)?
            }
            ShelfOrder::Queries => {
                let all = u16::try_from(SAVED_QUERIES_MAX).unwrap_or(u16::MAX);
                told(serde_json::to_value(shelf.queries(tenant, "", all).await?))?
            }
            ShelfOrder::Schedules => told(serde_json::to_value(shelf.schedules(tenant).await?))?,
            ShelfOrder::CreateSchedule(schedule) => {
                shelf.schedule(tenant, schedule, clock::now()).await?.to_string().into()
            }
        })
    }

    async fn report(&self, question: ReportQuestion) -> Result<SqlAnswer, Refusal> {
        let tenant = self.tenant(&question.tenant).await?.id;
        let format = questions::format(&question.format)?;
        let target = (!question.is_saved, question.name.as_str());
        let ran = self.shelf_of_all().run_target(tenant, target, &question.params).await?;
        Ok(SqlAnswer { head: questions::head(&ran.answer), body: ran.write(format)? })
    }
}

/// A bad line as a message of the topic of quarantine.
fn quarantine_message(line: &BadLine, partitions: u16) -> Message {
    let value = serde_json::json!({
        "tenant": line.tenant,
        "file": line.file,
        "line": line.line,
        "reason": line.reason,
        "raw": line.raw,
    });
    Message {
        partition: line.tenant.partition(partitions),
        key: format!("{}/{}/{}", line.tenant, line.file, line.line).into_bytes(),
        value: value.to_string().into_bytes(),
    }
}
