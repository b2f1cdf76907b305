-- The first visit of each customer, counted by month: a cohort's size.
WITH firsts AS (SELECT customer_id, min(visited_at) AS first_at FROM visits GROUP BY customer_id)
SELECT date_trunc('month', first_at) AS month, count(*) AS customers FROM firsts GROUP BY 1 ORDER BY 1
