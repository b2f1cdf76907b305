-- MRR movements
--
-- shows: how monthly recurring revenue moved in each month and currency, customer by customer: new (never a member
-- before the month), reactivated (was one, and was none when it began), expanded, contracted and lost. A membership
-- runs from its start until it is cancelled or ends, whatever its status is today.
-- uses: months, subscribed
-- param from date = month - 11 months: the first month
-- param to date = today: the last day
-- chart: line month closing
WITH running AS (
    SELECT
        m.first_day, f.customer_id, f.currency,
        coalesce(sum(CASE WHEN
            f.started_at < m.first_day AND coalesce(f.cancelled_at >= m.first_day, TRUE)
            AND coalesce(f.ends_at >= m.first_day, TRUE) THEN f.mrr END), 0) AS opening,
        coalesce(sum(CASE WHEN
            f.started_at < m.next_day AND coalesce(f.cancelled_at >= m.next_day, TRUE)
            AND coalesce(f.ends_at >= m.next_day, TRUE) THEN f.mrr END), 0) AS closing,
        min(f.started_at) < m.first_day AS is_known
    FROM months AS m
    CROSS JOIN subscribed AS f
    GROUP BY m.first_day, f.customer_id, f.currency
)
SELECT
    first_day AS month,
    currency,
    CAST(sum(opening) AS DECIMAL(38, 6)) AS opening,
    CAST(sum(CASE WHEN opening = 0 AND NOT is_known THEN closing ELSE 0 END) AS DECIMAL(38, 6)) AS started,
    CAST(sum(CASE WHEN opening = 0 AND is_known THEN closing ELSE 0 END) AS DECIMAL(38, 6)) AS reactivated,
    CAST(sum(CASE WHEN opening > 0 AND closing > opening THEN closing - opening ELSE 0 END) AS DECIMAL(38, 6)) AS expanded,
    CAST(sum(CASE WHEN closing > 0 AND closing < opening THEN closing - opening ELSE 0 END) AS DECIMAL(38, 6)) AS contracted,
    CAST(sum(CASE WHEN closing = 0 THEN -opening ELSE 0 END) AS DECIMAL(38, 6)) AS lost,
    CAST(sum(closing) AS DECIMAL(38, 6)) AS closing
FROM running
GROUP BY 1, 2
ORDER BY 1, 2
