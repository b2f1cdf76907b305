-- All visits of one customer.
SELECT visited_at, status FROM visits WHERE customer_id = 'simulator:c17' ORDER BY visited_at LIMIT 1000
