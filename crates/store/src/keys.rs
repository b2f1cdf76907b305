//! API keys: `vt_<id>_<secret>`, shown once.
//!
//! Promises that what is stored does not help anybody to act for a tenant: of the secret, 244 random
//! bits, only the SHA-256 is kept. (A slow hash is for passwords, which are guessable; these are not.)

use sha2::{Digest, Sha256};
use uuid::Uuid;
use vitals_model::TenantId;
use vitals_model::tenant::TenantScope;

use crate::error::{Error, failed};
use crate::store::Store;

impl Store {
    /// Creates a key of the tenant and returns its token, which cannot be had again.
    ///
    /// # Errors
    /// [`Error::NoTenant`] if there is no such tenant.
    pub async fn create_key(&self, scope: &TenantScope) -> Result<String, Error> {
        let id = Uuid::now_v7();
        let secret = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let created =
            sqlx::query("insert into api_keys (tenant, id, secret_sha256) values ($1, $2, $3)")
                .bind(scope.tenant().0)
                .bind(id)
                .bind(digest(&secret))
                .execute(&self.pool)
                .await;
        match created {
            Ok(_) => Ok(format!("vt_{}_{secret}", id.simple())),
            Err(sqlx::Error::Database(error)) if error.is_foreign_key_violation() => {
                Err(Error::NoTenant)
            }
            Err(source) => Err(Error::Statement { doing: "create a key", source }),
        }
    }

    /// The tenant this token acts for, and its slug: `None` if it is malformed, unknown or revoked, and
    /// nobody is told which.
    ///
    /// # Errors
    /// The database failed.
    pub async fn tenant_of_key(&self, token: &str) -> Result<Option<(TenantId, String)>, Error> {
        let Some((id, secret)) = token.strip_prefix("vt_").and_then(|it| it.split_once('_')) else {
            return Ok(None);
        };
        let Ok(id) = Uuid::try_parse(id) else { return Ok(None) };
        let row: Option<(Uuid, String, Vec<u8>)> = sqlx::query_as(
            "select k.tenant, t.slug, k.secret_sha256 \
             from api_keys k join tenants t on t.id = k.tenant \
             where k.id = $1 and k.revoked_at is null",
        )
        .bind(id)
        .fetch_optional(&self.pool)
        .await
        .map_err(failed("look up a key"))?;
        let right = row.filter(|(_, _, stored)| equal(stored, &digest(secret)));
        Ok(right.map(|(tenant, slug, _)| (TenantId(tenant), slug)))
    }

    /// Ends a key, named by its token or by the id in it. Whether there was one to end.
    ///
    /// # Errors
    /// The database failed.
    pub async fn revoke_key(&self, scope: &TenantScope, key: &str) -> Result<bool, Error> {
        let id = key.strip_prefix("vt_").unwrap_or(key);
        let id = id.split_once('_').map_or(id, |(id, _)| id);
        let Ok(id) = Uuid::try_parse(id) else { return Ok(false) };
        let ended = sqlx::query(
            "update api_keys set revoked_at = now() \
             where tenant = $1 and id = $2 and revoked_at is null",
        )
        .bind(scope.tenant().0)
        .bind(id)
        .execute(&self.pool)
        .await
        .map_err(failed("revoke a key"))?;
        Ok(ended.rows_affected() > 0)
    }
}

fn digest(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}

/// Compares every byte, so that the time taken says nothing about where they differ.
fn equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}
