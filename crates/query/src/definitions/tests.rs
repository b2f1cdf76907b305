//! What every definition file promises, whatever it computes.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;

#[tokio::test]
async fn an_empty_tenant_has_no_rows() {
    let definitions = Definitions::new().await.unwrap();
    let tenant = TenantId(uuid::Uuid::nil());
    let vitals = definitions.compute(&RecordTables::empty(), tenant, Date(20_000)).await.unwrap();
    assert!(vitals.is_empty(), "{vitals:?}");
}

#[test]
fn every_file_is_registered_and_opens_with_its_sections() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sql");
    let mut files = BTreeSet::new();
    for part in ["notions", "vitals"] {
        for file in std::fs::read_dir(folder.join(part)).unwrap() {
            files.insert(file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned());
        }
    }
    let registered: BTreeSet<_> = DEFINITIONS.iter().map(|it| it.name.to_owned()).collect();
    assert_eq!(files, registered);
    assert!(VITALS.iter().all(|vital| registered.contains(*vital)));
    for Definition { name, sql, .. } in &DEFINITIONS {
        let sections = ["# Shape", "# Time", "# Units", "# Missing", "# Source"];
        let mut lines = sql.lines();
        let title = lines.next().unwrap_or("");
        assert!(title.starts_with("-- ") && title.ends_with('.'), "{name} opens with {title:?}");
        let found: Vec<_> = lines.filter_map(|line| line.strip_prefix("-- #")).collect();
        assert_eq!(found, sections.map(|it| &it[1..]), "{name}");
        assert!(sql.lines().all(|line| line.len() <= 110), "{name} has a line past 110 characters");
    }
}

/// What a definition reads is what its text names.
#[test]
fn every_definition_names_what_it_reads() {
    for definition in &DEFINITIONS {
        let code = normalized(definition.sql);
        let words: BTreeSet<_> = code.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
        for other in &DEFINITIONS {
            let reads = definition.reads.contains(&other.name);
            let names = other.name != definition.name && words.contains(other.name);
            assert_eq!(reads, names, "{} and {}", definition.name, other.name);
        }
    }
}

#[tokio::test]
async fn every_vital_has_exactly_the_columns_of_the_contracts() {
    let definitions = Definitions::new().await.unwrap();
    let stages = definitions.stages.lock().await;
    let columns = |vital: &str| -> Vec<String> {
        let stage = stages.iter().find(|stage| stage.name == vital).unwrap();
        let schema = stage.plan.schema();
        schema.fields().iter().map(|it| format!("{} {}", it.name(), it.data_type())).collect()
    };
    let (money, score) = ("Decimal128(38, 6)", "Decimal128(5, 2)");
    assert_eq!(
        columns("revenue_trend"),
        [
            "location_id Utf8",
            "currency Utf8",
            "grain Utf8",
            "bucket Timestamp(µs, \"UTC\")",
            &format!("gross {money}"),
            &format!("discount {money}"),
            &format!("refunds {money}"),
            &format!("net {money}"),
            &format!("tax {money}"),
            "orders Int64",
            &format!("units {money}"),
            "refund_count Int64",
            "paying_customers Int64",
            "new_customers Int64",
            "active_customers Int64",
        ]
    );
    assert_eq!(
        columns("attendance_heatmap"),
        [
            "location_id Utf8",
            "month Date32",
            "trailing_window Utf8",
            "weekday Int64",
            "hour Int64",
            "visits Int64",
            "unique_customers Int64",
            "bookings Int64",
            "late_cancels Int64",
            "no_shows Int64",
            "sessions Int64",
            "capacity Int64",
        ]
    );
    assert_eq!(
        columns("churn_risk"),
        [
            "customer_id Utf8",
            &format!("score {score}"),
            "raw Decimal128(6, 2)",
            "level Utf8",
            "data_completeness Decimal128(3, 2)",
            "factors Utf8",
        ]
    );
    assert_eq!(
        columns("health_score"),
        [
            &format!("overall {score}"),
            &format!("financial {score}"),
            &format!("customer {score}"),
            &format!("operational {score}"),
            &format!("growth {score}"),
            &format!("risk {score}"),
            "coverage Decimal128(7, 6)",
            "metrics Utf8",
        ]
    );
}

#[test]
fn a_hash_is_of_meaning_not_of_layout() {
    assert_eq!(normalized("-- what\nselect  1, -- one\n    2\n"), "select 1, 2");
    let hashes = definition_hashes();
    assert_eq!(hashes.keys().map(String::as_str).collect::<BTreeSet<_>>(), VITALS.into());
    assert_eq!(hashes.values().collect::<BTreeSet<_>>().len(), VITALS.len());
    assert!(hashes.values().all(|hash| hash.len() == 64));
    let reads = all_read_by("health_score");
    assert!(reads.contains(&"attendances") && reads.contains(&"churn_risk"), "{reads:?}");
    assert!(!reads.contains(&"revenue_trend"), "{reads:?}");
}

/// The rows of one computation are not in the next: joins and subqueries forget.
#[tokio::test]
async fn computations_do_not_remember_each_other() {
    let tenant = TenantId(uuid::Uuid::nil());
    let record = |kind: &str, body: &str| {
        format!(
            r#"{{"tenant":"{tenant}","kind":"{kind}","source":"csv","id":"1","version":1,
            "received_at":"2026-01-01T00:00:00Z","body":{body}}}"#
        )
    };
    let mut records = crate::Records::new(tenant);
    for message in [
        record("organization", r#"{"name":"Springfield Gym","currency":"USD"}"#),
        record("customer", "{}"),
        record(
            "order",
            r#"{"ordered_at":"2026-03-18T12:00:00Z","currency":"USD","customer_id":"1"}"#,
        ),
        record("visit", r#"{"customer_id":"1","visited_at":"2026-03-18T12:00:00Z"}"#),
    ] {
        records.absorb(message.as_bytes()).unwrap();
    }
    let definitions = Definitions::new().await.unwrap();
    let today = Date::parse("2026-03-18").unwrap();
    let compute =
        async |tables: &RecordTables| definitions.compute(tables, tenant, today).await.unwrap();
    let first = compute(&records.tables()).await;
    assert_eq!((first.revenue.len(), first.heatmap.len()), (4, 4));
    assert_eq!((first.churn.len(), first.health.len()), (1, 1));
    assert!(compute(&RecordTables::empty()).await.is_empty());
    assert_eq!(compute(&records.tables()).await, first);
}

#[test]
fn only_the_definitions_see_the_column_that_is_theirs() {
    let tables = RecordTables::empty();
    let mut theirs = Vec::new();
    for (name, batch) in tables.for_definitions() {
        let (schema, seen) = (batch.schema(), tables.get(name).unwrap().schema());
        let hidden = schema.fields().iter().filter(|it| seen.index_of(it.name()).is_err());
        theirs.extend(hidden.map(|it| format!("{name}.{}", it.name())));
        assert!(seen.fields().iter().zip(schema.fields()).all(|(a, b)| a == b), "{name}");
    }
    assert_eq!(theirs, ["visits.own_location_id"]);
    assert_eq!(tables.for_definitions().count(), RecordTables::names().count());
}
