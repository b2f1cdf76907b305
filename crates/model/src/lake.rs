//! What a lake consists of: files of records, and the manifest that says which of them count.
//!
//! Promises nothing by itself: these are the nouns that the lake and the store share. A file counts from the
//! moment the manifest names it until the moment it no longer does; what it holds never changes.

use crate::batch::Offsets;
use crate::tenant::TenantId;
use crate::utc::Date;

/// Files straight from the log, which are merged when they are read.
pub const LEVEL_FRESH: u8 = 0;
/// Files in which each key occurs once, over all of them.
pub const LEVEL_BASE: u8 = 1;

/// One file: rows of one table, of any number of tenants, sorted by tenant, day and id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Where it is in the lake's object storage. Never used twice.
    pub path: String,
    /// Which table's rows it holds.
    pub table: String,
    /// How far it is merged.
    pub level: u8,
    /// Rows, tombstones included.
    pub rows: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// The least and the greatest tenant in it.
    pub tenants: (TenantId, TenantId),
    /// The first and the last day in it, of rows that have one.
    pub days: Option<(Date, Date)>,
}

impl Segment {
    /// Whether it may hold rows of a tenant.
    #[must_use]
    pub fn may_hold(&self, tenant: TenantId) -> bool {
        self.tenants.0 <= tenant && tenant <= self.tenants.1
    }
}

/// Which files count, and up to where they stand for the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// One more at each change.
    pub version: u64,
    /// Every message below these offsets is accounted for in the segments.
    pub offsets: Offsets,
    /// The segments, sorted by path.
    pub segments: Vec<Segment>,
}

/// A change of the manifest: all of it happens, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ManifestChange {
    /// Of a flush: the offsets it goes on from, which must be the manifest's, and those it reaches.
    pub offsets: Option<(Offsets, Offsets)>,
    /// Paths that no longer count. Each must be in the manifest.
    pub remove: Vec<String>,
    /// Segments that count from now on.
    pub add: Vec<Segment>,
}
