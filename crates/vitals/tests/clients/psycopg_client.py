"""psycopg 3: types both ways in text and binary, a server-side cursor, transactions, errors, walls."""

import sys
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import psycopg

host, port, key, others, _ = sys.argv[1:]


def connect(user="studio", password=key, **more):
    return psycopg.connect(host=host, port=port, user=user, password=password, dbname="vitals", **more)


with connect() as db:
    for binary in (False, True):
        with db.cursor(binary=binary) as c:
            c.execute("SELECT source_id, visited_at FROM visits ORDER BY visited_at")
            for name, at in c:
                print(name, at.isoformat(), at.utcoffset())
            c.execute("SELECT amount, 1::bigint, true, NULL, DATE '2026-03-18', 0.5::double precision FROM expenses ORDER BY 1")
            print(c.fetchall())
            c.execute("SELECT tags FROM customers ORDER BY id")
            print(c.fetchall())
            print([(it.name, it.type_code, it.precision, it.scale) for it in c.description])
    kinds = "SELECT source_id FROM expenses WHERE amount = %s AND incurred_at >= %s AND category = %s AND %s"
    at = datetime(2026, 1, 5, 9, tzinfo=timezone(timedelta(hours=1)))
    for mark in ("%t", "%b"):
        text = kinds.replace("%s", mark)
        print(db.execute(text, (Decimal("12345678901.123456"), at, "rent", True)).fetchall())
    print(db.execute("SELECT %s::bigint + 1", (41,)).fetchone())
    print(db.execute("SELECT count(*) FROM visits WHERE visited_at >= %s", (date(2026, 1, 11),)).fetchone())
    print(db.execute("SELECT source_id FROM customers WHERE last_name = %s", ("' OR ''='",)).fetchall())
    # A statement that is used often is prepared.
    for _ in range(7):
        row = db.execute("SELECT count(*) FROM visits WHERE customer_id = %s", ("csv:1",)).fetchone()
    print(row)
    db.commit()
    with db.cursor(name="few at a time") as c:
        c.itersize = 2
        c.execute("SELECT source_id FROM visits WHERE customer_id > %s ORDER BY visited_at", ("a",))
        print([row[0] for row in c])
    try:
        db.execute("DELETE FROM visits")
    except psycopg.errors.ReadOnlySqlTransaction as error:
        print("refused", error.sqlstate, db.info.transaction_status.name)
    try:
        db.execute("SELECT 1")
    except psycopg.errors.InFailedSqlTransaction as error:
        print("refused", error.sqlstate)
    db.rollback()
    print(db.execute("SELECT 1").fetchone(), db.info.parameter_status("TimeZone"), db.info.server_version)
    with db.pipeline():
        two = [db.execute("SELECT %s::bigint", (n,)) for n in (1, 2)]
    print([it.fetchone() for it in two])

for user, password in (("studio", others), ("other", key)):
    try:
        connect(user, password)
    except psycopg.OperationalError as error:
        print("authentication failed" in str(error), "vt_" in str(error))
with connect("other", others) as db:
    print(db.execute("SELECT count(*) FROM visits WHERE source_id = 'CANARY'").fetchone())
