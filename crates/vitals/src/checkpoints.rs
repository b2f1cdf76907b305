//! Checkpoints of the engine in files: a start reads the newest and what the log has since, not the whole log.
//!
//! Promises that a file is whole under its name or not there, that one is offered only to the program that
//! wrote it, for the log it is of and at or below what is committed, and that damage is found by checksums.
//! An engine is a function of the log up to its offsets (I1), so it does not matter whether the tick that it
//! was saved at was ever committed. They are a cache: whoever loses them waits longer for a start.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vitals_engine::{Engine, EngineStart, LAYOUT, Restoring};
use vitals_model::{Digest, Offsets, UtcMicros};
use vitals_store::Position;

/// What every file begins with.
const MAGIC: &[u8; 16] = b"vitals engine 1\n";
/// Files that are kept: the newest, and the one before it.
const KEPT: usize = 2;
const SUFFIX: &str = "engine";
const PARTIAL: &str = "partial";
/// Most bytes of a head, and of one frame: more is damage.
const HEAD_BYTES_MAX: u32 = 1 << 20;
const FRAME_BYTES_MAX: u32 = 1 << 30;

/// The folder of one engine's checkpoints.
#[derive(Clone, Debug)]
pub(crate) struct Checkpoints {
    folder: PathBuf,
    log: String,
}

/// What a file says of itself.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    layout: String,
    log: String,
    offsets: std::collections::BTreeMap<u16, i64>,
    clock: i64,
    digest: String,
}

/// A checkpoint that may be restored.
#[derive(Debug)]
pub(crate) struct Found {
    path: PathBuf,
    /// Where the engine stood.
    pub(crate) offsets: Offsets,
    /// How large it is.
    pub(crate) bytes: u64,
}

/// A checkpoint that is written and not yet durable.
#[derive(Debug)]
pub(crate) struct Written {
    file: File,
    partial: PathBuf,
    path: PathBuf,
    /// How large it is.
    pub(crate) bytes: u64,
}

impl Checkpoints {
    /// Those in a folder, of the log of this identity.
    pub(crate) fn new(folder: PathBuf, log: String) -> Self {
        Self { folder, log }
    }

    /// The newest that stands at or below what is committed.
    pub(crate) fn newest(&self, committed: &Position) -> Option<Found> {
        let fits = |path: &PathBuf| {
            let mut file = File::open(path).ok()?;
            let (head, bytes) = (head(&mut file).ok()?, file.metadata().ok()?.len());
            let offsets = Offsets(head.offsets);
            let known = head.layout == LAYOUT && head.log == self.log;
            let below = committed.offsets.covers(&offsets) && head.clock <= committed.clock.0;
            (known && below).then(|| Found { path: path.clone(), offsets, bytes })
        };
        self.files(SUFFIX).iter().rev().find_map(fits)
    }

    /// Writes an engine's state. It counts once it is [`Written::settle`]d.
    pub(crate) fn write(&self, engine: &Engine) -> io::Result<Written> {
        fs::create_dir_all(&self.folder)?;
        let reached: i64 = engine.offsets().0.values().sum();
        let path = self.folder.join(format!("{reached:020}.{SUFFIX}"));
        let partial = path.with_extension(PARTIAL);
        let mut out = Frames::begin(File::create(&partial)?)?;
        let head = Head {
            layout: LAYOUT.to_owned(),
            log: self.log.clone(),
            offsets: engine.offsets().0.clone(),
            clock: engine.clock().0,
            digest: engine.digest().to_string(),
        };
        out.frame("", &serde_json::to_vec(&head)?)?;
        let mut outcome = Ok(());
        engine.save(|section, bytes| {
            if outcome.is_ok() {
                outcome = out.frame(section, bytes);
            }
        });
        outcome?;
        let (file, bytes) = out.end()?;
        Ok(Written { file, partial, path, bytes })
    }

    /// Removes them all: they were found to be wrong.
    pub(crate) fn forget(&self) {
        self.files(SUFFIX).iter().for_each(|path| remove(path));
    }

    /// The files of a sort, oldest first.
    fn files(&self, suffix: &str) -> Vec<PathBuf> {
        files(&self.folder, suffix)
    }
}

fn files(folder: &Path, suffix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|it| it.path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|it| it == suffix)).collect();
    files.sort();
    files
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!(path = %path.display(), %error, "a checkpoint cannot be removed");
    }
}

