-- params: from=2025-10-20 to=2025-11-05
SELECT p.id, p.name, held.n, came.n, came.people, round(100.0 * came.n / held.places, 2), missed.n, round(100.0 * missed.n / (came.n + missed.n), 2)
FROM staff AS p
CROSS JOIN LATERAL (
    SELECT count(*) AS n, sum(s.capacity) AS places FROM sessions AS s
    WHERE s.instructor_id = p.id AND s.status <> 'cancelled' AND s.starts_at::date BETWEEN '2025-10-20' AND '2025-11-05'
) AS held
CROSS JOIN LATERAL (
    SELECT count(*) AS n, count(DISTINCT a.customer_id) AS people FROM attendance AS a JOIN sessions AS s ON s.id = a.session_id
    WHERE s.instructor_id = p.id AND a.outcome = 'attended' AND s.starts_at::date BETWEEN '2025-10-20' AND '2025-11-05'
) AS came
CROSS JOIN LATERAL (
    SELECT count(*) AS n FROM attendance AS a JOIN sessions AS s ON s.id = a.session_id
    WHERE s.instructor_id = p.id AND a.outcome = 'no_show' AND s.starts_at::date BETWEEN '2025-10-20' AND '2025-11-05'
) AS missed
WHERE held.n > 0
