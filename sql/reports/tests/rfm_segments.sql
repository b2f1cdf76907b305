-- params: from=2025-09-01 to=2026-03-18
SELECT
    segment, count(*), sum(orders), sum(net), round(sum(m)::numeric / count(*), 2), max(last)
FROM (
    SELECT *, CASE
        WHEN r > 3 AND f > 3 THEN 'champions' WHEN r > 2 AND f > 2 THEN 'loyal' WHEN r > 3 THEN 'new'
        WHEN r > 2 THEN 'promising' WHEN f > 2 THEN 'at risk' ELSE 'asleep' END AS segment
    FROM (
        SELECT *, ntile(5) OVER (ORDER BY last, customer_id COLLATE "C") AS r,
            ntile(5) OVER (ORDER BY orders, customer_id COLLATE "C") AS f,
            ntile(5) OVER (ORDER BY net, customer_id COLLATE "C") AS m
        FROM (
            SELECT s.customer_id, max(s.ordered_at::date) AS last, count(*) AS orders,
                coalesce(sum(s.net) FILTER (WHERE s.currency = 'CHF'), 0) - coalesce((
                    SELECT sum(r.amount) FROM refunds AS r
                    WHERE r.customer_id = s.customer_id AND r.currency = 'CHF'
                        AND r.refunded_at >= '2025-09-01' AND r.refunded_at < '2026-03-19'), 0) AS net
            FROM sale AS s
            WHERE s.customer_id IS NOT NULL AND s.ordered_at >= '2025-09-01' AND s.ordered_at < '2026-03-19'
            GROUP BY 1
        ) AS a
    ) AS b
) AS c
GROUP BY 1
