-- A lake is a folder and its manifest, and several may stand beside each other.
--
-- A process keeps the lake of its own data directory. Another process, with another directory around the same
-- database, would find a manifest that names files it does not have: so a manifest belongs to the folder, which
-- carries its id (`lake.id`). A folder that was removed is a lake that nobody opens again; a new one is filled
-- from the log. So nothing is taken over here from before: the log has every record.

drop table lake_segments;
drop table lake_manifest;

create table lake_manifest (
    lake         uuid        primary key,
    version      bigint      not null check (version >= 0),
    -- Every message below these is accounted for in the segments, as {"0": 17, ..}.
    offsets      jsonb       not null default '{}',
    changed_at   timestamptz not null default now(),
    log_identity text        not null
) with (fillfactor = 10);

create table lake_segments (
    lake         uuid     not null references lake_manifest (lake) on delete cascade,
    -- 0: fresh from the log, merged when read; 1: each key occurs once over all files of the table.
    level        smallint not null check (level in (0, 1)),
    path         text     not null,
    table_name   text     not null,
    row_count    bigint   not null check (row_count > 0),
    byte_count   bigint   not null check (byte_count > 0),
    -- Whose rows may be in it. A row is found by its tenant; nobody but the engine reads this.
    tenant_least uuid     not null,
    tenant_most  uuid     not null,
    -- The days of its rows; NULL when none has one.
    day_first    date,
    day_last     date,
    primary key (lake, path),
    constraint tenants_in_order check (tenant_least <= tenant_most),
    constraint days_in_order check (num_nonnulls(day_first, day_last) <> 1 and day_first <= day_last)
);

grant select, insert, update, delete on lake_manifest, lake_segments to vitals_engine;

-- What was forgotten of a tenant's history: its changes up to this tick, which were made before this instant.
-- Rows as of an earlier tick or instant can no longer be told.
alter table tenant_clock
    add column forgotten_tick bigint not null default 0,
    add column forgotten_at   timestamptz;

-- Until now nobody wrote it down: what history begins with now may not be its beginning.
update tenant_clock c set forgotten_tick = h.tick - 1, forgotten_at = h.at
from (select tenant, min(tick) as tick, min(committed_at) as at from vital_changes group by tenant) h
where h.tenant = c.tenant;
