-- The four vitals: current rows, absolute values, written only by the commit of a tick.
--
-- Columns are named as in contracts section 4 and typed so that what the engine computed is what a
-- reader sees, digit for digit: money and units NUMERIC(38,6), scores two decimals, shares six.
--
-- A row of all locations has location_id NULL, and a heatmap cell has either a month or a window. The
-- keys are therefore UNIQUE NULLS NOT DISTINCT (PostgreSQL 15). The other way, '' for NULL beside a
-- generated column that shows NULL, stores the location twice in the widest tables there are; deletes
-- alone would have gained by it, and they are few.
--
-- The tenant is the first column of every key: readers are always of one tenant, and no key of one
-- tenant can collide with another's. There is no other index: every one is paid for by every commit.
-- Pages are filled to 80 % so that a new version of a row stays on its page and no index is touched
-- (no updated column is indexed).

create table revenue_trend (
    tenant           uuid          not null,
    bucket           timestamptz   not null,
    orders           bigint        not null,
    refund_count     bigint        not null,
    paying_customers bigint        not null,
    new_customers    bigint        not null,
    active_customers bigint        not null,
    location_id      text,
    currency         text          not null,
    grain            text          not null check (grain in ('hour', 'day', 'week', 'month')),
    gross            numeric(38,6) not null,
    discount         numeric(38,6) not null,
    refunds          numeric(38,6) not null,
    net              numeric(38,6) not null generated always as (gross - discount - refunds) stored,
    tax              numeric(38,6) not null,
    units            numeric(38,6) not null,
    constraint revenue_trend_key
        unique nulls not distinct (tenant, location_id, currency, grain, bucket)
) with (fillfactor = 80);

create table attendance_heatmap (
    tenant           uuid     not null,
    visits           bigint   not null,
    unique_customers bigint   not null,
    bookings         bigint   not null,
    late_cancels     bigint   not null,
    no_shows         bigint   not null,
    sessions         bigint   not null,
    capacity         bigint   not null,
    month            date,
    weekday          smallint not null check (weekday between 1 and 7),
    hour             smallint not null check (hour between 0 and 23),
    location_id      text,
    trailing_window  text     check (trailing_window in ('4w', '12w', '52w')),
    constraint attendance_heatmap_period check (num_nonnulls(month, trailing_window) = 1),
    constraint attendance_heatmap_key
        unique nulls not distinct (tenant, location_id, trailing_window, month, weekday, hour)
) with (fillfactor = 80);

create table churn_risk (
    tenant            uuid         not null,
    score             numeric(5,2) not null,
    raw               numeric(6,2) not null,
    data_completeness numeric(3,2) not null,
    customer_id       text         not null,
    level             text         not null check (level in ('low', 'medium', 'high', 'critical')),
    factors           jsonb        not null,
    primary key (tenant, customer_id)
) with (fillfactor = 80);

-- A score without any metric present is NULL, not zero.
create table health_score (
    tenant      uuid         primary key,
    overall     numeric(5,2),
    financial   numeric(5,2),
    customer    numeric(5,2),
    operational numeric(5,2),
    growth      numeric(5,2),
    risk        numeric(5,2),
    coverage    numeric(7,6) not null,
    metrics     jsonb        not null
) with (fillfactor = 50);

-- The same facts one row each. security_invoker: a view otherwise reads as its owner, and would show
-- one tenant the rows of all (reliability.md, finding 7).
create view churn_factors with (security_invoker = true) as
select c.tenant, c.customer_id, f.signal, f.present, f.value, f.compared_with, f.points
from churn_risk c,
     jsonb_to_recordset(c.factors) as f (
         signal text, present boolean, value text, compared_with text, points numeric(6,2));

create view health_metrics with (security_invoker = true) as
select h.tenant, m.category, m.metric, m.present, m.value, m.score, m.weight
from health_score h,
     jsonb_to_recordset(h.metrics) as m (
         category text, metric text, present boolean, value numeric(38,6), score numeric(5,2),
         weight numeric(7,6));

alter table revenue_trend      enable row level security;
alter table revenue_trend      force  row level security;
alter table attendance_heatmap enable row level security;
alter table attendance_heatmap force  row level security;
alter table churn_risk         enable row level security;
alter table churn_risk         force  row level security;
alter table health_score       enable row level security;
alter table health_score       force  row level security;

create policy engine on revenue_trend      to vitals_engine using (true) with check (true);
create policy engine on attendance_heatmap to vitals_engine using (true) with check (true);
create policy engine on churn_risk         to vitals_engine using (true) with check (true);
create policy engine on health_score       to vitals_engine using (true) with check (true);

create policy reader on revenue_trend for select to vitals_reader
    using (tenant = nullif(current_setting('app.tenant', true), '')::uuid);
create policy reader on attendance_heatmap for select to vitals_reader
    using (tenant = nullif(current_setting('app.tenant', true), '')::uuid);
create policy reader on churn_risk for select to vitals_reader
    using (tenant = nullif(current_setting('app.tenant', true), '')::uuid);
create policy reader on health_score for select to vitals_reader
    using (tenant = nullif(current_setting('app.tenant', true), '')::uuid);

grant select, insert, update, delete
    on revenue_trend, attendance_heatmap, churn_risk, health_score to vitals_engine;
grant select on revenue_trend, attendance_heatmap, churn_risk, health_score,
    churn_factors, health_metrics to vitals_reader, vitals_engine;
