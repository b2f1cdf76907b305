-- params: from=2025-02-01 to=2026-03-18
SELECT
    day, currency, sum(opening), sum(CASE WHEN opening = 0 AND first >= day THEN closing ELSE 0 END),
    sum(CASE WHEN opening = 0 AND first < day THEN closing ELSE 0 END),
    sum(CASE WHEN opening > 0 THEN greatest(closing - opening, 0) ELSE 0 END),
    sum(CASE WHEN closing > 0 THEN least(closing - opening, 0) ELSE 0 END),
    sum(CASE WHEN closing = 0 THEN -opening ELSE 0 END), sum(closing)
FROM (
    SELECT d.day::date, m.customer_id, m.currency, min(m.started_at) AS first,
        coalesce(sum(worth(m) ) FILTER (WHERE runs(m, d.day::timestamptz)), 0) AS opening,
        coalesce(sum(worth(m)) FILTER (WHERE runs(m, least(d.day + interval '1 month', '2026-03-19')::timestamptz)), 0) AS closing
    FROM generate_series('2025-02-01'::timestamp, '2026-03-18', '1 month') AS d (day)
    CROSS JOIN memberships AS m
    GROUP BY 1, 2, 3, d.day
) AS x
GROUP BY 1, 2
