-- params: from=2025-06-01 to=2026-02-20
SELECT cohort, size, (extract(year FROM age(month, cohort)) * 12 + extract(month FROM age(month, cohort)))::int, count(*), round(100.0 * count(*) / size, 2)
FROM (
    SELECT
        f.customer_id, f.cohort, d.month,
        (SELECT count(*) FROM (SELECT min(date_trunc('month', at::timestamp)::date) AS m FROM active GROUP BY customer_id) AS q WHERE q.m = f.cohort) AS size
    FROM (SELECT customer_id, min(date_trunc('month', at::timestamp)::date) AS cohort FROM active GROUP BY 1) AS f
    JOIN (SELECT DISTINCT customer_id, date_trunc('month', at::timestamp)::date AS month FROM active WHERE at < '2026-02-21') AS d
        ON d.customer_id = f.customer_id
    WHERE f.cohort BETWEEN '2025-06-01' AND '2026-02-20'
) AS x
GROUP BY cohort, size, month
