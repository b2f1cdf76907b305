//! Where the files are: any object storage, and a local folder by default.
//!
//! Promises that a file which is reported as written is whole and, in a folder, on disk: the store of local
//! files renames, and does not sync. Other storages (S3 and the like) are an `ObjectStore` away: nothing else
//! in the lake knows where its files are.

use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use datafusion::execution::object_store::ObjectStoreUrl;
use futures::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use uuid::Uuid;
use vitals_model::UtcMicros;

use crate::error::LakeError;

/// The file that says which lake this is: a manifest stands for the files of one lake.
const IDENTITY: &str = "lake.id";

/// The files of one lake.
#[derive(Clone, Debug)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    /// The folder, where it is one.
    folder: Option<PathBuf>,
}

impl Objects {
    /// A folder of this machine, made when it is not there.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn folder(folder: &FilePath) -> Result<Self, LakeError> {
        std::fs::create_dir_all(folder)?;
        let store = LocalFileSystem::new_with_prefix(folder)?;
        Ok(Self { store: Arc::new(store), folder: Some(folder.to_owned()) })
    }

    /// Any other storage, which makes what it was given durable by itself.
    #[must_use]
    pub fn of(store: Arc<dyn ObjectStore>) -> Self {
        Self { store, folder: None }
    }

    /// A storage that has no files and is gone with the process.
    #[must_use]
    pub fn nowhere() -> Self {
        Self::of(Arc::new(InMemory::new()))
    }

    pub(crate) fn store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.store)
    }

    /// By what name plans know the storage.
    pub(crate) fn url() -> ObjectStoreUrl {
        ObjectStoreUrl::parse("lake://records").expect("a scheme and a host")
    }

    /// The size of a file that was written, once it is durable.
    pub(crate) async fn settle(&self, path: &str) -> Result<u64, LakeError> {
        if let Some(folder) = &self.folder {
            let file = folder.join(path);
            tokio::task::spawn_blocking(move || sync(&file))
                .await
                .map_err(std::io::Error::other)??;
        }
        Ok(self.store.head(&Path::from(path)).await?.size)
    }

    /// What tells the lake in this storage from every other; `None` when nobody began one here.
    ///
    /// # Errors
    /// The storage fails, or holds something else under that name.
    pub async fn identity(&self) -> Result<Option<Uuid>, LakeError> {
        let found = match self.store.get(&Path::from(IDENTITY)).await {
            Ok(found) => found.bytes().await?,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let text = std::str::from_utf8(&found).unwrap_or_default();
        text.trim().parse().map(Some).map_err(|_| LakeError::Identity)
    }

    /// The same, begun with `new` when nobody began one here.
    ///
    /// # Errors
    /// As [`Objects::identity`].
    pub async fn begin(&self, new: Uuid) -> Result<Uuid, LakeError> {
        let created = PutOptions::from(PutMode::Create);
        let text = format!("{new}\n").into_bytes();
        match self.store.put_opts(&Path::from(IDENTITY), text.into(), created).await {
            Ok(_) => self.settle(IDENTITY).await?,
            Err(object_store::Error::AlreadyExists { .. }) => 0,
            Err(error) => return Err(error.into()),
        };
        self.identity().await?.ok_or(LakeError::Identity)
    }

    /// Every file of records, with when it was written.
    pub(crate) async fn list(&self) -> Result<Vec<(String, UtcMicros)>, LakeError> {
        let files = self
            .store
            .list(None)
            .try_filter(|it| futures::future::ready(it.location.extension() == Some("parquet")));
        let files = files
            .map_ok(|it| (it.location.to_string(), UtcMicros(it.last_modified.timestamp_micros())));
        Ok(files.try_collect().await?)
    }

    /// Removes what a killed process left half-written in a folder, which the storage does not list.
    pub(crate) async fn sweep_drafts(&self, before: UtcMicros) -> Result<usize, LakeError> {
        let Some(folder) = self.folder.clone() else { return Ok(0) };
        let swept = tokio::task::spawn_blocking(move || sweep_drafts(&folder, before)).await;
        Ok(swept.map_err(std::io::Error::other)??)
    }

    /// Removes a file; one that is gone already is no error.
    pub(crate) async fn delete(&self, path: &str) -> Result<(), LakeError> {
        match self.store.delete(&Path::from(path)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Removes drafts, as `object_store` names them: a file's name, `#`, and a number.
fn sweep_drafts(folder: &FilePath, before: UtcMicros) -> std::io::Result<usize> {
    let mut swept = 0;
    for table in std::fs::read_dir(folder)? {
        let table = table?;
        if !table.file_type()?.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(table.path())? {
            let file = file?;
            let written = file.metadata()?.modified()?.duration_since(std::time::UNIX_EPOCH);
            let written = written.map_or(0, |it| i64::try_from(it.as_micros()).unwrap_or(i64::MAX));
            if file.file_name().to_string_lossy().contains(".parquet#") && written < before.0 {
                std::fs::remove_file(file.path())?;
                swept += 1;
            }
        }
    }
    Ok(swept)
}

/// Syncs a file and the folder that names it.
fn sync(file: &FilePath) -> std::io::Result<()> {
    std::fs::File::open(file)?.sync_all()?;
    match file.parent() {
        Some(folder) => std::fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
