-- params: from=2025-10-01 to=2025-10-31
SELECT
    c.id, c.name, c.category, count(b.id), count(DISTINCT b.customer_id),
    round(avg(coalesce(extract(epoch FROM s.ends_at - s.starts_at) / 60, c.duration_minutes)), 1)
FROM classes AS c, sessions AS s, bookings AS b
WHERE s.class_id = c.id AND b.session_id = s.id AND b.status = 'completed'
    AND s.starts_at::date BETWEEN '2025-10-01' AND '2025-10-31'
GROUP BY 1, 2, 3
