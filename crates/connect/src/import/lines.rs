//! Lines of a file, plain or gzip, with their numbers.
//!
//! Promises that a line is never longer than [`LINE_BYTES_MAX`] in memory, that a byte order mark and
//! carriage returns are gone, and that what can be read before a file breaks off is read. gzip is known
//! by its first bytes, not by the file's name.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;
use vitals_model::Reason;
use vitals_model::limits::{QUARANTINE_RAW_BYTES_MAX, RECORD_BYTES_MAX};
use vitals_model::record::shorten;

use super::Preset;
use super::csv_line::Header;
use crate::error::Error;

/// Longest line that is read, in bytes. A record is not longer either.
pub(super) const LINE_BYTES_MAX: usize = RECORD_BYTES_MAX;
/// How many lines may pass before one must look as expected.
const FIRST_LINES_MAX: usize = 10;
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// How far a file was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes read, of the file as it lies on disk.
    pub bytes_read: u64,
    /// The file's size on disk.
    pub bytes_total: u64,
    /// Lines read.
    pub line: u64,
}

/// Tells the progress of an import, from any thread.
#[derive(Clone, Debug)]
pub struct Meter {
    bytes_read: Arc<AtomicU64>,
    lines_read: Arc<AtomicU64>,
    bytes_total: u64,
}

impl Meter {
    /// How far the file was read.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let bytes_total = self.bytes_total;
        let bytes_read = self.bytes_read.load(Ordering::Relaxed).min(bytes_total);
        Progress { bytes_read, bytes_total, line: self.lines_read.load(Ordering::Relaxed) }
    }
}

struct Counting {
    file: File,
    bytes_read: Arc<AtomicU64>,
}

impl Read for Counting {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.bytes_read.fetch_add(u64::try_from(count).unwrap_or(0), Ordering::Relaxed);
        Ok(count)
    }
}

/// What is wrong with a line before anyone looks into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    TooLong,
    Cut,
}

/// One line without its end.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) number: u64,
    pub(super) bytes: Vec<u8>,
    pub(super) flaw: Option<Flaw>,
}

impl Line {
    /// The line's text; empty when there is nothing but white space on it.
    pub(super) fn text(&self) -> Result<&str, Reason> {
        match self.flaw {
            Some(Flaw::TooLong) => {
                let reason = format_args!("the line is longer than {LINE_BYTES_MAX} bytes");
                return Err(Reason::new(reason));
            }
            Some(Flaw::Cut) => return Err(Reason::new("the file breaks off within this line")),
            None => {}
        }
        let text = std::str::from_utf8(&self.bytes).map_err(|error| {
            Reason::new(format_args!("not UTF-8 from byte {} of the line", error.valid_up_to() + 1))
        })?;
        if text.contains('\0') {
            return Err(Reason::new("the line contains a zero byte"));
        }
        Ok(if text.trim().is_empty() { "" } else { text })
    }
}

/// Why a file could not be opened.
pub(super) fn opening(path: &Path, cause: io::Error) -> Error {
    match cause.kind() {
        io::ErrorKind::NotFound => Error::Missing { path: path.to_owned() },
        io::ErrorKind::IsADirectory => Error::Directory { path: path.to_owned() },
        _ => Error::Open { path: path.to_owned(), cause },
    }
}

/// The lines of one file.
pub(super) struct Lines {
    path: PathBuf,
    reader: Box<dyn BufRead + Send>,
    meter: Meter,
    number: u64,
    /// Read ahead to see what the file is.
    ahead: VecDeque<Line>,
    failure: Option<io::Error>,
}

