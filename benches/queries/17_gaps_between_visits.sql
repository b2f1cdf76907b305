-- Days between a customer's visits: lag over all visits.
WITH gaps AS (SELECT customer_id, visited_at, lag(visited_at) OVER (PARTITION BY customer_id ORDER BY visited_at, id) AS before
    FROM visits)
SELECT count(*) AS gaps, max(visited_at) AS latest FROM gaps WHERE before IS NOT NULL AND visited_at > before
