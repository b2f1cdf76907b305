-- Who there is: tenants, the people and programs that act for them, and how far their imports got.
--
-- A tenant's settings (zone, currency, policy) are not here: they are its organization record in the
-- log, so that a change of them is a record like any other and restates what it affects. Here is only
-- what is needed before there is a record: an id, a name, a slug to type.
--
-- Every table that holds a tenant's rows has row security, and has it forced, so that even the owner of
-- the tables is held to it. Two roles, made before this migration runs and owning nothing, are the only
-- ways through:
--   vitals_engine  writes; its policy lets every row pass, because one engine serves all tenants.
--   vitals_reader  reads one tenant: the one named by the setting app.tenant of its transaction.
-- The setting is '' rather than null after a transaction that set it, hence nullif: without a tenant
-- the comparison is null and no row passes (reliability.md, finding 6).

create table tenants (
    id           uuid        primary key,
    slug         text        not null unique,
    name         text        not null,
    -- How long vital_changes keeps what this tenant's rows used to be.
    history_days integer     not null default 400 check (history_days between 1 and 1830),
    created_at   timestamptz not null default now(),
    check (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    check (length(name) between 1 and 200)
);

create table users (
    tenant       uuid        not null references tenants (id) on delete cascade,
    id           uuid        not null,
    email        text        not null,
    name         text        not null,
    role         text        not null check (role in ('owner', 'admin', 'manager', 'viewer', 'api')),
    created_at   timestamptz not null default now(),
    primary key (tenant, id),
    check (length(email) between 3 and 320)
);

-- One person is one user of a tenant, however the address is capitalised.
create unique index users_by_email on users (tenant, lower(email));

-- A key is shown once, when it is made. What is kept of its secret cannot be turned back into it.
create table api_keys (
    tenant        uuid        not null references tenants (id) on delete cascade,
    id            uuid        not null,
    secret_sha256 bytea       not null check (length(secret_sha256) = 32),
    created_at    timestamptz not null default now(),
    revoked_at    timestamptz,
    primary key (tenant, id)
);

-- A caller presents the id alone: whose it is is what the lookup finds out.
create unique index api_keys_by_id on api_keys (id);

-- Import checkpoints live here, beside what they are about; the records themselves are in the log. An
-- interrupted import goes on from `position`; what it publishes twice is a duplicate and changes nothing.
create table import_checkpoints (
    tenant       uuid        not null references tenants (id) on delete cascade,
    file_key     text        not null,
    position     bigint      not null check (position >= 0),
    finished     boolean     not null,
    updated_at   timestamptz not null default now(),
    primary key (tenant, file_key)
);

alter table tenants            enable row level security;
alter table tenants            force  row level security;
alter table users              enable row level security;
alter table users              force  row level security;
alter table api_keys           enable row level security;
alter table api_keys           force  row level security;
alter table import_checkpoints enable row level security;
alter table import_checkpoints force  row level security;

create policy engine on tenants            to vitals_engine using (true) with check (true);
create policy engine on users              to vitals_engine using (true) with check (true);
create policy engine on api_keys           to vitals_engine using (true) with check (true);
create policy engine on import_checkpoints to vitals_engine using (true) with check (true);

create policy reader on tenants for select to vitals_reader
    using (id = nullif(current_setting('app.tenant', true), '')::uuid);
create policy reader on users for select to vitals_reader
    using (tenant = nullif(current_setting('app.tenant', true), '')::uuid);
create policy reader on api_keys for select to vitals_reader
    using (tenant = nullif(current_setting('app.tenant', true), '')::uuid);
create policy reader on import_checkpoints for select to vitals_reader
    using (tenant = nullif(current_setting('app.tenant', true), '')::uuid);

grant select, insert, update, delete on tenants, users, api_keys, import_checkpoints to vitals_engine;
-- The reader never needs a key's digest: the column is not granted to it.
grant select on tenants, users, import_checkpoints to vitals_reader;
grant select (tenant, id, created_at, revoked_at) on api_keys to vitals_reader;
