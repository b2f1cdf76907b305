-- One number for the whole business, from up to 23 metrics in five categories.
--
-- # Shape
-- One row: overall, financial, customer, operational, growth, risk, coverage, metrics (a JSON array of 23
-- objects in the contracts' order: category, metric, present, value, score, weight).
-- # Time
-- As of :today. Windows are local dates in the tenant's zone; "prior" is the 30 days before the last 30.
-- # Units
-- Scores 0 to 100 (for risk a high score is bad); coverage and weight are shares; value is in the unit of
-- its curve. Money of the home currency only.
-- # Missing
-- A metric without a positive denominator is absent: its category is the mean of the others. A category
-- without any is left out and the others' weights are scaled. No organization record: no row.
-- # Source
-- contracts section 4.4; docs/definitions.md, "health_score" and "Arithmetic"; docs/policy.md.
with
weighed as (
    select
        r.*,
        policy(tenant.policy, concat('health.', r.metric, '.from')) as bad,
        policy(tenant.policy, concat('health.', r.metric, '.to')) as good,
        policy(tenant.policy, concat('health.weight.', r.category)) as weight
    from settings as tenant
    cross join health_readings as r
    where tenant.is_known
),
scored as (
    select
        v.*,
        case when v.is_best then 100 else metric_score(v.value, v.bad, v.good) end as score
    from weighed as v
),
categories as (
    select category, max(weight) as weight, count(score) as present, ratio(sum(score), count(score)) as score
    from scored
    group by category
),
whole as (
    select
        ratio(
            sum(cast(weight as decimal(16, 6)) * cast(
                case when category = 'risk' then 100 - score else score end as decimal(21, 18)
            )),
            sum(weight) filter (where present > 0)
        ) as overall,
        max(score) filter (where category = 'financial') as financial,
        max(score) filter (where category = 'customer') as customer,
        max(score) filter (where category = 'operational') as operational,
        max(score) filter (where category = 'growth') as growth,
        max(score) filter (where category = 'risk') as risk,
        coalesce(sum(weight) filter (where present > 0), 0) as weight_present,
        sum(weight) as weight_all
    from categories
),
metric_list as (
    select
        concat('[', array_to_string(array_agg(
            json_object(
                'category', s.category,
                'metric', s.metric,
                'present', s.score is not null,
                'value', round_value(s.value),
                'score', round_score(s.score),
                'weight', round_value(
                    case when s.score is null then 0 else ratio(s.weight, w.weight_present * c.present) end
                )
            ) order by s.position
        ), ','), ']') as metrics
    from whole as w
    cross join scored as s
    join categories as c on c.category = s.category
)
select
    cast(round_score(w.overall) as decimal(5, 2)) as overall,
    cast(round_score(w.financial) as decimal(5, 2)) as financial,
    cast(round_score(w.customer) as decimal(5, 2)) as customer,
    cast(round_score(w.operational) as decimal(5, 2)) as operational,
    cast(round_score(w.growth) as decimal(5, 2)) as growth,
    cast(round_score(w.risk) as decimal(5, 2)) as risk,
    cast(round_value(ratio(w.weight_present, w.weight_all)) as decimal(7, 6)) as coverage,
    m.metrics
from whole as w
cross join metric_list as m
where w.weight_all is not null
