-- What the references of answered.toml share, written by hand: who came to what, and what was sold.
--
-- An attendance is one per customer and session (or per visit without one); visits decide before bookings, and the
-- best outcome wins. A sale is an order that counts; `net` is before refunds.
CREATE VIEW attendance AS
SELECT t.customer_id, t.session_id, coalesce(s.location_id, t.location_id) AS location_id,
    coalesce(s.starts_at, t.at) AS at,
    CASE t.best WHEN 1 THEN 'attended' WHEN 2 THEN 'no_show' ELSE 'late_cancelled' END AS outcome
FROM (
    SELECT customer_id, session_id, min(location_id) AS location_id, min(visited_at) AS at,
        min(CASE status WHEN 'attended' THEN 1 WHEN 'no_show' THEN 2 ELSE 3 END) AS best
    FROM visits
    GROUP BY customer_id, session_id, CASE WHEN session_id IS NULL THEN id END
    UNION ALL
    SELECT b.customer_id, b.session_id, NULL, NULL,
        min(CASE b.status WHEN 'completed' THEN 1 WHEN 'no_show' THEN 2 ELSE 3 END)
    FROM bookings AS b
    LEFT JOIN visits AS v ON v.customer_id = b.customer_id AND v.session_id = b.session_id
    WHERE v.id IS NULL AND b.status IN ('completed', 'no_show', 'late_cancelled')
    GROUP BY b.customer_id, b.session_id
) AS t
LEFT JOIN sessions AS s ON s.id = t.session_id;
CREATE VIEW came AS
SELECT * FROM attendance WHERE outcome = 'attended';
CREATE VIEW sale AS
SELECT o.id, o.customer_id, o.location_id, o.currency, o.ordered_at, sum(l.quantity * l.unit_price) AS gross,
    sum(l.discount) + min(o.discount) AS discount, sum(l.quantity * l.unit_price) - sum(l.discount) - min(o.discount) AS net
FROM orders AS o
JOIN order_lines AS l ON l.order_id = o.id
WHERE o.status IN ('paid', 'partially_refunded', 'refunded') AND o.source <> 'marketplace'
GROUP BY o.id, o.customer_id, o.location_id, o.currency, o.ordered_at;
CREATE VIEW money AS
SELECT ordered_at AS at, net, customer_id, location_id FROM sale WHERE currency = 'CHF'
UNION ALL
SELECT refunded_at, -amount, customer_id, location_id FROM refunds WHERE currency = 'CHF'
