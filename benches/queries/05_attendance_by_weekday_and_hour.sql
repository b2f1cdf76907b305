-- When people come.
SELECT extract(dow FROM visited_at) AS weekday, extract(hour FROM visited_at) AS hour, count(*) AS visits
FROM visits WHERE status = 'attended' GROUP BY 1, 2 ORDER BY 1, 2
