//! Tenants: their ids, names and slugs. What is known of them otherwise is a record in the log.

use chrono::{DateTime, Utc};
use uuid::Uuid;
use vitals_model::{TenantId, UtcMicros};

use crate::error::{Error, failed};
use crate::store::Store;

/// A tenant to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTenant {
    /// What it is called where a name is typed: lower-case letters, digits, hyphens.
    pub slug: String,
    /// What it is called.
    pub name: String,
}

/// A tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Its slug.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Since when.
    pub created_at: UtcMicros,
}

type Row = (Uuid, String, String, DateTime<Utc>);

fn decode((id, slug, name, created_at): Row) -> Tenant {
    let created_at = UtcMicros(created_at.timestamp_micros());
    Tenant { id: TenantId(id), slug, name, created_at }
}

impl Store {
    /// Creates a tenant. Its id is a UUID of version 7: in order of creation, and never another's.
    ///
    /// # Errors
    /// [`Error::Taken`] if there is one with this slug, [`Error::Refused`] if slug or name cannot be one.
    pub async fn create_tenant(&self, new: NewTenant) -> Result<TenantId, Error> {
        self.adopt_tenant(TenantId(Uuid::now_v7()), new).await
    }

    /// Creates a tenant whose records have this id already; one that is there stays as it is.
    ///
    /// # Errors
    /// As [`Store::create_tenant`].
    pub async fn adopt_tenant(&self, id: TenantId, new: NewTenant) -> Result<TenantId, Error> {
        let insert = "insert into tenants (id, slug, name) values ($1, $2, $3) \
                      on conflict (id) do nothing";
        let created = sqlx::query(insert)
            .bind(id.0)
            .bind(&new.slug)
            .bind(&new.name)
            .execute(&self.pool)
            .await;
        match created {
            Ok(_) => Ok(id),
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                Err(Error::Taken { what: "slug", value: new.slug })
            }
            Err(sqlx::Error::Database(error)) if error.is_check_violation() => {
                let named = (1..=200).contains(&new.name.chars().count());
                Err(if named {
                    let rule = "it has 1 to 63 lower-case letters, digits and inner hyphens";
                    Error::Refused { what: "slug", value: new.slug, rule }
                } else {
                    Error::Refused {
                        what: "name",
                        value: new.name,
                        rule: "it has 1 to 200 characters",
                    }
                })
            }
            Err(source) => Err(Error::Statement { doing: "create a tenant", source }),
        }
    }

    /// All tenants, by slug.
    ///
    /// # Errors
    /// The database failed.
    pub async fn tenants(&self) -> Result<Vec<Tenant>, Error> {
        let rows: Vec<Row> =
            sqlx::query_as("select id, slug, name, created_at from tenants order by slug")
                .fetch_all(&self.pool)
                .await
                .map_err(failed("list the tenants"))?;
        Ok(rows.into_iter().map(decode).collect())
    }

    /// The tenant of this slug.
    ///
    /// # Errors
    /// The database failed.
    pub async fn tenant_by_slug(&self, slug: &str) -> Result<Option<Tenant>, Error> {
        let row: Option<Row> =
            sqlx::query_as("select id, slug, name, created_at from tenants where slug = $1")
                .bind(slug)
                .fetch_optional(&self.pool)
                .await
                .map_err(failed("find a tenant"))?;
        Ok(row.map(decode))
    }
}
