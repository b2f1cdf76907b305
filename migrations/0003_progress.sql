-- How far each shard is, and what the ticks left beside the vitals.
--
-- One row of `progress` is the whole of exactly once. A commit's first statement moves it from the tick
-- it believes in to the next, if the epoch is still its own; no row moved means that another writer has
-- taken over, or that this commit is already there. The offsets to read from next are in the same row:
-- they and the rows they account for are committed together or not at all.
--
-- What stored rows mean depends on the log they came from, on how many partitions it has and on the
-- definitions in force: these are part of the row, and a writer that brings others is refused.

create table progress (
    shard         integer     primary key,
    epoch         bigint      not null check (epoch >= 0),
    tick          bigint      not null check (tick >= 0),
    -- The next offset to read of each partition, as {"0": 17, ..}.
    offsets       jsonb       not null,
    -- The instant the engine called now.
    clock         timestamptz not null,
    committed_at  timestamptz not null,
    log_identity  text        not null,
    partitions    integer     not null check (partitions > 0),
    -- A hash of each vital's definition.
    definitions   jsonb       not null default '{}',
    -- The writer's session, so that a successor can end it when it is stuck in mid-transaction. A
    -- process id comes round again; with the instant its session began it does not.
    owner_pid     integer,
    owner_began   timestamptz
) with (fillfactor = 10);

-- Each tenant's today as of the last committed tick, and the shard that keeps it.
create table tenant_clock (
    tenant uuid    primary key,
    shard  integer not null,
    today  date    not null
) with (fillfactor = 50);

-- What became of messages: received is always the sum of the others. The row without a tenant gathers
-- those whose owner could not be read. Increments are exact because the compare-and-append of the same
-- transaction lets each of them happen once.
create table counts (
    tenant      uuid,
    received    bigint not null,
    applied     bigint not null,
    superseded  bigint not null,
    duplicate   bigint not null,
    quarantined bigint not null,
    constraint counts_key unique nulls not distinct (tenant),
    constraint nothing_dropped check (received = applied + superseded + duplicate + quarantined)
) with (fillfactor = 50);

-- The messages that could not be understood, each once, by its place in the log.
create table quarantine (
    tenant    uuid,
    partition integer     not null,
    "offset"  bigint      not null,
    reason    text        not null,
    raw       bytea       not null,
    at        timestamptz not null,
    primary key (partition, "offset")
);

create index quarantine_of_tenant on quarantine (tenant, at desc);

alter table tenant_clock enable row level security;
alter table tenant_clock force  row level security;
alter table counts       enable row level security;
alter table counts       force  row level security;
alter table quarantine   enable row level security;
alter table quarantine   force  row level security;

create policy engine on tenant_clock to vitals_engine using (true) with check (true);
create policy engine on counts       to vitals_engine using (true) with check (true);
create policy engine on quarantine   to vitals_engine using (true) with check (true);

create policy reader on tenant_clock for select to vitals_reader
    using (tenant = nullif(current_setting('app.tenant', true), '')::uuid);
create policy reader on counts for select to vitals_reader
    using (tenant = nullif(current_setting('app.tenant', true), '')::uuid);
create policy reader on quarantine for select to vitals_reader
    using (tenant = nullif(current_setting('app.tenant', true), '')::uuid);

grant select, insert, update, delete on progress, tenant_clock, counts, quarantine to vitals_engine;
grant select on tenant_clock, counts, quarantine to vitals_reader;
-- Of progress a reader sees what every answer carries: the tick and its instants.
grant select (shard, tick, clock, committed_at) on progress to vitals_reader;
