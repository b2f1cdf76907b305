//! The tables that an analyst has, with their columns as SQL calls them. Holds no row.

use vitals_model::VitalTables;

use crate::formats::sql_type;
use crate::tables::RecordTables;
use crate::vital_tables::VitalBatches;

/// A table's name, and its columns with their types, in order.
pub type TableColumns = (String, Vec<(String, String)>);

/// Every table, by name.
#[must_use]
pub fn tables() -> Vec<TableColumns> {
    let records = RecordTables::empty();
    let records =
        RecordTables::names().filter_map(|name| Some((name, records.get(name)?.schema())));
    let vitals = VitalBatches::of(&VitalTables::default()).with_changes(&[]).into_tables();
    let vitals = vitals.into_iter().map(|(name, batch)| (name, batch.schema()));
    let mut tables: Vec<TableColumns> = records
        .chain(vitals)
        .map(|(name, schema)| {
            let columns = schema.fields().iter();
            let columns = columns.map(|it| (it.name().clone(), sql_type(it.data_type())));
            (name.to_owned(), columns.collect())
        })
        .collect();
    tables.sort();
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_has_its_columns() {
        let tables = tables();
        let of = |name: &str| tables.iter().find(|it| it.0 == name).map(|it| it.1.clone());
        assert_eq!(tables.len(), 32);
        let expenses = of("expenses").unwrap();
        assert!(
            expenses.contains(&("amount".to_owned(), "numeric(20,6)".to_owned())),
            "{expenses:?}"
        );
        assert!(of("churn_risk").is_some() && of("vital_changes").is_some());
    }
}
