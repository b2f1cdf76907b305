//! PostgreSQL and TimescaleDB: commits, progress, tenants, reads.
