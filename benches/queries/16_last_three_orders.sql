-- The last order but two of each customer: a window over all orders.
WITH ranked AS (SELECT customer_id, ordered_at, total,
    row_number() OVER (PARTITION BY customer_id ORDER BY ordered_at DESC, id DESC) AS n FROM orders
    WHERE customer_id IS NOT NULL)
SELECT count(*) AS customers, sum(total) AS total FROM ranked WHERE n = 3
