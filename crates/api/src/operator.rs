//! What the operator of a Vitals installation may ask of it, whether it runs in this process or another.
//!
//! The command line speaks to an [`Operator`]: the one inside its own process, or, through the control
//! door, the one inside a running `vitals up`. Both answer alike. Every answer that says something was
//! published means that the log has it. Tenants' users never come through here.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use vitals_desk::Asked;
use vitals_log::Message;
use vitals_model::batch::Counts;
use vitals_model::{Offsets, TenantId};

mod desk;

pub use desk::{AskQuestion, ReportQuestion, ShelfOrder};

/// A refusal: what was wrong, and what to do about it. Both are fit to show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Which kind, for those who decide by it.
    pub kind: RefusalKind,
    /// One sentence without a full stop.
    pub detail: String,
    /// What to do, as an imperative without a full stop; may be empty.
    pub mend: String,
}

/// The kinds of refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// The request makes no sense.
    Invalid,
    /// What it names does not exist.
    Missing,
    /// It contradicts what is there.
    Conflict,
    /// Something it needs failed.
    Failed,
}

impl Refusal {
    /// A refusal of a kind.
    #[must_use]
    pub fn new(kind: RefusalKind, detail: impl fmt::Display, mend: impl fmt::Display) -> Self {
        Self { kind, detail: detail.to_string(), mend: mend.to_string() }
    }

    /// Something that was needed failed: the error and all its causes in one sentence.
    #[must_use]
    pub fn failed(error: &dyn std::error::Error, mend: impl fmt::Display) -> Self {
        Self::new(RefusalKind::Failed, chain(error), mend)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)?;
        if self.mend.is_empty() { Ok(()) } else { write!(f, "; {}", self.mend) }
    }
}

impl std::error::Error for Refusal {}

/// An error and its causes, `what: why: why`, as one line.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        // Some libraries repeat their cause in their own words.
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text.replace(['\n', '\r'], " ")
}

/// A tenant as the operator sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantInfo {
    /// Its id.
    pub id: TenantId,
    /// Its short name, unique.
    pub slug: String,
    /// Its name.
    pub name: String,
}

/// A tenant to be created. Its settings (zone, currency, clock) are its `organization` record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewTenant {
    /// Its id, when its records have one already; such a tenant may be there.
    pub id: Option<TenantId>,
    /// Its short name: lower-case letters, digits and dashes.
    pub slug: String,
    /// Its name.
    pub name: String,
}

/// A user to be created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewUser {
    /// Of which tenant, by slug.
    pub tenant: String,
    /// The address the user signs in with.
    pub email: String,
    /// The user's name.
    pub name: String,
    /// What the user may do: `owner`, `admin`, `manager`, `viewer` or `api`.
    pub role: String,
}

/// How far an import has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// What the file's reader calls its position.
    pub position: u64,
    /// Whether it came to the end.
    pub finished: bool,
}

/// A line that could not become a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadLine {
    /// Whose it would have been.
    pub tenant: TenantId,
    /// Of which file.
    pub file: String,
    /// Which line, counted from one.
    pub line: u64,
    /// Why, for a person.
    pub reason: String,
    /// The line as it stands in the file (lossy, shortened).
    pub raw: String,
}

/// How far the engine has come, and what became of the tenants' records since it started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    /// The last committed tick.
    pub tick: u64,
    /// The offsets it covers, by partition.
    pub offsets: BTreeMap<u16, i64>,
    /// The asked tenant's counts up to that tick. Only differences between two answers mean something.
    pub counts: CountsInfo,
}

impl Reached {
    /// Whether everything before `target` is committed.
    #[must_use]
    pub fn covers(&self, target: &Offsets) -> bool {
        Offsets(self.offsets.clone()).covers(target)
    }
}

/// [`Counts`] on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the words say it")]
pub struct CountsInfo {
    pub received: u64,
    pub applied: u64,
    pub superseded: u64,
    pub duplicate: u64,
    pub quarantined: u64,
}

impl From<Counts> for CountsInfo {
    fn from(it: Counts) -> Self {
        Self {
            received: it.received,
            applied: it.applied,
            superseded: it.superseded,
            duplicate: it.duplicate,
            quarantined: it.quarantined,
        }
    }
}

