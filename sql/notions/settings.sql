-- The tenant's settings in force, with defaults where it has said nothing.
--
-- # Shape
-- Exactly one row: time_zone, currency, week_start, revenue_sources (NULL: all), policy (JSON text or
-- NULL) and is_known (whether there is an organization record at all).
-- # Time
-- Independent of today.
-- # Units
-- week_start is an ISO weekday, 1 to 7.
-- # Missing
-- No organization record: UTC, XXX (ISO 4217 "no currency"), Monday, all sources, the default policy.
-- # Source
-- docs/definitions.md, "Settings": the organization of the smallest source:id.
select
    coalesce(o.time_zone, 'UTC') as time_zone,
    coalesce(o.currency, 'XXX') as currency,
    coalesce(o.week_start, 1) as week_start,
    o.revenue_sources,
    o.policy,
    o.id is not null as is_known
from (values (1)) as always (one)
left join (select * from organizations order by id limit 1) as o on true
