//! The operator inside a running `vitals up`, reached through its control door.
//!
//! Promises the answers that operator gives, and says plainly when it cannot be reached. Splits what is
//! published into bodies the door accepts.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use vitals_api::control::{LogInfo, NewKey, decode_answer};
use vitals_api::operator::{
    AskQuestion, BadLine, Checkpoint, NewTenant, NewUser, Operator, Reached, Refusal, RefusalKind,
    ReportQuestion, ShelfOrder, SqlAnswer, SqlQuestion, TenantInfo, VerifyReport, chain,
};
use vitals_api::{ControlToken, frames};
use vitals_desk::Asked;
use vitals_log::Message;
use vitals_model::limits::{HTTP_BODY_BYTES_MAX, QUARANTINE_RAW_BYTES_MAX};
use vitals_model::{Offsets, TenantId};

use crate::data_dir::RunFile;

/// Longest wait for a connection to a process of the same machine.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest wait for an answer to anything but a verification.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);
/// Longest wait for an answer to a question: the log is read for it first.
const SQL_TIMEOUT: Duration = Duration::from_secs(600);
/// Longest wait for a verification: it reads the whole log.
const VERIFY_TIMEOUT: Duration = Duration::from_secs(6 * 3600);

/// A running `vitals up`.
#[derive(Debug)]
pub(crate) struct Remote {
    http: reqwest::Client,
    base: String,
    token: ControlToken,
    pid: u32,
    partitions: u16,
}

