-- Instructor performance
--
-- shows: for who led the sessions of the time (the class's instructor where a session names none): sessions held,
-- who came, how full they were, and how many of those expected did not come.
-- uses: attendances
-- param from date = today - 29 days: the first day
-- param to date = today: the last day
-- chart: bar instructor visits
WITH led AS (
    SELECT id, instructor_id, coalesce(capacity, 0) AS capacity, status
    FROM sessions
    WHERE starts_at >= :from AND starts_at < :to + INTERVAL '1 day'
),
held AS (
    SELECT instructor_id, count(*) AS sessions, sum(capacity) AS places
    FROM led WHERE status <> 'cancelled' GROUP BY instructor_id
),
came AS (
    SELECT
        s.instructor_id,
        count(*) FILTER (WHERE a.outcome = 'attended') AS visits,
        count(*) FILTER (WHERE a.outcome = 'no_show') AS no_shows,
        count(DISTINCT CASE WHEN a.outcome = 'attended' THEN a.customer_id END) AS customers
    FROM attendances AS a
    JOIN led AS s ON s.id = a.session_id
    GROUP BY s.instructor_id
)
SELECT
    h.instructor_id,
    p.name AS instructor,
    h.sessions,
    coalesce(c.visits, 0) AS visits,
    coalesce(c.customers, 0) AS customers,
    CAST(CAST(100 * coalesce(c.visits, 0) AS DECIMAL(20, 6)) / nullif(h.places, 0) AS DECIMAL(9, 2)) AS fill_rate,
    coalesce(c.no_shows, 0) AS no_shows,
    CAST(CAST(100 * c.no_shows AS DECIMAL(20, 6)) / nullif(c.visits + c.no_shows, 0) AS DECIMAL(9, 2)) AS no_show_rate
FROM held AS h
LEFT JOIN came AS c ON c.instructor_id IS NOT DISTINCT FROM h.instructor_id
LEFT JOIN staff AS p ON p.id = h.instructor_id
ORDER BY visits DESC, h.instructor_id
