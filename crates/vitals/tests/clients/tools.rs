//! What Grafana, Metabase and DBeaver ask first, word for word, each with what a sane answer holds.
//!
//! The statements are facts about those programs, taken from their public sources: Grafana 11.x
//! (`grafana-postgresql-datasource/postgresMetaQuery.ts`), Metabase 0.55 (`metabase/driver/postgres.clj` and
//! `sql_jdbc/sync`, with what the PostgreSQL JDBC driver 42.7 asks for it), DBeaver 25.1
//! (`org.jkiss.dbeaver.ext.postgresql`, `PostgreDatabase`, `PostgreSchema`, `PostgreDataType`).

use crate::house::{House, house};

/// A statement, and the lines its answer must hold.
type Asked<'a> = (&'a str, &'a [&'a str]);

/// Asks everything on one connection, as a tool does.
fn replay(house: &House, tool: &str, asked: &[Asked<'_>]) {
    for (statement, expected) in asked {
        let said = house.psql(&["-At", "-v", "ON_ERROR_STOP=1", "-c", statement]);
        assert!(said.code == 0 && said.err.is_empty(), "{tool}: {statement}\n{}", said.err);
        let lines: Vec<&str> = said.out.lines().collect();
        for line in *expected {
            assert!(lines.contains(line), "{tool}: {statement}\nhas no {line}:\n{}", said.out);
        }
    }
}

const SEARCH_PATH: &str = "quote_ident(table_schema) IN (
          SELECT
            CASE WHEN trim(s[i]) = '\"$user\"' THEN user ELSE trim(s[i]) END
          FROM
            generate_series(
              array_lower(string_to_array(current_setting('search_path'),','),1),
              array_upper(string_to_array(current_setting('search_path'),','),1)
            ) as i,
            string_to_array(current_setting('search_path'),',') s
          )";

#[test]
fn grafana_finds_its_way() {
    let tables = format!(
        "SELECT
    CASE WHEN {SEARCH_PATH}
      THEN quote_ident(table_name)
      ELSE quote_ident(table_schema) || '.' || quote_ident(table_name)
    END AS \"table\"
    FROM information_schema.tables
    WHERE quote_ident(table_schema) NOT IN ('information_schema',
                             'pg_catalog',
                             '_timescaledb_cache',
                             '_timescaledb_catalog',
                             '_timescaledb_internal',
                             '_timescaledb_config',
                             'timescaledb_information',
                             'timescaledb_experimental')
    ORDER BY CASE WHEN {SEARCH_PATH} THEN 0 ELSE 1 END, 1"
    );
    let columns = format!(
        "SELECT quote_ident(column_name) AS \"column\", data_type AS \"type\"
    FROM information_schema.columns
    WHERE
      CASE WHEN array_length(parse_ident('visits'),1) = 2
        THEN quote_ident(table_schema) = (parse_ident('visits'))[1]
          AND quote_ident(table_name) = (parse_ident('visits'))[2]
        ELSE quote_ident(table_name) = 'visits'
          AND {SEARCH_PATH}
      END"
    );
    replay(
        &house(),
        "Grafana",
        &[
            ("SELECT current_setting('server_version_num')::int/100 as version", &["1600"]),
            ("SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'", &[]),
            (&tables, &["visits", "revenue_trend"]),
            (&columns, &["visited_at|timestamp with time zone", "customer_id|text"]),
            ("SELECT 1", &["1"]),
            (
                "SELECT date_trunc('day', visited_at) AS \"time\", count(*) FROM visits \
                 WHERE visited_at BETWEEN '2026-01-01T00:00:00Z' AND '2026-02-01T00:00:00Z' GROUP BY 1 ORDER BY 1",
                &["2026-01-10 00:00:00+01|1", "2026-01-11 00:00:00+01|1"],
            ),
        ],
    );
}

