//! How far each import got, so that an interrupted one goes on where it was.
//!
//! A checkpoint follows the log: it is saved when the log has what it counts, so that what a crash makes
//! an import publish again are duplicates, which change nothing. It never goes back.

use vitals_model::tenant::TenantScope;

use crate::error::{Error, failed};
use crate::store::Store;

/// How far an import of one file got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportCheckpoint {
    /// How much of the file is done, in the importer's own unit.
    pub position: u64,
    /// Whether all of it is.
    pub finished: bool,
}

impl Store {
    /// Where the tenant's import of the file got; the beginning if it never began.
    ///
    /// # Errors
    /// The database failed.
    pub async fn import_checkpoint(
        &self,
        scope: &TenantScope,
        file_key: &str,
    ) -> Result<ImportCheckpoint, Error> {
        let row: Option<(i64, bool)> = sqlx::query_as(
            "select position, finished from import_checkpoints where tenant = $1 and file_key = $2",
        )
        .bind(scope.tenant().0)
        .bind(file_key)
        .fetch_optional(&self.pool)
        .await
        .map_err(failed("read an import's checkpoint"))?;
        let Some((position, finished)) = row else { return Ok(ImportCheckpoint::default()) };
        let position =
            u64::try_from(position).map_err(|_| Error::Corrupt { what: "checkpoint" })?;
        Ok(ImportCheckpoint { position, finished })
    }

    /// Saves where the tenant's import of the file got. An older checkpoint changes nothing.
    ///
    /// # Errors
    /// [`Error::NoTenant`] if there is no such tenant, or the database failed.
    pub async fn save_import_checkpoint(
        &self,
        scope: &TenantScope,
        file_key: &str,
        checkpoint: ImportCheckpoint,
    ) -> Result<(), Error> {
        let saved = sqlx::query(
            "insert into import_checkpoints (tenant, file_key, position, finished) \
             values ($1, $2, $3, $4) \
             on conflict (tenant, file_key) do update set position = excluded.position, \
                 finished = excluded.finished, updated_at = now() \
             where (import_checkpoints.finished, import_checkpoints.position) \
                 <= (excluded.finished, excluded.position)",
        )
        .bind(scope.tenant().0)
        .bind(file_key)
        .bind(i64::try_from(checkpoint.position).unwrap_or(i64::MAX))
        .bind(checkpoint.finished)
        .execute(&self.pool)
        .await;
        match saved {
            Ok(_) => Ok(()),
            Err(sqlx::Error::Database(error)) if error.is_foreign_key_violation() => {
                Err(Error::NoTenant)
            }
            Err(source) => Err(Error::Statement { doing: "save an import's checkpoint", source }),
        }
    }
}
