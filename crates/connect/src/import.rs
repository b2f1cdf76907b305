//! File imports: a file and a preset become records, in an order that can be resumed.
//!
//! Promises that a malformed line becomes a [`BadLine`] with its number and reason while everything else
//! is imported; that a file which is none of the preset's is refused before anything is yielded; that
//! the items of one file are always the same and in the same order, so that a count of them is a place
//! to go on from; and that records depend on a file's lines, not on their order. Does not publish, and
//! does not remember checkpoints: the caller does both.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use vitals_model::kinds::Currency;
use vitals_model::limits::QUARANTINE_RAW_BYTES_MAX;
use vitals_model::local_time::Zone;
use vitals_model::{Reason, Record, TenantId, UtcMicros};

use crate::error::Error;

mod csv_line;
mod fingerprint;
mod json_lines;
mod lines;
mod occupancy;
mod online_retail;
mod summary;

pub use fingerprint::fingerprint;
pub use lines::{Meter, Progress};
pub use summary::Summary;

use lines::{Line, Lines};

/// Which form a file has, and what its columns mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// `online-retail`: invoice lines of a shop, as in UCI's "Online Retail".
    OnlineRetail,
    /// `records`: our own records, one JSON object a line.
    Records,
    /// `occupancy`: head counts of gyms over time.
    Occupancy,
}

impl Preset {
    /// Every preset.
    pub const ALL: [Self; 3] = [Self::OnlineRetail, Self::Records, Self::Occupancy];

    /// The preset's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OnlineRetail => "online-retail",
            Self::Records => "records",
            Self::Occupancy => "occupancy",
        }
    }

    /// The preset of this name.
    ///
    /// # Errors
    /// There is none; the error names those there are.
    pub fn parse(name: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|preset| preset.as_str() == name).ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            Error::UnknownPreset { found: name.to_owned(), known }
        })
    }
}

/// Whose import it is, and what the file does not say.
#[derive(Clone, Copy, Debug)]
pub struct ImportContext {
    /// Whose the records are.
    pub tenant: TenantId,
    /// Of the file's amounts; the preset's own when absent.
    pub currency: Option<Currency>,
    /// Of the file's wall clocks and places; the preset's own when absent.
    pub time_zone: Option<Zone>,
    /// When the import runs: the records' `received_at`.
    pub now: UtcMicros,
}

/// A line that could not be understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Its number; the first line of a file, the header included, is 1.
    pub line: u64,
    /// Why.
    pub reason: Reason,
    /// Its bytes (cut at `QUARANTINE_RAW_BYTES_MAX`).
    pub raw: Vec<u8>,
}

/// What an import yields.
#[derive(Clone, Debug)]
pub enum Item {
    /// To publish.
    Record(Record),
    /// To quarantine.
    Bad(BadLine),
}

/// What a line turned out to hold.
enum Found {
    Record(Record),
    Bad(Reason),
    /// A reading that was not taken: not a record, not a zero, not an error.
    Blank,
}

enum Parser {
    OnlineRetail(online_retail::OnlineRetail),
    Records(json_lines::JsonLines),
    Occupancy(occupancy::Occupancy),
}

impl Parser {
    /// The parser for a file that begins with `lines`, which must fit the preset.
    fn open(preset: Preset, ctx: ImportContext, lines: &mut Lines) -> Result<Self, Error> {
        Ok(match preset {
            Preset::OnlineRetail => {
                let header = lines.header(preset, &online_retail::COLUMNS)?;
                Self::OnlineRetail(online_retail::OnlineRetail::new(ctx, header))
            }
            Preset::Occupancy => {
                let header = lines.header(preset, &occupancy::COLUMNS)?;
                Self::Occupancy(occupancy::Occupancy::new(ctx, header))
            }
            Preset::Records => {
                lines.expect_objects(preset)?;
                Self::Records(json_lines::JsonLines::new(ctx))
            }
        })
    }

    fn line(&mut self, number: u64, text: &str, found: &mut Vec<Found>) {
        match self {
            Self::OnlineRetail(it) => found.extend(it.line(number, text).err().map(Found::Bad)),
            Self::Records(it) => found.push(it.line(text).map_or_else(Found::Bad, Found::Record)),
            Self::Occupancy(it) => it.line(text, found),
        }
    }