#[test]
fn metabase_finds_its_way() {
    let asked: [Asked<'_>; 12] = [
        ("SET extra_float_digits = 2", &["SET"]),
        (
            "SET application_name = 'Metabase v0.55.1 [f8f63fdf-d8f8-4573-86ea-4fe4a9548041]'",
            &["SET"],
        ),
        ("SHOW TRANSACTION ISOLATION LEVEL", &["repeatable read"]),
        ("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ UNCOMMITTED", &["SET"]),
        (
            r#"SELECT nspname AS "TABLE_SCHEM", current_database() AS "TABLE_CATALOG" FROM pg_catalog.pg_namespace  WHERE nspname <> 'pg_toast' AND (nspname !~ '^pg_temp_'  OR nspname = (pg_catalog.current_schemas(true))[1]) AND (nspname !~ '^pg_toast_temp_'  OR nspname = replace((pg_catalog.current_schemas(true))[1], 'pg_temp_', 'pg_toast_temp_'))  ORDER BY "TABLE_SCHEM""#,
            &["public|vitals"],
        ),
        (
            r#"with table_privileges as (
	 select
	   NULL as role,
	   t.schemaname as schema,
	   t.objectname as table,
	   pg_catalog.has_any_column_privilege(current_user, '"' || replace(t.schemaname, '"', '""') || '"' || '.' || '"' || replace(t.objectname, '"', '""') || '"',  'update') as update,
	   pg_catalog.has_any_column_privilege(current_user, '"' || replace(t.schemaname, '"', '""') || '"' || '.' || '"' || replace(t.objectname, '"', '""') || '"',  'select') as select,
	   pg_catalog.has_any_column_privilege(current_user, '"' || replace(t.schemaname, '"', '""') || '"' || '.' || '"' || replace(t.objectname, '"', '""') || '"',  'insert') as insert,
	   pg_catalog.has_table_privilege(     current_user, '"' || replace(t.schemaname, '"', '""') || '"' || '.' || '"' || replace(t.objectname, '"', '""') || '"',  'delete') as delete
	 from (
	   select schemaname, tablename as objectname from pg_catalog.pg_tables
	   union
	   select schemaname, viewname as objectname from pg_catalog.pg_views
	   union
	   select schemaname, matviewname as objectname from pg_catalog.pg_matviews
	 ) t
	 where t.schemaname !~ '^pg_'
	   and t.schemaname <> 'information_schema'
	   and pg_catalog.has_schema_privilege(current_user, t.schemaname, 'usage')
	)
	select t.*
	from table_privileges t"#,
            &["|public|visits|f|t|f|f"],
        ),
        (
            r#"SELECT "n"."nspname" AS "schema", "c"."relname" AS "name", CASE "c"."relkind" WHEN 'r' THEN 'TABLE' WHEN 'p' THEN 'PARTITIONED TABLE' WHEN 'v' THEN 'VIEW' WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE NULL END AS "type", "d"."description" AS "description", "stat"."n_live_tup" AS "estimated_row_count" FROM "pg_catalog"."pg_class" AS "c" INNER JOIN "pg_catalog"."pg_namespace" AS "n" ON "c"."relnamespace" = "n"."oid" LEFT JOIN "pg_catalog"."pg_description" AS "d" ON ("c"."oid" = "d"."objoid") AND ("d"."objsubid" = '0') AND ("d"."classoid" = 'pg_class'::regclass) LEFT JOIN "pg_stat_user_tables" AS "stat" ON ("n"."nspname" = "stat"."schemaname") AND ("c"."relname" = "stat"."relname") WHERE ("c"."relnamespace" = "n"."oid") AND ("n"."nspname" !~ '^pg_') AND ("n"."nspname" <> 'information_schema') AND c.relkind in ('r', 'p', 'v', 'f', 'm') AND ("n"."nspname" IN ('public')) ORDER BY "type" ASC, "schema" ASC, "name" ASC"#,
            &["public|visits|TABLE||", "public|orders|TABLE||"],
        ),
        (
            "SELECT nspname, typname FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace \
             WHERE t.oid IN (SELECT DISTINCT enumtypid FROM pg_enum e)",
            &[],
        ),
        ("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED", &["SET"]),
        ("show timezone", &["UTC"]),
        (
            r#"SELECT "public"."visits"."id" AS "id", "public"."visits"."visited_at" AS "visited_at" FROM "public"."visits" ORDER BY "public"."visits"."visited_at" ASC LIMIT 1"#,
            &["csv:late|2026-01-10 23:59:59+01"],
        ),
        (r#"SELECT TRUE AS "_" FROM "public"."visits" WHERE 1 <> 1 LIMIT 0"#, &[]),
    ];
    replay(&house(), "Metabase", &asked);
}

