//! Who keeps the manifest: a seam, so that the lake knows no database.

use async_trait::async_trait;
use vitals_model::lake::{Manifest, ManifestChange};

use crate::error::LakeError;

/// The keeper of one lake's manifest.
#[async_trait]
pub trait Manifests: Send + Sync + std::fmt::Debug {
    /// The manifest as it is now; an empty one of a lake that was never written.
    ///
    /// # Errors
    /// It cannot be read.
    async fn read(&self) -> Result<Manifest, LakeError>;

    /// Changes the manifest, durably and at once, and returns what it is then.
    ///
    /// # Contract
    /// 1. All of the change happens or nothing, whatever is killed when.
    /// 2. It happens only when what it builds on is there: the offsets of a flush, the segments it removes.
    /// 3. After an error other than [`LakeError::Moved`] it may have happened: read, and see.
    ///
    /// # Errors
    /// [`LakeError::Moved`] when what it builds on is not there, or the keeper fails.
    async fn change(&self, change: ManifestChange) -> Result<Manifest, LakeError>;
}
