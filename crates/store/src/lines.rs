//! Lines of imported files that could not become records.
//!
//! Promises that a line is kept once, by its place in its file, however often the file is imported.

use vitals_model::Reason;
use vitals_model::limits::QUARANTINE_RAW_BYTES_MAX;
use vitals_model::tenant::TenantScope;

use crate::error::{Error, failed};
use crate::store::Store;

/// A line that could not become a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantinedLine {
    /// Of which file.
    pub file: String,
    /// Which line, counted from one.
    pub line: u64,
    /// Why.
    pub reason: Reason,
    /// Its bytes, cut at `QUARANTINE_RAW_BYTES_MAX`.
    pub raw: Vec<u8>,
}

impl Store {
    /// Keeps lines of the tenant's files; those that are there already stay as they are.
    ///
    /// # Errors
    /// The database failed.
    pub async fn quarantine_lines(
        &self,
        scope: &TenantScope,
        lines: &[QuarantinedLine],
    ) -> Result<(), Error> {
        let raw =
            |it: &QuarantinedLine| it.raw[..it.raw.len().min(QUARANTINE_RAW_BYTES_MAX)].to_vec();
        sqlx::query(
            "insert into quarantined_lines (tenant, file, line, reason, raw) \
             select $1, d.* from unnest($2::text[], $3::bigint[], $4::text[], $5::bytea[]) d \
             on conflict (tenant, file, line) do nothing",
        )
        .bind(scope.tenant().0)
        .bind(lines.iter().map(|it| it.file.replace('\0', " ")).collect::<Vec<_>>())
        .bind(lines.iter().map(|it| i64::try_from(it.line).unwrap_or(i64::MAX)).collect::<Vec<_>>())
        .bind(lines.iter().map(|it| it.reason.0.replace('\0', " ")).collect::<Vec<_>>())
        .bind(lines.iter().map(raw).collect::<Vec<_>>())
        .execute(&self.pool)
        .await
        .map(|_| ())
        .map_err(failed("quarantine lines of a file"))
    }
}