#[test]
fn dbeaver_finds_its_way() {
    let asked: [Asked<'_>; 14] = [
        ("SET extra_float_digits = 3", &["SET"]),
        ("SET application_name = 'DBeaver 25.1.5 - Main <vitals>'", &["SET"]),
        ("SELECT version()", &["PostgreSQL 16.6 (Vitals), one committed tick, read only"]),
        ("SELECT current_schema(),session_user", &["public|analyst"]),
        ("SHOW search_path", &["public"]),
        ("SELECT db.oid,db.* FROM pg_catalog.pg_database db WHERE datname='vitals'", &[]),
        ("SELECT * FROM pg_catalog.pg_settings where name='standard_conforming_strings'", &[]),
        (
            "SELECT string_agg(word, ',') from pg_catalog.pg_get_keywords() where word <> ALL ('{a,abs,year,zone}')",
            &[],
        ),
        (
            "SELECT n.oid,n.*,d.description FROM pg_catalog.pg_namespace n LEFT OUTER JOIN pg_catalog.pg_description d \
             ON d.objoid=n.oid AND d.objsubid=0 AND d.classoid='pg_namespace'::regclass ORDER BY nspname",
            &[],
        ),
        ("SELECT * FROM pg_catalog.pg_enum WHERE 1<>1 LIMIT 1", &[]),
        ("SELECT reltype FROM pg_catalog.pg_class WHERE 1<>1 LIMIT 1", &[]),
        (
            "SELECT t.oid,t.*,c.relkind,format_type(nullif(t.typbasetype, 0), t.typtypmod) as base_type_name, d.description \
             FROM pg_catalog.pg_type t LEFT OUTER JOIN pg_catalog.pg_type et ON et.oid=t.typelem \
             LEFT OUTER JOIN pg_catalog.pg_class c ON c.oid=t.typrelid \
             LEFT OUTER JOIN pg_catalog.pg_description d ON t.oid=d.objoid \
             WHERE t.typname IS NOT NULL AND (c.relkind IS NULL OR c.relkind = 'c') \
             AND (et.typcategory IS NULL OR et.typcategory <> 'C')",
            &[],
        ),
        (
            "SELECT c.relname, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod) AS kind \
             FROM pg_catalog.pg_attribute a INNER JOIN pg_catalog.pg_class c ON (a.attrelid=c.oid) \
             LEFT OUTER JOIN pg_catalog.pg_attrdef ad ON (a.attrelid=ad.adrelid AND a.attnum = ad.adnum) \
             LEFT OUTER JOIN pg_catalog.pg_description dsc ON (c.oid=dsc.objoid AND a.attnum = dsc.objsubid) \
             WHERE NOT a.attisdropped AND c.relname='expenses' ORDER BY a.attnum",
            &[
                "expenses|amount|numeric(20,6)",
                "expenses|incurred_at|timestamp with time zone",
                "expenses|id|text",
            ],
        ),
        ("SELECT x.* FROM public.expenses x LIMIT 200", &[]),
    ];
    replay(&house(), "DBeaver", &asked);
}
