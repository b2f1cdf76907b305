-- Visits by how they turned out.
SELECT status, count(*) AS visits FROM visits GROUP BY status ORDER BY status
