-- Revenue of every month.
SELECT date_trunc('month', ordered_at) AS month, currency, count(*) AS orders, sum(total) AS revenue
FROM orders WHERE status = 'paid' GROUP BY 1, 2 ORDER BY 1, 2