impl Written {
    /// Makes it durable, and removes those that are no longer needed.
    pub(crate) fn settle(self) -> io::Result<u64> {
        self.file.sync_all()?;
        fs::rename(&self.partial, &self.path)?;
        let folder = self.path.parent().unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()?;
        let kept = files(folder, SUFFIX);
        let old = kept.len().saturating_sub(KEPT);
        let left = files(folder, PARTIAL);
        kept[..old].iter().chain(&left).for_each(|path| remove(path));
        Ok(self.bytes)
    }
}

impl Found {
    /// The engine that was saved.
    pub(crate) fn restore(&self) -> io::Result<Engine> {
        let mut file = BufReader::with_capacity(1 << 20, File::open(&self.path)?);
        let head = head(&mut file)?;
        let digest = Digest::parse(&head.digest).ok_or_else(|| damaged("its digest is none"))?;
        let (offsets, clock) = (Offsets(head.offsets), UtcMicros(head.clock));
        let mut restoring = Restoring::new(EngineStart { tick: 0, offsets, clock, digest });
        let mut bytes = Vec::new();
        while let Some(section) = frame(&mut file, FRAME_BYTES_MAX, &mut bytes)? {
            restoring.load(&section, &bytes);
        }
        Ok(restoring.finish())
    }
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the checkpoint is damaged: {what}"))
}

/// Frames on their way into a file: the section's name, the length, a checksum, the bytes.
struct Frames {
    out: BufWriter<File>,
    bytes: u64,
}

/// The name of the frame after which there is none.
const END: &str = "end";

impl Frames {
    fn begin(file: File) -> io::Result<Self> {
        let mut out = BufWriter::with_capacity(1 << 20, file);
        out.write_all(MAGIC)?;
        Ok(Self { out, bytes: MAGIC.len() as u64 })
    }

    fn frame(&mut self, section: &str, bytes: &[u8]) -> io::Result<()> {
        let too_large = |_| io::Error::from(io::ErrorKind::FileTooLarge);
        let len = u32::try_from(bytes.len()).map_err(too_large)?;
        if len > FRAME_BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.out.write_all(&[u8::try_from(section.len()).map_err(too_large)?])?;
        self.out.write_all(section.as_bytes())?;
        self.out.write_all(&len.to_le_bytes())?;
        self.out.write_all(&checksum(section, bytes).to_le_bytes())?;
        self.out.write_all(bytes)?;
        self.bytes += 9 + section.len() as u64 + u64::from(len);
        Ok(())
    }

    fn end(mut self) -> io::Result<(File, u64)> {
        self.frame(END, &[])?;
        Ok((self.out.into_inner()?, self.bytes))
    }
}

fn checksum(section: &str, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(section.as_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

/// Reads the head, and stands before the first frame of the state.
fn head(file: &mut impl Read) -> io::Result<Head> {
    let mut magic = [0; MAGIC.len()];
    file.read_exact(&mut magic)?;
    if magic != *MAGIC {
        return Err(damaged("it does not begin like one"));
    }
    let mut bytes = Vec::new();
    match frame(file, HEAD_BYTES_MAX, &mut bytes)? {
        Some(section) if section.is_empty() => {}
        _ => return Err(damaged("it has no head")),
    }
    Ok(serde_json::from_slice(&bytes)?)
}

/// Reads the next frame's bytes and says its section; `None` at the end.
fn frame(file: &mut impl Read, most: u32, bytes: &mut Vec<u8>) -> io::Result<Option<String>> {
    let mut name_len = [0];
    file.read_exact(&mut name_len)?;
    let mut name = vec![0; usize::from(name_len[0])];
    file.read_exact(&mut name)?;
    let (mut len, mut sum) = ([0; 4], [0; 4]);
    file.read_exact(&mut len)?;
    file.read_exact(&mut sum)?;
    let len = u32::from_le_bytes(len);
    if len > most {
        return Err(damaged("a frame is too long"));
    }
    bytes.clear();
    if file.take(len.into()).read_to_end(bytes)? as u64 != u64::from(len) {
        return Err(damaged("it ends too early"));
    }
    let name = String::from_utf8(name).map_err(|_| damaged("a frame has no name"))?;
    if checksum(&name, bytes) != u32::from_le_bytes(sum) {
        return Err(damaged("a checksum is wrong"));
    }
    Ok((name != END).then_some(name))
}

#[cfg(test)]
mod tests;
