//! How a record lies in a file: the columns of each table, their order, and the order of rows.
//!
//! Promises that the columns of contracts section 6 stand there typed, each as the record says it itself, and
//! between columns of our own: `tenant, day, deleted, place` before them, and after them `body`, the text as it
//! came (of `order_lines`, which has none, its order's `version`). A record that is gone, and an order without
//! lines, is one row with `deleted` set: it supersedes what was there. Rows are sorted by tenant, day and id.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, new_null_array,
};
use arrow::compute::{
    SortColumn, SortOptions, concat_batches, lexsort_to_indices, take_record_batch,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use vitals_model::Kind;
use vitals_query::tables::own::{self, Own};
use vitals_query::tables::{ORDER_LINES, RecordTables};

use crate::error::LakeError;
use crate::row::Row;

pub(crate) const TENANT: &str = "tenant";
pub(crate) const DAY: &str = "day";
pub(crate) const DELETED: &str = "deleted";
pub(crate) const PLACE: &str = "place";
pub(crate) const VERSION: &str = "version";
pub(crate) const BODY: &str = "body";

/// How rows of a file are sorted; first come those without a day.
pub(crate) const SORT: SortOptions = SortOptions { descending: false, nulls_first: true };

/// A table whose rows the lake holds.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// The columns of a file.
    pub(crate) schema: SchemaRef,
    /// Those of them that are the table's in SQL, in its order.
    pub(crate) shown: std::ops::Range<usize>,
}

static TABLES: LazyLock<BTreeMap<&'static str, Table>> =
    LazyLock::new(|| RecordTables::names().map(|name| (name, Table::new(name))).collect());

impl Table {
    fn new(name: &'static str) -> Self {
        let kind = Kind::ALL.iter().copied().find(|kind| kind.table() == name);
        let own = own::schema(name).expect("every name has its table");
        let mut fields: Vec<Arc<Field>> = [
            Field::new(TENANT, DataType::Utf8, false),
            Field::new(DAY, DataType::Date32, true),
            Field::new(DELETED, DataType::Boolean, false),
            Field::new(PLACE, DataType::Int64, false),
        ]
        .map(Arc::new)
        .into();
        let first = fields.len();
        fields.extend(own.fields().iter().cloned());
        let shown = first..fields.len();
        fields.push(Arc::new(match kind {
            Some(_) => Field::new(BODY, DataType::Utf8, true),
            None => Field::new(VERSION, DataType::Int64, true),
        }));
        let schema = Arc::new(Schema::new(fields));
        Self { name, kind: kind.unwrap_or(Kind::Order), schema, shown }
    }

    /// The table of a name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        TABLES.get(name)
    }

    /// Every table.
    pub(crate) fn all() -> impl Iterator<Item = &'static Self> {
        TABLES.values()
    }

    /// The column that names the record a row is of.
    pub(crate) fn key(&self) -> &'static str {
        if self.name == ORDER_LINES { "order_id" } else { "id" }
    }

    /// The place of a column of ours.
    pub(crate) fn column(&self, name: &str) -> usize {
        self.schema.index_of(name).expect("one of the columns of every file")
    }

    /// The columns rows are sorted by.
    pub(crate) fn sorted_by(&self) -> [usize; 3] {
        [TENANT, DAY, self.key()].map(|name| self.column(name))
    }

    /// Records as rows of a file, sorted.
    pub(crate) fn batch<'r>(
        &self,
        rows: impl Iterator<Item = &'r Row>,
    ) -> Result<RecordBatch, LakeError> {
        let mut live = Vec::new();
        let mut gone = Vec::new();
        for row in rows {
            match row.body.as_deref() {
                Some(body) => live.push((row, own(row, body))),
                None => gone.push(row),
            }
        }
        let own: Vec<Own<'_>> = live.iter().map(|(_, own)| *own).collect();
        let live: Vec<&Row> = live.into_iter().map(|(row, _)| row).collect();
        let present = if self.name == ORDER_LINES {
            let (lines, counts) = own::lines(&own);
            let mut owners = Vec::with_capacity(lines.num_rows());
            for (row, count) in live.into_iter().zip(counts) {
                owners.extend(std::iter::repeat_n(row, count));
                if count == 0 {
                    gone.push(row);
                }
            }
            let versions: Int64Array = owners.iter().map(|row| Some(row.rank.version)).collect();
            self.rows(&owners, &lines, Arc::new(versions))?
        } else {
            let bodies: StringArray = live.iter().map(|row| row.body.as_deref()).collect();
            self.rows(&live, &own::rows(self.kind, &own), Arc::new(bodies))?
        };
        let all = concat_batches(&self.schema, &[present, self.gone(&gone)?])?;
        let by: Vec<SortColumn> = (self.sorted_by().into_iter())
            .map(|at| SortColumn { values: Arc::clone(all.column(at)), options: Some(SORT) })
            .collect();
        Ok(take_record_batch(&all, &lexsort_to_indices(&by, None)?)?)
    }

    fn rows(
        &self,
        of: &[&Row],
        shown: &RecordBatch,
        last: ArrayRef,
    ) -> Result<RecordBatch, LakeError> {
        let mut columns = ours(of, false);
        columns.extend(shown.columns().iter().cloned());
        columns.push(last);
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }

    /// Rows that say that a record is gone: what names it, and nothing else.
    fn gone(&self, rows: &[&Row]) -> Result<RecordBatch, LakeError> {
        let mut columns = ours(rows, true);
        for field in &self.schema.fields()[columns.len()..] {
            let texts = |of: fn(&Row) -> String| -> ArrayRef {
                Arc::new(rows.iter().map(|row| Some(of(row))).collect::<StringArray>())
            };
            columns.push(match field.name().as_str() {
                name if name == self.key() => texts(Row::sql_id),
                "source" => texts(|row| row.source.to_string()),
                "source_id" => texts(|row| row.id.to_string()),
                VERSION => {
                    Arc::new(Int64Array::from_iter_values(rows.iter().map(|it| it.rank.version)))
                }
                "received_at" => {
                    let at = rows.iter().map(|row| row.received_at.0);
                    Arc::new(TimestampMicrosecondArray::from_iter_values(at).with_timezone("UTC"))
                }
                _ => new_null_array(field.data_type(), rows.len()),
            });
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

fn own<'r>(row: &'r Row, body: &'r str) -> Own<'r> {
    let Row { source, id, rank, received_at, .. } = row;
    Own { source, id, version: rank.version, received_at: *received_at, body }
}

/// The columns before the table's own.
fn ours(rows: &[&Row], deleted: bool) -> Vec<ArrayRef> {
    let tenants = rows.iter().map(|row| Some(row.tenant.to_string()));
    let days = rows.iter().map(|row| row.day.map(|day| day.0));
    let columns: [ArrayRef; 4] = [
        Arc::new(tenants.collect::<StringArray>()),
        Arc::new(days.collect::<Date32Array>()),
        Arc::new(BooleanArray::from(vec![deleted; rows.len()])),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.rank.place))),
    ];
    columns.into()
}
