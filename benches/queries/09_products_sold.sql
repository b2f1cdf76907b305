-- Units and takings by product: lines joined with products.
SELECT p.title, sum(l.quantity) AS units, sum(l.quantity * l.unit_price) AS takings
FROM order_lines l JOIN products p ON p.id = l.product_id GROUP BY p.title ORDER BY p.title
