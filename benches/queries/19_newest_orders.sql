-- The hundred newest orders.
SELECT id, ordered_at, total FROM orders ORDER BY ordered_at DESC, id LIMIT 100
