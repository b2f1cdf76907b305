-- Revenue, sales and customers of every local hour, day, week and month.
--
-- # Shape
-- (location_id or NULL for all, currency, grain, bucket) -> the sums and counts of contracts section 4.1;
-- one row per key. Location rows hold what has a location id; NULL rows hold everything.
-- # Time
-- bucket is the instant at which the local hour, day, week or month starts: in the location's zone for a
-- location's rows, in the tenant's for the NULL rows. Independent of today.
-- # Units
-- Money in the row's currency, exact; net = gross - discount - refunds, without tax and shipping.
-- # Missing
-- Nothing in a bucket: no row. A sale without a customer counts as an order and for no customer.
-- # Source
-- contracts section 4.1; docs/definitions.md, "revenue_trend"; the notions in sql/notions/.
with
first_orders as (
    select customer_id, min(ordered_at) as first_ordered_at
    from counted_orders
    where customer_id is not null
    group by customer_id
),
facts as (
    select
        o.location_id, o.currency, o.ordered_at as happened_at, o.customer_id,
        o.gross, o.discount, 0 as refunds, o.tax, o.units, 1 as orders, 0 as refund_count,
        true as is_sale, o.ordered_at = f.first_ordered_at as is_first,
        true as is_active
    from counted_orders as o
    left join first_orders as f on f.customer_id = o.customer_id
    union all
    select
        r.location_id, r.currency, r.refunded_at, r.customer_id,
        0, 0, r.amount, 0, 0, 0, 1, false, false, false
    from counted_refunds as r
    union all
    select
        a.location_id, tenant.currency, a.happened_at, a.customer_id,
        0, 0, 0, 0, 0, 0, 0, false, false, true
    from settings as tenant
    cross join attendances as a
    where a.outcome = 'attended'
),
placed as (
    select
        f.*,
        case when not scope.is_all then f.location_id end as place_id,
        case
            when scope.is_all then tenant.time_zone
            else coalesce(l.time_zone, tenant.time_zone)
        end as time_zone,
        tenant.week_start
    from settings as tenant
    cross join (values (true), (false)) as scope (is_all)
    cross join facts as f
    left join locations as l on l.id = f.location_id
    where scope.is_all or f.location_id is not null
),
bucketed as (
    select p.*, g.grain, bucket_start(g.grain, p.happened_at, p.time_zone, p.week_start) as bucket
    from (values ('hour'), ('day'), ('week'), ('month')) as g (grain)
    cross join placed as p
),
per_customer as (
    select
        place_id, currency, grain, bucket, customer_id,
        sum(gross) as gross, sum(discount) as discount, sum(refunds) as refunds, sum(tax) as tax,
        sum(orders) as orders, sum(units) as units, sum(refund_count) as refund_count,
        bool_or(is_sale) as pays, bool_or(is_first) as is_new, bool_or(is_active) as is_active
    from bucketed
    group by place_id, currency, grain, bucket, customer_id
)
select
    place_id as location_id,
    currency,
    grain,
    bucket,
    cast(sum(gross) as decimal(38, 6)) as gross,
    cast(sum(discount) as decimal(38, 6)) as discount,
    cast(sum(refunds) as decimal(38, 6)) as refunds,
    cast(sum(gross) - sum(discount) - sum(refunds) as decimal(38, 6)) as net,
    cast(sum(tax) as decimal(38, 6)) as tax,
    sum(orders) as orders,
    cast(sum(units) as decimal(38, 6)) as units,
    sum(refund_count) as refund_count,
    count(customer_id) filter (where pays) as paying_customers,
    count(customer_id) filter (where is_new) as new_customers,
    count(customer_id) filter (where is_active) as active_customers
from per_customer
group by place_id, currency, grain, bucket
