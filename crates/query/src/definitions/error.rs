//! What can go wrong when a definition is planned or computed.
//!
//! Every variant names the definition it is about. None is about the records themselves: a record that
//! cannot be understood never gets into a table.

use datafusion::error::DataFusionError;

/// Why a vital could not be computed by its definition.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    /// The SQL does not plan: the definition or a table's columns are wrong. Mend the definition.
    #[error("the definition of {name} cannot be planned")]
    Plan {
        /// Which definition.
        name: &'static str,
        /// What the planner says.
        #[source]
        source: Box<DataFusionError>,
    },
    /// The plan failed on these records: a number beyond 38 digits, or too little memory.
    #[error("the definition of {name} cannot be computed")]
    Compute {
        /// Which definition.
        name: &'static str,
        /// What the executor says.
        #[source]
        source: Box<DataFusionError>,
    },
    /// A row came out that the vital cannot hold.
    #[error("the definition of {name} gave a row with an unusable {column}")]
    Row {
        /// Which definition.
        name: &'static str,
        /// The column that could not be read.
        column: &'static str,
    },
}
