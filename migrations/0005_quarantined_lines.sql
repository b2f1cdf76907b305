-- Lines of imported files that could not become records, each once, by its place in its file.
--
-- They never were messages of the log, so they have no partition and offset and are not counted with
-- what the log delivered. An import that is run again finds the same lines and changes nothing here.

create table quarantined_lines (
    tenant uuid        not null references tenants (id) on delete cascade,
    file   text        not null,
    line   bigint      not null check (line > 0),
    reason text        not null,
    raw    bytea       not null,
    at     timestamptz not null default now(),
    primary key (tenant, file, line)
);

alter table quarantined_lines enable row level security;
alter table quarantined_lines force  row level security;

create policy engine on quarantined_lines to vitals_engine using (true) with check (true);
create policy reader on quarantined_lines for select to vitals_reader
    using (tenant = nullif(current_setting('app.tenant', true), '')::uuid);

grant select, insert, update, delete on quarantined_lines to vitals_engine;
grant select on quarantined_lines to vitals_reader;
