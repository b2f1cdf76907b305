-- Popular classes
--
-- shows: completed bookings of each class by the day of their session, how many different customers made them, and
-- the average length of what they came to in minutes: the session's own, else the class's.
-- param from date = today - 29 days: the first day
-- param to date = today: the last day
-- chart: bar class bookings
SELECT
    c.id AS class_id,
    c.name AS class,
    c.category,
    count(*) AS bookings,
    count(DISTINCT b.customer_id) AS customers,
    CAST(
        avg(
            CAST(
                coalesce(
                    (date_part('epoch', s.ends_at) - date_part('epoch', s.starts_at)) / 60, c.duration_minutes
                ) AS DECIMAL(18, 6)
            )
        ) AS DECIMAL(9, 1)
    ) AS average_minutes
FROM bookings AS b
JOIN sessions AS s ON s.id = b.session_id
LEFT JOIN classes AS c ON c.id = s.class_id
WHERE b.status = 'completed' AND s.starts_at >= :from AND s.starts_at < :to + INTERVAL '1 day'
GROUP BY 1, 2, 3
ORDER BY bookings DESC, c.id
