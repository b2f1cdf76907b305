//! Columns: Arrow arrays built straight from typed bodies, one closure a column.
//!
//! Promises the types of contracts section 6: ids as `source:id`, money as `DECIMAL(20,6)`, instants as
//! UTC microseconds, dates as days. No map per row, no intermediate text but the ids.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Decimal128Array, Int64Array, ListBuilder, RecordBatch,
    StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::{Field, Schema};
use vitals_model::kinds::{Currency, Ident, Text};
use vitals_model::{Date, Money, Number, UtcMicros};

/// Digits of a money column, of which `MONEY_SCALE` are decimals.
pub(crate) const MONEY_PRECISION: u8 = 20;
/// Decimals of a money column: micros.
pub(crate) const MONEY_SCALE: i8 = 6;

/// One current record, its body parsed.
#[derive(Debug)]
pub(crate) struct Row<'a, B> {
    pub(crate) source: &'a str,
    pub(crate) id: &'a str,
    pub(crate) version: i64,
    pub(crate) received_at: UtcMicros,
    pub(crate) body: B,
}

impl<B> Row<'_, B> {
    /// The record's id in SQL.
    pub(crate) fn sql_id(&self) -> String {
        format!("{}:{}", self.source, self.id)
    }

    /// A reference to a record of the same source, as SQL has it.
    pub(crate) fn reference(&self, id: Option<&Ident<'_>>) -> Option<String> {
        id.map(|id| format!("{}:{}", self.source, id.as_str()))
    }
}

/// The columns of one table, from its rows.
pub(crate) struct Columns<'r, R> {
    rows: &'r [R],
    fields: Vec<Field>,
    arrays: Vec<ArrayRef>,
}

