-- What each row used to be: as-of reads, restatements and explanations come from here.
--
-- A row says that at `tick` a row of a vital went from `old` (NULL: there was none) to `new` (NULL: it
-- is gone). Changes of one row within one minute may be joined into one, from the first old to the last
-- new, under the last tick; never across a minute, never the change of a churn level, never a closed
-- bucket (contracts 4.5). The writer joins by taking its own row back and appending the joined one in
-- the same transaction: a chunk older than a minute is never rewritten.
--
-- Nothing refers to a row and nothing looks one up but by tenant and tick, so there is one index, and
-- appending costs little. `n` tells the rows of one tick apart.
--
-- Key and cause are jsonb: they are compared. What a row was and became is json, the text as it was
-- written: nobody searches in it, a commit writes as many of these as rows, and keeping the text is half
-- the work of jsonb and a quarter less to store (0.09 s against 0.20 s of the server's processor for
-- 20,000 rows of revenue_trend).
--
-- Readers come through tenant_changes. TimescaleDB refuses the columnstore on a table with row
-- security (its tsl/src/compression/create.c), so where history is a hypertable the table has none, the
-- reader loses its grant, and the view, then read as its owner, is the wall. It carries the predicate
-- in either case and is a security barrier: no function of a caller sees a row before the tenant does.

create table vital_changes (
    tick         bigint      not null,
    committed_at timestamptz not null,
    tenant       uuid        not null,
    n            integer     not null,
    vital        text        not null,
    cause        jsonb       not null,
    key          jsonb       not null,
    old          json,
    new          json
);

create index vital_changes_of_tenant on vital_changes (tenant, tick, n);

create view tenant_changes with (security_invoker = true, security_barrier = true) as
select tick, committed_at, tenant, n, vital, key, old, new, cause
from vital_changes
where tenant = nullif(current_setting('app.tenant', true), '')::uuid;

alter table vital_changes enable row level security;
alter table vital_changes force  row level security;

create policy engine on vital_changes to vitals_engine using (true) with check (true);
create policy reader on vital_changes for select to vitals_reader
    using (tenant = nullif(current_setting('app.tenant', true), '')::uuid);

grant select, insert, update, delete on vital_changes to vitals_engine;
grant select on vital_changes, tenant_changes to vitals_reader;
