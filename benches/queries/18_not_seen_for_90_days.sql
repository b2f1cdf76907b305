-- Customers who have not come for ninety days: an anti-join.
SELECT count(*) AS customers FROM customers c WHERE NOT EXISTS (SELECT 1 FROM visits v WHERE v.customer_id = c.id
    AND v.visited_at >= (SELECT max(visited_at) FROM visits) - INTERVAL '90 days')
