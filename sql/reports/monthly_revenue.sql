-- Monthly revenue
--
-- shows: what was sold and given back in each month and currency, orders that count and refunds by the day they
-- happened; net is gross less discounts and refunds, without tax and shipping.
-- uses: ledger
-- param from date = month - 11 months: the first day
-- param to date = today: the last day
-- chart: line month net
SELECT
    CAST(date_trunc('month', f.at) AS DATE) AS month,
    f.currency,
    sum(f.orders) AS orders,
    sum(f.gross) AS gross,
    sum(f.discount) AS discount,
    sum(f.refund) AS refunds,
    sum(f.gross - f.discount - f.refund) AS net,
    sum(f.tax) AS tax
FROM ledger AS f
WHERE f.at >= :from AND f.at < :to + INTERVAL '1 day'
GROUP BY 1, 2
ORDER BY 1, 2
