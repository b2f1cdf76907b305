"""SQLAlchemy 2: what its inspector finds, and a select through Core."""

import sys
from decimal import Decimal

from sqlalchemy import MetaData, Table, create_engine, func, inspect, select
from sqlalchemy.engine import URL

host, port, key, _, _ = sys.argv[1:]
engine = create_engine(URL.create("postgresql+psycopg", "studio", key, host, int(port), "vitals"))
found = inspect(engine)
print(found.get_schema_names())
tables = found.get_table_names()
print(len(tables), [it for it in tables if it in ("visits", "orders", "revenue_trend", "pg_class")])
print(found.get_view_names(), found.default_schema_name, found.has_table("visits"), found.has_table("nothing"))
for column in found.get_columns("expenses"):
    print(column["name"], repr(column["type"]), column["nullable"])
print(found.get_pk_constraint("visits")["constrained_columns"], found.get_foreign_keys("visits"), found.get_indexes("visits"))
expenses = Table("expenses", MetaData(), autoload_with=engine)
with engine.connect() as db:
    rent = select(expenses.c.amount, expenses.c.incurred_at).where(expenses.c.amount > Decimal("0.5"))
    print([(row.amount, row.incurred_at.isoformat()) for row in db.execute(rent)])
    by_day = select(func.date_trunc("day", expenses.c.incurred_at).label("day"), func.count()).group_by("day").order_by("day")
    print([(day.isoformat(), n) for day, n in db.execute(by_day.limit(1))])
