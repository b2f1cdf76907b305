//! The two roles of the database: `vitals_engine` writes, `vitals_reader` reads one tenant.
//!
//! Promises that both exist, that neither logs in, owns anything or escapes row security, and that the
//! connecting user may act as them. Roles belong to the whole server, so another database's Vitals may be
//! making them at this very moment: "already there" is success.

use sqlx::PgConnection;

use crate::error::{Error, failed};

const ROLES: [&str; 2] = ["vitals_engine", "vitals_reader"];

/// Makes what is missing of the roles and of our membership in them.
pub(crate) async fn ensure(db: &mut PgConnection) -> Result<(), Error> {
    let user: String = sqlx::query_scalar("select current_user::text")
        .fetch_one(&mut *db)
        .await
        .map_err(failed("say who is connected"))?;
    for role in ROLES {
        let result = ensure_one(db, role).await;
        result.map_err(|source| Error::Roles { user: user.clone(), source })?;
    }
    Ok(())
}

async fn ensure_one(db: &mut PgConnection, role: &'static str) -> Result<(), sqlx::Error> {
    let exists: bool =
        sqlx::query_scalar("select exists (select from pg_roles where rolname = $1)")
            .bind(role)
            .fetch_one(&mut *db)
            .await?;
    if !exists {
        let create = match role {
            "vitals_engine" => "create role vitals_engine nologin nobypassrls",
            _ => "create role vitals_reader nologin nobypassrls",
        };
        sqlx::query(create).execute(&mut *db).await.map(|_| ()).or_else(already_there)?;
    }
    // A superuser is a member of everything; others need to be made one, once.
    let member: bool = sqlx::query_scalar("select pg_has_role(current_user, $1, 'member')")
        .bind(role)
        .fetch_one(&mut *db)
        .await?;
    if !member {
        let grant = match role {
            "vitals_engine" => "grant vitals_engine to current_user",
            _ => "grant vitals_reader to current_user",
        };
        sqlx::query(grant).execute(&mut *db).await.map(|_| ()).or_else(already_there)?;
    }
    Ok(())
}

/// A race lost against another database of this server: what we wanted is there.
fn already_there(error: sqlx::Error) -> Result<(), sqlx::Error> {
    let code = error.as_database_error().and_then(|it| it.code()).map(|it| it.into_owned());
    match code.as_deref() {
        Some("42710" | "23505" | "XX000") => Ok(()),
        _ => Err(error),
    }
}
