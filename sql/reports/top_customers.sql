-- Top customers
--
-- shows: the customers with the most net revenue, in each currency that they paid in; sales without a customer are
-- nobody's.
-- uses: ledger
-- param from date = today - 364 days: the first day
-- param to date = today: the last day
-- param rows int 1..1000 = 20: how many
-- chart: bar customer net
SELECT
    f.customer_id,
    c.display_name AS customer,
    f.currency,
    sum(f.orders) AS orders,
    sum(f.gross - f.discount - f.refund) AS net,
    max(CASE WHEN f.orders = 1 THEN CAST(f.at AS DATE) END) AS last_order
FROM ledger AS f
LEFT JOIN customers AS c ON c.id = f.customer_id
WHERE f.customer_id IS NOT NULL AND f.at >= :from AND f.at < :to + INTERVAL '1 day'
GROUP BY 1, 2, 3
ORDER BY net DESC, f.customer_id, f.currency
LIMIT :rows
