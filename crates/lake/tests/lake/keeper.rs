//! A manifest in memory, a storage in memory and a log in memory, with switches for what may fail.

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use vitals_lake::{FileShape, Lake, LakeError, Manifests, Objects};
use vitals_model::lake::{Manifest, ManifestChange};
use vitals_model::{LogBatch, LogMessage, Offsets};
use vitals_testkit::history::History;

/// How many partitions the log of the tests has.
pub(crate) const PARTITIONS: u16 = 4;

/// Steps that are still done before the process is killed; negative for no end.
#[derive(Clone, Debug)]
pub(crate) struct Fuse(Arc<AtomicI64>);

impl Fuse {
    pub(crate) fn endless() -> Self {
        Self(Arc::new(AtomicI64::new(i64::MAX)))
    }

    pub(crate) fn set(&self, steps: i64) {
        self.0.store(steps, Ordering::Relaxed);
    }

    /// Whether the next step is done.
    fn burns(&self) -> bool {
        self.0.fetch_sub(1, Ordering::Relaxed) > 0
    }

    fn blown() -> object_store::Error {
        object_store::Error::NotImplemented {
            operation: "killed".into(),
            implementer: "test".into(),
        }
    }
}

/// The manifest. A change is two steps: before it is there, and before its caller learns so.
#[derive(Debug)]
pub(crate) struct Kept {
    manifest: Mutex<Manifest>,
    fuse: Fuse,
}

#[async_trait]
impl Manifests for Kept {
    async fn read(&self) -> std::result::Result<Manifest, LakeError> {
        Ok(self.manifest.lock().unwrap().clone())
    }

    async fn change(&self, change: ManifestChange) -> std::result::Result<Manifest, LakeError> {
        if !self.fuse.burns() {
            return Err(LakeError::Manifest("killed before".into()));
        }
        let mut manifest = self.manifest.lock().unwrap();
        let mut next = manifest.clone();
        if let Some((lower, upper)) = change.offsets {
            if lower != next.offsets {
                return Err(LakeError::Moved);
            }
            next.offsets = upper;
        }
        let known = next.segments.len();
        next.segments.retain(|it| !change.remove.contains(&it.path));
        if next.segments.len() + change.remove.len() != known {
            return Err(LakeError::Moved);
        }
        next.segments.extend(change.add);
        next.segments.sort_by(|a, b| a.path.cmp(&b.path));
        next.version += 1;
        *manifest = next.clone();
        if self.fuse.burns() { Ok(next) } else { Err(LakeError::Manifest("killed after".into())) }
    }
}

/// A storage of which each writing and each removal is a step.
#[derive(Debug)]
pub(crate) struct Storage {
    inner: InMemory,
    fuse: Fuse,
}

impl fmt::Display for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("storage")
    }
}

#[async_trait]
impl ObjectStore for Storage {
    async fn put_opts(&self, at: &Path, payload: PutPayload, how: PutOptions) -> Result<PutResult> {
        if self.fuse.burns() {
            self.inner.put_opts(at, payload, how).await
        } else {
            Err(Fuse::blown())
        }
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        how: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(at, how).await
    }

    async fn get_opts(&self, at: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(at, options).await
    }

    async fn get_ranges(&self, at: &Path, ranges: &[Range<u64>]) -> Result<Vec<bytes::Bytes>> {
        self.inner.get_ranges(at, ranges).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        if self.fuse.burns() {
            self.inner.delete_stream(paths)
        } else {
            Box::pin(futures::stream::iter([Err(Fuse::blown())]))
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

/// A log, and what a lake of it leaves behind when it is killed.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) messages: Vec<LogMessage>,
    pub(crate) fuse: Fuse,
    pub(crate) storage: Arc<Storage>,
    pub(crate) kept: Arc<Kept>,
    shape: FileShape,
}

impl World {
    /// The log of a history.
    pub(crate) fn new(history: &History) -> Self {
        let values = history.messages().map(|(key, value, tenant)| (tenant, key, value));
        let mut ends = [0; PARTITIONS as usize];
        let mut messages = Vec::new();
        for (tenant, key, value) in values {
            let partition = tenant.partition(PARTITIONS);
            let end = &mut ends[usize::from(partition)];
            messages.push(LogMessage {
                partition,
                offset: *end,
                key: key.clone(),
                value: value.clone(),
            });
            // As after a topic compaction, not every offset has a message.
            *end += 1 + i64::from(messages.len() % 7 == 0);
        }
        Self::of(messages, FileShape { file_rows: 40, row_group_rows: 16 })
    }

    pub(crate) fn of(messages: Vec<LogMessage>, shape: FileShape) -> Self {
        let fuse = Fuse::endless();
        let storage = Arc::new(Storage { inner: InMemory::new(), fuse: fuse.clone() });
        let kept = Arc::new(Kept { manifest: Mutex::default(), fuse: fuse.clone() });
        Self { messages, fuse, storage, kept, shape }
    }

    /// A process that opens the lake.
    pub(crate) async fn open(&self) -> Lake {
        let objects = Objects::of(Arc::clone(&self.storage) as Arc<dyn ObjectStore>);
        Lake::open(objects, Arc::clone(&self.kept) as Arc<dyn Manifests>, self.shape).await.unwrap()
    }

    /// At most `count` messages that follow `from`, with the offsets they cover.
    pub(crate) fn fetch(&self, from: &Offsets, count: usize) -> LogBatch {
        let next = self.messages.iter().filter(|it| it.offset >= from.get(it.partition));
        let messages: Vec<LogMessage> = next.take(count).cloned().collect();
        let mut upper = from.clone();
        for message in &messages {
            upper.0.insert(message.partition, message.offset + 1);
        }
        LogBatch { lower: from.clone(), upper, messages }
    }

    /// The lake of all messages, still in memory.
    pub(crate) async fn followed(&self) -> Lake {
        let lake = self.open().await;
        lake.absorb(&self.fetch(&lake.next(), usize::MAX)).unwrap();
        lake
    }
}
