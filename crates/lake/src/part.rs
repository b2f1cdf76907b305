//! The part of a view that one tenant's tables need, in a form that goes to another process.
//!
//! Promises that it names the files that may hold the tenant's rows, and holds the tenant's rows of the tail,
//! of the tables asked for and of those they take defaults from, and nothing of anybody else; and that the
//! tables read from it are those of the view. The files themselves hold other tenants' rows too: what reads
//! them is this crate, whose tables carry their tenant as a filter of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vitals_model::lake::{Manifest, Segment};
use vitals_model::{Date, Kind, TenantId, UtcMicros};
use vitals_query::tables::own::FILLED;

use crate::lake::State;
use crate::layout::Table;
use crate::objects::Objects;
use crate::reader::Reader;
use crate::row::{Rank, Row};
use crate::tail::{Group, Tail};
use crate::view::View;

/// One tenant's part of a view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    tenant: TenantId,
    /// The names of the tables, those that defaults come from too.
    tables: BTreeSet<String>,
    files: Vec<PartFile>,
    /// The rows of the tail, by table.
    groups: BTreeMap<String, PartGroup>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct PartFile {
    path: String,
    table: String,
    level: u8,
    rows: u64,
    bytes: u64,
    days: Option<(i32, i32)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct PartGroup {
    generation: u64,
    rows: Vec<PartRow>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct PartRow {
    source: Box<str>,
    id: Box<str>,
    version: i64,
    place: i64,
    received_at: i64,
    day: Option<i32>,
    body: Option<Box<str>>,
}

/// All that a view of a part has.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    tenant: TenantId,
    tables: Arc<BTreeSet<String>>,
}

impl Scope {
    pub(crate) fn holds(&self, tenant: TenantId, table: &str) -> bool {
        self.tenant == tenant && self.tables.contains(table)
    }
}

impl Part {
    pub(crate) fn of(view: &View, tenant: TenantId, tables: &[&str]) -> Self {
        let read = FILLED.iter().filter(|it| tables.contains(&it.table)).map(|it| it.reads);
        let names = tables.iter().copied().chain(read);
        let tables: Vec<&Table> = names.filter_map(Table::named).collect();
        let named: BTreeSet<String> = tables.iter().map(|it| it.name.to_owned()).collect();
        let segments = view.state.manifest.segments.iter();
        let files = segments.filter(|it| named.contains(&it.table) && it.may_hold(tenant));
        let groups = tables.iter().filter_map(|table| {
            let group = view.state.tail.group(tenant, table.kind)?;
            Some((table.kind.table().to_owned(), PartGroup::of(group)))
        });
        Self {
            tenant,
            files: files.map(PartFile::of).collect(),
            groups: groups.collect(),
            tables: named,
        }
    }

    /// Whose it is.
    #[must_use]
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// The names of its tables, those that defaults come from too.
    pub fn tables(&self) -> impl Iterator<Item = &str> {
        self.tables.iter().map(String::as_str)
    }
}

impl PartFile {
    fn of(segment: &Segment) -> Self {
        let Segment { path, table, level, rows, bytes, days, .. } = segment.clone();
        Self { path, table, level, rows, bytes, days: days.map(|(first, last)| (first.0, last.0)) }
    }

    fn segment(self, tenant: TenantId) -> Segment {
        let Self { path, table, level, rows, bytes, days } = self;
        let days = days.map(|(first, last)| (Date(first), Date(last)));
        Segment { path, table, level, rows, bytes, tenants: (tenant, tenant), days }
    }
}

impl PartGroup {
    fn of(group: &Group) -> Self {
        let rows = group.rows.values().map(|row| PartRow {
            source: row.source.clone(),
            id: row.id.clone(),
            version: row.rank.version,
            place: row.rank.place,
            received_at: row.received_at.0,
            day: row.day.map(|it| it.0),
            body: row.body.clone(),
        });
        Self { generation: group.generation, rows: rows.collect() }
    }

    fn group(self, tenant: TenantId, kind: Kind) -> Group {
        let rows = self.rows.into_iter().map(|it| {
            let key = (it.source.clone(), it.id.clone());
            let row = Row {
                tenant,
                kind,
                source: it.source,
                id: it.id,
                rank: Rank { version: it.version, place: it.place },
                received_at: UtcMicros(it.received_at),
                day: it.day.map(Date),
                body: it.body,
            };
            (key, row)
        });
        Group { generation: self.generation, rows: rows.collect() }
    }
}

/// Reads parts of one lake's views where the lake itself is not. What it learns of files it keeps.
#[derive(Clone, Debug)]
pub struct PartReader(Arc<Reader>);

impl PartReader {
    /// Reads files of this storage.
    #[must_use]
    pub fn new(objects: Objects) -> Self {
        Self(Arc::new(Reader::new(objects)))
    }

    /// The tables of a part: of its tenant, and of no other.
    #[must_use]
    pub fn view(&self, part: Part) -> View {
        let Part { tenant, tables, files, groups } = part;
        let segments = files.into_iter().map(|it| it.segment(tenant)).collect();
        let manifest = Manifest { segments, ..Manifest::default() };
        let kind = |table: &str| Kind::ALL.iter().copied().find(|kind| kind.table() == table);
        let groups = groups.into_iter().filter_map(|(table, group)| {
            let kind = kind(&table)?;
            Some(((tenant, kind), group.group(tenant, kind)))
        });
        let state = State { manifest: Arc::new(manifest), tail: Arc::new(Tail::of_groups(groups)) };
        let scope = Some(Scope { tenant, tables: Arc::new(tables) });
        View { reader: Arc::clone(&self.0), state, scope }
    }
}
