-- Visits by class: two joins.
SELECT k.name, count(*) AS visits FROM visits v JOIN sessions s ON s.id = v.session_id
JOIN classes k ON k.id = s.class_id WHERE v.status = 'attended' GROUP BY k.name ORDER BY k.name
