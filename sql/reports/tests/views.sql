-- What the references of reports share beside sql/semantic/tests/views.sql, in PostgreSQL's own words.
CREATE VIEW active AS
SELECT customer_id, at FROM came
UNION ALL
SELECT customer_id, ordered_at FROM sale WHERE customer_id IS NOT NULL;
CREATE FUNCTION runs(m memberships, at timestamptz) RETURNS boolean LANGUAGE sql AS
'SELECT m.started_at < at AND NOT coalesce(m.cancelled_at < at, false) AND NOT coalesce(m.ends_at < at, false)';
CREATE FUNCTION worth(m memberships) RETURNS numeric LANGUAGE sql AS
'SELECT m.price * m.quantity * CASE m.billing_interval WHEN ''day'' THEN 365 WHEN ''week'' THEN 52
    WHEN ''month'' THEN 12 ELSE 1 END / (12 * m.interval_count)'
