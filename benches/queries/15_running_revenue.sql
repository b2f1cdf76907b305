-- Revenue by day and its running sum: a window over a grouping.
WITH days AS (SELECT date_trunc('day', ordered_at) AS day, sum(total) AS revenue FROM orders GROUP BY 1)
SELECT day, revenue, sum(revenue) OVER (ORDER BY day) AS running FROM days ORDER BY day
