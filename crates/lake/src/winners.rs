//! Which version of a record is the newest, where more than one may be there.
//!
//! Files of the base hold each key once, so only keys that are in fresh files or in the tail can be in doubt.
//! These are gathered with their greatest rank; the base is asked only for rows that can outrank one of them,
//! which, where versions are times, is none. A row whose key is not in doubt is the newest there is.

use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::datatypes::{DataType, Int64Type, Schema};
use datafusion::error::Result;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;

use crate::row::{Rank, Row};

/// The greatest rank of each key that is in doubt, by `tenant/source:id`.
#[derive(Debug, Default)]
pub(crate) struct Winners {
    ranks: HashMap<Box<str>, Rank>,
    /// Those of the files, beneath those of the tail.
    beneath: Option<Arc<Winners>>,
}

impl Winners {
    /// Nothing in doubt yet but what is in doubt beneath.
    pub(crate) fn over(beneath: Arc<Self>) -> Self {
        Self { ranks: HashMap::new(), beneath: Some(beneath) }
    }

    /// How many keys of its own are in doubt.
    pub(crate) fn len(&self) -> usize {
        self.ranks.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ranks.is_empty() && self.beneath.as_ref().is_none_or(|it| it.is_empty())
    }

    /// The least version of those that lead, of its own: nothing below it changes anything.
    pub(crate) fn least_version(&self) -> Option<i64> {
        self.ranks.values().map(|rank| rank.version).min()
    }

    fn rank(&self, key: &str) -> Option<Rank> {
        let own = self.ranks.get(key).copied();
        own.or_else(|| self.beneath.as_ref().and_then(|it| it.rank(key)))
    }

    /// Puts a row of the tail in doubt.
    pub(crate) fn put(&mut self, row: &Row) {
        let key = key_of(row);
        let beneath = self.rank(&key);
        self.raise(&key, beneath.map_or(row.rank, |it| it.max(row.rank)), true);
    }

    /// Takes in columns tenant, key, version and place: of fresh files, whose keys are in doubt; of others,
    /// whose keys are looked at only when they are.
    pub(crate) fn put_all(&mut self, rows: &RecordBatch, fresh: bool) {
        each_row(rows.columns(), |key, rank| self.raise(key, rank, fresh));
    }

    fn raise(&mut self, key: &str, rank: Rank, fresh: bool) {
        match self.ranks.get_mut(key) {
            Some(known) => *known = rank.max(*known),
            None if fresh => {
                self.ranks.insert(key.into(), rank);
            }
            None => {}
        }
    }

    /// Whether a row of this key and rank is the newest.
    pub(crate) fn leads(&self, key: &str, rank: Rank) -> bool {
        self.rank(key).is_none_or(|leader| leader == rank)
    }

    pub(crate) fn leads_row(&self, row: &Row) -> bool {
        self.leads(&key_of(row), row.rank)
    }
}

fn key_of(row: &Row) -> String {
    format!("{}/{}:{}", row.tenant, row.source, row.id)
}

/// Calls `with` for every row of columns tenant, key, version and place.
fn each_row(columns: &[arrow::array::ArrayRef], mut with: impl FnMut(&str, Rank)) {
    let [tenants, keys] = [&columns[0], &columns[1]].map(|it| it.as_string::<i32>());
    let [versions, places] = [&columns[2], &columns[3]].map(|it| it.as_primitive::<Int64Type>());
    let mut key = String::new();
    for at in 0..tenants.len() {
        key.clear();
        key.push_str(tenants.value(at));
        key.push('/');
        key.push_str(keys.value(at));
        with(&key, Rank { version: versions.value(at), place: places.value(at) });
    }
}

/// Whether a row is the newest of its record, as a filter over columns tenant, key, version and place.
#[derive(Clone, Debug)]
pub(crate) struct IsNewest {
    winners: Arc<Winners>,
    columns: Vec<Arc<dyn PhysicalExpr>>,
}

impl IsNewest {
    pub(crate) fn new(winners: Arc<Winners>, columns: Vec<Arc<dyn PhysicalExpr>>) -> Self {
        Self { winners, columns }
    }
}

impl PhysicalExpr for IsNewest {
    fn data_type(&self, _: &Schema) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn nullable(&self, _: &Schema) -> Result<bool> {
        Ok(false)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let arrays = self.columns.iter().map(|column| {
            column.evaluate(batch).and_then(|value| value.into_array(batch.num_rows()))
        });
        let arrays = arrays.collect::<Result<Vec<_>>>()?;
        let mut newest = Vec::with_capacity(batch.num_rows());
        each_row(&arrays, |key, rank| newest.push(self.winners.leads(key, rank)));
        Ok(ColumnarValue::Array(Arc::new(BooleanArray::from(newest))))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        self.columns.iter().collect()
    }

    fn with_new_children(
        self: Arc<Self>,
        columns: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        Ok(Arc::new(Self { winners: Arc::clone(&self.winners), columns }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for IsNewest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let beneath = self.winners.beneath.as_ref().map_or(0, |it| it.len());
        write!(f, "is_newest({} in doubt)", self.winners.len() + beneath)
    }
}

impl PartialEq for IsNewest {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.winners, &other.winners) && self.columns == other.columns
    }
}

impl Eq for IsNewest {}

impl Hash for IsNewest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.winners).hash(state);
        self.columns.hash(state);
    }
}
