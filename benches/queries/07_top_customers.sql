-- The ten customers who spent most.
SELECT customer_id, sum(total) AS spent, count(*) AS orders FROM orders
WHERE customer_id IS NOT NULL GROUP BY customer_id ORDER BY spent DESC, customer_id LIMIT 10