impl Remote {
    /// Reaches the process a `run.json` names.
    pub(crate) async fn connect(run: &RunFile) -> Result<Self, Refusal> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            // NB: a proxy of the environment has no business between two processes of one machine.
            .no_proxy()
            .build()
            .map_err(|error| Refusal::failed(&error, ""))?;
        let base = format!("http://{}/control", run.control);
        let mut remote = Self { http, base, token: run.token.clone(), pid: run.pid, partitions: 0 };
        remote.partitions = remote.log_info().await?.partitions;
        Ok(remote)
    }

    async fn log_info(&self) -> Result<LogInfo, Refusal> {
        self.send(self.http.get(format!("{}/log", self.base)), ANSWER_TIMEOUT).await
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Refusal> {
        self.send(self.http.get(format!("{}/{path}", self.base)), ANSWER_TIMEOUT).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Refusal> {
        self.send(self.http.post(format!("{}/{path}", self.base)).json(body), ANSWER_TIMEOUT).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
        timeout: Duration,
    ) -> Result<T, Refusal> {
        let body = self.send_for_bytes(request, timeout).await?;
        // An empty body is the answer of those who have nothing to say.
        let body = if body.is_empty() { b"null".as_slice() } else { &body };
        serde_json::from_slice(body).map_err(|error| self.lost(&error))
    }

    async fn send_for_bytes(
        &self,
        request: reqwest::RequestBuilder,
        timeout: Duration,
    ) -> Result<Vec<u8>, Refusal> {
        let sent = request.timeout(timeout).bearer_auth(self.token.expose()).send().await;
        let response = sent.map_err(|error| self.lost(&error))?;
        let status = response.status();
        let body = response.bytes().await.map_err(|error| self.lost(&error))?;
        if status.is_success() {
            return Ok(body.into());
        }
        Err(serde_json::from_slice::<Refusal>(&body).unwrap_or_else(|_| {
            Refusal::new(
                RefusalKind::Failed,
                format_args!("the running 'vitals up' (process {}) answered {status}", self.pid),
                "check that both are the same version, and see its log",
            )
        }))
    }

    /// An answer with rows.
    async fn rows(&self, path: &str, question: &impl Serialize) -> Result<SqlAnswer, Refusal> {
        let request = self.http.post(format!("{}/{path}", self.base)).json(question);
        let bytes = self.send_for_bytes(request, SQL_TIMEOUT).await?;
        decode_answer(&bytes).ok_or_else(|| {
            Refusal::new(
                RefusalKind::Failed,
                "the running 'vitals up' gave an answer that cannot be read",
                "check that both are the same version",
            )
        })
    }

    fn lost(&self, error: &dyn std::error::Error) -> Refusal {
        Refusal::new(
            RefusalKind::Failed,
            format_args!(
                "the running 'vitals up' (process {}) cannot be reached: {}",
                self.pid,
                chain(error)
            ),
            "see its log, and run this again when it serves",
        )
    }
}

#[async_trait::async_trait]
impl Operator for Remote {
    fn partitions(&self) -> u16 {
        self.partitions
    }

    async fn publish(&self, messages: Vec<Message>) -> Result<(), Refusal> {
        let mut rest = messages.as_slice();
        while !rest.is_empty() {
            let (body, count) = frames::encode(rest);
            let request = self.http.post(format!("{}/records", self.base)).body(body);
            self.send::<()>(request, ANSWER_TIMEOUT).await?;
            rest = &rest[count..];
        }
        Ok(())
    }

    async fn log_ends(&self) -> Result<Offsets, Refusal> {
        Ok(Offsets(self.log_info().await?.ends))
    }

    async fn reached(&self, tenant: TenantId, target: Offsets) -> Result<Reached, Refusal> {
        self.post(&format!("reached/{tenant}"), &target.0).await
    }

    async fn quarantine(&self, lines: Vec<BadLine>) -> Result<(), Refusal> {
        // As JSON, bytes that are no text grow up to sixfold.
        const LINES: usize = HTTP_BODY_BYTES_MAX / (6 * QUARANTINE_RAW_BYTES_MAX + 4_096);
        for some in lines.chunks(LINES) {
            self.post::<()>("quarantine", &some).await?;
        }
        Ok(())
    }

    async fn tenants(&self) -> Result<Vec<TenantInfo>, Refusal> {
        self.get("tenants").await
    }

    async fn create_tenant(&self, new: NewTenant) -> Result<TenantInfo, Refusal> {
        self.post("tenants", &new).await
    }

    async fn create_user(&self, new: NewUser) -> Result<String, Refusal> {
        self.post("users", &new).await
    }

    async fn create_key(&self, tenant: String) -> Result<String, Refusal> {
        self.post("keys", &NewKey { tenant }).await
    }

    async fn checkpoint(&self, tenant: TenantId, file_key: String) -> Result<Checkpoint, Refusal> {
        self.get(&format!("imports/{tenant}/{file_key}")).await
    }

    async fn save_checkpoint(
        &self,
        tenant: TenantId,
        file_key: String,
        checkpoint: Checkpoint,
    ) -> Result<(), Refusal> {
        let url = format!("{}/imports/{tenant}/{file_key}", self.base);
        self.send(self.http.put(url).json(&checkpoint), ANSWER_TIMEOUT).await
    }

    async fn verify(&self, tenant: Option<String>) -> Result<VerifyReport, Refusal> {
        let query = vitals_api::control::VerifyQuery { tenant };
        let request = self.http.post(format!("{}/verify", self.base)).query(&query);
        self.send(request, VERIFY_TIMEOUT).await
    }

    async fn ask(&self, question: AskQuestion) -> Result<Asked, Refusal> {
        self.send(self.http.post(format!("{}/ask", self.base)).json(&question), SQL_TIMEOUT).await
    }

    async fn sql(&self, question: SqlQuestion) -> Result<SqlAnswer, Refusal> {
        self.rows("sql", &question).await
    }

    async fn shelf(&self, tenant: String, order: ShelfOrder) -> Result<serde_json::Value, Refusal> {
        let request = self.http.post(format!("{}/shelf/{tenant}", self.base)).json(&order);
        self.send(request, SQL_TIMEOUT).await
    }

    async fn report(&self, question: ReportQuestion) -> Result<SqlAnswer, Refusal> {
        self.rows("report", &question).await
    }
}
