-- What is known of each of the health score's 23 metrics.
--
-- # Shape
-- 23 rows, one per metric: position (1 to 23, the contracts' order), category, metric, value (carried
-- at 18 decimals), is_best (as good as can be, without a number).
-- # Time
-- As of :today. Windows are local dates in the tenant's zone; "prior" is the 30 days before the last 30.
-- # Units
-- value is in the unit of the metric's curve. Money of the home currency only.
-- # Missing
-- Without a positive denominator value is NULL, unless a metric record of that name supplies it.
-- # Source
-- contracts section 4.4; docs/definitions.md, "health_score" and "Arithmetic".
with
money as (
    select
        days_between(o.ordered_on, :today) as days_ago,
        o.gross, o.net, 0 as refunds, 0 as expenses, 0 as marketing
    from settings as tenant
    join counted_orders as o on o.currency = tenant.currency
    union all
    select days_between(r.refunded_on, :today), 0, -r.amount, r.amount, 0, 0
    from settings as tenant
    join counted_refunds as r on r.currency = tenant.currency
    union all
    select
        days_between(local_date(e.incurred_at, tenant.time_zone), :today),
        0, 0, 0, e.amount, case when lower(e.category) = 'marketing' then e.amount else 0 end
    from settings as tenant
    cross join expenses as e
    where coalesce(e.currency, tenant.currency) = tenant.currency
),
sums as (
    select
        coalesce(sum(net) filter (where days_ago between 0 and 29), 0) as net_30,
        coalesce(sum(net) filter (where days_ago between 30 and 59), 0) as net_prior_30,
        coalesce(sum(net) filter (where days_ago between 0 and 89), 0) as net_90,
        coalesce(sum(net) filter (where days_ago between 0 and 364), 0) as net_365,
        coalesce(sum(gross) filter (where days_ago between 0 and 29), 0) as gross_30,
        coalesce(sum(refunds) filter (where days_ago between 0 and 29), 0) as refunds_30,
        coalesce(sum(expenses) filter (where days_ago between 0 and 29), 0) as expenses_30,
        coalesce(sum(expenses) filter (where days_ago between 0 and 89), 0) as expenses_90,
        coalesce(sum(marketing) filter (where days_ago between 0 and 89), 0) as marketing_90
    from money
),
daily as (
    select variation(array_agg(net), 28) as volatility
    from (select sum(net) as net from money where days_ago between 0 and 27 group by days_ago)
),
cash as (
    select sum(amount) as cash
    from (
        select
            b.amount,
            row_number() over (
                partition by b.source, b.account order by b.recorded_at desc, b.amount desc
            ) as place
        from settings as tenant
        cross join balances as b
        where coalesce(b.currency, tenant.currency) = tenant.currency
    )
    where place = 1
),
attempts as (
    select
        count(*) filter (where p.status = 'succeeded') as succeeded,
        count(*) filter (where p.status in ('succeeded', 'failed')) as attempted
    from settings as tenant
    cross join payments as p
    where days_between(local_date(p.paid_at, tenant.time_zone), :today) between 0 and 29
),
standing as (
    select
        m.customer_id,
        m.status = 'active' as is_active,
        days_between(local_date(m.started_at, tenant.time_zone), :today) >= 30
            and coalesce(days_between(local_date(m.cancelled_at, tenant.time_zone), :today) < 30, true)
            and coalesce(days_between(local_date(m.ends_at, tenant.time_zone), :today) < 30, true)
            as was_active,
        case
            when coalesce(m.currency, tenant.currency) = tenant.currency
                then coalesce(mrr(m.price, m.quantity, m.billing_interval, m.interval_count), 0)
            else 0
        end as mrr
    from settings as tenant
    cross join memberships as m
),
members as (
    select
        customer_id,
        bool_or(is_active) as is_active,
        bool_or(was_active) as was_active,
        sum(mrr) filter (where is_active) as mrr,
        sum(mrr) filter (where was_active) as mrr_before
    from standing
    group by customer_id
),
membership as (
    select
        count(*) filter (where was_active) as members_before,
        count(*) filter (where was_active and not is_active) as members_lost,
        coalesce(sum(mrr), 0) as mrr,
        coalesce(sum(mrr_before), 0) as mrr_before
    from members
),
activity as (
    select customer_id, ordered_at as happened_at, true as is_order,
        days_between(ordered_on, :today) as days_ago
    from counted_orders
    where customer_id is not null
    union all
    select customer_id, null, false, days_between(happened_on, :today)
    from attendances
    where outcome = 'attended'
),
habits as (
    select
        customer_id,
        count(*) filter (where days_ago between 0 and 89) as times_90,
        count(*) filter (where is_order and days_ago between 0 and 364) as orders_365,
        min(happened_at) as first_ordered_at
    from activity
    group by customer_id
),
customer_counts as (
    select
        count(*) filter (where times_90 >= 2) as repeating,
        count(*) filter (where times_90 >= 1) as coming,
        count(*) filter (where orders_365 >= 1) as buyers_365,
        count(*) filter (where first_days_ago between 0 and 29) as new_30,
        count(*) filter (where first_days_ago between 30 and 59) as new_prior_30,
        count(*) filter (where first_days_ago between 0 and 89) as new_90
    from (
        select
            h.*,
            days_between(local_date(h.first_ordered_at, tenant.time_zone), :today) as first_days_ago
        from settings as tenant
        cross join habits as h
    )
),
opinions as (
    select
        count(*) filter (where k.nps >= 9) - count(*) filter (where k.nps <= 6) as balance,
        count(k.nps) as answers
    from settings as tenant
    cross join tickets as k
    where days_between(local_date(k.opened_at, tenant.time_zone), :today) between 0 and 89
),
responses as (
    select ratio(sum(elapsed), count(*) * 3600000000) as median_hours
    from (
        select
            elapsed,
            row_number() over (order by elapsed) as place,
            count(*) over () as answered
        from (
            select micros_between(k.opened_at, k.first_response_at) as elapsed
            from settings as tenant
            cross join tickets as k
            where days_between(local_date(k.opened_at, tenant.time_zone), :today) between 0 and 29
        )
        where elapsed >= 0
    )
    where place * 2 between answered and answered + 2
),
attended as (
    select
        count(*) filter (where outcome = 'attended') as visits,
        count(*) filter (where outcome = 'no_show') as no_shows
    from attendances
    where days_between(happened_on, :today) between 0 and 29
),
places as (
    select coalesce(sum(s.capacity), 0) as capacity
    from settings as tenant
    cross join sessions as s
    where
        s.status <> 'cancelled'
        and days_between(local_date(s.starts_at, tenant.time_zone), :today) between 0 and 29
),
closed as (
    select
        count(*) filter (where d.status = 'won') as won,
        count(*) filter (where d.status in ('won', 'lost')) as closed
    from settings as tenant
    cross join deals as d
    where days_between(local_date(d.closed_at, tenant.time_zone), :today) between 0 and 89
),
web as (
    select coalesce(sum(conversions), 0) as conversions, coalesce(sum(sessions), 0) as sessions
    from traffic
    where days_between(on_date, :today) between 0 and 29
),
launched as (
    select
        coalesce(sum(line_amount(l.quantity, l.unit_price)), 0) - coalesce(sum(l.discount), 0) as net
    from settings as tenant
    join counted_orders as o on o.currency = tenant.currency
    join order_lines as l on l.order_id = o.id
    join products as p on p.id = l.product_id
    where
        days_between(o.ordered_on, :today) between 0 and 29
        and days_between(local_date(p.first_sold_at, tenant.time_zone), :today) between 0 and 89
),
customer_nets as (
    select f.customer_id, sum(f.net) as net
    from settings as tenant
    join (
        select customer_id, currency, net, ordered_on as on_date
        from counted_orders
        union all
        select customer_id, currency, -amount, refunded_on
        from counted_refunds
    ) as f on f.currency = tenant.currency
    where f.customer_id is not null and days_between(f.on_date, :today) between 0 and 89
    group by f.customer_id
    having sum(f.net) > 0
),
concentrated as (
    select
        sum(net) filter (where place <= (customers + 9) / 10) as top,
        coalesce(sum(net), 0) as whole
    from (
        select
            net,
            row_number() over (order by net desc) as place,
            count(*) over () as customers
        from customer_nets
    )
),
endangered as (
    select
        count(*) filter (where c.level in ('high', 'critical') and m.is_active) as members,
        count(*) as population
    from churn_risk as c
    left join members as m on m.customer_id = c.customer_id
),
receivables as (
    select
        coalesce(
            sum(i.balance) filter (
                where days_between(local_date(i.due_at, tenant.time_zone), :today) > 0
            ), 0
        ) as overdue,
        coalesce(sum(i.balance), 0) as open
    from settings as tenant
    cross join invoices as i
    where i.status = 'open' and coalesce(i.currency, tenant.currency) = tenant.currency
),
supplied as (
    select metric_type, value
    from (
        select
            metric_type,
            value,
            row_number() over (
                partition by metric_type order by recorded_at desc, value desc
            ) as place
        from (
            select
                metric_type,
                recorded_at,
                case
                    when metric_type in ('cac', 'compliance_status') then ratio(value, 1)
                    when unit in ('%', 'percent') then ratio(value, 100)
                    else ratio(value, 1)
                end as value
            from metrics
        )
    )
    where place = 1
),
given as (
    select
        max(value) filter (where metric_type = 'cac' and value > 0) as cac,
        max(value) filter (where metric_type = 'compliance_status') as compliance_status
    from supplied
),
readings as (
    select
        case when s.net_prior_30 > 0 then ratio(s.net_30, s.net_prior_30) - 1 end as revenue_growth,
        case when s.net_30 > 0 then ratio(s.net_30 - s.expenses_30, s.net_30) end as profit_margin,
        case
            when s.expenses_90 > s.net_90 then ratio(3 * c.cash, s.expenses_90 - s.net_90)
        end as cash_runway,
        c.cash is not null and s.expenses_90 <= s.net_90 as burns_nothing,
        ratio(t.succeeded, t.attempted) as payment_success,
        case when s.gross_30 > 0 then ratio(s.refunds_30, s.gross_30) end as refund_rate,
        ratio(m.members_lost, m.members_before) as churn_rate,
        ratio(k.repeating, k.coming) as repeat_rate,
        ratio(
            ratio(s.net_365, k.buyers_365),
            coalesce(
                case when s.marketing_90 > 0 then ratio(s.marketing_90, k.new_90) end,
                g.cac
            )
        ) as ltv_cac,
        ratio(100 * o.balance, o.answers) as nps,
        ratio(a.visits, p.capacity) as fill_rate,
        ratio(a.no_shows, a.visits + a.no_shows) as no_show_rate,
        r.median_hours as first_response,
        ratio(k.new_30, k.new_prior_30) - 1 as new_customers,
        case when m.mrr_before > 0 then ratio(m.mrr, m.mrr_before) - 1 end as mrr_growth,
        ratio(d.won, d.closed) as lead_conversion,
        case when w.sessions > 0 then ratio(w.conversions, w.sessions) end as order_conversion,
        case when s.net_30 > 0 then ratio(l.net, s.net_30) end as product_development,
        ratio(n.top, n.whole) as concentration,
        ratio(e.members, e.population) as members_at_risk,
        case when v.open > 0 then ratio(v.overdue, v.open) end as overdue_receivables,
        y.volatility,
        100 - g.compliance_status as compliance
    from sums as s
    cross join daily as y
    cross join cash as c
    cross join attempts as t
    cross join membership as m
    cross join customer_counts as k
    cross join opinions as o
    cross join responses as r
    cross join attended as a
    cross join places as p
    cross join closed as d
    cross join web as w
    cross join launched as l
    cross join concentrated as n
    cross join endangered as e
    cross join receivables as v
    cross join given as g
),
listed as (
    select
        m.position,
        m.category,
        m.metric,
        case m.metric
            when 'revenue_growth' then r.revenue_growth
            when 'profit_margin' then r.profit_margin
            when 'cash_runway' then r.cash_runway
            when 'payment_success' then r.payment_success
            when 'refund_rate' then r.refund_rate
            when 'churn_rate' then r.churn_rate
            when 'repeat_rate' then r.repeat_rate
            when 'ltv_cac' then r.ltv_cac
            when 'nps' then r.nps
            when 'fill_rate' then r.fill_rate
            when 'no_show_rate' then r.no_show_rate
            when 'first_response' then r.first_response
            when 'new_customers' then r.new_customers
            when 'mrr_growth' then r.mrr_growth
            when 'lead_conversion' then r.lead_conversion
            when 'order_conversion' then r.order_conversion
            when 'product_development' then r.product_development
            when 'concentration' then r.concentration
            when 'members_at_risk' then r.members_at_risk
            when 'overdue_receivables' then r.overdue_receivables
            when 'volatility' then r.volatility
            when 'compliance' then r.compliance
        end as recorded,
        m.metric = 'cash_runway' and r.burns_nothing as is_best
    from readings as r
    cross join (
        values
        (1, 'financial', 'revenue_growth'),
        (2, 'financial', 'profit_margin'),
        (3, 'financial', 'cash_runway'),
        (4, 'financial', 'payment_success'),
        (5, 'financial', 'refund_rate'),
        (6, 'customer', 'churn_rate'),
        (7, 'customer', 'repeat_rate'),
        (8, 'customer', 'ltv_cac'),
        (9, 'customer', 'nps'),
        (10, 'operational', 'fill_rate'),
        (11, 'operational', 'no_show_rate'),
        (12, 'operational', 'first_response'),
        (13, 'operational', 'uptime'),
        (14, 'growth', 'new_customers'),
        (15, 'growth', 'mrr_growth'),
        (16, 'growth', 'lead_conversion'),
        (17, 'growth', 'order_conversion'),
        (18, 'growth', 'product_development'),
        (19, 'risk', 'concentration'),
        (20, 'risk', 'members_at_risk'),
        (21, 'risk', 'overdue_receivables'),
        (22, 'risk', 'volatility'),
        (23, 'risk', 'compliance')
    ) as m (position, category, metric)
)
select
    l.position,
    l.category,
    l.metric,
    case when not l.is_best then coalesce(l.recorded, s.value) end as value,
    l.is_best
from listed as l
left join supplied as s on s.metric_type = l.metric
