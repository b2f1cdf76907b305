//! What can go wrong between the log, the files and the manifest. Nothing here is about a record.

use datafusion::error::DataFusionError;

/// What a manifest's keeper says of its own failures.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why the lake could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LakeError {
    /// A batch does not begin where the tail ends.
    #[error("a batch of the log does not continue what the lake has read")]
    Gap,
    /// Somebody else changed the manifest first. Read it again and go on from there.
    #[error("another process changed the lake's manifest")]
    Moved,
    /// The manifest cannot be read or written.
    #[error("the lake's manifest cannot be used")]
    Manifest(#[source] Source),
    /// The object storage failed.
    #[error("the lake's files cannot be reached")]
    Objects(#[from] object_store::Error),
    /// The file that names the lake is none of ours.
    #[error(
        "the lake's folder holds a lake.id that is none; remove the folder, and it is made anew"
    )]
    Identity,
    /// The local disk failed.
    #[error("the lake's files cannot be made durable")]
    Disk(#[from] std::io::Error),
    /// A file cannot be written.
    #[error("a file of the lake cannot be written")]
    Write(#[from] parquet::errors::ParquetError),
    /// A file cannot be read, or a plan over it fails.
    #[error("the lake cannot be read")]
    Read(#[from] DataFusionError),
    /// Columns do not fit together: a mistake of ours.
    #[error("the lake's columns do not fit together")]
    Columns(#[from] arrow::error::ArrowError),
}
