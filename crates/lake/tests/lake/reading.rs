//! What a view shows, row by row, beside what it must show.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::prelude::{SessionConfig, SessionContext};
use vitals_lake::View;
use vitals_model::{LogMessage, TenantId};
use vitals_query::{RecordTables, Records};

/// Every row of a table as text, sorted, under its columns' names and types.
fn lines(batches: &[RecordBatch]) -> Vec<String> {
    let options = FormatOptions::default().with_null("NULL");
    let mut lines = Vec::new();
    for batch in batches {
        let schema = batch.schema();
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).unwrap())
            .collect();
        for row in 0..batch.num_rows() {
            let cells = columns.iter().zip(schema.fields()).map(|(column, field)| {
                format!("{} {}={}", field.name(), field.data_type(), column.value(row))
            });
            lines.push(cells.collect::<Vec<_>>().join("|"));
        }
    }
    lines.sort();
    lines
}

/// A session that sees one tenant's tables and plans as a user's would.
pub(crate) async fn session(view: &View, tenant: TenantId) -> SessionContext {
    let config = SessionConfig::new().with_target_partitions(2);
    let context = SessionContext::new_with_config(config);
    for name in RecordTables::names() {
        let table = view.provider(tenant, name).await.unwrap().unwrap();
        context.register_table(name, Arc::clone(&table)).unwrap();
    }
    context
}

pub(crate) async fn run(session: &SessionContext, sql: &str) -> Vec<RecordBatch> {
    let rows = async { session.sql(sql).await?.collect().await };
    rows.await.unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// Asserts that the view shows exactly the newest versions of what lies below its offsets.
pub(crate) async fn check(view: &View, messages: &[LogMessage], tenants: &[TenantId], when: &str) {
    let seen = messages.iter().filter(|it| it.offset < view.offsets().get(it.partition));
    let seen: Vec<LogMessage> = seen.cloned().collect();
    check_seen((view, &seen), tenants, when).await;
}

/// Asserts that the view shows exactly the newest versions of these messages.
pub(crate) async fn check_seen(
    (view, seen): (&View, &[LogMessage]),
    tenants: &[TenantId],
    when: &str,
) {
    for tenant in tenants {
        let mut records = Records::new(*tenant);
        for message in seen {
            records.absorb(&message.value).ok();
        }
        let tables = records.tables();
        let session = session(view, *tenant).await;
        for name in RecordTables::names() {
            let shown = run(&session, &format!("select * from {name}")).await;
            let expected = lines(&[tables.get(name).unwrap().clone()]);
            assert_eq!(lines(&shown), expected, "{name} {when}");
        }
    }
}
