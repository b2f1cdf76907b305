//! Users: the people who act for a tenant, and in which role.

use chrono::{DateTime, Utc};
use uuid::Uuid;
use vitals_model::tenant::TenantScope;
use vitals_model::{TenantId, UtcMicros};

use crate::error::{Error, failed};
use crate::store::Store;

/// What a user may do, from all to nothing but asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the words say it")]
pub enum Role {
    Owner,
    Admin,
    Manager,
    Viewer,
    Api,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Owner, Self::Admin, Self::Manager, Self::Viewer, Self::Api];

    /// The role's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Manager => "manager",
            Self::Viewer => "viewer",
            Self::Api => "api",
        }
    }

    /// The role of this name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

/// A user to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUser {
    /// The address the user is known by; one user of a tenant per address, in whatever case.
    pub email: String,
    /// What the user is called.
    pub name: String,
    /// What the user may do.
    pub role: Role,
}

/// A user of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The user's id.
    pub id: Uuid,
    /// Of which tenant.
    pub tenant: TenantId,
    /// The user's address.
    pub email: String,
    /// What the user is called.
    pub name: String,
    /// What the user may do.
    pub role: Role,
    /// Since when.
    pub created_at: UtcMicros,
}

impl Store {
    /// Creates a user of the tenant.
    ///
    /// # Errors
    /// [`Error::Taken`] if the tenant has a user of this address, [`Error::NoTenant`] if there is no
    /// such tenant, [`Error::Refused`] if it can be nobody's address.
    pub async fn create_user(&self, scope: &TenantScope, new: NewUser) -> Result<Uuid, Error> {
        let (local, domain) = new.email.split_once('@').unwrap_or_default();
        if local.is_empty() || domain.is_empty() || new.email.len() > 320 {
            let rule = "it has the form name@domain";
            return Err(Error::Refused { what: "e-mail address", value: new.email, rule });
        }
        let id = Uuid::now_v7();
        let created = sqlx::query(
            "insert into users (tenant, id, email, name, role) values ($1, $2, $3, $4, $5)",
        )
        .bind(scope.tenant().0)
        .bind(id)
        .bind(&new.email)
        .bind(&new.name)
        .bind(new.role.as_str())
        .execute(&self.pool)
        .await;
        match created {
            Ok(_) => Ok(id),
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                Err(Error::Taken { what: "e-mail address", value: new.email })
            }
            Err(sqlx::Error::Database(error)) if error.is_foreign_key_violation() => {
                Err(Error::NoTenant)
            }
            Err(source) => Err(Error::Statement { doing: "create a user", source }),
        }
    }

    /// The tenant's users, by address.
    ///
    /// # Errors
    /// The database failed.
    pub async fn users(&self, scope: &TenantScope) -> Result<Vec<User>, Error> {
        type Row = (Uuid, Uuid, String, String, String, DateTime<Utc>);
        let mut scoped = self.scoped(scope).await?;
        let rows: Vec<Row> = sqlx::query_as(
            "select id, tenant, email, name, role, created_at from users where tenant = $1 \
             order by lower(email)",
        )
        .bind(scope.tenant().0)
        .fetch_all(scoped.connection())
        .await
        .map_err(failed("list the users"))?;
        let decode = |(id, tenant, email, name, role, created_at): Row| {
            let role = Role::parse(&role).ok_or(Error::Corrupt { what: "role" })?;
            let created_at = UtcMicros(created_at.timestamp_micros());
            Ok(User { id, tenant: TenantId(tenant), email, name, role, created_at })
        };
        rows.into_iter().map(decode).collect()
    }
}
