-- The share of bookings nobody came for, by class.
SELECT k.name, count(*) AS bookings, sum(CASE WHEN b.status = 'no_show' THEN 1 ELSE 0 END) AS no_shows
FROM bookings b JOIN sessions s ON s.id = b.session_id JOIN classes k ON k.id = s.class_id
GROUP BY k.name ORDER BY k.name
