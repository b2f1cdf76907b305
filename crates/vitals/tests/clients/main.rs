//! Real clients of the doors: psql, psycopg, SQLAlchemy, ADBC, curl, and what DBeaver, Metabase and Grafana say first.
//!
//! One `vitals up` serves two tenants with known rows; every client is somebody else's program. Values are
//! compared exactly, and a tenant's key is tried on every door of the other.

#![allow(clippy::unwrap_used, reason = "a test that fails should panic")]

#[allow(unreachable_pub, reason = "a module two tests share")]
#[path = "../e2e/world.rs"]
mod world;

mod house;
mod http;
mod locks;
mod psql;
mod python;
mod tools;