    /// What is left to say once every line was read; called until it is `None`.
    fn drain(&mut self) -> Option<Result<Record, (u64, Reason)>> {
        match self {
            Self::OnlineRetail(it) => it.drain(),
            Self::Records(_) | Self::Occupancy(_) => None,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Reading,
    Draining,
    Done,
}

/// One import: an iterator over a file's items. After an error it ends.
pub struct Import {
    path: PathBuf,
    lines: Lines,
    parser: Parser,
    found: Vec<Found>,
    ready: VecDeque<Item>,
    stage: Stage,
    failure: Option<Error>,
    /// How many items were taken from `ready`.
    position: u64,
    /// How many were published by an earlier run.
    published: u64,
    summary: Summary,
}

impl std::fmt::Debug for Import {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "import of {} at item {}", self.path.display(), self.position)
    }
}

impl Import {
    /// Opens a file, plain or gzip, and checks that it is of the preset's form. `resume_after` is a
    /// [`checkpoint`](Self::checkpoint) of an earlier run over the same file: what it covers is not
    /// yielded again.
    ///
    /// # Errors
    /// There is no such file, it cannot be read, or it is of another form; each names what was expected
    /// and found.
    pub fn open(
        path: &Path,
        preset: Preset,
        ctx: ImportContext,
        resume_after: Option<u64>,
    ) -> Result<Self, Error> {
        let mut lines = Lines::open(path)?;
        let parser = Parser::open(preset, ctx, &mut lines)?;
        Ok(Self {
            path: path.to_owned(),
            lines,
            parser,
            found: Vec::new(),
            ready: VecDeque::new(),
            stage: Stage::Reading,
            failure: None,
            position: 0,
            published: resume_after.unwrap_or(0),
            summary: Summary::default(),
        })
    }

    /// How far the file was read.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.lines.meter().progress()
    }

    /// A handle that tells the progress from another thread: a preset that groups reads the whole file
    /// before it yields its first record.
    #[must_use]
    pub fn meter(&self) -> Meter {
        self.lines.meter()
    }

    /// Where to go on: every item up to here was yielded, by this run or by those before.
    #[must_use]
    pub fn checkpoint(&self) -> u64 {
        self.position.max(self.published)
    }

    /// What was found so far.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Reads one line, or learns that there is none.
    fn read(&mut self) {
        match self.lines.next() {
            Ok(Some(line)) => self.take(line),
            Ok(None) => self.stage = Stage::Draining,
            Err(cause) => {
                let line = self.lines.number();
                self.failure = Some(Error::Damaged { path: self.path.clone(), line, cause });
                self.stage = Stage::Draining;
            }
        }
    }

    fn take(&mut self, line: Line) {
        match line.text() {
            Ok("") => {}
            Ok(text) => self.parser.line(line.number, text, &mut self.found),
            Err(reason) => self.found.push(Found::Bad(reason)),
        }
        for found in self.found.drain(..) {
            match found {
                Found::Blank => self.summary.blank += 1,
                Found::Record(record) => self.ready.push_back(Item::Record(record)),
                Found::Bad(reason) => {
                    let mut raw = line.bytes.clone();
                    raw.truncate(QUARANTINE_RAW_BYTES_MAX);
                    self.ready.push_back(Item::Bad(BadLine { line: line.number, reason, raw }));
                }
            }
        }
        if line.number > online_retail::LINES_MAX && matches!(self.parser, Parser::OnlineRetail(_))
        {
            let (path, lines_max) = (self.path.clone(), online_retail::LINES_MAX);
            self.failure = Some(Error::TooLong { path, lines_max });
            self.stage = Stage::Done;
        }
    }

    fn drain(&mut self) {
        match self.parser.drain() {
            Some(Ok(record)) => self.ready.push_back(Item::Record(record)),
            Some(Err((line, reason))) => {
                self.ready.push_back(Item::Bad(BadLine { line, reason, raw: Vec::new() }));
            }
            None => self.stage = Stage::Done,
        }
    }

    fn close(&mut self) -> Option<Error> {
        if self.failure.is_none() && self.position < self.published {
            let (items, checkpoint) = (self.position, self.published);
            self.published = self.position;
            return Some(Error::OtherFile { path: self.path.clone(), items, checkpoint });
        }
        self.failure.take()
    }
}

impl Iterator for Import {
    type Item = Result<Item, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                self.position += 1;
                if self.position <= self.published {
                    self.summary.resumed += 1;
                    continue;
                }
                self.summary.count(&item);
                return Some(Ok(item));
            }
            match self.stage {
                Stage::Reading => self.read(),
                Stage::Draining => self.drain(),
                Stage::Done => return self.close().map(Err),
            }
        }
    }
}

/// Checks that a record is one the pipeline will accept, so that nothing is published in vain.
fn accept(record: Record) -> Result<Record, Reason> {
    vitals_model::record::RecordView::parse(&record.to_json())?;
    Ok(record)
}

#[cfg(test)]
mod tests;
