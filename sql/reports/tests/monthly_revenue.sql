-- params: from=2025-04-01 to=2026-03-18
SELECT month, currency, sum(orders), sum(gross), sum(discount), sum(refunds), sum(gross) - sum(discount) - sum(refunds), sum(tax)
FROM (
    SELECT
        to_char(s.ordered_at, 'YYYY-MM-01') AS month, s.currency, 1 AS orders, s.gross, s.discount, 0 AS refunds,
        coalesce(o.tax, (SELECT sum(l.tax) FROM order_lines AS l WHERE l.order_id = s.id), 0) AS tax
    FROM sale AS s JOIN orders AS o ON o.id = s.id
    WHERE s.ordered_at >= '2025-04-01' AND s.ordered_at < '2026-03-19'
    UNION ALL
    SELECT to_char(refunded_at, 'YYYY-MM-01'), currency, 0, 0, 0, amount, 0
    FROM refunds
    WHERE source <> 'marketplace' AND refunded_at >= '2025-04-01' AND refunded_at < '2026-03-19'
) AS x
GROUP BY 1, 2
