-- Retention: customers by the month they began and the month they came.
WITH firsts AS (SELECT customer_id, date_trunc('month', min(visited_at)) AS began FROM visits GROUP BY customer_id),
months AS (SELECT DISTINCT customer_id, date_trunc('month', visited_at) AS came FROM visits)
SELECT f.began, m.came, count(*) AS customers FROM firsts f JOIN months m ON m.customer_id = f.customer_id
GROUP BY 1, 2 ORDER BY 1, 2
