"""ADBC over Flight SQL: queries, parameters, what there is, what is refused, walls."""

import sys
from decimal import Decimal

import adbc_driver_flightsql.dbapi as flight
import pyarrow

_, _, key, others, uri = sys.argv[1:]


def connect(user="studio", password=key):
    return flight.connect(uri, db_kwargs={"username": user, "password": password}, autocommit=True)


def refused(work):
    try:
        work()
        print("not refused")
    except Exception as error:
        print(type(error).__name__, [it for it in ("25006", "42P01", "42703") if it in str(error)], "vt_" in str(error))


with connect() as db, db.cursor() as c:
    c.execute("SELECT source_id, visited_at FROM visits ORDER BY visited_at")
    table = c.fetch_arrow_table()
    print(table.schema.field("visited_at").type, table.column("source_id").to_pylist())
    print([it.isoformat() for it in table.column("visited_at").to_pylist()])
    c.execute("SELECT amount FROM expenses ORDER BY amount")
    print(c.fetch_arrow_table().column("amount").to_pylist())
    c.execute("SELECT source_id FROM expenses WHERE amount = $1 AND category = $2", (Decimal("12345678901.123456"), "rent"))
    print(c.fetchall())
    c.execute("SELECT source_id FROM customers WHERE last_name = $1", ("' OR ''='",))
    print(c.fetchall())
    objects = db.adbc_get_objects(depth="all", table_name_filter="visits").read_all().to_pylist()
    for catalog in objects:
        for schema in catalog["catalog_db_schemas"]:
            for found in schema["db_schema_tables"]:
                columns = [it["column_name"] for it in found["table_columns"]]
                print(catalog["catalog_name"], schema["db_schema_name"], found["table_name"], columns)
    print(db.adbc_get_table_types(), db.adbc_get_info()["vendor_name"])
    refused(lambda: c.executescript("DELETE FROM visits"))
    refused(lambda: c.execute("DELETE FROM visits"))
    refused(lambda: c.execute("SELECT * FROM other.visits"))
    refused(lambda: c.execute("SELECT nothing FROM visits"))
    refused(lambda: c.adbc_ingest("x", pyarrow.table({"a": [1]})))
for user, password in (("studio", others), ("other", key)):
    refused(lambda: connect(user, password).cursor().execute("SELECT 1"))

# Another tenant's ticket is not found.
import pyarrow.flight as raw


def options(key):
    return raw.FlightCallOptions(headers=[(b"authorization", b"Bearer " + key.encode())])


def varint(n):
    return bytes([n]) if n < 128 else bytes([n & 127 | 128]) + varint(n >> 7)


def field(number, value):
    return bytes([number << 3 | 2]) + varint(len(value)) + value


name = b"type.googleapis.com/arrow.flight.protocol.sql.CommandStatementQuery"
command = field(1, name) + field(2, field(1, b"SELECT count(*) AS n FROM visits"))
client = raw.connect(uri.replace("grpc://", "grpc+tcp://"))
info = client.get_flight_info(raw.FlightDescriptor.for_command(command), options(key))
ticket = info.endpoints[0].ticket
print(key in repr(ticket.ticket), b"SELECT" in ticket.ticket)
print(client.do_get(ticket, options(key)).read_all().to_pylist())
try:
    client.do_get(ticket, options(others)).read_all()
except Exception as error:
    print(type(error).__name__, "no such statement" in str(error))
