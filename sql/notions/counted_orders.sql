-- Counted orders: those that are money, each added up.
--
-- # Shape
-- id -> customer_id, location_id, currency, ordered_at, ordered_on, gross, discount, net, tax, units.
-- # Time
-- ordered_on is the local date of ordered_at in the tenant's zone.
-- # Units
-- Money in the order's own currency, exact; net is gross - discount (refunds are rows of their own).
-- # Missing
-- An order without lines has gross 0 and its own discount; a tax of its own replaces the lines'.
-- # Source
-- contracts section 2 ("counted order"); docs/definitions.md, "Amounts".
with
lines as (
    select
        order_id,
        sum(line_amount(quantity, unit_price)) as gross,
        sum(discount) as discount,
        sum(tax) as tax,
        sum(quantity) as units
    from order_lines
    group by order_id
)
select
    o.id,
    o.customer_id,
    o.location_id,
    o.currency,
    o.ordered_at,
    local_date(o.ordered_at, tenant.time_zone) as ordered_on,
    coalesce(l.gross, 0) as gross,
    coalesce(l.discount, 0) + o.discount as discount,
    coalesce(l.gross, 0) - coalesce(l.discount, 0) - o.discount as net,
    coalesce(o.tax, l.tax, 0) as tax,
    coalesce(l.units, 0) as units
from settings as tenant
cross join orders as o
left join lines as l on l.order_id = o.id
where
    o.status in ('paid', 'partially_refunded', 'refunded')
    and (tenant.revenue_sources is null or array_has(tenant.revenue_sources, o.source))
