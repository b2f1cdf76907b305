-- Payments by month, method and status.
SELECT date_trunc('month', paid_at) AS month, method, status, count(*) AS payments, sum(amount) AS amount
FROM payments GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
