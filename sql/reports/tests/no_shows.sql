-- params: from=2025-10-01 to=2025-11-30
SELECT
    c.id, c.name, count(*) FILTER (WHERE a.outcome = 'no_show'), count(*) FILTER (WHERE a.outcome = 'late_cancelled'),
    count(*) FILTER (WHERE a.outcome = 'attended'),
    round(100.0 * count(*) FILTER (WHERE a.outcome = 'no_show') / nullif(count(*) FILTER (WHERE a.outcome IN ('no_show', 'attended')), 0), 2),
    count(DISTINCT a.customer_id) FILTER (WHERE a.outcome = 'no_show')
FROM classes AS c
JOIN sessions AS s ON s.class_id = c.id
JOIN attendance AS a ON a.session_id = s.id
WHERE (a.at::date, a.at::date) OVERLAPS ('2025-10-01'::date, '2025-12-01'::date)
GROUP BY 1, 2
