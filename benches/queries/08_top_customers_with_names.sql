-- The same with their names: a join with a small table after the grouping.
WITH spent AS (SELECT customer_id, sum(total) AS spent FROM orders GROUP BY customer_id)
SELECT c.display_name, s.spent FROM spent s JOIN customers c ON c.id = s.customer_id
ORDER BY s.spent DESC, c.id LIMIT 20
