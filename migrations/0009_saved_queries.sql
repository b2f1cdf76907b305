-- What tenants keep to ask again: saved queries, schedules of them and of reports, and what became of each run.
--
-- A query is saved only when the guard has passed it; it is planned again, by the guard, whenever it is run. A
-- schedule is due at one instant at a time, `next_at`. A process that takes a due run writes a lease into the row and
-- does the work outside of any transaction; what comes of it moves `next_at` on, in one transaction with the run's
-- record, and only if the lease is still its own: so a run is recorded once for each due time, whoever is killed.

create table saved_queries (
    tenant     uuid        not null references tenants (id) on delete cascade,
    name       text        not null,
    title      text        not null,
    sql        text        not null,
    -- Parameters as they were declared, each 'name type = default: what it does'.
    params     text[]      not null default '{}',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (tenant, name),
    constraint saved_query_name check (name ~ '^[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?$'),
    check (length(title) between 1 and 200),
    check (octet_length(sql) between 1 and 16384)
);

create table schedules (
    tenant     uuid        not null references tenants (id) on delete cascade,
    name       text        not null,
    -- What runs: a report of the program, or a saved query of the tenant, by name.
    is_report  boolean     not null,
    target     text        not null,
    params     jsonb       not null default '{}',
    format     text        not null,
    every      text        not null check (every in ('day', 'week', 'month')),
    -- The ISO weekday of a week, the day of a month (its last where it has no such day); of every day, 0.
    on_day     smallint    not null check (on_day between 0 and 31),
    -- Minutes after midnight, by the tenant's clocks.
    at_minute  smallint    not null check (at_minute between 0 and 1439),
    keep       smallint    not null check (keep between 1 and 1000),
    next_at    timestamptz not null,
    -- A run that failed waits until then; a run under way is its process's until then.
    free_at    timestamptz not null default '-infinity',
    lease      uuid,
    tries      smallint    not null default 0,
    created_at timestamptz not null default now(),
    primary key (tenant, name),
    constraint schedule_name check (name ~ '^[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?$')
);

create index schedules_due on schedules (greatest(next_at, free_at));

-- The last runs of each schedule: a row for each due time.
create table schedule_runs (
    tenant   uuid        not null,
    schedule text        not null,
    due_at   timestamptz not null,
    tries    smallint    not null,
    ended_at timestamptz not null,
    -- The file it wrote; null when it failed, and then why.
    file     text,
    error    text,
    primary key (tenant, schedule, due_at),
    foreign key (tenant, schedule) references schedules (tenant, name) on delete cascade,
    check (num_nonnulls(file, error) = 1)
);

alter table saved_queries enable row level security;
alter table saved_queries force  row level security;
alter table schedules     enable row level security;
alter table schedules     force  row level security;
alter table schedule_runs enable row level security;
alter table schedule_runs force  row level security;

create policy engine on saved_queries to vitals_engine using (true) with check (true);
create policy engine on schedules     to vitals_engine using (true) with check (true);
create policy engine on schedule_runs to vitals_engine using (true) with check (true);

create policy reader on saved_queries for select to vitals_reader
    using (tenant = nullif(current_setting('app.tenant', true), '')::uuid);
create policy reader on schedules for select to vitals_reader
    using (tenant = nullif(current_setting('app.tenant', true), '')::uuid);
create policy reader on schedule_runs for select to vitals_reader
    using (tenant = nullif(current_setting('app.tenant', true), '')::uuid);

grant select, insert, update, delete on saved_queries, schedules, schedule_runs to vitals_engine;
grant select on saved_queries, schedules, schedule_runs to vitals_reader;
