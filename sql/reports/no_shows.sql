-- No-shows
--
-- shows: for each class, who was expected and did not come, who cancelled too late, and the share of no-shows among
-- those who came and did not; by the start of the session.
-- uses: attendances
-- param from date = today - 29 days: the first day
-- param to date = today: the last day
-- chart: bar class no_shows
SELECT
    c.id AS class_id,
    c.name AS class,
    count(*) FILTER (WHERE a.outcome = 'no_show') AS no_shows,
    count(*) FILTER (WHERE a.outcome = 'late_cancelled') AS late_cancels,
    count(*) FILTER (WHERE a.outcome = 'attended') AS visits,
    CAST(
        CAST(100 * count(*) FILTER (WHERE a.outcome = 'no_show') AS DECIMAL(20, 6))
        / nullif(count(*) FILTER (WHERE a.outcome <> 'late_cancelled'), 0) AS DECIMAL(9, 2)
    ) AS no_show_rate,
    count(DISTINCT CASE WHEN a.outcome = 'no_show' THEN a.customer_id END) AS customers
FROM attendances AS a
JOIN sessions AS s ON s.id = a.session_id
LEFT JOIN classes AS c ON c.id = s.class_id
WHERE a.at >= :from AND a.at < :to + INTERVAL '1 day'
GROUP BY 1, 2
ORDER BY no_shows DESC, c.id
