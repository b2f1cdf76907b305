-- Attendances: who came, or should have come, to what.
--
-- # Shape
-- (customer_id, session_id), or one per visit without a session -> location_id, time_zone, happened_at,
-- happened_on, outcome (attended, no_show, late_cancelled).
-- # Time
-- happened_at is the session record's start, else the deciding visit's instant; happened_on its local
-- date in the tenant's zone; time_zone the zone of its location, else the tenant's.
-- # Units
-- One row is one attendance, however many visits and bookings tell of it.
-- # Missing
-- Without an outcome there is no row; bookings alone of an unknown session have no instant and no row.
-- # Source
-- contracts section 2; docs/definitions.md, "Attendance".
with
visit_ranks as (
    select
        v.customer_id,
        v.session_id,
        v.location_id,
        v.visited_at,
        v.status as outcome,
        row_number() over (
            partition by
                v.customer_id, v.session_id, case when v.session_id is null then v.id end
            order by
                case v.status when 'attended' then 1 when 'no_show' then 2 else 3 end,
                v.visited_at,
                v.own_location_id nulls first
        ) as place
    from visits as v
),
booking_outcomes as (
    select
        b.customer_id,
        b.session_id,
        min(
            case
                when b.status = 'completed' or b.checked_in_at is not null then 1
                when b.status = 'no_show' then 2
                when b.status = 'late_cancelled' then 3
            end
        ) as best
    from bookings as b
    where not exists (
        select 1 from visits as v
        where v.customer_id = b.customer_id and v.session_id = b.session_id
    )
    group by b.customer_id, b.session_id
),
told as (
    select
        v.customer_id,
        v.session_id,
        v.location_id,
        coalesce(s.starts_at, v.visited_at) as happened_at,
        v.outcome
    from visit_ranks as v
    left join sessions as s on s.id = v.session_id
    where v.place = 1
    union all
    select
        b.customer_id,
        b.session_id,
        s.location_id,
        s.starts_at as happened_at,
        case b.best when 1 then 'attended' when 2 then 'no_show' else 'late_cancelled' end as outcome
    from booking_outcomes as b
    join sessions as s on s.id = b.session_id
    where b.best is not null
)
select
    t.customer_id,
    t.session_id,
    t.location_id,
    coalesce(l.time_zone, tenant.time_zone) as time_zone,
    t.happened_at,
    local_date(t.happened_at, tenant.time_zone) as happened_on,
    t.outcome
from settings as tenant
cross join told as t
left join locations as l on l.id = t.location_id