impl CountsInfo {
    /// Both together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        Self {
            received: self.received + other.received,
            applied: self.applied + other.applied,
            superseded: self.superseded + other.superseded,
            duplicate: self.duplicate + other.duplicate,
            quarantined: self.quarantined + other.quarantined,
        }
    }

    /// What was added since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            received: self.received.saturating_sub(earlier.received),
            applied: self.applied.saturating_sub(earlier.applied),
            superseded: self.superseded.saturating_sub(earlier.superseded),
            duplicate: self.duplicate.saturating_sub(earlier.duplicate),
            quarantined: self.quarantined.saturating_sub(earlier.quarantined),
        }
    }
}

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyReport {
    /// At which tick.
    pub tick: u64,
    /// How many records the log was read for.
    pub records: u64,
    /// Rows compared and rows that differ, by vital.
    pub vitals: BTreeMap<String, Compared>,
    /// The first differences, as text.
    pub differences: Vec<String>,
}

/// Rows of one vital compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// Rows the definition gives.
    pub rows: u64,
    /// Rows that differ, are missing, or should not be.
    pub different: u64,
}

impl VerifyReport {
    /// Whether the store equals the definitions.
    #[must_use]
    pub fn equal(&self) -> bool {
        self.vitals.values().all(|it| it.different == 0)
    }
}

/// A question in SQL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqlQuestion {
    /// Whose tables it is about, by slug.
    pub tenant: String,
    /// One SELECT.
    pub sql: String,
    /// In which form the rows are wanted: `table`, `csv`, `json` or `arrow`.
    pub format: String,
}

/// What is to be known of an answer besides its rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqlHead {
    /// As of which tick.
    pub tick: u64,
    /// When that was committed, RFC 3339.
    pub committed_at: String,
    /// Until when the sources say that they are complete, RFC 3339.
    pub complete_to: Option<String>,
    /// How many rows there are.
    pub rows: u64,
    /// Whether there were more, and these are the first.
    pub truncated: bool,
}

/// An answer: its head, and its rows in the form that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlAnswer {
    /// What is to be known of it.
    pub head: SqlHead,
    /// The rows.
    pub body: Vec<u8>,
}

/// One who carries out an operator's orders.
#[async_trait::async_trait]
pub trait Operator: Send + Sync {
    /// How many partitions the log has.
    fn partitions(&self) -> u16;
    /// Hands messages to the topic of records; answers when the log has them.
    async fn publish(&self, messages: Vec<Message>) -> Result<(), Refusal>;
    /// The end of the topic of records.
    async fn log_ends(&self) -> Result<Offsets, Refusal>;
    /// How far the engine has come with a tenant's records: at once when it covers `target`, else after a
    /// moment, so that a caller may ask again and again.
    async fn reached(&self, tenant: TenantId, target: Offsets) -> Result<Reached, Refusal>;
    /// Quarantines lines of a file, in the log and in the store.
    async fn quarantine(&self, lines: Vec<BadLine>) -> Result<(), Refusal>;
    /// The tenants, by slug.
    async fn tenants(&self) -> Result<Vec<TenantInfo>, Refusal>;
    /// Creates a tenant, still without its `organization` record.
    async fn create_tenant(&self, new: NewTenant) -> Result<TenantInfo, Refusal>;
    /// Creates a user of a tenant; answers with its id.
    async fn create_user(&self, new: NewUser) -> Result<String, Refusal>;
    /// Creates an API key of a tenant (by slug); answers with the key, shown once.
    async fn create_key(&self, tenant: String) -> Result<String, Refusal>;
    /// How far an import had come.
    async fn checkpoint(&self, tenant: TenantId, file_key: String) -> Result<Checkpoint, Refusal>;
    /// Notes how far an import has come.
    async fn save_checkpoint(
        &self,
        tenant: TenantId,
        file_key: String,
        checkpoint: Checkpoint,
    ) -> Result<(), Refusal>;
    /// Recomputes every vital from the log by its definition and compares it with the store.
    async fn verify(&self, tenant: Option<String>) -> Result<VerifyReport, Refusal>;
    /// Answers a question over one tenant's records and vitals.
    async fn sql(&self, question: SqlQuestion) -> Result<SqlAnswer, Refusal>;
    /// Answers a question in plain language.
    async fn ask(&self, question: AskQuestion) -> Result<Asked, Refusal>;
    /// Keeps, lists or forgets a tenant's (by slug) saved queries and schedules.
    async fn shelf(&self, tenant: String, order: ShelfOrder) -> Result<Value, Refusal>;
    /// Runs a report or a saved query.
    async fn report(&self, question: ReportQuestion) -> Result<SqlAnswer, Refusal>;
}
