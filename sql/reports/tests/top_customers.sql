-- params: from=2025-10-01 to=2026-03-18 rows=7
SELECT x.customer_id, c.display_name, x.currency, sum(orders), sum(net), max(day)
FROM (
    SELECT customer_id, currency, 1 AS orders, net, ordered_at::date AS day FROM sale
    WHERE ordered_at >= '2025-10-01' AND ordered_at < '2026-03-19'
    UNION ALL
    SELECT customer_id, currency, 0, -amount, NULL FROM refunds
    WHERE source <> 'marketplace' AND refunded_at >= '2025-10-01' AND refunded_at < '2026-03-19'
) AS x
JOIN customers AS c ON c.id = x.customer_id
GROUP BY 1, 2, 3
ORDER BY 5 DESC, 1, 3
LIMIT 7
