#!/usr/bin/env python3
"""Times the queries of this folder through Vitals and through DuckDB, on the same Parquet, in one run.

Vitals answers over HTTP, as anybody's client; DuckDB reads the lake's files in this process, with the same
versions of records and the same tenant's zone. Answers must be equal row by row. Each query runs once on both
to warm them, then in turn; the figure is the median of each, and the ratio of the two. Exits 1 when an answer
differs. Needs PyPI's duckdb and pyarrow, a running `vitals up`, a key of the tenant, and the lake's folder.
"""

import argparse
import io
import json
import math
import pathlib
import statistics
import subprocess
import sys
import time
import urllib.request

import duckdb
import pyarrow.ipc

FILLED = {
    "locations": ("SELECT * REPLACE (coalesce(time_zone, (SELECT time_zone FROM organizations ORDER BY id LIMIT 1),"
                  " 'UTC') AS time_zone) FROM own_locations"),
    "sessions": ("SELECT s.* REPLACE (coalesce(s.capacity, c.capacity) AS capacity,"
                 " coalesce(s.instructor_id, c.instructor_id) AS instructor_id)"
                 " FROM own_sessions s LEFT JOIN classes c ON c.id = s.class_id"),
    "visits": ("SELECT v.* REPLACE (coalesce(v.location_id, s.location_id) AS location_id)"
               " FROM own_visits v LEFT JOIN own_sessions s ON s.id = v.session_id"),
    "refunds": ("SELECT r.* REPLACE (coalesce(r.customer_id, o.customer_id) AS customer_id,"
                " coalesce(r.location_id, o.location_id) AS location_id)"
                " FROM own_refunds r LEFT JOIN orders o ON o.id = r.order_id"),
}
HIDDEN = "tenant, day, deleted, place"


def segments(database, lake):
    """The files of this lake that count, by table: of the base, and fresh ones."""
    own = (lake / "lake.id").read_text().strip()
    query = f"select table_name, level, path from lake_segments where lake = '{own}' order by path"
    out = subprocess.run(["psql", database, "-XAtc", query], check=True, capture_output=True, text=True).stdout
    found = {}
    for line in out.splitlines():
        table, level, path = line.split("|")
        found.setdefault(table, ([], []))[0 if level == "1" else 1].append(path)
    return found


def views(db, lake, tenant, found):
    """Views of one tenant's newest records, by the rules Vitals reads them by."""
    def files(paths):
        return "read_parquet([" + ", ".join(f"'{lake / path}'" for path in paths) + "])"

    for table, (base, fresh) in sorted(found.items(), key=lambda it: it[0] in FILLED):
        key = "order_id" if table == "order_lines" else "id"
        extra = "" if table == "order_lines" else ", body"
        own = f"tenant = '{tenant}'"
        parts = []
        if fresh:
            newest = f"(SELECT {key}, max((version, place)) AS top FROM {files(fresh)} WHERE {own} GROUP BY 1)"
            parts.append(f"SELECT f.* FROM {files(fresh)} f JOIN {newest} n ON n.{key} = f.{key}"
                         f" AND n.top = (f.version, f.place) WHERE f.{own}")
        if base:
            doubt = f" AND {key} NOT IN (SELECT {key} FROM {files(fresh)} WHERE {own})" if fresh else ""
            parts.append(f"SELECT * FROM {files(base)} WHERE {own}{doubt}")
        name = f"own_{table}" if table in FILLED else table
        both = " UNION ALL BY NAME ".join(parts)
        db.execute(f"CREATE VIEW {name} AS SELECT * EXCLUDE ({HIDDEN}{extra}) FROM ({both}) WHERE NOT deleted")
        if table in FILLED:
            db.execute(f"CREATE VIEW {table} AS {FILLED[table]}")


def ask(options, sql):
    """The answer of Vitals, as a table of Arrow."""
    body = json.dumps({"sql": sql, "format": "arrow"}).encode()
    headers = {"Authorization": f"Bearer {options.key}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{options.url}/api/v1/query", body, headers)
    with urllib.request.urlopen(request) as answer:
        return pyarrow.ipc.open_stream(io.BytesIO(answer.read())).read_all()


def plain(value):
    if hasattr(value, "astimezone"):
        return value.timestamp()
    if isinstance(value, float) and value == int(value):
        return int(value)
    return value


def rows(table):
    return [tuple(plain(value) for value in row.values()) for row in table.to_pylist()]


def median(run, repeat):
    times = []
    for _ in range(repeat):
        began = time.perf_counter()
        run()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--key", required=True, help="an API key of the tenant")
    parser.add_argument("--tenant", required=True, help="the tenant's id")
    parser.add_argument("--zone", required=True, help="the tenant's IANA zone")
    parser.add_argument("--lake", required=True, type=pathlib.Path, help="the lake's folder")
    parser.add_argument("--database", required=True, help="the database of the manifest, as psql has it")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--only", default="", help="names of queries begin so")
    options = parser.parse_args()

    db = duckdb.connect()
    db.execute(f"SET TimeZone = '{options.zone}'; SET threads = 2; SET parquet_metadata_cache = true")
    views(db, options.lake.resolve(), options.tenant, segments(options.database, options.lake))

    ratios, wrong = [], []
    print(f"{'query':38} {'vitals ms':>10} {'duckdb ms':>10} {'ratio':>6}")
    for path in sorted(pathlib.Path(__file__).parent.glob(f"{options.only}*.sql")):
        sql = path.read_text()
        ours, theirs = rows(ask(options, sql)), rows(db.execute(sql).to_arrow_table())
        if ours != theirs:
            wrong.append(path.stem)
            print(f"{path.stem:38} DIFFERENT: {ours[:2]} and {theirs[:2]}")
            continue
        mine = median(lambda: ask(options, sql), options.repeat)
        duck = median(lambda: db.execute(sql).to_arrow_table(), options.repeat)
        ratios.append(mine / duck)
        print(f"{path.stem:38} {mine * 1e3:10.1f} {duck * 1e3:10.1f} {mine / duck:6.2f}")
    if ratios:
        mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
        print(f"{'geometric mean, greatest':38} {'':10} {'':10} {mean:6.2f} {max(ratios):6.2f}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
