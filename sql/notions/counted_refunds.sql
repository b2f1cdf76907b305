-- Counted refunds: money given back by a source that counts, whatever became of the order.
--
-- # Shape
-- id -> customer_id, location_id (its own, else its order's), currency, amount, refunded_at, refunded_on.
-- # Time
-- refunded_on is the local date of refunded_at in the tenant's zone.
-- # Units
-- amount in the refund's own currency, not negative.
-- # Missing
-- Without an order record, and without its own, customer_id and location_id are NULL.
-- # Source
-- contracts section 4.1; docs/definitions.md, "A refund's".
select
    r.id,
    r.customer_id,
    r.location_id,
    r.currency,
    r.amount,
    r.refunded_at,
    local_date(r.refunded_at, tenant.time_zone) as refunded_on
from settings as tenant
cross join refunds as r
where tenant.revenue_sources is null or array_has(tenant.revenue_sources, r.source)
