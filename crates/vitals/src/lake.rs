//! The lake of a data directory: its folder, and the manifest of that folder in the store.
//!
//! Promises that a manifest is never used for another folder than its own, nor with another log than its
//! files are made from. Several directories around one log and one database have a lake each.

use std::sync::Arc;

use tokio::runtime::Handle;
use uuid::Uuid;
use vitals_lake::{FileShape, Lake, LakeError, Manifests, Objects};
use vitals_log::{SharedLog, Topic};
use vitals_model::lake::{Manifest, ManifestChange};
use vitals_store::{Error as StoreError, Store};

use crate::data_dir::DataDir;
use crate::failure::{Failure, OrFail, Outcome};

/// Opens the lake of a data directory for its keeper, or begins it.
pub(crate) async fn keep(log: &SharedLog, store: &Store, dir: &DataDir) -> Outcome<Arc<Lake>> {
    let folder = dir.lake();
    let what = format!("the lake in {} cannot be opened", folder.display());
    let objects = Objects::folder(&folder)
        .or_fail(&what, "check the data directory's permissions and free space")?;
    let id = objects.begin(Uuid::new_v4()).await.or_fail(&what, "")?;
    let mend = "remove that folder: it is filled again from the log";
    store.begin_lake(id, &log.identity()).await.or_fail(&what, mend)?;
    opened(objects, Arc::new(InStore::new(store, id)), log).await
}

/// Opens the lake of a data directory to read it, and changes nothing; where there is none, one that is empty.
pub(crate) async fn read(log: &SharedLog, store: &Store, dir: &DataDir) -> Outcome<Arc<Lake>> {
    let folder = dir.lake();
    let what = format!("the lake in {} cannot be read", folder.display());
    if !folder.is_dir() {
        return opened(Objects::nowhere(), Arc::new(Nothing), log).await;
    }
    let objects = Objects::folder(&folder).or_fail(&what, "")?;
    let Some(id) = objects.identity().await.or_fail(&what, "")? else {
        return opened(Objects::nowhere(), Arc::new(Nothing), log).await;
    };
    match store.lake_log(id).await.or_fail(&what, "")? {
        Some(of) if of == log.identity() => {
            opened(objects, Arc::new(InStore::new(store, id)), log).await
        }
        None => opened(Objects::nowhere(), Arc::new(Nothing), log).await,
        Some(_) => {
            let mend = "check --data-dir, --kafka and --database-url: they are not of one product";
            Err(Failure::new(format_args!("{what}: it is made from another log"), mend))
        }
    }
}

/// The manifest of the lake in a data directory; `None` when there is no lake yet.
pub(crate) async fn manifest(store: &Store, dir: &DataDir) -> Result<Option<Manifest>, LakeError> {
    let folder = dir.lake();
    let objects = folder.is_dir().then(|| Objects::folder(&folder)).transpose()?;
    let Some(objects) = objects else { return Ok(None) };
    let Some(id) = objects.identity().await? else { return Ok(None) };
    InStore::new(store, id).read().await.map(Some)
}

async fn opened(
    objects: Objects,
    manifests: Arc<dyn Manifests>,
    log: &SharedLog,
) -> Outcome<Arc<Lake>> {
    let lake = Lake::open(objects, manifests, FileShape::default()).await;
    let lake = lake.or_fail("the lake cannot be opened", "")?;
    let starts = log.starts(Topic::Records).await.or_fail("the log cannot be read", "")?;
    lake.begin_at(&starts);
    Ok(Arc::new(lake))
}

/// A lake's manifest in the store.
///
/// The keeper has threads and runtimes of its own; the store's connections belong to the process's runtime, and
/// are used on it.
#[derive(Debug)]
struct InStore {
    store: Store,
    lake: Uuid,
    runtime: Handle,
}

impl InStore {
    fn new(store: &Store, lake: Uuid) -> Self {
        Self { store: store.clone(), lake, runtime: Handle::current() }
    }

    async fn there<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, LakeError> {
        match self.runtime.spawn(work).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(StoreError::LakeMoved)) => Err(LakeError::Moved),
            Ok(Err(error)) => Err(LakeError::Manifest(Box::new(error))),
            Err(error) => Err(LakeError::Manifest(Box::new(error))),
        }
    }
}

#[async_trait::async_trait]
impl Manifests for InStore {
    async fn read(&self) -> Result<Manifest, LakeError> {
        let (store, lake) = (self.store.clone(), self.lake);
        self.there(async move { store.lake_manifest(lake).await }).await
    }

    async fn change(&self, change: ManifestChange) -> Result<Manifest, LakeError> {
        let (store, lake) = (self.store.clone(), self.lake);
        self.there(async move { store.change_lake(lake, &change).await }).await
    }
}

/// The manifest of a lake that nobody keeps.
#[derive(Debug)]
struct Nothing;

#[async_trait::async_trait]
impl Manifests for Nothing {
    async fn read(&self) -> Result<Manifest, LakeError> {
        Ok(Manifest::default())
    }

    async fn change(&self, _: ManifestChange) -> Result<Manifest, LakeError> {
        Err(LakeError::Moved)
    }
}
