//! What tenants save to ask again.
//!
//! Promises that a query is found by its own tenant only, and that a tenant has so many and no more. Knows nothing of
//! SQL: whoever saves has had it passed.

use vitals_model::limits::SAVED_QUERIES_MAX;
use vitals_model::tenant::TenantScope;

use crate::error::{Error, failed};
use crate::store::Store;

/// A saved query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedQuery {
    /// The name it is run by: lower-case letters, digits, inner hyphens and underscores.
    pub name: String,
    /// What it is called.
    pub title: String,
    /// One SELECT.
    pub sql: String,
    /// Its parameters, as they were declared.
    pub params: Vec<String>,
}

type Row = (String, String, String, Vec<String>);

fn decode((name, title, sql, params): Row) -> SavedQuery {
    SavedQuery { name, title, sql, params }
}

impl Store {
    /// Saves a query, in the place of one of the same name. Whether it is a new one.
    ///
    /// # Errors
    /// [`Error::Refused`] if its name or title cannot be one, or the tenant has too many.
    pub async fn save_query(&self, scope: &TenantScope, it: &SavedQuery) -> Result<bool, Error> {
        let doing = "save a query";
        let mut tx = self.pool.begin().await.map_err(failed(doing))?;
        // Whoever counts sees what others added: they wait here for each other, tenant by tenant.
        sqlx::query("select 1 from tenants where id = $1 for update")
            .bind(scope.tenant().0)
            .execute(&mut *tx)
            .await
            .map_err(failed(doing))?;
        let saved: Result<bool, sqlx::Error> = sqlx::query_scalar(
            "insert into saved_queries (tenant, name, title, sql, params) values ($1, $2, $3, $4, $5) \
             on conflict (tenant, name) do update set title = excluded.title, sql = excluded.sql, \
             params = excluded.params, updated_at = now() returning xmax = 0",
        )
        .bind(scope.tenant().0)
        .bind(&it.name)
        .bind(&it.title)
        .bind(&it.sql)
        .bind(&it.params)
        .fetch_one(&mut *tx)
        .await;
        let is_new = match saved {
            Ok(is_new) => is_new,
            Err(sqlx::Error::Database(error)) if error.is_check_violation() => {
                return Err(refused(error.constraint(), it));
            }
            Err(source) => return Err(Error::Statement { doing, source }),
        };
        let count: i64 = sqlx::query_scalar("select count(*) from saved_queries where tenant = $1")
            .bind(scope.tenant().0)
            .fetch_one(&mut *tx)
            .await
            .map_err(failed(doing))?;
        if count > SAVED_QUERIES_MAX {
            let rule = "a tenant has at most 1,000 saved queries";
            return Err(Error::Refused { what: "query", value: it.name.clone(), rule });
        }
        tx.commit().await.map_err(failed(doing))?;
        Ok(is_new)
    }

    /// The tenant's queries by name, so many of those that come after a name.
    ///
    /// # Errors
    /// The database failed.
    pub async fn saved_queries(
        &self,
        scope: &TenantScope,
        after: &str,
        limit: u16,
    ) -> Result<Vec<SavedQuery>, Error> {
        let rows: Vec<Row> = sqlx::query_as(
            "select name, title, sql, params from saved_queries \
             where tenant = $1 and name collate \"C\" > $2 order by name collate \"C\" limit $3",
        )
        .bind(scope.tenant().0)
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await
        .map_err(failed("list the saved queries"))?;
        Ok(rows.into_iter().map(decode).collect())
    }

    /// The tenant's query of this name.
    ///
    /// # Errors
    /// The database failed.
    pub async fn saved_query(
        &self,
        scope: &TenantScope,
        name: &str,
    ) -> Result<Option<SavedQuery>, Error> {
        let row: Option<Row> = sqlx::query_as(
            "select name, title, sql, params from saved_queries where tenant = $1 and name = $2",
        )
        .bind(scope.tenant().0)
        .bind(name)
        .fetch_optional(&self.pool)
        .await
        .map_err(failed("find a saved query"))?;
        Ok(row.map(decode))
    }

    /// Forgets a query. Whether there was one.
    ///
    /// # Errors
    /// The database failed.
    pub async fn delete_query(&self, scope: &TenantScope, name: &str) -> Result<bool, Error> {
        let gone = sqlx::query("delete from saved_queries where tenant = $1 and name = $2")
            .bind(scope.tenant().0)
            .bind(name)
            .execute(&self.pool)
            .await
            .map_err(failed("delete a saved query"))?;
        Ok(gone.rows_affected() > 0)
    }
}

fn refused(constraint: Option<&str>, it: &SavedQuery) -> Error {
    if constraint == Some("saved_query_name") {
        let rule = "it has 1 to 63 lower-case letters, digits, inner hyphens and underscores";
        return Error::Refused { what: "name", value: it.name.clone(), rule };
    }
    let rule = "a title has 1 to 200 characters, and a query 1 to 16,384 bytes";
    Error::Refused { what: "query", value: it.name.clone(), rule }
}
