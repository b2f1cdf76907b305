//! The commands, one a file.

pub(crate) mod ask;
pub(crate) mod doctor;
pub(crate) mod import;
pub(crate) mod people;
pub(crate) mod reports;
pub(crate) mod shelf;
pub(crate) mod simulate;
pub(crate) mod sql;
pub(crate) mod tenants;
pub(crate) mod up;
pub(crate) mod verify;
