-- Retention cohorts
--
-- shows: of the customers whose first activity was in a month, how many were active in each month since, and their
-- share; activity is an attended visit or an order that counts.
-- uses: activity
-- param from date = month - 11 months: cohorts from this month on
-- param to date = today: the last day
-- chart: heatmap cohort months_since percent
WITH firsts AS (
    SELECT customer_id, CAST(date_trunc('month', min(at)) AS DATE) AS cohort FROM activity GROUP BY customer_id
),
months_active AS (
    SELECT DISTINCT customer_id, CAST(date_trunc('month', at) AS DATE) AS month
    FROM activity
    WHERE at < :to + INTERVAL '1 day'
),
sizes AS (
    SELECT cohort, count(*) AS size FROM firsts GROUP BY cohort
)
SELECT
    c.cohort,
    s.size,
    CAST(
        (date_part('year', m.month) - date_part('year', c.cohort)) * 12
        + date_part('month', m.month) - date_part('month', c.cohort) AS BIGINT
    ) AS months_since,
    count(*) AS customers,
    CAST(CAST(100 * count(*) AS DECIMAL(20, 6)) / s.size AS DECIMAL(9, 2)) AS percent
FROM firsts AS c
JOIN sizes AS s ON s.cohort = c.cohort
JOIN months_active AS m ON m.customer_id = c.customer_id
WHERE c.cohort >= date_trunc('month', :from) AND c.cohort <= :to
GROUP BY 1, 2, 3
ORDER BY 1, 3
