//! The tables a tenant has, by name and columns: the same for every tenant.

use std::sync::OnceLock;

use arrow::datatypes::SchemaRef;
use vitals_model::VitalTables;

use crate::tables::RecordTables;
use crate::vital_tables::VitalBatches;

/// Every table of records and vitals with its columns, by name.
pub fn schemas() -> &'static [(&'static str, SchemaRef)] {
    static SCHEMAS: OnceLock<Vec<(&'static str, SchemaRef)>> = OnceLock::new();
    SCHEMAS.get_or_init(|| {
        let records = RecordTables::empty();
        let vitals = VitalBatches::of(&VitalTables::default()).with_changes(&[]).into_tables();
        let mut all: Vec<_> = RecordTables::names()
            .filter_map(|name| Some((name, records.get(name)?.schema())))
            .chain(vitals.into_iter().map(|(name, batch)| (name, batch.schema())))
            .collect();
        all.sort_by_key(|(name, _)| *name);
        all
    })
}

/// Whether a tenant has a table of this name.
pub(super) fn is_table(name: &str) -> bool {
    schemas().iter().any(|(it, _)| *it == name)
}
