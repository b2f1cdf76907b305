-- How likely each customer is to leave, from five signals.
--
-- # Shape
-- customer_id -> score, raw, level, data_completeness, factors (a JSON array of five objects: signal,
-- present, value, compared_with, points); one row per customer of the population.
-- # Time
-- As of :today. Windows are local dates in the tenant's zone; what lies after :today is in none.
-- # Units
-- Points of 100; data_completeness is a share; value and compared_with are text fit to show.
-- # Missing
-- A signal without anything to judge by adds 0 points, has NULL texts and lowers data_completeness. A
-- real 0 is a value.
-- # Source
-- contracts section 4.3; docs/definitions.md, "churn_risk"; docs/policy.md for the numbers.
with
rules as (
    select
        time_zone,
        policy(policy, 'churn.points.attendance') as points_attendance,
        policy(policy, 'churn.points.overdue') as points_overdue,
        policy(policy, 'churn.points.late') as points_late,
        policy(policy, 'churn.points.response') as points_response,
        policy(policy, 'churn.points.compliance') as points_compliance,
        policy(policy, 'churn.points.sleep') as points_sleep,
        policy(policy, 'churn.trend.down') as trend_down,
        policy(policy, 'churn.trend.previous') as trend_previous,
        policy(policy, 'churn.below.response') as below_response,
        policy(policy, 'churn.below.compliance') as below_compliance,
        policy(policy, 'churn.below.sleep') as below_sleep,
        policy(policy, 'churn.response.hours') as response_hours,
        policy(policy, 'churn.response.messages') as response_messages,
        policy(policy, 'churn.grace_days') as grace_days,
        policy(policy, 'churn.level.medium') as level_medium,
        policy(policy, 'churn.level.high') as level_high,
        policy(policy, 'churn.level.critical') as level_critical
    from settings
),
visited as (
    select
        customer_id,
        count(*) filter (where days_ago >= 0) as ever,
        count(*) filter (where days_ago between 0 and 29) as recent,
        count(*) filter (where days_ago between 30 and 59) as previous,
        bool_or(days_ago between 0 and 179) as lately
    from (
        select customer_id, days_between(happened_on, :today) as days_ago
        from attendances
        where outcome = 'attended'
    )
    group by customer_id
),
bought as (
    select
        customer_id,
        count(*) filter (where days_ago >= 0) as ever,
        count(*) filter (where days_ago between 0 and 89) as recent,
        count(*) filter (where days_ago between 90 and 179) as previous,
        bool_or(days_ago between 0 and 179) as lately
    from (
        select customer_id, days_between(ordered_on, :today) as days_ago
        from counted_orders
        where customer_id is not null
    )
    group by customer_id
),
invoiced as (
    select
        i.customer_id,
        max(
            case
                when i.status = 'open'
                    then days_between(local_date(i.due_at, r.time_zone), :today)
            end
        ) as days_past_due
    from rules as r
    cross join invoices as i
    group by i.customer_id
),
enrolled as (
    select customer_id, bool_or(status = 'past_due') as is_past_due
    from memberships
    group by customer_id
),
paid as (
    select
        p.customer_id,
        max(p.paid_at) filter (where p.status = 'failed' and p.days_ago >= 0) as failed_at,
        max(p.paid_at) filter (where p.status = 'succeeded' and p.days_ago >= 0) as succeeded_at
    from (
        select
            p.customer_id, p.paid_at, p.status,
            days_between(local_date(p.paid_at, r.time_zone), :today) as days_ago
        from rules as r
        cross join payments as p
        where p.customer_id is not null
    ) as p
    group by p.customer_id
),
written as (
    select
        m.customer_id,
        count(*) as messages,
        count(*) filter (
            where
                micros_between(m.sent_at, m.replied_at) >= 0
                and micros_between(m.sent_at, m.replied_at) <= r.response_hours * 3600000000
        ) as replies
    from rules as r
    cross join messages as m
    where
        m.direction = 'out'
        and days_between(local_date(m.sent_at, r.time_zone), :today) between 0 and 89
    group by m.customer_id
),
complied as (
    select customer_id, ratio(sum(compliance), count(compliance)) as mean
    from programs
    where days_between(on_date, :today) between 0 and 29
    group by customer_id
),
slept as (
    select customer_id, ratio(sum(sleep_hours), count(sleep_hours)) as mean
    from wearables
    where days_between(on_date, :today) between 0 and 13
    group by customer_id
),
population as (
    select
        c.id as customer_id,
        coalesce(v.ever, 0) > 0 as visits_exist,
        coalesce(b.ever, 0) > 0 as orders_exist,
        case when coalesce(v.ever, 0) > 0 then v.recent else b.recent end as recent,
        case when coalesce(v.ever, 0) > 0 then v.previous else b.previous end as previous
    from customers as c
    left join visited as v on v.customer_id = c.id
    left join bought as b on b.customer_id = c.id
    where c.status in ('active', 'paused') or v.lately or b.lately
),
seen as (
    select
        p.*,
        i.customer_id is not null or e.customer_id is not null or y.customer_id is not null
            as has_payment,
        coalesce(i.days_past_due, 0) as days_past_due,
        coalesce(e.is_past_due, false) as is_past_due,
        case
            when y.succeeded_at is null or y.failed_at > y.succeeded_at
                then days_between(local_date(y.failed_at, r.time_zone), :today)
        end as days_failing,
        case when w.messages >= r.response_messages then ratio(w.replies, w.messages) end as response,
        k.mean as compliance,
        z.mean as sleep
    from rules as r
    cross join population as p
    left join invoiced as i on i.customer_id = p.customer_id
    left join enrolled as e on e.customer_id = p.customer_id
    left join paid as y on y.customer_id = p.customer_id
    left join written as w on w.customer_id = p.customer_id
    left join complied as k on k.customer_id = p.customer_id
    left join slept as z on z.customer_id = p.customer_id
),
judged as (
    select
        s.*,
        s.visits_exist or s.orders_exist as has_attendance,
        case
            when s.days_past_due > r.grace_days or s.is_past_due or s.days_failing > r.grace_days
                then 'overdue'
            when s.days_past_due >= 1 or s.days_failing >= 0 then 'late'
            else 'current'
        end as payment
    from rules as r
    cross join seen as s
),
pointed as (
    select
        j.*,
        case
            when j.previous >= r.trend_previous and j.recent < r.trend_down * j.previous
                then r.points_attendance
            else 0
        end as attendance_points,
        case
            when not j.has_payment then 0
            when j.payment = 'overdue' then r.points_overdue
            when j.payment = 'late' then r.points_late
            else 0
        end as payment_points,
        case when j.response < r.below_response then r.points_response else 0 end as response_points,
        case when j.compliance < r.below_compliance then r.points_compliance else 0 end
            as compliance_points,
        case when j.sleep < r.below_sleep then r.points_sleep else 0 end as sleep_points
    from rules as r
    cross join judged as j
),
scored as (
    select
        p.*,
        round_score(
            p.attendance_points + p.payment_points + p.response_points + p.compliance_points
            + p.sleep_points
        ) as raw
    from pointed as p
)
select
    s.customer_id,
    cast(least(s.raw, 100) as decimal(5, 2)) as score,
    cast(s.raw as decimal(6, 2)) as raw,
    case
        when least(s.raw, 100) >= r.level_critical then 'critical'
        when least(s.raw, 100) >= r.level_high then 'high'
        when least(s.raw, 100) >= r.level_medium then 'medium'
        else 'low'
    end as level,
    cast(
        (
            cast(s.has_attendance as bigint) + cast(s.has_payment as bigint)
            + cast(s.response is not null as bigint) + cast(s.compliance is not null as bigint)
            + cast(s.sleep is not null as bigint)
        ) * 0.2 as decimal(3, 2)
    ) as data_completeness,
    concat(
        '[',
        json_object(
            'signal', 'attendance', 'present', s.has_attendance,
            'value', case
                when s.visits_exist then concat(s.recent, ' visits in 30 days')
                when s.orders_exist then concat(s.recent, ' orders in 90 days')
            end,
            'compared_with', case
                when s.visits_exist then concat(s.previous, ' in the 30 days before')
                when s.orders_exist then concat(s.previous, ' in the 90 days before')
            end,
            'points', round_score(s.attendance_points)
        ),
        ',',
        json_object(
            'signal', 'payment', 'present', s.has_payment,
            'value', case when s.has_payment then s.payment end,
            'compared_with', case when s.has_payment then 'current' end,
            'points', round_score(s.payment_points)
        ),
        ',',
        json_object(
            'signal', 'response', 'present', s.response is not null,
            'value', cast(round_score(s.response) as varchar),
            'compared_with',
            case when s.response is not null then cast(round_score(r.below_response) as varchar) end,
            'points', round_score(s.response_points)
        ),
        ',',
        json_object(
            'signal', 'compliance', 'present', s.compliance is not null,
            'value', cast(round_score(s.compliance) as varchar),
            'compared_with',
            case when s.compliance is not null then cast(round_score(r.below_compliance) as varchar) end,
            'points', round_score(s.compliance_points)
        ),
        ',',
        json_object(
            'signal', 'sleep', 'present', s.sleep is not null,
            'value', cast(round_score(s.sleep) as varchar),
            'compared_with',
            case when s.sleep is not null then cast(round_score(r.below_sleep) as varchar) end,
            'points', round_score(s.sleep_points)
        ),
        ']'
    ) as factors
from rules as r
cross join scored as s
