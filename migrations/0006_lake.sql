-- Which files of the lake count, and up to where they stand for the log.
--
-- The lake's files are outside the database and never change; what they are together is decided here. A
-- flush adds files and moves the offsets they cover in one transaction, only from the offsets it went on
-- from: of two processes one is told that the other was first, and no message is counted twice. A merge
-- takes files out and puts others in, only when all it takes out are there. A file is written before it is
-- named here, so whatever is killed when, every file named is whole.
--
-- As with progress, what the files mean depends on the log they came from: another one is refused.

create table lake_manifest (
    shard        integer     primary key,
    version      bigint      not null check (version >= 0),
    -- Every message below these is accounted for in the segments, as {"0": 17, ..}.
    offsets      jsonb       not null default '{}',
    changed_at   timestamptz not null default now(),
    log_identity text        not null
) with (fillfactor = 10);

create table lake_segments (
    shard        integer  not null references lake_manifest (shard),
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
    primary key (shard, path),
    constraint tenants_in_order check (tenant_least <= tenant_most),
    constraint days_in_order check (num_nonnulls(day_first, day_last) <> 1 and day_first <= day_last)
);

grant select, insert, update, delete on lake_manifest, lake_segments to vitals_engine;
