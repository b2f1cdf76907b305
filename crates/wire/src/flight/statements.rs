//! Statements that were asked for or prepared, each under a handle that says nothing.
//!
//! Promises that a handle is its tenant's alone (to anybody else it is not there), that no tenant has more
//! than [`FLIGHT_STATEMENTS_PER_TENANT_MAX`] (its oldest go) and all together not more than
//! [`FLIGHT_STATEMENTS_MAX`].

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tonic::Status;
use uuid::Uuid;
use vitals_model::TenantId;
use vitals_model::limits::{FLIGHT_STATEMENTS_MAX, FLIGHT_STATEMENTS_PER_TENANT_MAX};
use vitals_query::answers::Param;

/// A statement with the values of its parameters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) params: Vec<Param>,
}

#[derive(Debug, Default)]
struct Kept {
    statements: HashMap<(TenantId, Uuid), Statement>,
    by_age: HashMap<TenantId, VecDeque<Uuid>>,
}

/// Every statement.
#[derive(Debug, Default)]
pub(super) struct Statements(Mutex<Kept>);

fn not_found() -> Status {
    Status::not_found("there is no such statement; ask again")
}

fn id(handle: &[u8]) -> Result<Uuid, Status> {
    Uuid::from_slice(handle).map_err(|_| not_found())
}

impl Statements {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a statement; gives its handle.
    pub(super) fn keep(&self, tenant: TenantId, statement: Statement) -> Result<Bytes, Status> {
        let id = Uuid::new_v4();
        let Kept { statements, by_age } = &mut *self.kept();
        let own = by_age.entry(tenant).or_default();
        while own.len() >= FLIGHT_STATEMENTS_PER_TENANT_MAX
            || (statements.len() >= FLIGHT_STATEMENTS_MAX && !own.is_empty())
        {
            if let Some(oldest) = own.pop_front() {
                statements.remove(&(tenant, oldest));
            }
        }
        if statements.len() >= FLIGHT_STATEMENTS_MAX {
            by_age.remove(&tenant);
            return Err(Status::resource_exhausted(
                "there are too many statements; try again later",
            ));
        }
        own.push_back(id);
        statements.insert((tenant, id), statement);
        Ok(Bytes::copy_from_slice(id.as_bytes()))
    }

    /// The statement under a handle.
    pub(super) fn get(&self, tenant: TenantId, handle: &[u8]) -> Result<Statement, Status> {
        let id = id(handle)?;
        self.kept().statements.get(&(tenant, id)).cloned().ok_or_else(not_found)
    }

    /// Gives a statement other values.
    pub(super) fn bind(
        &self,
        tenant: TenantId,
        handle: &[u8],
        params: Vec<Param>,
    ) -> Result<(), Status> {
        let id = id(handle)?;
        let mut kept = self.kept();
        kept.statements.get_mut(&(tenant, id)).ok_or_else(not_found)?.params = params;
        Ok(())
    }

    /// Forgets a statement.
    pub(super) fn close(&self, tenant: TenantId, handle: &[u8]) -> Result<(), Status> {
        let id = id(handle)?;
        let Kept { statements, by_age } = &mut *self.kept();
        statements.remove(&(tenant, id)).ok_or_else(not_found)?;
        if let Some(own) = by_age.get_mut(&tenant) {
            own.retain(|it| *it != id);
            if own.is_empty() {
                by_age.remove(&tenant);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(n: u128) -> TenantId {
        TenantId(Uuid::from_u128(n))
    }

    fn statement(sql: &str) -> Statement {
        Statement { sql: sql.to_owned(), params: Vec::new() }
    }

    #[test]
    fn a_handle_is_its_tenants_alone() {
        let statements = Statements::default();
        let handle = statements.keep(tenant(1), statement("SELECT 1")).unwrap();
        assert_eq!(statements.get(tenant(1), &handle).unwrap(), statement("SELECT 1"));
        let code = |outcome: Result<(), Status>| outcome.err().map(|it| it.code());
        let missing = Some(tonic::Code::NotFound);
        assert_eq!(code(statements.get(tenant(2), &handle).map(|_| ())), missing);
        assert_eq!(code(statements.bind(tenant(2), &handle, Vec::new())), missing);
        assert_eq!(code(statements.close(tenant(2), &handle)), missing);
        assert_eq!(code(statements.get(tenant(1), b"x").map(|_| ())), missing);
        statements.close(tenant(1), &handle).unwrap();
        assert_eq!(code(statements.close(tenant(1), &handle)), missing);
        assert!(statements.kept().by_age.is_empty());
    }

    #[test]
    fn who_keeps_too_many_loses_the_oldest_and_nobody_else_does() {
        let statements = Statements::default();
        let other = statements.keep(tenant(2), statement("SELECT 2")).unwrap();
        let first = statements.keep(tenant(1), statement("SELECT 1")).unwrap();
        for _ in 0..FLIGHT_STATEMENTS_PER_TENANT_MAX {
            statements.keep(tenant(1), statement("SELECT 1")).unwrap();
        }
        assert!(statements.get(tenant(1), &first).is_err());
        assert!(statements.get(tenant(2), &other).is_ok());
        for n in 3..200 {
            for _ in 0..FLIGHT_STATEMENTS_PER_TENANT_MAX {
                statements.keep(tenant(n), statement("SELECT 1")).ok();
            }
        }
        assert_eq!(statements.kept().statements.len(), FLIGHT_STATEMENTS_MAX);
        assert!(statements.get(tenant(2), &other).is_ok());
    }
}
