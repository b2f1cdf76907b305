-- Attendance by local weekday and hour, of every month and of the last 4, 12 and 52 weeks.
--
-- # Shape
-- (location_id or NULL for all, month or trailing_window, weekday, hour) -> the counts of contracts
-- section 4.2; one row per key; exactly one of month and trailing_window is set.
-- # Time
-- An attendance counts at its instant; a booking and a session at the session's start. Month, weekday
-- and hour are local to the location of what is counted (the tenant's zone without one), in the NULL
-- rows too. A window of N days holds local dates :today - N + 1 to :today.
-- # Units
-- month is its first day; weekday is ISO, 1 to 7; hour 0 to 23; capacity in places.
-- # Missing
-- Nothing counted in a cell: no row. A session without a capacity of its own or its class's has 0.
-- # Source
-- contracts section 4.2; docs/definitions.md, "attendance_heatmap"; sql/notions/attendances.sql.
with
held as (
    select
        s.id, s.status, s.starts_at, s.location_id, coalesce(s.capacity, 0) as capacity,
        coalesce(l.time_zone, tenant.time_zone) as time_zone
    from settings as tenant
    cross join sessions as s
    left join locations as l on l.id = s.location_id
),
facts as (
    select
        a.location_id, a.time_zone, a.happened_at,
        case when a.outcome = 'attended' then a.customer_id end as attendee_id,
        case when a.outcome = 'attended' then 1 else 0 end as visits,
        0 as bookings,
        case when a.outcome = 'late_cancelled' then 1 else 0 end as late_cancels,
        case when a.outcome = 'no_show' then 1 else 0 end as no_shows,
        0 as sessions,
        0 as capacity
    from attendances as a
    union all
    select h.location_id, h.time_zone, h.starts_at, null, 0, 1, 0, 0, 0, 0
    from bookings as b
    join held as h on h.id = b.session_id
    where b.status <> 'waitlisted'
    union all
    select h.location_id, h.time_zone, h.starts_at, null, 0, 0, 0, 0, 1, h.capacity
    from held as h
    where h.status <> 'cancelled'
),
localized as (
    select
        f.*,
        local_date(f.happened_at, f.time_zone) as on_date,
        local_weekday(f.happened_at, f.time_zone) as weekday,
        local_hour(f.happened_at, f.time_zone) as hour
    from facts as f
),
placed as (
    select
        l.*,
        case when not scope.is_all then l.location_id end as place_id,
        case when p.days is null then month_start(l.on_date) end as month,
        case when p.days is not null then p.period end as trailing_window
    from (values (true), (false)) as scope (is_all)
    cross join (values ('month', null), ('4w', 28), ('12w', 84), ('52w', 364)) as p (period, days)
    cross join localized as l
    where
        (scope.is_all or l.location_id is not null)
        and (p.days is null or days_between(l.on_date, :today) between 0 and p.days - 1)
),
per_customer as (
    select
        place_id, month, trailing_window, weekday, hour, attendee_id,
        sum(visits) as visits, sum(bookings) as bookings, sum(late_cancels) as late_cancels,
        sum(no_shows) as no_shows, sum(sessions) as sessions, sum(capacity) as capacity
    from placed
    group by place_id, month, trailing_window, weekday, hour, attendee_id
)
select
    place_id as location_id,
    month,
    trailing_window,
    weekday,
    hour,
    sum(visits) as visits,
    count(attendee_id) as unique_customers,
    sum(bookings) as bookings,
    sum(late_cancels) as late_cancels,
    sum(no_shows) as no_shows,
    sum(sessions) as sessions,
    sum(capacity) as capacity
from per_customer
group by place_id, month, trailing_window, weekday, hour
