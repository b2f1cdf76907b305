//! One lake: its files, its manifest as last read, and the tail of the log.
//!
//! Shared by the one who follows the log and by those who read. A reader takes a [`View`] and keeps it: what
//! happens meanwhile changes nothing in it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use vitals_model::lake::Manifest;
use vitals_model::limits::{
    LAKE_TAIL_BYTES_MAX, LAKE_TAIL_ROWS_MAX, LOG_BATCH_BYTES_MAX, LOG_BATCH_MESSAGES_MAX,
};
use vitals_model::{LogBatch, Offsets, UtcMicros};

use crate::error::LakeError;
use crate::manifests::Manifests;
use crate::objects::Objects;
use crate::reader::Reader;
use crate::tail::{Parsed, Tail};
use crate::view::View;
use crate::write::FileShape;

/// The records of one log.
#[derive(Debug)]
pub struct Lake {
    pub(crate) manifests: Arc<dyn Manifests>,
    pub(crate) shape: FileShape,
    pub(crate) reader: Arc<Reader>,
    state: RwLock<State>,
    /// Files that the manifest does not name, and when they were first found so.
    pub(crate) unnamed: Mutex<BTreeMap<String, UtcMicros>>,
}

/// What views begin with.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) tail: Arc<Tail>,
}

impl Lake {
    /// Opens a lake where its manifest stands; the log is to be followed from [`Lake::next`] on.
    ///
    /// # Errors
    /// The manifest cannot be read.
    pub async fn open(
        objects: Objects,
        manifests: Arc<dyn Manifests>,
        shape: FileShape,
    ) -> Result<Self, LakeError> {
        let manifest = manifests.read().await?;
        let tail = Tail::from(manifest.offsets.clone());
        let state = State { manifest: Arc::new(manifest), tail: Arc::new(tail) };
        let (reader, unnamed) = (Arc::new(Reader::new(objects)), Mutex::default());
        Ok(Self { manifests, shape, reader, state: RwLock::new(state), unnamed })
    }

    pub(crate) fn state(&self) -> State {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change<T>(&self, with: impl FnOnce(&mut State) -> T) -> T {
        with(&mut self.state.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Says where the log begins: partitions of which nothing was read yet are read from there on.
    pub fn begin_at(&self, starts: &Offsets) {
        self.change(|state| {
            let unread = |partition: &u16| !state.manifest.offsets.0.contains_key(partition);
            let starts = starts.0.iter().filter(|(partition, _)| unread(partition));
            let starts: Vec<_> = starts.map(|(partition, start)| (*partition, *start)).collect();
            let tail = Arc::make_mut(&mut state.tail);
            for (partition, start) in starts {
                let upper = tail.upper.0.entry(partition).or_default();
                *upper = (*upper).max(start);
            }
        });
    }

    /// The offsets to read from next.
    #[must_use]
    pub fn next(&self) -> Offsets {
        self.state().tail.upper.clone()
    }

    /// Takes in the next batch of the log: views taken from now on show it.
    ///
    /// # Errors
    /// [`LakeError::Gap`] when the batch does not begin at [`Lake::next`]; nothing has changed then.
    pub fn absorb(&self, batch: &LogBatch) -> Result<(), LakeError> {
        // Parsing takes its time: readers take views meanwhile.
        let batch = Parsed::of(batch);
        self.change(|state| Arc::make_mut(&mut state.tail).absorb(batch))
    }

    /// Whether the tail is so large that it is better flushed. The log may be followed meanwhile.
    #[must_use]
    pub fn is_due(&self) -> bool {
        let tail = self.state().tail;
        tail.rows >= LAKE_TAIL_ROWS_MAX / 2 || tail.bytes >= LAKE_TAIL_BYTES_MAX / 2
    }

    /// Whether one more batch may be too much: the log is not to be followed before the next flush.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let tail = self.state().tail;
        tail.rows > LAKE_TAIL_ROWS_MAX - LOG_BATCH_MESSAGES_MAX
            || tail.bytes > LAKE_TAIL_BYTES_MAX - LOG_BATCH_BYTES_MAX
    }

    /// How many records are in the tail.
    #[must_use]
    pub fn tail_rows(&self) -> usize {
        self.state().tail.rows
    }

    /// The manifest as last read or written.
    #[must_use]
    pub fn manifest(&self) -> Arc<Manifest> {
        self.state().manifest
    }

    /// Reads the manifest again, as is needed after any error and where another process writes.
    ///
    /// # Errors
    /// The manifest cannot be read.
    pub async fn refresh(&self) -> Result<(), LakeError> {
        self.adopt(self.manifests.read().await?);
        Ok(())
    }

    /// Goes on with a manifest, unless a newer one is there already.
    pub(crate) fn adopt(&self, manifest: Manifest) {
        self.change(|state| {
            if manifest.version < state.manifest.version {
                return;
            }
            if manifest.offsets != state.manifest.offsets {
                Arc::make_mut(&mut state.tail).trim(&manifest.offsets);
            }
            state.manifest = Arc::new(manifest);
        });
    }

    /// What the lake holds now.
    #[must_use]
    pub fn view(&self) -> View {
        View::new(Arc::clone(&self.reader), self.state())
    }
}