impl Lines {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        let open = |cause| opening(path, cause);
        let file = File::open(path).map_err(open)?;
        let metadata = file.metadata().map_err(open)?;
        if metadata.is_dir() {
            return Err(Error::Directory { path: path.to_owned() });
        }
        let meter = Meter {
            bytes_read: Arc::default(),
            lines_read: Arc::default(),
            bytes_total: metadata.len(),
        };
        let bytes_read = Arc::clone(&meter.bytes_read);
        let mut raw = BufReader::with_capacity(128 * 1024, Counting { file, bytes_read });
        let compressed = raw.fill_buf().map_err(open)?.starts_with(&GZIP);
        let reader: Box<dyn BufRead + Send> = if compressed {
            Box::new(BufReader::with_capacity(128 * 1024, MultiGzDecoder::new(raw)))
        } else {
            Box::new(raw)
        };
        let path = path.to_owned();
        Ok(Self { path, reader, meter, number: 0, ahead: VecDeque::new(), failure: None })
    }

    pub(super) fn meter(&self) -> Meter {
        self.meter.clone()
    }

    /// The number of the last line read.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The next line; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Line>> {
        match self.ahead.pop_front() {
            Some(line) => Ok(Some(line)),
            None => self.read(),
        }
    }

    fn read(&mut self) -> io::Result<Option<Line>> {
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let mut bytes = Vec::new();
        let mut flaw = None;
        let mut any = false;
        loop {
            let chunk = match self.reader.fill_buf() {
                Ok(chunk) => chunk,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if any => {
                    self.failure = Some(error);
                    flaw = flaw.or(Some(Flaw::Cut));
                    break;
                }
                Err(error) => return Err(error),
            };
            if chunk.is_empty() {
                break;
            }
            any = true;
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let part = &chunk[..end.unwrap_or(chunk.len())];
            let used = part.len() + usize::from(end.is_some());
            if bytes.len() + part.len() > LINE_BYTES_MAX {
                flaw = Some(Flaw::TooLong);
                bytes.truncate(QUARANTINE_RAW_BYTES_MAX);
            }
            let room = if flaw.is_some() {
                QUARANTINE_RAW_BYTES_MAX.saturating_sub(bytes.len()).min(part.len())
            } else {
                part.len()
            };
            bytes.extend_from_slice(&part[..room]);
            self.reader.consume(used);
            if end.is_some() {
                break;
            }
        }
        if !any {
            return Ok(None);
        }
        self.number += 1;
        self.meter.lines_read.store(self.number, Ordering::Relaxed);
        if self.number == 1 && bytes.starts_with(b"\xef\xbb\xbf") {
            bytes.drain(..3);
        }
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
        Ok(Some(Line { number: self.number, bytes, flaw }))
    }

    /// Reads the header of a CSV file and finds `columns` in it, each under one of its names.
    pub(super) fn header(
        &mut self,
        preset: Preset,
        columns: &[&[&'static str]],
    ) -> Result<Header, Error> {
        let names: Vec<&str> = columns.iter().map(|names| names[0]).collect();
        let expected = format!("the columns {}", names.join(","));
        let line = self.first(preset, &expected)?;
        let text = line.text().unwrap_or("");
        Header::find(text, columns).ok_or_else(|| self.wrong_form(preset, expected, &line))
    }

    /// Checks that one of the first lines is an object of JSON.
    pub(super) fn expect_objects(&mut self, preset: Preset) -> Result<(), Error> {
        let expected = "one JSON object a line";
        let mut line = self.first(preset, expected)?;
        let mut read = VecDeque::new();
        loop {
            let object = line.text().is_ok_and(|text| text.trim_start().starts_with('{'));
            let broken = line.flaw.is_some();
            read.push_back(line);
            if object {
                break;
            }
            match self.read() {
                Ok(Some(next)) if read.len() < FIRST_LINES_MAX && !broken => line = next,
                Ok(_) => return Err(self.wrong_form(preset, expected.to_owned(), &read[0])),
                Err(cause) => {
                    self.failure = Some(cause);
                    break;
                }
            }
        }
        self.ahead = read;
        Ok(())
    }

    fn first(&mut self, preset: Preset, expected: &str) -> Result<Line, Error> {
        match self.read() {
            Ok(Some(line)) => Ok(line),
            Ok(None) => Err(Error::Empty {
                path: self.path.clone(),
                preset: preset.as_str(),
                expected: expected.to_owned(),
            }),
            Err(cause) => Err(Error::Damaged { path: self.path.clone(), line: 0, cause }),
        }
    }

    fn wrong_form(&self, preset: Preset, expected: String, line: &Line) -> Error {
        let text = String::from_utf8_lossy(&line.bytes);
        let start: String = text.chars().filter(|c| !c.is_control()).take(120).collect();
        let found = match start.trim() {
            "" => "an empty line".to_owned(),
            shown if shown.len() < text.trim().len() => format!("'{shown}...'"),
            shown => format!("'{shown}'"),
        };
        Error::WrongForm { path: self.path.clone(), preset: preset.as_str(), expected, found }
    }
}

/// Quotes a field's text in a reason, shortened.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", shorten(text))
}
