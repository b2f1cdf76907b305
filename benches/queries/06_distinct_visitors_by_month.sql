-- Distinct customers of every month.
SELECT date_trunc('month', visited_at) AS month, count(DISTINCT customer_id) AS customers
FROM visits WHERE status = 'attended' GROUP BY 1 ORDER BY 1