impl<'r, 'a, B> Columns<'r, Row<'a, B>> {
    /// The columns every record table opens with.
    pub(crate) fn of_records(rows: &'r [Row<'a, B>]) -> Self {
        let mut columns = Self::new(rows);
        columns.text("id", |row| Some(row.sql_id()));
        columns.text("source", |row| Some(row.source));
        columns.text("source_id", |row| Some(row.id));
        columns.int("version", |row| Some(row.version));
        columns.instant("received_at", |row| Some(row.received_at));
        columns
    }

    /// A column that names another record of the same source.
    pub(crate) fn reference(&mut self, name: &str, of: impl Fn(&'r B) -> Option<&'r Ident<'a>>)
    where
        'a: 'r,
    {
        self.text(name, |row| row.reference(of(&row.body)));
    }

    /// A column of text.
    pub(crate) fn words(&mut self, name: &str, of: impl Fn(&'r B) -> Option<&'r Text<'a>>)
    where
        'a: 'r,
    {
        self.text(name, |row| of(&row.body).map(AsRef::as_ref));
    }

    /// A column of one of a few words.
    pub(crate) fn word(&mut self, name: &str, of: impl Fn(&'r B) -> &'static str) {
        self.text(name, |row| Some(of(&row.body)));
    }

    /// A column of currency codes.
    pub(crate) fn currency(&mut self, name: &str, of: impl Fn(&'r B) -> Option<Currency>) {
        let codes: Vec<Option<Currency>> = self.rows.iter().map(|row| of(&row.body)).collect();
        let array: StringArray = codes.iter().map(|it| it.as_ref().map(Currency::as_str)).collect();
        self.push(name, Arc::new(array));
    }

    /// A column of money.
    pub(crate) fn money(&mut self, name: &str, of: impl Fn(&'r B) -> Option<Money>) {
        self.micros(name, |row| of(&row.body).map(|it| it.0));
    }

    /// A column of other decimals.
    pub(crate) fn number(&mut self, name: &str, of: impl Fn(&'r B) -> Option<Number>) {
        self.micros(name, |row| of(&row.body).map(|it| it.0));
    }

    /// A column of instants.
    pub(crate) fn at(&mut self, name: &str, of: impl Fn(&'r B) -> Option<UtcMicros>) {
        self.instant(name, |row| of(&row.body));
    }

    /// A column of dates.
    pub(crate) fn date(&mut self, name: &str, of: impl Fn(&'r B) -> Option<Date>) {
        self.day(name, |row| of(&row.body));
    }

    /// A column of small whole numbers.
    pub(crate) fn count(&mut self, name: &str, of: impl Fn(&'r B) -> Option<u32>) {
        self.int(name, |row| of(&row.body).map(i64::from));
    }

    /// A column of lists of text.
    pub(crate) fn list(&mut self, name: &str, of: impl Fn(&'r B) -> Option<&'r [Text<'a>]>)
    where
        'a: 'r,
    {
        let mut lists = ListBuilder::new(StringBuilder::new());
        for row in self.rows {
            match of(&row.body) {
                Some(texts) => lists.append_value(texts.iter().map(Some)),
                None => lists.append_null(),
            }
        }
        self.push(name, Arc::new(lists.finish()));
    }
}

impl<'r, R> Columns<'r, R> {
    /// No columns yet.
    pub(crate) fn new(rows: &'r [R]) -> Self {
        Self { rows, fields: Vec::new(), arrays: Vec::new() }
    }

    fn push(&mut self, name: &str, array: ArrayRef) {
        self.fields.push(Field::new(name, array.data_type().clone(), true));
        self.arrays.push(array);
    }

    /// A column of any text.
    pub(crate) fn text<T: AsRef<str>>(&mut self, name: &str, of: impl Fn(&'r R) -> Option<T>) {
        let array: StringArray = self.rows.iter().map(of).collect();
        self.push(name, Arc::new(array));
    }

    /// A column of whole numbers.
    pub(crate) fn int(&mut self, name: &str, of: impl Fn(&'r R) -> Option<i64>) {
        let array: Int64Array = self.rows.iter().map(of).collect();
        self.push(name, Arc::new(array));
    }

    /// A column of integers of a millionth.
    pub(crate) fn micros(&mut self, name: &str, of: impl Fn(&'r R) -> Option<i64>) {
        self.decimal(name, (MONEY_PRECISION, MONEY_SCALE), |row| of(row).map(i128::from));
    }

    /// A column of decimals with so many digits, of which so many are decimals.
    pub(crate) fn decimal(
        &mut self,
        name: &str,
        (digits, decimals): (u8, i8),
        of: impl Fn(&'r R) -> Option<i128>,
    ) {
        let array: Decimal128Array = self.rows.iter().map(of).collect();
        let array = array
            .with_precision_and_scale(digits, decimals)
            .expect("no column has more than 38 digits, nor more decimals than digits");
        self.push(name, Arc::new(array));
    }

    /// A column of dates.
    pub(crate) fn day(&mut self, name: &str, of: impl Fn(&'r R) -> Option<Date>) {
        let array: Date32Array = self.rows.iter().map(|row| of(row).map(|it| it.0)).collect();
        self.push(name, Arc::new(array));
    }

    /// A column of truths.
    pub(crate) fn truth(&mut self, name: &str, of: impl Fn(&'r R) -> Option<bool>) {
        let array: BooleanArray = self.rows.iter().map(of).collect();
        self.push(name, Arc::new(array));
    }

    /// A column of instants.
    pub(crate) fn instant(&mut self, name: &str, of: impl Fn(&'r R) -> Option<UtcMicros>) {
        let array: TimestampMicrosecondArray =
            self.rows.iter().map(|row| of(row).map(|it| it.0)).collect();
        self.push(name, Arc::new(array.with_timezone("UTC")));
    }

    /// The table.
    pub(crate) fn finish(self) -> RecordBatch {
        self.so_far()
    }

    /// The table as it would be without the columns to come.
    pub(crate) fn so_far(&self) -> RecordBatch {
        RecordBatch::try_new(Arc::new(Schema::new(self.fields.clone())), self.arrays.clone())
            .expect("every column was built from the same rows")
    }
}
