-- RFM segments
--
-- shows: customers who bought in the time, in segments by how lately, how often and for how much: each is ranked
-- into fifths, five being best, customers who are equal by their id. Champions have 4 or more in recency and
-- frequency, loyal ones 3 or more in both, new ones 4 or more in recency, promising ones 3, those at risk 3 or more
-- in frequency alone; the others sleep. Amounts are in the business's own currency.
-- uses: ledger
-- param from date = today - 364 days: the first day
-- param to date = today: the last day
-- chart: bar segment customers
WITH buyers AS (
    SELECT
        f.customer_id,
        max(CASE WHEN f.orders = 1 THEN CAST(f.at AS DATE) END) AS last_order,
        sum(f.orders) AS orders,
        sum(
            CASE
                WHEN f.currency = (SELECT currency FROM organizations ORDER BY id LIMIT 1)
                    THEN f.gross - f.discount - f.refund
                ELSE 0
            END
        ) AS net
    FROM ledger AS f
    WHERE f.customer_id IS NOT NULL AND f.at >= :from AND f.at < :to + INTERVAL '1 day'
    GROUP BY f.customer_id
    HAVING sum(f.orders) > 0
),
scored AS (
    SELECT
        customer_id, last_order, orders, net,
        ntile(5) OVER (ORDER BY last_order, customer_id) AS recency,
        ntile(5) OVER (ORDER BY orders, customer_id) AS frequency,
        ntile(5) OVER (ORDER BY net, customer_id) AS money
    FROM buyers
),
segmented AS (
    SELECT
        *,
        CASE
            WHEN recency >= 4 AND frequency >= 4 THEN 'champions'
            WHEN recency >= 3 AND frequency >= 3 THEN 'loyal'
            WHEN recency >= 4 THEN 'new'
            WHEN recency = 3 THEN 'promising'
            WHEN frequency >= 3 THEN 'at risk'
            ELSE 'asleep'
        END AS segment
    FROM scored
)
SELECT
    segment,
    count(*) AS customers,
    sum(orders) AS orders,
    sum(net) AS net,
    CAST(CAST(sum(money) AS DECIMAL(20, 6)) / count(*) AS DECIMAL(9, 2)) AS average_money_score,
    max(last_order) AS last_order
FROM segmented
GROUP BY segment
ORDER BY customers DESC, segment
