//! From the files and systems businesses use to records, and a simulated business for want of one.
//!
//! Promises that what a source says becomes exact records or a reason why not; that the same input gives
//! the same records, whatever its order; and that time is an argument. Reads files; knows no log, no
//! database and no runtime.

pub mod error;
pub mod import;
pub mod simulate;

pub use error::Error;
pub use import::{BadLine, Import, ImportContext, Item, Preset, Progress, Summary};
pub use simulate::{SimulatedTenant, Simulation, SimulationConfig};
