-- One month's orders: a range of time that touches few row groups.
SELECT count(*) AS orders, sum(total) AS revenue FROM orders
WHERE ordered_at >= DATE '2026-03-01' AND ordered_at < DATE '2026-04-01'
